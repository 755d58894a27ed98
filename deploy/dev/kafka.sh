#!/usr/bin/env bash
# A real Kafka for development and tests, on this machine and without containers.
#
# Invariant: it ends no process but the nodes that it started: a node is known by
# its number and by the settings file on its command line.
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
java="${JAVA_HOME:+$JAVA_HOME/bin/}java"
# A node that is not up by then, or not gone, has failed; a busy machine is slow.
start_seconds=120
stop_seconds=30

tell() { printf 'kafka: %s\n' "$*" >&2; }
fail() {
  tell "$@"
  exit 1
}
missing() {
  tell "$@"
  exit 4
}

find_java() {
  local version
  version=$("$java" -XshowSettings:properties -version 2>&1 |
    sed -n 's/^ *java\.specification\.version = //p') || true
  if [[ ! "$version" =~ ^[0-9]+$ ]] || ((version < 17)); then
    missing "Java 17 or later is needed, and ${version:-none} was found. On Debian:
  apt-get install default-jre-headless"
  fi
}

# Gathers the jars, once for each content of pom.xml. Half a download is never seen:
# the directory gets its name last.
find_jars() {
  local cache="${XDG_CACHE_HOME:-${HOME:?needed for the cache}/.cache}/streamgauge/kafka"
  jars="$cache/jars-$(cksum <"$here/pom.xml" | cut -d ' ' -f 1)"
  [[ ! -d "$jars" ]] || return 0
  command -v mvn >/dev/null || missing "Maven is needed once, to fetch Kafka. On Debian:
  apt-get install maven"
  local new="$jars.$$"
  mkdir -p "$cache"
  tell "fetching Kafka into $jars, 45 MB, once"
  mvn --batch-mode --quiet -Dstyle.color=never --file "$here/pom.xml" dependency:copy-dependencies \
    -DincludeScope=runtime -DoutputDirectory="$new" >&2 || {
    rm -rf "$new"
    missing "Maven could not fetch Kafka; its messages are above. Behind a proxy or a
mirror, its settings belong into ~/.m2/settings.xml; then try again"
  }
  # Another start may have been faster.
  mv -T "$new" "$jars" 2>/dev/null || rm -rf "$new"
}

client_port() { echo $((port + $1 - 1)); }
controller_port() { echo $((port + nodes + $1 - 1)); }

# all FUNCTION: what it says of each node, with commas between.
all() {
  local node text=
  for ((node = 1; node <= nodes; node++)); do text+=",$("$1" "$node")"; done
  echo "${text#,}"
}
bootstrap() { echo "127.0.0.1:$(client_port "$1")"; }
voter() { echo "$1@127.0.0.1:$(controller_port "$1")"; }

# Sets process to the number of a node's process; fails if it does not run.
find_process() {
  local node="$data/node-$1"
  process=$(cat "$node/process" 2>/dev/null) || return 1
  [[ "$process" =~ ^[0-9]+$ && -r "/proc/$process/cmdline" ]] || return 1
  tr '\0' '\n' <"/proc/$process/cmdline" 2>/dev/null | grep -qxF "$node/settings"
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

# In a process of its own, so that a node that takes a connection and says nothing
# costs two seconds and no more.
is_up() {
  export -f answers client_port
  port=$port timeout 2 bash -c "answers $1" 2>/dev/null
}

write_settings() {
  local node="$1" copies=1 in_sync=1 more= protocols=
  if ((nodes == 3)); then copies=3 in_sync=2; fi
  if [[ "$secured" == secured ]]; then
    more=",$(secured_addresses)" protocols=",$secured_protocols"
  fi
  cat >"$data/node-$node/settings" <<TEXT
node.id=$node
process.roles=broker,controller
controller.quorum.voters=$(all voter)
controller.listener.names=CONTROLLER
listeners=CLIENT://127.0.0.1:$(client_port "$node"),CONTROLLER://127.0.0.1:$(controller_port "$node")$more
advertised.listeners=CLIENT://127.0.0.1:$(client_port "$node")$more
inter.broker.listener.name=CLIENT
listener.security.protocol.map=CLIENT:PLAINTEXT,CONTROLLER:PLAINTEXT$protocols
log.dirs=$data/node-$node/data

# A wrong name in a test is an error, not a new topic.
auto.create.topics.enable=false
default.replication.factor=$copies
min.insync.replicas=$in_sync
offsets.topic.replication.factor=$copies
transaction.state.log.replication.factor=$copies
transaction.state.log.min.isr=$in_sync
share.coordinator.state.topic.replication.factor=$copies
share.coordinator.state.topic.min.isr=$in_sync

# Kafka's own topics have 50 partitions each by default: seconds of work at the first
# transaction, and files held open.
offsets.topic.num.partitions=4
transaction.state.log.num.partitions=4
share.coordinator.state.topic.num.partitions=4

# Tests wait for these: a lost broker is noticed in 3 s instead of 9, retention and
# compaction look every few seconds instead of minutes.
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
log.retention.check.interval.ms=5000
log.cleaner.backoff.ms=1000
log.segment.delete.delay.ms=1000
group.initial.rebalance.delay.ms=0
# Two cores are enough of a machine.
num.network.threads=2
num.io.threads=4
log.cleaner.dedupe.buffer.size=16777216
TEXT
  if [[ "$secured" == secured ]]; then secured_settings >>"$data/node-$node/settings"; fi
}

run_java() {
  "$java" -Djava.awt.headless=true -Dlog4j2.configurationFile="$here/log4j2.properties" \
    -cp "$jars/*" "$@"
}

start_node() {
  local node="$1" directory="$data/node-$1" scram_users=()
  mkdir -p "$directory"
  write_settings "$node"
  if [[ ! -e "$directory/data/meta.properties" ]]; then
    if [[ "$secured" == secured ]]; then find_scram_users; fi
    run_java -Xmx128m kafka.tools.StorageTool format --config "$directory/settings" \
      --cluster-id "$cluster" "${scram_users[@]}" >"$directory/format.log" 2>&1 ||
      fail "cannot prepare $directory/data: see $directory/format.log"
  fi
  # A session of its own: Ctrl-C in the terminal is not for it. Descriptor 9 is the lock.
  run_java_in_session "$directory" 9>&- &
  disown
}

run_java_in_session() {
  export java here jars
  # shellcheck disable=SC2016 # what is expanded there is meant for there
  exec setsid bash -c 'echo $$ >"$1/process"
    exec "$java" -Xms64m -Xmx512m -XX:+ExitOnOutOfMemoryError -Djava.awt.headless=true \
      -Dlog4j2.configurationFile="$here/log4j2.properties" \
      -cp "$jars/*" kafka.Kafka "$1/settings"' kafka "$1" </dev/null >"$1/log" 2>&1
}

wait_for() {
  local node="$1" directory="$data/node-$1" until=$((SECONDS + start_seconds))
  sleep 0.5
  until is_up "$node"; do
    if ! find_process "$node" && ! { sleep 1 && find_process "$node"; }; then
      tail -n 15 "$directory/log" >&2
      fail "node $node has ended; more in $directory/log"
    fi
    ((SECONDS < until)) || fail "node $node does not answer after $start_seconds s; see $directory/log"
    sleep 0.2
  done
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
