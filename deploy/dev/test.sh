#!/usr/bin/env bash
# Tests how kafka.sh and influxdb.sh find their way: in a container, or natively. Without a
# Docker, a Kafka or an InfluxDB: test/docker is one that takes notes, and what the native
# way needs is never there, so that it ends with 4 and says so.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
for program in python3 curl; do
  command -v "$program" >/dev/null || {
    echo "deploy/dev/test.sh: $program is needed. On Debian: apt-get install $program" >&2
    exit 4
  }
done

run=$(mktemp -d)
clean() {
  local container
  for container in "$run"/*/containers/*; do
    [[ ! -e "$container" ]] || kill "$(cat "$container")" 2>/dev/null || true
  done
  rm -rf "$run"
}
trap clean EXIT
mkdir "$run/bin"
ln -s "$here/test/docker" "$run/bin/docker"
for program in java go; do
  printf '#!/bin/sh\nexit 1\n' >"$run/bin/$program"
  chmod +x "$run/bin/$program"
done
unset JAVA_HOME NATIVE_SERVICES
export PATH="$run/bin:$PATH" XDG_CACHE_HOME="$run/cache"

# begin TEST: a Docker without containers, an empty directory, and a port that nobody has.
begin() {
  what="$1" said='' FAKE="$run/$1" data="$run/$1/data"
  export FAKE
  mkdir "$FAKE"
  touch "$FAKE/calls"
  until port=$((port + 1)) && ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do :; done
}

wrong() {
  printf 'FAILED: %s: %s\n' "$what" "$*" >&2
  printf 'said:\n%s\ndocker was asked:\n%s\n' "$said" "$(cat "$FAKE/calls")" >&2
  exit 1
}

# script NAME CODE ARGUMENT…: runs one; sets out and said to what it prints.
script() {
  local name="$1" expected="$2" code=0
  shift 2
  out=$("$here/$name.sh" "$@" --data "$data" 2>"$FAKE/said") || code=$?
  said=$(cat "$FAKE/said")
  ((code == expected)) || wrong "$name.sh $* ends with $code, not $expected"
}

prints() { [[ "$out" == "$1" ]] || wrong "prints '$out', not '$1'"; }
says() { [[ "$said" == *"$1"* ]] || wrong "does not say '$1'"; }
# asked TIMES PATTERN: how many calls of docker have it in them.
asked() {
  local times
  times=$(grep -cE -- "$2" "$FAKE/calls") || true
  ((times == $1)) || wrong "docker was asked for '$2' $times times, not $1"
}
volumes() {
  local there
  there=$(find "$FAKE/volumes" -type f 2>/dev/null | wc -l)
  ((there == $1)) || wrong "there are $there volumes, not $1"
}
has() { [[ -e "$data/$1" ]] || wrong "there is no $data/$1"; }
has_no() { [[ ! -e "$data/$1" ]] || wrong "there is $data/$1"; }
native_kafka() {
  says "Java 17 or later is needed"
  has_no docker
}

# a_container_of NAME ADDRESS SUBJECT, where `start` prints the second.
a_container_of() {
  local name="$1" address="$2" subject="$3"
  script "$name" 0 start --port "$port"
  prints "$address"
  asked 1 "pull --quiet $name$"
  asked 1 "--project-name streamgauge-$name-[0-9]+ --file .*/compose.yaml up --detach $name$"
  script "$name" 0 status
  [[ "$out" == "$subject: up, in Docker as streamgauge-$name-"* ]] || wrong "status is '$out'"
  script "$name" 0 start
  prints "$address"
  says "was up already"
  asked 1 " up "
  script "$name" 0 stop
  asked 1 "down$"
  script "$name" 3 status
  prints "$subject: down"
  volumes 1
  script "$name" 1 start --port 19999
  says "is of "
  script "$name" 0 start
  prints "$address"
  asked 2 " up "
  asked 1 "down --volumes$" # before the first start
  script "$name" 0 stop --delete
  asked 2 "down --volumes$"
  volumes 0
  has_no .
}

kafka_in_a_container() {
  a_container_of kafka "127.0.0.1:$port" "node 1, 127.0.0.1:$port"
}

influxdb_in_a_container() {
  a_container_of influxdb "http://127.0.0.1:$port" "http://127.0.0.1:$port"
}

the_token_of_an_influxdb_in_a_container() {
  script influxdb 0 start --port "$port"
  [[ "$(cat "$data/token")" == "$(cat "$FAKE/token")" ]] || wrong "it is not that of the container"
  [[ "$(cat "$data/token")" =~ ^[0-9a-f]{64}$ ]] || wrong "it is not random"
  [[ "$(stat -c %a "$data" "$data/token")" == $'700\n600' ]] || wrong "others can read it"
  script influxdb 0 stop --delete
}

an_image_that_cannot_be_pulled() {
  touch "$FAKE/no-image"
  script kafka 4 start --port "$port"
  says "its image cannot be pulled"
  says "kafka: natively, then"
  native_kafka
  asked 0 " up "
  script kafka 4 install
  says "its image cannot be pulled"
  native_kafka
  script influxdb 4 start --port "$port"
  says "influxdb: natively, then"
  says "InfluxDB could not be built"
  has_no docker
}

