#!/usr/bin/env bash
# Clients from their own ecosystems against a running job and gateway: they produce events,
# read the results, ask the history, and compare with what they compute themselves.
#
# Invariant: everything it makes has a name of this run alone, and is gone afterwards.
set -euo pipefail

usage() {
  cat <<'TEXT'
Usage: deploy/clients/test.sh [--keep] [--help]

Starts `streamgauge job` and `gateway` over new topics of a Kafka and a new bucket of an
InfluxDB, and lets others read and write these:

  Python   confluent-kafka and influxdb-client
  Node     kafkajs

STREAMGAUGE_KAFKA=HOST:PORT names the Kafka; STREAMGAUGE_INFLUXDB=URL and
STREAMGAUGE_INFLUXDB_TOKEN an InfluxDB 2 with an organisation `analytics` in which the
token may do everything. STREAMGAUGE_BIN is the program to test; without it, it is built.

  --keep   keep the topics, the bucket and the directory of the run (which is kept, too,
           where a test fails)

Needs Python 3.11 or later with venv and pip, and Node 18 or later with npm: on Debian 12
and 13
  apt-get install python3-venv nodejs npm
Where they, or the clients, cannot be had, it ends with 4. The clients (6 MB) are kept in
${XDG_CACHE_HOME:-~/.cache}/streamgauge/clients.

Example:
  export STREAMGAUGE_KAFKA=$(deploy/dev/kafka.sh start)
  export STREAMGAUGE_INFLUXDB=$(deploy/dev/influxdb.sh start)
  export STREAMGAUGE_INFLUXDB_TOKEN=$(cat "${TMPDIR:-/tmp}/streamgauge-influxdb-$UID/token")
  deploy/clients/test.sh
TEXT
}

tell() { printf 'clients: %s\n' "$*" >&2; }
fail() {
  tell "$@"
  exit 1
}
missing() {
  tell "$@"
  exit 4
}
refuse() {
  tell "$1"
  usage >&2
  exit 2
}

keep=
for argument in "$@"; do
  case "$argument" in
    --keep) keep=1 ;;
    --help | -h) usage; exit 0 ;;
    *) refuse "unknown argument: $argument" ;;
  esac
done

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache="${XDG_CACHE_HOME:-${HOME:?needed for the cache}/.cache}/streamgauge/clients"
# Longer than anything takes on a busy machine; only what fails waits so long.
limit_seconds=240

# prepare NAME FUNCTION FILE…: sets prepared to a directory of the cache that FUNCTION has
# filled, once for each content of the files. One that is half done is never seen.
prepare() {
  local name="$1" fill="$2"
  shift 2
  prepared="$cache/$name-$(cat "$@" - <<<"$versions" | cksum | cut -d ' ' -f 1)"
  [[ ! -d "$prepared" ]] || return 0
  local new="$prepared.$$"
  mkdir -p "$cache"
  tell "fetching the clients of $name into $prepared, once"
  "$fill" "$new" >&2 || {
    rm -rf "$new"
    missing "the clients of $name could not be fetched; why stands above"
  }
  # Another run may have been faster.
  mv -T "$new" "$prepared" 2>/dev/null || rm -rf "$new"
}

fill_python() {
  python3 -m venv "$1" &&
    "$1/bin/python" -m pip install --quiet --disable-pip-version-check \
      --requirement "$here/python/requirements.txt"
}

fill_node() {
  mkdir -p "$1" && cp "$here/node/package.json" "$here/node/package-lock.json" "$1" &&
    npm ci --prefix "$1" --ignore-scripts --no-audit --no-fund --loglevel error
}

find_clients() {
  python3 -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
    missing "Python 3.11 or later with venv and pip is needed. On Debian:
  apt-get install python3-venv"
  command -v npm >/dev/null && node -e 'process.exit(Number(parseInt(process.versions.node) < 18))' ||
    missing "Node 18 or later and npm are needed. On Debian:
  apt-get install nodejs npm"
  versions="$(python3 --version) $(node --version)"
  prepare python fill_python "$here/python/requirements.txt"
  python="$prepared/bin/python"
  prepare node fill_node "$here/node/package-lock.json"
  export NODE_PATH="$prepared/node_modules" KAFKAJS_NO_PARTITIONER_WARNING=1
}

find_binary() {
  if [[ -n "$binary" ]]; then
    [[ -x "$binary" ]] || fail "there is no program at $binary (STREAMGAUGE_BIN)"
    binary=$(cd "$(dirname "$binary")" && pwd)/$(basename "$binary")
    return
  fi
  local clone target
  clone=$(cd "$here/../.." && pwd)
  (cd "$clone" && cargo build --release --quiet -p streamgauge) >&2
  target=$(cd "$clone" && cd "${CARGO_TARGET_DIR:-target}" && pwd)
  binary="$target/release/streamgauge"
}

