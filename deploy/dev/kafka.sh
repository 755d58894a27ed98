#!/usr/bin/env bash
# A real Kafka for development and tests, on this machine and without containers.
set -euo pipefail

usage() {
  cat <<'TEXT'
Usage: deploy/dev/kafka.sh start [--nodes 1|3] [--secured] [--port PORT] [--data DIR]
       deploy/dev/kafka.sh stop | status [--data DIR]

Runs Apache Kafka (KRaft: brokers that are controllers, too) on 127.0.0.1, each
with 512 MB of heap at most. `start` prints the bootstrap address on stdout once
every node answers; what it tells besides goes to stderr. Doing it twice is no
error: a Kafka that runs is left as it is.

  --nodes N    1, or 3: topics then have three copies, two of which must be in
               sync (default 1)
  --secured    one node that has four more ports in a row besides: TLS, TLS that
               wants a certificate of the client, SASL with PLAIN, and SASL over TLS
               with SCRAM. DIR/secured/env has their addresses, and user, password and
               files for them; all of it was made at the first start and is of no
               other use. Needs openssl
  --port PORT  the first of 2 * N ports in a row: for clients, then for
               controllers (default 19092)
  --data DIR   where the nodes keep their data (default
               ${TMPDIR:-/tmp}/streamgauge-kafka-UID); `stop` keeps it, so the
               next `start` goes on with it; delete the directory to begin anew

`status` ends with 0 if all nodes answer, with 3 if not. `start` ends with 4 if Java,
Maven or Kafka itself cannot be had.

Needs Java 17 or later, and Maven once: on Debian 12 and 13
  apt-get install default-jre-headless maven
The jars (45 MB) are kept in ${XDG_CACHE_HOME:-~/.cache}/streamgauge/kafka.

Example:
  export STREAMGAUGE_KAFKA=$(deploy/dev/kafka.sh start)
TEXT
}

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/kafka
# shellcheck source=deploy/dev/kafka/secured.sh
source "$here/secured.sh"
# shellcheck source=deploy/dev/kafka/native.sh
source "$here/native.sh"
# A node that is not up by then has failed; a busy machine is slow.
start_seconds=120

tell() { printf 'kafka: %s\n' "$*" >&2; }
fail() {
  tell "$@"
  exit 1
}
missing() {
  tell "$@"
  exit 4
}

# Sets what a data directory was made with: number of nodes, port, name of the
# cluster, and whether it is secured; at a first start, what it will be made with.
recall() {
  if [[ -s "$data/cluster" ]]; then
    local had
    read -r -a had <"$data/cluster"
    if [[ "${nodes:-${had[0]}} ${port:-${had[1]}}" != "${had[0]} ${had[1]}" ]]; then
      fail "$data is of ${had[0]} node(s) on port ${had[1]}: take another --data, or stop it and delete the directory"
    fi
    [[ "${secured:-${had[3]:-}}" == "${had[3]:-}" ]] ||
      fail "$data is of a Kafka without --secured: take another --data, or stop it and delete the directory"
    nodes="${had[0]}" port="${had[1]}" cluster="${had[2]}" secured="${had[3]:-}"
    return
  fi
  [[ "$1" == start ]] || return 1
  nodes="${nodes:-1}" port="${port:-19092}"
  # 16 bytes in the base64 of URLs, as Kafka wants it; it must not begin with a dash.
  cluster="s$(head -c 16 /dev/urandom | base64 | tr '+/' '-_' | cut -c 2-22)"
}

start() {
  find_java
  find_jars
  mkdir -p "$data"
  data=$(cd "$data" && pwd)
  exec 9>"$data/lock"
  flock -w 300 9 || fail "another kafka.sh is at work in $data"
  recall start
  # The settings of a secured node have its password.
  if [[ "$secured" == secured ]]; then umask 077; fi
  local node new=()
  for ((node = 1; node <= nodes; node++)); do
    if find_process "$node"; then continue; fi
    if (exec 3<>"/dev/tcp/127.0.0.1/$(client_port "$node")") 2>/dev/null; then
      fail "port $(client_port "$node") is taken by another process: choose --port and --data"
    fi
    new+=("$node")
  done
  if [[ "$secured" == secured ]]; then make_secrets; fi
  echo "$nodes $port $cluster $secured" >"$data/cluster"
  for node in "${new[@]}"; do start_node "$node"; done
  for ((node = 1; node <= nodes; node++)); do wait_for "$node"; done
  if ((${#new[@]})); then tell "up, with its data in $data"; else tell "was up already"; fi
  if [[ "$secured" == secured ]]; then
    tell "how to reach it where it is secured, in variables: $data/secured/env"
  fi
  all bootstrap
}

stop() {
  if [[ ! -d "$data" ]] || ! recall stop; then
    tell "nothing was started in $data"
    return
  fi
  data=$(cd "$data" && pwd)
  exec 9>"$data/lock"
  flock -w 300 9 || fail "another kafka.sh is at work in $data"
  local node until=$((SECONDS + stop_seconds)) running=()
  # All at once: the last of three alone would wait for the others.
  for ((node = 1; node <= nodes; node++)); do
    if find_process "$node"; then
      kill -TERM "$process"
      running+=("$node")
    fi
  done
  for node in "${running[@]}"; do
    while find_process "$node"; do
      if ((SECONDS >= until)); then
        tell "node $node did not end in $stop_seconds s and is killed; it loses nothing by that"
        kill -KILL "$process"
        until=$((SECONDS + 5))
      fi
      sleep 0.1
    done
    rm -f "$data/node-$node/process"
  done
  tell "stopped; its data stays in $data"
}

status() {
  if [[ ! -d "$data" ]] || ! recall status; then
    tell "nothing was started in $data"
    return 3
  fi
  data=$(cd "$data" && pwd)
  local node state=0
  for ((node = 1; node <= nodes; node++)); do
    if ! find_process "$node"; then
      echo "node $node, $(bootstrap "$node"): down"
      state=3
    elif is_up "$node"; then
      echo "node $node, $(bootstrap "$node"): up, process $process"
    else
      echo "node $node, $(bootstrap "$node"): does not answer, process $process"
      state=3
    fi
  done
  return $state
}

verb= nodes= port= secured= data="${TMPDIR:-/tmp}/streamgauge-kafka-$UID"
refuse() {
  tell "$1"
  usage >&2
  exit 2
}
while (($#)); do
  case "$1" in
    start | stop | status) verb="$1" ;;
    --secured) secured=secured ;;
    --nodes | --port | --data)
      (($# >= 2)) || refuse "$1 needs a value"
      printf -v "${1#--}" '%s' "$2"
      shift
      ;;
    --help | -h) usage; exit 0 ;;
    *) refuse "unknown argument: $1" ;;
  esac
  shift
done
[[ -n "$verb" ]] || refuse "what is to be done: start, stop or status?"
[[ "$nodes" =~ ^[13]?$ ]] || refuse "--nodes is 1 or 3, not $nodes"
[[ -z "$secured" || "${nodes:-1}" == 1 ]] || refuse "--secured is for one node"
[[ -z "$port" || "$port" =~ ^[1-9][0-9]{3,4}$ ]] || refuse "--port is a number from 1000 to 65500, not $port"
((${port:-1} <= 65500)) || refuse "--port is a number from 1000 to 65500, not $port"
"$verb"
