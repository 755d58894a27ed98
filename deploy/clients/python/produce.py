"""Produces events with confluent-kafka, as others do: its own partitioner (CRC-32, or at
random without a key), every compression it has, transactions, and bad records.

    produce.py events   what happens in four minutes of event time
    produce.py push     an event of no type in each partition, over an hour later: they end
                        all windows
    produce.py late     a record that is too late for everything
"""

import json
import sys
import time

from confluent_kafka import Producer

import run

PAGES = ["/", "/products/1", "/products/2?from=mail", "/cart", "/checkout", "/über#top"]
COUNTRIES = ["DE", "US", "FR"]
HARD_NAME = "zoë|a=b,50%"


class Out:
    """Producers by what they do to records, and what became of these."""

    def __init__(self):
        self.rows = []
        self.producers = {}

    def producer(self, **settings):
        name = json.dumps(settings)
        if name not in self.producers:
            all_settings = {
                "bootstrap.servers": run.BROKERS,
                "linger.ms": 20,
                "log_level": 3,
                # Sequences of a user keep their order through every retry.
                "enable.idempotence": True,
                **{key.replace("_", "."): value for key, value in settings.items()},
            }
            self.producers[name] = Producer(all_settings)
        return self.producers[name]

    def send(self, producer, value, key=None, event=None, reason=None, **place):
        """One record, noted when it is acknowledged."""

        def acknowledged(error, message):
            if error is not None:
                run.fail(f"a record was not taken: {error}")
            self.rows.append({
                "client": "python",
                "partition": message.partition(),
                "offset": message.offset(),
                "key": key if isinstance(key, str) else None,
                "event": event,
                "reason": reason,
                "head": value.decode("utf-8") if value and reason != "not_utf8" else None,
            })

        producer.produce(run.EVENTS, value=value, key=key, on_delivery=acknowledged, **place)
        producer.poll(0)

    def event(self, producer, event, key=None, **place):
        value = json.dumps(event, ensure_ascii=False).encode("utf-8")
        self.send(producer, value, key=key, event=event, **place)

    def flush(self):
        for producer in self.producers.values():
            if producer.flush(run.LIMIT_S):
                run.fail("not all records were acknowledged")

    def write(self, phase):
        self.flush()
        path = run.DIRECTORY / f"produced-python-{phase}.jsonl"
        with open(path, "w", encoding="utf-8") as file:
            for row in self.rows:
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
        run.tell(f"produced {len(self.rows)} records ({phase})")


def event(kind, user, session, at_ms, **more):
    return {
        "eventId": f"{user}-{at_ms}",
        "timestamp": run.BASE_MS + at_ms,
        "eventType": kind,
        "userId": user,
        "sessionId": session,
        **more,
    }


def view(user, session, at_ms, page, number=0):
    return event(
        "PAGE_VIEW", user, session, at_ms,
        pageViewData={"url": page, "pageLoadTime": 100 + 10 * number},
        sessionData={"country": COUNTRIES[number % 3], "deviceType": "MOBILE"},
    )


def visits():
    """Events as pairs with whether they have a key, in the order of their times."""
    all_events = []
    for number in range(14):
        user, session = f"py-{number}", f"s-py-{number}"
        keyed = number % 5 != 4
        at = 7_000 * number + number
        for k in range(1 + number % 5):
            all_events.append((view(user, session, at, PAGES[(3 * number + k) % 6], number), keyed))
            at += 9_000 + 1_000 * k
        if number % 4 == 1:
            money = {"value": 12.5 + number, "currency": ["USD", "eur"][number // 4 % 2]}
            all_events.append((event("CONVERSION", user, session, at, conversionData=money), keyed))
            at += 500
        if number % 3 == 0:
            all_events.append((event("SESSION_END", user, session, at), keyed))
    # A user whose other events are produced by another client, to another partition.
    all_events += [(view("both", "s-both", at, PAGES[1]), True) for at in (5_000, 25_000)]
    # Two sessions, until late events join them; one view, until a late one joins it.
    all_events += [(view("parted", "s-parted", at, PAGES[0]), True) for at in (10_000, 130_000)]
    all_events.append((view("single", "s-single", 60_000, PAGES[2]), True))
    all_events.append((view(HARD_NAME, "s=1,2|3", 70_000, PAGES[5]), True))
    # Only one of the two names is there: it stands for the other.
    alone = view("", "s-alone", 80_000, PAGES[3])
    del alone["userId"]
    all_events.append((alone, False))
    all_events.append((event("UNHEARD_OF", "py-0", "s-py-0", 90_000), True))
    return sorted(all_events, key=lambda pair: pair[0]["timestamp"])


def produce_events(out):
    codecs = ["none", "gzip", "snappy", "lz4", "zstd"]
    for number, (one, keyed) in enumerate(visits()):
        # In four parts, so that there is something to read while more comes in. A part has
        # a codec after the other, and each user's records stay within one producer.
        producer = out.producer(compression_type=codecs[sum(map(ord, one["sessionId"])) % 5])
        out.event(producer, one, key=one.get("userId") if keyed else None)
        if number % 20 == 19:
            out.flush()
            time.sleep(1)
    plain = out.producer()
    out.send(plain, b'{"timestamp": 1, ', key="torn", reason="malformed")
    out.send(plain, b"\xff\xfe\x00", key="torn", reason="not_utf8")
    out.send(plain, b"", reason="empty")
    out.send(plain, None, key=b"\x00\xff", reason="empty")
    out.flush()
    transactions(out)


def transactions(out):
    """One that is committed, one that is not."""
    producer = out.producer(transactional_id=run.PREFIX + "clients")
    producer.init_transactions(run.LIMIT_S)
    producer.begin_transaction()
    for k in range(3):
        out.event(producer, view("bought", "s-bought", 100_000 + 1_000 * k, PAGES[k]), key="bought")
    producer.commit_transaction(run.LIMIT_S)
    kept = len(out.rows)
    producer.begin_transaction()
    for k in range(3):
        out.event(producer, view("never", "s-never", 100_000 + 1_000 * k, PAGES[k]), key="never")
    # Acknowledged, and so in the log; but nobody is to see them.
    producer.flush(run.LIMIT_S)
    producer.abort_transaction(run.LIMIT_S)
    del out.rows[kept:]


def produce_push(out):
    # In each, so that none that is not idle yet holds the watermark, and none that is last
    # read together with this one becomes idle with it.
    producer = out.producer()
    topic = producer.list_topics(run.EVENTS, timeout=run.LIMIT_S).topics[run.EVENTS]
    for partition in topic.partitions:
        later = event("UNHEARD_OF", "clock", "clock", 75 * 60_000 + partition)
        out.event(producer, later, partition=partition)


def produce_late(out):
    before = view("late", "s-late", -3 * 3_600_000, PAGES[0])
    value = json.dumps(before).encode("utf-8")
    out.send(out.producer(), value, key="late", reason="late")


if __name__ == "__main__":
    phases = {"events": produce_events, "push": produce_push, "late": produce_late}
    out = Out()
    phases[sys.argv[1]](out)
    out.write(sys.argv[1])