write_settings() {
  cat >"$run/streamgauge.toml" <<TEXT
[data]
directory = "$run/data"

[log]
kind = "kafka"

[kafka]
brokers = "$kafka"
topic = "$RUN_TOPIC"
prefix = "$RUN_PREFIX"

[time]
# All that happens is more than an hour before the event that ends all windows.
lateness = "2h"
session_gap = "1m"

[site]
# A day would be over or not, by the clock.
days = "off"

[store]
kind = "influxdb"

[influxdb]
url = "$RUN_INFLUXDB"
bucket = "$RUN_BUCKET"

[gateway]
listen = "127.0.0.1:0"
TEXT
}

# program NAME ARGUMENT…: starts a part of streamgauge, whose number is added to processes.
program() {
  local name="$1"
  "$binary" "$@" --config "$run/streamgauge.toml" >"$run/$name.log" 2>&1 </dev/null &
  processes+=("$!")
}

start_programs() {
  export STREAMGAUGE_INFLUXDB__TOKEN="$RUN_INFLUXDB_TOKEN"
  "$binary" topics --config "$run/streamgauge.toml" create >"$run/topics.log" 2>&1 ||
    fail "\`topics create\` failed: $(tail -n 5 "$run/topics.log")"
  in_python topics.py open
  program job
  program gateway
  job="${processes[0]}"
}

# The clients write no byte code into the clone.
in_python() { "$python" -B "$here/python/$1" "${@:2}"; }
in_node() { node "$here/node/$1" "${@:2}"; }

# still_there: fails where a part of streamgauge has ended.
still_there() {
  local process
  for process in "${processes[@]}"; do
    kill -0 "$process" 2>/dev/null || fail "the job or the gateway has ended"
  done
}

produce_events() {
  in_node produce.js events &
  local node="$!"
  in_python produce.py events
  wait "$node"
  in_python produce.py push
}

# A group that stands still would wait for the job to end, which does not come then.
start_group() {
  # Not by in_python: this is to be the number of the process itself.
  "$python" -B "$here/python/group.py" &
  group="$!"
}

# end_process NUMBER NAME: asks it to end, and waits until it has.
end_process() {
  local code=0
  kill -TERM "$1"
  wait "$1" || code=$?
  ((code == 0)) || fail "$2 ended with $code"
}

clean() {
  local code=$? process
  trap - EXIT
  for process in "${processes[@]}" ${group:+"$group"}; do
    kill -TERM "$process" 2>/dev/null || true
  done
  wait
  if ((code != 0)); then
    for log in "$run"/*.log; do
      tell "the end of $log:"
      tail -n 8 "$log" >&2
    done
  fi
  if [[ -n "$keep" ]]; then
    tell "kept: $run, topics $RUN_PREFIX…, bucket $RUN_BUCKET"
    exit "$code"
  fi
  in_python topics.py delete && in_python history.py delete ||
    tell "not all topics $RUN_PREFIX… and the bucket $RUN_BUCKET could be deleted"
  if ((code == 0)); then rm -rf "$run"; else tell "see $run"; fi
  exit "$code"
}

kafka="${STREAMGAUGE_KAFKA:-}" binary="${STREAMGAUGE_BIN:-}"
export RUN_INFLUXDB="${STREAMGAUGE_INFLUXDB:-}" RUN_INFLUXDB_TOKEN="${STREAMGAUGE_INFLUXDB_TOKEN:-}"
[[ -n "$kafka" ]] || refuse "STREAMGAUGE_KAFKA is not set"
[[ -n "$RUN_INFLUXDB" && -n "$RUN_INFLUXDB_TOKEN" ]] ||
  refuse "STREAMGAUGE_INFLUXDB or STREAMGAUGE_INFLUXDB_TOKEN is not set"
# A settings variable of the caller would change what is tested.
for name in $(compgen -e STREAMGAUGE_ || true); do unset "$name"; done

find_clients
find_binary
run=$(mktemp -d)
name="clients-$(date +%s)-$$"
now=$(date +%s)
export RUN_DIRECTORY="$run" RUN_BROKERS="$kafka" RUN_LIMIT_S="$limit_seconds"
export RUN_PREFIX="$name-" RUN_TOPIC="$name-events" RUN_BUCKET="$name"
export RUN_BASE_MS=$(((now - 7200) / 300 * 300 * 1000)) RUN_SESSION_GAP_MS=60000
processes=() group=
trap clean EXIT
write_settings
start_programs
start_group
produce_events
in_python check.py until
in_python history.py until
still_there
# Now what was final is corrected, and taken back.
in_node produce.js late
in_python produce.py late
in_python check.py until
in_node check.js
in_python history.py until
still_there
end_process "$job" "the job"
: >"$run/job-ended"
wait "$group" || fail "the group has failed"
group=
in_python check.py now
end_process "${processes[1]}" "the gateway"
processes=()
