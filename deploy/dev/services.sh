#!/usr/bin/env bash
# The services that streamgauge can use, Kafka and InfluxDB, for development: in containers
# where there is Docker with compose, else by the scripts beside this one.
set -euo pipefail

usage() {
  cat <<'TEXT'
Usage: deploy/dev/services.sh start | stop | status [--native]

Runs a Kafka and an InfluxDB 2 on 127.0.0.1. `start` prints on stdout, once both answer,
what a streamgauge.toml needs to use them; what it tells besides goes to stderr. Doing it
twice is no error. `stop` keeps their data.

  --native   without containers, though there is Docker

Where `docker compose` works, they are those of deploy/compose.yaml; to delete their data,
too: docker compose --file deploy/compose.yaml down --volumes. Elsewhere they are those of
deploy/dev/kafka.sh and influxdb.sh, whose --help says what they need; InfluxDB is built at
the first time, which takes 6 to 15 minutes. Either way Kafka listens at 19092 and InfluxDB
at 18086, unless the scripts' data are of another port.

`status` ends with 0 if both run, with 3 if not. `start` ends with 4 if one cannot be had.

Example:
  deploy/dev/services.sh start >streamgauge.toml
TEXT
}

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
compose=(docker compose --file "$here/../compose.yaml")
# As influxdb.sh has it; the token is there.
native_influxdb="${TMPDIR:-/tmp}/streamgauge-influxdb-$UID"

tell() { printf 'services: %s\n' "$*" >&2; }

# Whether containers can be run: the program may be there, and what it talks to not.
has_docker() {
  [[ -z "$native" ]] && docker compose version >/dev/null 2>&1 && docker info >/dev/null 2>&1
}

# print_settings KAFKA INFLUXDB TOKEN: the last is what a shell makes a token of.
print_settings() {
  cat <<TEXT
# Kafka is at $1, InfluxDB at $2; the token is not for a file:
#   export STREAMGAUGE_INFLUXDB__TOKEN=$3
# First, once: streamgauge topics create

[log]
kind = "kafka"

[kafka]
brokers = "$1"

[store]
kind = "influxdb"

[influxdb]
url = "$2"
TEXT
}

start() {
  local kafka influxdb
  if has_docker; then
    "${compose[@]}" up --detach --wait >&2
    print_settings 127.0.0.1:19092 http://127.0.0.1:18086 development
    return
  fi
  kafka=$("$here/kafka.sh" start) || exit
  influxdb=$("$here/influxdb.sh" start) || exit
  print_settings "$kafka" "$influxdb" "\$(cat '$native_influxdb/token')"
}

# Both ways: Docker may have come since they were started.
stop() {
  local code=0
  if has_docker; then "${compose[@]}" stop >&2 || code=1; fi
  "$here/kafka.sh" stop || code=1
  "$here/influxdb.sh" stop || code=1
  return $code
}

status() {
  local state=0 service
  if has_docker; then
    "${compose[@]}" ps
    for service in kafka influxdb; do
      [[ -n "$("${compose[@]}" ps --quiet --status running "$service")" ]] || state=3
    done
    return $state
  fi
  "$here/kafka.sh" status || state=3
  "$here/influxdb.sh" status || state=3
  return $state
}

verb= native=
refuse() {
  tell "$1"
  usage >&2
  exit 2
}
for argument in "$@"; do
  case "$argument" in
    start | stop | status) verb="$argument" ;;
    --native) native=1 ;;
    --help | -h) usage; exit 0 ;;
    *) refuse "unknown argument: $argument" ;;
  esac
done
[[ -n "$verb" ]] || refuse "what is to be done: start, stop or status?"
"$verb"