a_container_that_ends_at_once() {
  touch "$FAKE/dies"
  script kafka 4 start --port "$port"
  says "its container has ended"
  says "last words of kafka"
  says "natively, then"
  native_kafka
  volumes 0
  has_no cluster
}

no_daemon() {
  touch "$FAKE/no-daemon"
  script kafka 4 start --port "$port"
  says "there is docker, but"
  native_kafka
  asked 0 "pull|up"
}

no_compose() {
  touch "$FAKE/no-compose"
  script kafka 4 start --port "$port"
  says "there is docker, but"
  native_kafka
}

natively_where_that_is_asked_for() {
  script kafka 4 start --native --port "$port"
  native_kafka
  script kafka 4 start --nodes 3 --port "$port"
  script kafka 4 start --secured --port "$port"
  script kafka 4 install --native
  script influxdb 4 start --native --port "$port"
  NATIVE_SERVICES=1 script kafka 4 start --port "$port"
  asked 0 .
}

data_that_was_made_natively() {
  mkdir "$data"
  echo "1 $port some " >"$data/cluster"
  script kafka 4 start
  native_kafka
  asked 0 .
}

the_image_alone() {
  script kafka 0 install
  asked 1 "pull --quiet kafka$"
  asked 0 " up "
  has_no .
}

a_port_that_is_taken() {
  mkdir "$FAKE/containers"
  python3 -IS "$here/test/server.py" "$port" &
  echo "$!" >"$FAKE/containers/another"
  until (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do sleep 0.05; done
  script kafka 1 start --port "$port"
  says "port $port is taken"
  script influxdb 1 start --port "$port"
  says "port $port is taken"
  asked 0 " up "
  has_no docker
}

data_in_a_docker_that_is_gone() {
  script kafka 0 start --port "$port"
  script kafka 1 start --native
  says "is of a kafka in Docker"
  script kafka 0 stop
  touch "$FAKE/no-image"
  script kafka 4 start
  says "its data is Docker's"
  touch "$FAKE/no-daemon"
  script kafka 4 start
  says "is of a kafka in Docker"
  script kafka 1 stop
  says "does not answer"
  has docker
  volumes 1
}

volumes_whose_directory_was_deleted() {
  script kafka 0 start --port "$port"
  script kafka 0 stop
  mv "$data" "$data.away"
  data="$data.other"
  script influxdb 0 start --port "$port"
  asked 1 "volume rm streamgauge-kafka-"
  volumes 1
  script influxdb 0 stop
  data="$data.third"
  script kafka 0 start --port "$port"
  asked 1 "volume rm"
  volumes 2
  script kafka 0 stop
}

what_is_missing_is_told_at_the_end() {
  touch "$FAKE/no-daemon"
  cd "$here/../.."
  # shellcheck source=deploy/test/services.sh
  source deploy/test/services.sh
  kafka='' influxdb='' of_caller=''
  start_kafka >/dev/null 2>&1
  said="$not_run"
  says "NOT RUN: the tests with Kafka: Java 17 or later is needed"
  says "apt-get install default-jre-headless"
  says "more by deploy/dev/kafka.sh --help"
  [[ -z "$kafka" ]] || wrong "there is a Kafka at $kafka"
  not_run='' kafka=127.0.0.1:9092
  start_kafka >/dev/null 2>&1
  said="$not_run ${without_own_kafka[*]}"
  says "NOT RUN: the test of a Kafka that goes away: Java"
  says "--skip kafka::away"
}

versions() {
  said="the image, and what the native way has"
  version_of() { sed -n "s/^ *image: .*$1:\(.*\)/\1/p" "$here/../compose.yaml"; }
  grep -A 1 '<artifactId>kafka_' "$here/kafka/pom.xml" | grep -qF "<version>$(version_of kafka)<" ||
    wrong "of Kafka, one is not the other"
  grep -qxF "require github.com/influxdata/influxdb/v2 v$(version_of influxdb)" "$here/influxdb/go.mod" ||
    wrong "of InfluxDB, one is not the other"
}

tests=(kafka_in_a_container influxdb_in_a_container the_token_of_an_influxdb_in_a_container
  an_image_that_cannot_be_pulled a_container_that_ends_at_once no_daemon no_compose
  natively_where_that_is_asked_for data_that_was_made_natively the_image_alone
  a_port_that_is_taken data_in_a_docker_that_is_gone volumes_whose_directory_was_deleted
  what_is_missing_is_told_at_the_end versions)
running=() failed=0 port=$((20000 + RANDOM % 10000))
# All at once: they mostly wait.
for name in "${tests[@]}"; do
  begin "$name"
  "$name" &
  running+=("$!")
done
for process in "${running[@]}"; do wait "$process" || failed=$((failed + 1)); done
echo "$((${#tests[@]} - failed)) passed, $failed failed"
((failed == 0))
