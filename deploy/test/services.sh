# shellcheck shell=bash
# Kafka and InfluxDB for deploy/test.sh, which reads this: the caller's, else started by
# deploy/dev for as long as the tests take; and what could not be run, to be told at the end.
#
# Sets kafka, secured_kafka (a file about it), influxdb and influxdb_token; empty is none.

not_run=
# leave_out WHAT HOW: notes what is not run, and how it would be.
leave_out() { not_run+="NOT RUN: $1: $2"$'\n'; }

# What was started for the tests ends with them.
services=$(mktemp -d)
stop_services() {
  local name left=
  for name in kafka secured influxdb; do
    [[ -d "$services/$name" ]] || continue
    "deploy/dev/${name/secured/kafka}.sh" stop --delete --data "$services/$name" || left=1
  done
  # What runs still needs its files.
  [[ -n "$left" ]] || rm -rf "$services"
}
trap stop_services EXIT

# attempt WHAT SCRIPT ARGUMENT…: runs a script of deploy/, and sets printed to what it prints.
# Where it ends with 4, something is missing: WHAT is left out for the reason that it gave last.
# What it starts has none of the pipes, which would stay open.
attempt() {
  local what="$1" code=0
  shift
  { "$@" 2>&1 >&3 3>&- | tee "$services/said" >&2; } 3>&1 | tee "$services/printed" || code=$?
  printed=$(cat "$services/printed")
  if ((code == 4)); then
    local why
    why=$(awk '/^[a-z]+: / { last = "" } { last = last $0 "\n" } END { printf "%s", last }' \
      "$services/said")
    leave_out "$what" "${why#*: }
  more by $1 --help"
  fi
  return "$code"
}

# missing_or CODE: an attempt that ended with it has told what is missing, or has failed.
missing_or() { (($1 == 4)) || return "$1"; }

# A test takes a Kafka away, which is one of its own: what to skip where there can be none.
without_own_kafka=()

start_kafka() {
  if [[ -n "$kafka" ]]; then
    echo "the caller's, at $kafka"
    attempt "the test of a Kafka that goes away" deploy/dev/kafka.sh install || {
      missing_or $? || return
      without_own_kafka=(--skip kafka::away)
    }
    return
  fi
  attempt "the tests with Kafka" \
    deploy/dev/kafka.sh start --port 19292 --data "$services/kafka" || missing_or $? || return
  kafka="$printed"
}

start_secured_kafka() {
  if ! command -v pkg-config >/dev/null || ! pkg-config --exists openssl; then
    leave_out "the tests with a secured Kafka" "they need OpenSSL: on Debian
  apt-get install libssl-dev pkg-config openssl"
    secured_kafka=
    return
  fi
  if [[ -n "$secured_kafka" ]]; then
    echo "the caller's, see $secured_kafka"
    return
  fi
  attempt "the tests with a secured Kafka" \
    deploy/dev/kafka.sh start --secured --port 19392 --data "$services/secured" ||
    missing_or $? || return
  [[ -z "$printed" ]] || secured_kafka="$services/secured/secured/env"
}

start_influxdb() {
  if [[ -n "$influxdb" ]]; then
    echo "the caller's, at $influxdb"
    return
  fi
  attempt "the tests with InfluxDB" \
    deploy/dev/influxdb.sh start --port 18286 --data "$services/influxdb" || missing_or $? || return
  influxdb="$printed"
  [[ -z "$printed" ]] || influxdb_token=$(cat "$services/influxdb/token")
}

# Sets outages where the services that they take away can be had. Three brokers never are
# Docker's; of InfluxDB it is known by then.
find_outages() {
  outages=
  if [[ -z "$kafka" || -z "$influxdb" ]]; then
    leave_out "the tests of outages" "they need Kafka and InfluxDB"
    return
  fi
  if [[ -n "$of_caller" ]]; then
    leave_out "the tests of outages" "the services are the caller's: unset$of_caller"
    return
  fi
  attempt "the tests of outages" deploy/dev/kafka.sh install --native || {
    missing_or $?
    return
  }
  outages=1
}
