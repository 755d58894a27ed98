#!/usr/bin/env bash
# A real InfluxDB 2 for development and tests, on this machine: Docker's where there is
# Docker, else natively.
set -euo pipefail

usage() {
  cat <<'TEXT'
Usage: deploy/dev/influxdb.sh start [--native] [--port PORT] [--data DIR]
       deploy/dev/influxdb.sh stop [--delete] [--data DIR]
       deploy/dev/influxdb.sh status [--data DIR]
       deploy/dev/influxdb.sh install [--native]

Runs InfluxDB 2 on 127.0.0.1. `start` prints its URL on stdout once it answers; what it
tells besides goes to stderr. Doing it twice is no error: a server that runs is left as
it is.

Where `docker info` and `docker compose version` succeed it runs in a container, as
deploy/compose.yaml has it; elsewhere, and where the image cannot be pulled or its
container does not come up, which is said, natively (without its web pages): as a process
of this machine. A data directory stays with the way that it was made by.

  --native     natively, though there is Docker; NATIVE_SERVICES=1 in the environment
               does the same for all scripts
  --port PORT  where it listens (default 18086)
  --data DIR   where it keeps its data, or what says which volume of Docker has it
               (default ${TMPDIR:-/tmp}/streamgauge-influxdb-UID); `stop` keeps it, so the
               next `start` goes on with it; delete the directory to begin anew: the
               volumes of directories that are gone go at the next start
  --delete     with `stop`: deletes the data, too

A new data directory gets the organisation `analytics` and a token that may do
everything in it: the content of the file `token` in the data directory.

`status` ends with 0 if it answers, with 3 if not. `install` fetches or builds what `start`
would, and no more. Both end with 4 if neither way can be gone: for the native one there
are no binaries to fetch. It is built once from its Go module, for which are needed Go 1.25
or later, Cargo and a C compiler, 4 GB on disk (most of it in the caches of Go) and 6 to 15
minutes on two cores that do nothing else. The program is kept in
${XDG_CACHE_HOME:-~/.cache}/streamgauge/influxdb. Either way needs curl.

Example:
  export STREAMGAUGE_INFLUXDB=$(deploy/dev/influxdb.sh start)
  export STREAMGAUGE_INFLUXDB_TOKEN=$(cat "${TMPDIR:-/tmp}/streamgauge-influxdb-$UID/token")
TEXT
}

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/influxdb
service=influxdb record=port
# shellcheck source=deploy/dev/common.sh
source "$here/../common.sh"
# shellcheck source=deploy/dev/docker.sh
source "$here/../docker.sh"
# shellcheck source=deploy/dev/influxdb/native.sh
source "$here/native.sh"

ask() { curl --noproxy '*' --silent --show-error --max-time 20 "$@"; }
is_up() { ask --fail --max-time 2 --output /dev/null "$(address)/health" 2>/dev/null; }

# Sets the port of a data directory; at a first start, the one it will have.
recall() {
  if [[ -s "$data/port" ]]; then
    local had
    had=$(cat "$data/port")
    [[ "${port:-$had}" == "$had" ]] ||
      fail "$data is of port $had: take another --data, or \`stop --delete\` it"
    port="$had"
    return
  fi
  [[ "$1" == start ]] || return 1
  port="${port:-18086}"
}

# It has a token from then on.
remember() {
  chmod 700 "$data"
  echo "$port" >"$data/port"
  [[ -s "$data/token" ]] ||
    (umask 077 && head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \n' >"$data/token")
}

forget() { rm -rf "$data"/{bolt,sqlite,engine,token,process,log,port}; }

address() { echo "http://127.0.0.1:$port"; }
subject() { address; }

verb='' port='' delete='' native="${NATIVE_SERVICES:-}"
data="${TMPDIR:-/tmp}/streamgauge-influxdb-$UID"
while (($#)); do
  case "$1" in
    start | stop | status | install) verb="$1" ;;
    --native | --delete) printf -v "${1#--}" '%s' 1 ;;
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
command -v curl >/dev/null || missing "curl is needed. On Debian: apt-get install curl"
run_verb
