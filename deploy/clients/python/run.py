"""What all programs of a run share: where things are, and what was produced.

A run is a directory. Each producer leaves a file `produced-CLIENT-PHASE.jsonl` there:
a line for each record that was acknowledged, with its partition and offset, the event
or, of a record that is to be rejected, the reason.
"""

import json
import os
import pathlib
import sys

DIRECTORY = pathlib.Path(os.environ["RUN_DIRECTORY"])
BROKERS = os.environ["RUN_BROKERS"]
EVENTS = os.environ["RUN_TOPIC"]
PREFIX = os.environ["RUN_PREFIX"]
# Event time 0 of the run: a multiple of 5 min, two hours ago.
BASE_MS = int(os.environ["RUN_BASE_MS"])
SESSION_GAP_MS = int(os.environ["RUN_SESSION_GAP_MS"])
# How long anything may take; only a test that fails waits so long.
LIMIT_S = int(os.environ.get("RUN_LIMIT_S", "240"))

METRICS = PREFIX + "processed-metrics"
SESSIONS = PREFIX + "sessions"
ALERTS = PREFIX + "cep-alerts"
DEAD_LETTERS = PREFIX + "dead-letters"
LIVE = PREFIX + "live-metrics"
STATUS = PREFIX + "job-status"


def produced():
    """All records that were produced so far, by any client."""
    rows = []
    for path in sorted(DIRECTORY.glob("produced-*.jsonl")):
        with open(path, encoding="utf-8") as file:
            rows.extend(json.loads(line) for line in file)
    if not rows:
        fail("nothing was produced")
    return rows


def tell(text):
    print(f"    python: {text}", flush=True)


def fail(text):
    print(f"    python: FAILED: {text}", file=sys.stderr, flush=True)
    sys.exit(1)
