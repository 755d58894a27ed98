"""Asks InfluxDB by Flux, with influxdb-client, and compares with what stands on
processed-metrics.

    history.py until    asks again until all is as it must be; fails when the time is up
    history.py delete   deletes the bucket
"""

import os
import sys
import time

from influxdb_client import InfluxDBClient

import results
import run

URL, TOKEN = os.environ["RUN_INFLUXDB"], os.environ["RUN_INFLUXDB_TOKEN"]
ORGANISATION, BUCKET = "analytics", os.environ["RUN_BUCKET"]
SINGLE = [
    "PAGE_VIEWS_PER_SECOND", "ACTIVE_USERS", "ACTIVE_USERS_5M", "BOUNCE_RATE",
    "AVERAGE_SESSION_DURATION", "CONVERSION_RATE", "REVENUE_PER_USER", "PAGE_LOAD_TIME",
]


def points_of(value):
    """The points of a result, as docs/metrics.md has them: tags and fields."""
    tags = {"metric": value["category"], **value["dimensions"]}
    if value["metricType"] != "POPULAR_CONTENT":
        names = ["value", "p50", "p95", "p99", "count", "state"]
        fields = {name: value[name] for name in names if name in value}
        if "value" in fields:
            fields["value"] = float(fields["value"])
        yield tags, fields
        return
    yield tags, {name: value[name] for name in ("other", "count", "state")}
    for number, item in enumerate(value["items"], start=1):
        fields = {**item, "share": float(item["share"]), "state": value["state"]}
        yield {**tags, "rank": f"{number:02}"}, fields


def wanted_points(reader, metrics):
    all_points = {}
    for record in results.standing(reader.read()).values():
        value = record.value
        if value["metricType"] in metrics:
            for tags, fields in points_of(value):
                place = (value["metricType"].lower(), value["windowEnd"], frozenset(tags.items()))
                all_points[place] = fields
    return all_points


def found_points(client, metric):
    flux = f"""
        from(bucket: "{BUCKET}")
          |> range(start: -4h)
          |> filter(fn: (r) => r._measurement == "{metric.lower()}")
          |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")
    """
    all_points = {}
    for table in client.query_api().query(flux):
        names = {c.label for c in table.columns if c.group}
        for record in table.records:
            values = {k: v for k, v in record.values.items() if v is not None}
            tags = {k: values[k] for k in names if k in values and not k.startswith("_")}
            hidden = {*names, "result", "table"}
            fields = {k: v for k, v in values.items() if k not in hidden and not k.startswith("_")}
            at = round(record.get_time().timestamp() * 1_000)
            all_points[(metric.lower(), at, frozenset(tags.items()))] = fields
    return all_points


def differences(client, reader):
    metrics = [*SINGLE, "POPULAR_CONTENT"]
    wanted, found, texts = wanted_points(reader, metrics), {}, []
    for metric in metrics:
        points = found_points(client, metric)
        if not points:
            texts.append(f"there is no point of {metric}")
        found.update(points)
    for place in wanted.keys() | found.keys():
        if wanted.get(place) != found.get(place):
            texts.append(f"{place} is {found.get(place)}, not {wanted.get(place)}")
    return len(wanted), texts


def until_the_same(client):
    reader = results.Reader(run.METRICS)
    limit = time.monotonic() + run.LIMIT_S
    while True:
        count, texts = differences(client, reader)
        if not texts:
            return run.tell(f"{count} points in InfluxDB are those of processed-metrics")
        if time.monotonic() > limit:
            for text in texts[:20]:
                run.tell(text)
            run.fail(f"{len(texts)} differences")
        time.sleep(0.5)


def delete(client):
    buckets = client.buckets_api()
    bucket = buckets.find_bucket_by_name(BUCKET)
    if bucket is not None:
        buckets.delete_bucket(bucket)


if __name__ == "__main__":
    verbs = {"until": until_the_same, "delete": delete}
    with InfluxDBClient(URL, TOKEN, org=ORGANISATION, timeout=30_000) as client:
        verbs[sys.argv[1]](client)
