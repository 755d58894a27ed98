#!/usr/bin/env bash
# The services that streamgauge can use, Kafka and InfluxDB, for development: by the scripts
# beside this one.
set -euo pipefail

usage() {
  cat <<'TEXT'
Usage: deploy/dev/services.sh start [--native] | stop [--delete] | status

Runs a Kafka and an InfluxDB 2 on 127.0.0.1. `start` prints on stdout, once both answer,
what a streamgauge.toml needs to use them; what it tells besides goes to stderr. Doing it
twice is no error. `stop` keeps their data.

  --native   without containers, though there is Docker
  --delete   deletes their data, too

They are those of deploy/dev/kafka.sh and influxdb.sh: in containers where there is Docker
with compose, else as processes of this machine; their --help says what that needs. Kafka
listens at 19092 and InfluxDB at 18086, unless the scripts' data are of another port.

`status` ends with 0 if both run, with 3 if not. `start` ends with 4 if one cannot be had.

Example:
  deploy/dev/services.sh start >streamgauge.toml
TEXT
}

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# As influxdb.sh has it; the token is there.
influxdb_data="${TMPDIR:-/tmp}/streamgauge-influxdb-$UID"

start() {
  local kafka influxdb
  kafka=$("$here/kafka.sh" start "$@") || exit
  influxdb=$("$here/influxdb.sh" start "$@") || exit
  cat <<TEXT
# Kafka is at $kafka, InfluxDB at $influxdb; the token is not for a file:
#   export STREAMGAUGE_INFLUXDB__TOKEN=\$(cat '$influxdb_data/token')
# First, once: streamgauge topics create

[log]
kind = "kafka"

[kafka]
brokers = "$kafka"

[store]
kind = "influxdb"

[influxdb]
url = "$influxdb"
TEXT
}

stop() {
  local code=0
  "$here/kafka.sh" stop "$@" || code=1
  "$here/influxdb.sh" stop "$@" || code=1
  return $code
}

status() {
  local state=0
  "$here/kafka.sh" status || state=3
  "$here/influxdb.sh" status || state=3
  return $state
}

refuse() {
  printf 'services: %s\n' "$1" >&2
  usage >&2
  exit 2
}
verb='' options=()
for argument in "$@"; do
  case "$argument" in
    start | stop | status) verb="$argument" ;;
    --native | --delete) options+=("$argument") ;;
    --help | -h) usage; exit 0 ;;
    *) refuse "unknown argument: $argument" ;;
  esac
done
[[ -n "$verb" ]] || refuse "what is to be done: start, stop or status?"
"$verb" "${options[@]}"
