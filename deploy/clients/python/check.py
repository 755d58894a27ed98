"""Compares what stands in the topics of results with what was produced.

    check.py until   reads again until all is as it must be; fails when the time is up
    check.py now     reads once: the job has ended, so nothing may be missing or too much
"""

import json
import sys
import time

import expected
import results
import run

TOPICS = [run.METRICS, run.SESSIONS, run.ALERTS, run.DEAD_LETTERS]


class Differences:
    """What is not as it must be."""

    def __init__(self):
        self.all = []

    def check(self, holds, text):
        if not holds:
            self.all.append(text)

    def compare(self, what, wanted, found):
        """Both are values by key; of a dict only the wanted fields are looked at."""
        for key in wanted.keys() - found.keys():
            self.all.append(f"{what}: {key} is missing")
        for key in found.keys() - wanted.keys():
            self.all.append(f"{what}: {key} should not be there")
        for key in wanted.keys() & found.keys():
            want, got = wanted[key], found[key]
            if isinstance(want, dict):
                got = {field: got.get(field) for field in want}
            if want != got:
                self.all.append(f"{what}: {key} is {got}, not {want}")


def check_metrics(differences, rows, records):
    wanted = expected.metrics(rows)
    names, found = {key[0] for key in wanted}, {}
    for key, record in results.standing(records).items():
        metric, start, end, dimensions = results.parsed(key)
        value = record.value
        told = (value["metricType"], value["windowStart"], value["windowEnd"], value["dimensions"])
        differences.check(told == (metric, start, end, dimensions), f"the value of {key}: {told}")
        differences.check(value["state"] in ("final", "corrected"), f"{key}: {value['state']}")
        if metric in names:
            found[(metric, start, end, tuple(sorted(dimensions.items())))] = value
    differences.compare("processed-metrics", wanted, found)


def check_sessions(differences, rows, records):
    found = {}
    for key, record in results.standing(records).items():
        metric, start, end, dimensions = results.parsed(key)
        differences.check((metric, end) == ("SESSION", None), f"{key} is no key of a session")
        found[(dimensions["user"], dimensions["session"], start)] = record.value
    wanted = expected.session_records(rows)
    differences.compare("sessions", wanted, found)
    # What was told and no longer exists is a record without a value.
    ended = [record for record in records if record.value is None]
    if any(row["client"] == "node-late" for row in rows):
        parted = run.BASE_MS + 130_000
        taken = [results.parsed(r.key)[1] for r in ended if "user=parted" in r.key]
        differences.check(parted in taken, "the second session of `parted` was not taken back")


def check_alerts(differences, rows, records):
    """An alert that is taken back has a value, too: it is told once more, as retracted."""
    last = {}
    for record in records:
        value = record.value
        differences.check(value is not None, f"the alert {record.key} has no value")
        if value and value["rule"] == "high_bounce_rate":
            last[value["alertId"]] = value
    firing = {(v["userId"], v["windowStart"]): v["state"] for v in last.values()
              if v["state"] == "firing"}
    wanted = {place: "firing" for place in expected.alerts(rows)}
    differences.compare("cep-alerts", wanted, firing)


def check_dead_letters(differences, rows, records):
    found = {}
    for record in records:
        value = record.value
        place = (value["partition"], value["offset"])
        differences.check(record.key == f"{place[0]}|{place[1]}", f"the key {record.key}: {value}")
        differences.check(place not in found, f"two dead letters of {place}")
        head = value.get("head") or None if value["reason"] != "not_utf8" else None
        found[place] = (value["reason"], head)
        if value["reason"] == "late":
            families = ["real_time", "business", "alerts", "session"]
            differences.check(value["families"] == families, f"late for {value['families']}")
    wanted = {p: (reason, (head or "")[:256] or None)
              for p, (reason, head) in expected.dead_letters(rows).items()}
    differences.compare("dead-letters", wanted, found)


