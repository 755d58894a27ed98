"""Reads topics of results to their ends, and what stands in them."""

import json
import time
import urllib.parse
from decimal import Decimal

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, TopicPartition

import run


def settings(group, **more):
    return {
        "bootstrap.servers": run.BROKERS,
        "group.id": group,
        "isolation.level": "read_committed",
        "enable.auto.commit": False,
        "log_level": 3,
        "enable.partition.eof": True,
        # A request for the ends waits behind those for records, in each partition.
        "fetch.wait.max.ms": 20,
        **more,
    }


class Record:
    """A record as clients see it."""

    def __init__(self, message):
        self.place = (message.topic(), message.partition(), message.offset())
        self.topic, self.partition = message.topic(), message.partition()
        self.key = message.key().decode("utf-8")
        value = message.value()
        self.value = None if value is None else json.loads(value, parse_float=Decimal)
        headers = dict(message.headers() or [])
        if "epoch" not in headers:
            run.fail(f"{self.place} has no header `epoch` but {headers}")
        self.epoch = int(headers["epoch"])


def next_record(consumer, ends):
    """The next record, or nothing; notes in `ends` where a partition ended."""
    message = consumer.poll(0.2)
    if message is None:
        return None
    if message.error() is None:
        return Record(message)
    if message.error().code() != KafkaError._PARTITION_EOF:
        run.fail(f"cannot read {message.topic()}: {message.error()}")
    ends[(message.topic(), message.partition())] = message.offset()
    return None


def partitions(consumer, topics):
    known = consumer.list_topics(timeout=run.LIMIT_S).topics
    return [TopicPartition(t, p) for t in topics for p in sorted(known[t].partitions)]


def is_at_end(consumer, places, ends):
    """Whether all that is committed now was read."""
    for place in places:
        _, end = consumer.get_watermark_offsets(place, timeout=run.LIMIT_S)
        if ends.get((place.topic, place.partition), 0) < end:
            return False
    return True


class Reader:
    """Reads topics from their beginning, without a group, further at each call."""

    def __init__(self, *topics):
        self.consumer = Consumer(settings("nobody"))
        self.places = partitions(self.consumer, topics)
        for place in self.places:
            place.offset = OFFSET_BEGINNING
        self.consumer.assign(self.places)
        self.ends, self.records = {}, []

    def read(self):
        """All records that are there by now."""
        limit = time.monotonic() + run.LIMIT_S
        while not is_at_end(self.consumer, self.places, self.ends):
            # Some before asking for the ends again.
            for _ in range(500):
                record = next_record(self.consumer, self.ends)
                if record is not None:
                    self.records.append(record)
                elif len(self.ends) == len(self.places):
                    break
            if time.monotonic() > limit:
                run.fail(f"the ends are not reached after {run.LIMIT_S} s")
        return self.records

    def of(self, topic):
        return [record for record in self.records if record.topic == topic]


def standing(records):
    """The last record of each key, but those that were taken back."""
    last = {record.key: record for record in records}
    return {key: record for key, record in last.items() if record.value is not None}


def parsed(key):
    """metricType, windowStart, windowEnd (none of a SESSION) and dimensions of a key."""
    metric, start, end, names = key.split("|")
    pairs = (pair.split("=") for pair in names.split(",") if pair)
    dimensions = {urllib.parse.unquote(k): urllib.parse.unquote(v) for k, v in pairs}
    return metric, int(start), int(end) if end else None, dimensions
