# shellcheck shell=bash
# How kafka.sh runs Kafka's nodes as processes of this machine. Read by kafka.sh.
#
# Invariant: it ends no process but the nodes that it started: a node is known by
# its number and by the settings file on its command line.

java="${JAVA_HOME:+$JAVA_HOME/bin/}java"

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

controller_port() { echo $((port + nodes + $1 - 1)); }

voter() { echo "$1@127.0.0.1:$(controller_port "$1")"; }

# Sets process to the number of a node's process; fails if it does not run.
find_process() {
  local node="$data/node-$1"
  process=$(cat "$node/process" 2>/dev/null) || return 1
  [[ "$process" =~ ^[0-9]+$ && -r "/proc/$process/cmdline" ]] || return 1
  tr '\0' '\n' <"/proc/$process/cmdline" 2>/dev/null | grep -qxF "$node/settings"
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
default.replication.factor=$copies
min.insync.replicas=$in_sync
offsets.topic.replication.factor=$copies
transaction.state.log.replication.factor=$copies
transaction.state.log.min.isr=$in_sync
share.coordinator.state.topic.replication.factor=$copies
share.coordinator.state.topic.min.isr=$in_sync
TEXT
  common_settings >>"$data/node-$node/settings"
  if [[ "$secured" == secured ]]; then secured_settings >>"$data/node-$node/settings"; fi
}

# Those of the container, too, whose names are made into Kafka's like this.
common_settings() {
  local name value
  sed -n 's/^KAFKA_//p' "$here/broker.env" | while IFS='=' read -r name value; do
    name="${name,,}"
    echo "${name//_/.}=$value"
  done
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

install_natively() {
  find_java
  find_jars
}

start_natively() {
  install_natively
  enter
  recall start
  # The settings of a secured node have its password.
  if [[ "$secured" == secured ]]; then umask 077; fi
  local node new=()
  for ((node = 1; node <= nodes; node++)); do
    if find_process "$node"; then continue; fi
    refuse_taken "$(client_port "$node")"
    new+=("$node")
  done
  if [[ "$secured" == secured ]]; then make_secrets; fi
  remember
  for node in "${new[@]}"; do start_node "$node"; done
  for ((node = 1; node <= nodes; node++)); do wait_for "$node"; done
  if ((${#new[@]})); then tell "up, with its data in $data"; else tell "was up already"; fi
  if [[ "$secured" == secured ]]; then
    tell "how to reach it where it is secured, in variables: $data/secured/env"
  fi
}

stop_natively() {
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
}

status_natively() {
  local node state=0
  for ((node = 1; node <= nodes; node++)); do
    if ! find_process "$node"; then
      echo "$(subject "$node"): down"
      state=3
    elif is_up "$node"; then
      echo "$(subject "$node"): up, process $process"
    else
      echo "$(subject "$node"): does not answer, process $process"
      state=3
    fi
  done
  return $state
}