def check_records(differences, records):
    """What holds for all records: epochs, and that a key stays in one partition."""
    partition_of, epoch_of = {}, {}
    for record in records:
        if record.value is not None:
            same = record.value["epoch"] == record.epoch
            differences.check(same, f"{record.place}: epoch {record.epoch} in its header")
        before = epoch_of.get(record.place[:2], 0)
        differences.check(before <= record.epoch, f"{record.place}: its epoch is before {before}")
        epoch_of[record.place[:2]] = record.epoch
        own = partition_of.setdefault((record.topic, record.key), record.partition)
        differences.check(own == record.partition, f"{record.key} is in two partitions")


def check_status(differences):
    """The topics beside the transactions: how the job does, and what is provisional."""
    reader = results.Reader(run.STATUS, run.LIVE)
    reader.read()
    status = reader.of(run.STATUS)
    differences.check(status and isinstance(status[-1].value, dict), "job-status says nothing")
    live = reader.of(run.LIVE)
    differences.check(live, "nothing is provisional")
    for record in live:
        if record.value is not None:
            state = record.value["state"]
            differences.check(state == "provisional", f"{record.place} is {state}")


def check_partitioners(differences, rows):
    """The clients' partitions are not those of the program: else this would test nothing."""
    count = 12

    def own(key):
        units = key.encode("utf-16-le")
        hashed = 0
        for low, high in zip(units[::2], units[1::2]):
            hashed = (31 * hashed + low + 256 * high) & 0xFFFFFFFF
        return abs(hashed - (1 << 32) if hashed >= 1 << 31 else hashed) % count

    keyed = [row for row in rows if row["key"]]
    for client in ("python", "node"):
        others = [r for r in keyed if r["client"] == client and own(r["key"]) != r["partition"]]
        differences.check(others, f"{client} partitions as the program does")
    of_both = {}
    for row in keyed:
        if row["key"] == "both":
            of_both.setdefault(row["client"], set()).add(row["partition"])
    differences.check(len(of_both) == 2, f"`both` was not produced by both clients: {of_both}")
    differences.check(len(set().union(*of_both.values())) == 2, f"one partition: {of_both}")


def check_group(differences, records):
    """What a group has read while the job wrote: all of it, and nothing else."""
    with open(run.DIRECTORY / "group.json", encoding="utf-8") as file:
        group = json.load(file)
    read = {tuple(place) for places in group["read"].values() for place in places}
    there = {record.place for record in records if record.topic in (run.METRICS, run.SESSIONS)}
    for what, places in (("has not read", there - read), ("alone has read", read - there)):
        differences.check(not places, f"the group {what} {len(places)}: {sorted(places)[:3]}")
    readers = [name for name, places in group["read"].items() if places]
    differences.check(len(readers) >= 2, f"only {readers} of the group have read anything")


def differences_of(reader, rows, at_end):
    differences, records = Differences(), reader.read()
    check_partitioners(differences, rows)
    check_metrics(differences, rows, reader.of(run.METRICS))
    check_sessions(differences, rows, reader.of(run.SESSIONS))
    check_alerts(differences, rows, reader.of(run.ALERTS))
    check_dead_letters(differences, rows, reader.of(run.DEAD_LETTERS))
    check_records(differences, records)
    if at_end:
        check_status(differences)
        check_group(differences, records)
    return differences.all


def main(verb):
    reader, rows = results.Reader(*TOPICS), run.produced()
    limit = time.monotonic() + run.LIMIT_S
    while found := differences_of(reader, rows, verb == "now"):
        if verb == "now" or time.monotonic() > limit:
            for text in found[:20]:
                run.tell(text)
            run.fail(f"{len(found)} differences")
        time.sleep(0.5)
    accepted = len(expected.events(rows))
    run.tell(f"{len(reader.records)} records of results agree with {accepted} events")


if __name__ == "__main__":
    main(sys.argv[1])
