#!/usr/bin/env bash
# A real Kafka for development and tests, on this machine: Docker's where there is Docker,
# else natively.
set -euo pipefail

usage() {
  cat <<'TEXT'
Usage: deploy/dev/kafka.sh start [--native] [--nodes 1|3] [--secured] [--port PORT] [--data DIR]
       deploy/dev/kafka.sh stop [--delete] [--data DIR]
       deploy/dev/kafka.sh status [--data DIR]
       deploy/dev/kafka.sh install [--native]

Runs Apache Kafka (KRaft: brokers that are controllers, too) on 127.0.0.1, each
with 512 MB of heap at most. `start` prints the bootstrap address on stdout once
every node answers; what it tells besides goes to stderr. Doing it twice is no
error: a Kafka that runs is left as it is.

Where `docker info` and `docker compose version` succeed it runs in a container, as
deploy/compose.yaml has it; elsewhere, and where the image cannot be pulled or its
container does not come up, which is said, natively: as processes of this machine.
A data directory stays with the way that it was made by.

  --native     natively, though there is Docker; NATIVE_SERVICES=1 in the environment
               does the same for all scripts. --nodes 3 and --secured always are
  --nodes N    1, or 3: topics then have three copies, two of which must be in
               sync (default 1)
  --secured    one node that has four more ports in a row besides: TLS, TLS that
               wants a certificate of the client, SASL with PLAIN, and SASL over TLS
               with SCRAM. DIR/secured/env has their addresses, and user, password and
               files for them; all of it was made at the first start and is of no
               other use. Needs openssl
  --port PORT  the first of 2 * N ports in a row: for clients, then for
               controllers (default 19092)
  --data DIR   where the nodes keep their data, or what says which volume of Docker has
               it (default ${TMPDIR:-/tmp}/streamgauge-kafka-UID); `stop` keeps it, so
               the next `start` goes on with it; delete the directory to begin anew:
               the volumes of directories that are gone go at the next start
  --delete     with `stop`: deletes the data, too

`status` ends with 0 if all nodes answer, with 3 if not. `install` fetches what `start`
would, and no more. Both end with 4 if neither way can be gone: the native one needs Java
17 or later, and Maven once: on Debian 12 and 13
  apt-get install default-jre-headless maven
The jars (45 MB) are kept in ${XDG_CACHE_HOME:-~/.cache}/streamgauge/kafka.

Example:
  export STREAMGAUGE_KAFKA=$(deploy/dev/kafka.sh start)
TEXT
}

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/kafka
service=kafka record=cluster
# shellcheck source=deploy/dev/common.sh
source "$here/../common.sh"
# shellcheck source=deploy/dev/docker.sh
source "$here/../docker.sh"
# shellcheck source=deploy/dev/kafka/secured.sh
source "$here/secured.sh"
# shellcheck source=deploy/dev/kafka/native.sh
source "$here/native.sh"

client_port() { echo $((port + $1 - 1)); }
bootstrap() { echo "127.0.0.1:$(client_port "$1")"; }

# all FUNCTION: what it says of each node, with commas between.
all() {
  local node text=
  for ((node = 1; node <= nodes; node++)); do text+=",$("$1" "$node")"; done
  echo "${text#,}"
}

# Whether a node answers a request for the versions that it speaks, the first of
# every client: key 18, version 0, number 1, no name. It answers when it serves.
answers() {
  local size
  exec 3<>"/dev/tcp/127.0.0.1/$(client_port "$1")" || return 1
  printf '\0\0\0\012\0\022\0\0\0\0\0\001\377\377' >&3
  size=$(head -c 4 <&3 | od -An -tu1 | tr -d ' \n')
  exec 3>&-
  [[ -n "$size" ]]
} 2>/dev/null

# Of the first node without an argument. In a process of its own, so that a node that takes
# a connection and says nothing costs two seconds and no more.
is_up() {
  export -f answers client_port
  port=$port timeout 2 bash -c "answers ${1:-1}" 2>/dev/null
}

# Sets what a data directory was made with: number of nodes, port, name of the
# cluster, and whether it is secured; at a first start, what it will be made with.
recall() {
  if [[ -s "$data/cluster" ]]; then
    local had
    read -r -a had <"$data/cluster"
    if [[ "${nodes:-${had[0]}} ${port:-${had[1]}}" != "${had[0]} ${had[1]}" ]]; then
      fail "$data is of ${had[0]} node(s) on port ${had[1]}: take another --data, or \`stop --delete\` it"
    fi
    [[ "${secured:-${had[3]:-}}" == "${had[3]:-}" ]] ||
      fail "$data is of a Kafka without --secured: take another --data, or \`stop --delete\` it"
    nodes="${had[0]}" port="${had[1]}" cluster="${had[2]}" secured="${had[3]:-}"
    return
  fi
  [[ "$1" == start ]] || return 1
  nodes="${nodes:-1}" port="${port:-19092}"
  # 16 bytes in the base64 of URLs, as Kafka wants it; it must not begin with a dash.
  cluster="s$(head -c 16 /dev/urandom | base64 | tr '+/' '-_' | cut -c 2-22)"
}
remember() { echo "$nodes $port $cluster $secured" >"$data/cluster"; }
forget() { rm -rf "$data"/node-[123] "$data/secured" "$data/cluster"; }

address() { all bootstrap; }
# Of a node, the first without an argument.
subject() { echo "node ${1:-1}, $(bootstrap "${1:-1}")"; }

verb='' nodes='' port='' secured='' delete='' native="${NATIVE_SERVICES:-}"
data="${TMPDIR:-/tmp}/streamgauge-kafka-$UID"
while (($#)); do
  case "$1" in
    start | stop | status | install) verb="$1" ;;
    --secured) secured=secured ;;
    --native | --delete) printf -v "${1#--}" '%s' 1 ;;
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
[[ "$nodes" =~ ^[13]?$ ]] || refuse "--nodes is 1 or 3, not $nodes"
[[ -z "$secured" || "${nodes:-1}" == 1 ]] || refuse "--secured is for one node"
if [[ "$nodes" == 3 || -n "$secured" ]]; then native=1; fi
run_verb
