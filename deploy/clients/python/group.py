"""A consumer group that reads results while the job writes them, and whose members come
and go. In `group.json` stands what each has read.

The first is joined by a second, then leaves; a third comes. All commit what they have
read, also where partitions are taken from them. It ends when the file `job-ended` is there
and all is read.
"""

import json
import os
import threading
import time
import traceback

from confluent_kafka import Consumer, KafkaException

import results
import run

GROUP = run.PREFIX + "clients"
TOPICS = [run.METRICS, run.SESSIONS]


class Member(threading.Thread):
    """One that reads until it is told to leave."""

    def __init__(self, name):
        super().__init__(name=name, daemon=True)
        self.read = []
        self.leave, self.is_assigned = threading.Event(), threading.Event()
        self.start()

    def run(self):
        try:
            self.read_on()
        except BaseException:
            # Else it would end alone, and the others wait for it.
            traceback.print_exc()
            os._exit(1)

    def read_on(self):
        more = {"auto.offset.reset": "earliest", "session.timeout.ms": 45_000}
        consumer = Consumer(results.settings(GROUP, **more))
        consumer.subscribe(TOPICS, on_assign=self.on_assign, on_revoke=self.on_revoke)
        while not self.leave.is_set():
            record = results.next_record(consumer, {})
            if record is not None:
                self.read.append(record.place)
                commit(consumer)
        commit(consumer)
        consumer.close()

    def on_assign(self, _, places):
        if places:
            self.is_assigned.set()

    def on_revoke(self, consumer, _):
        commit(consumer)


def commit(consumer):
    """Where it fails, because the group has moved on, another reads the same once more."""
    try:
        consumer.commit(asynchronous=False)
    except KafkaException:
        pass


def until(condition, what, limit_s=run.LIMIT_S):
    limit = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > limit:
            run.fail(f"group: {what}, not after {limit_s} s")
        time.sleep(0.1)


def main():
    first = Member("first")
    until(lambda: first.read, "the first has read something")
    second = Member("second")
    until(second.is_assigned.is_set, "the second was given partitions")
    first.leave.set()
    first.join(run.LIMIT_S)
    third = Member("third")
    until(third.is_assigned.is_set, "the third was given partitions")
    # As long as all other steps together may take.
    until((run.DIRECTORY / "job-ended").exists, "the job has ended", 10 * run.LIMIT_S)
    there = {record.place for record in results.Reader(*TOPICS).read()}
    members = [first, second, third]
    until(lambda: there <= {place for m in members for place in list(m.read)}, "all is read")
    for member in (second, third):
        member.leave.set()
        member.join(run.LIMIT_S)
    counts = ", ".join(f"{len(m.read)} by the {m.name}" for m in members)
    run.tell(f"the group has read {counts}")
    with open(run.DIRECTORY / "group.json", "w", encoding="utf-8") as file:
        json.dump({"read": {m.name: m.read for m in members}}, file)


main()
