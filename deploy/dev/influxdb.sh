#!/usr/bin/env bash
# A real InfluxDB 2 for development and tests, on this machine and without containers.
set -euo pipefail

usage() {
  cat <<'TEXT'
Usage: deploy/dev/influxdb.sh start [--port PORT] [--data DIR]
       deploy/dev/influxdb.sh stop | status [--data DIR]
       deploy/dev/influxdb.sh install

Runs InfluxDB 2 (without its web pages) on 127.0.0.1. `start` prints its URL on stdout
once it answers; what it tells besides goes to stderr. Doing it twice is no error: a
server that runs is left as it is.

  --port PORT  where it listens (default 18086)
  --data DIR   where it keeps its data (default
               ${TMPDIR:-/tmp}/streamgauge-influxdb-UID); `stop` keeps it, so the
               next `start` goes on with it; delete the directory to begin anew

A new data directory gets the organisation `analytics` and a token that may do
everything in it: the content of the file `token` in the data directory.

`status` ends with 0 if it answers, with 3 if not. `start` and `install` end with 4 if
it cannot be had.

There are no binaries to fetch: it is built once from its Go module, for which are
needed Go 1.25 or later, Cargo and a C compiler, 4 GB on disk (most of it in the caches
of Go) and 6 to 15 minutes on two cores that do nothing else. `install` does only this; `start` does it where
it was not done. The program is kept in ${XDG_CACHE_HOME:-~/.cache}/streamgauge/influxdb.

Example:
  export STREAMGAUGE_INFLUXDB=$(deploy/dev/influxdb.sh start)
  export STREAMGAUGE_INFLUXDB_TOKEN=$(cat /tmp/streamgauge-influxdb-$UID/token)
TEXT
}

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/influxdb
# shellcheck source=deploy/dev/influxdb/native.sh
source "$here/native.sh"
organisation=analytics
# A server that is not up by then has failed; a busy machine is slow.
start_seconds=120

tell() { printf 'influxdb: %s\n' "$*" >&2; }
fail() {
  tell "$@"
  exit 1
}
missing() {
  tell "$@"
  exit 4
}

need() {
  local command="$1" how="$2"
  command -v "$command" >/dev/null || missing "$command is needed to build InfluxDB. $how"
}

ask() { curl --noproxy '*' --silent --show-error --max-time 20 "$@"; }
answers() { ask --fail --max-time 2 --output /dev/null "http://127.0.0.1:$port/health" 2>/dev/null; }

# Sets the port of a data directory; at a first start, the one it will have.
recall() {
  if [[ -s "$data/port" ]]; then
    local had
    had=$(cat "$data/port")
    [[ "${port:-$had}" == "$had" ]] ||
      fail "$data is of port $had: take another --data, or stop it and delete the directory"
    port="$had"
    return
  fi
  [[ "$1" == start ]] || return 1
  port="${port:-18086}"
}

start() {
  need curl "On Debian: apt-get install curl"
  find_program
  mkdir -p "$data"
  chmod 700 "$data"
  data=$(cd "$data" && pwd)
  exec 9>"$data/lock"
  flock -w 300 9 || fail "another influxdb.sh is at work in $data"
  recall start
  if find_process; then
    wait_for
    # One that was interrupted may have begun, and no more.
    set_up
    tell "was up already; the token is in $data/token"
  else
    if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
      fail "port $port is taken by another process: choose --port and --data"
    fi
    echo "$port" >"$data/port"
    [[ -s "$data/token" ]] ||
      (umask 077 && head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \n' >"$data/token")
    start_server
    wait_for
    set_up
    tell "up, with its data and the token (the file token) in $data"
  fi
  echo "http://127.0.0.1:$port"
}

stop() {
  if [[ ! -d "$data" ]] || ! recall stop; then
    tell "nothing was started in $data"
    return
  fi
  data=$(cd "$data" && pwd)
  exec 9>"$data/lock"
  flock -w 300 9 || fail "another influxdb.sh is at work in $data"
  local until=$((SECONDS + stop_seconds))
  # It closes its files in order on this signal only.
  if find_process; then kill -INT "$process"; fi
  while find_process; do
    if ((SECONDS >= until)); then
      tell "it did not end in $stop_seconds s and is killed; it loses nothing by that"
      kill -KILL "$process"
      until=$((SECONDS + 5))
    fi
    sleep 0.1
  done
  rm -f "$data/process"
  tell "stopped; its data stays in $data"
}

status() {
  if [[ ! -d "$data" ]] || ! recall status; then
    tell "nothing was started in $data"
    return 3
  fi
  data=$(cd "$data" && pwd)
  if ! find_process; then
    echo "http://127.0.0.1:$port: down"
    return 3
  elif answers; then
    echo "http://127.0.0.1:$port: up, process $process, token in $data/token"
  else
    echo "http://127.0.0.1:$port: does not answer, process $process"
    return 3
  fi
}

install() {
  find_program
  tell "it is $program"
}

verb= port= data="${TMPDIR:-/tmp}/streamgauge-influxdb-$UID"
refuse() {
  tell "$1"
  usage >&2
  exit 2
}
while (($#)); do
  case "$1" in
    start | stop | status | install) verb="$1" ;;
    --port | --data)
      (($# >= 2)) || refuse "$1 needs a value"
      printf -v "${1#--}" '%s' "$2"
      shift
      ;;
    --help | -h) usage; exit 0 ;;
    *) refuse "unknown argument: $1" ;;
  esac
  shift
done
[[ -n "$verb" ]] || refuse "what is to be done: start, stop, status or install?"
[[ -z "$port" || "$port" =~ ^[1-9][0-9]{3,4}$ ]] || refuse "--port is a number from 1000 to 65500, not $port"
((${port:-1000} <= 65500)) || refuse "--port is a number from 1000 to 65500, not $port"
"$verb"
