#!/usr/bin/env bash
# A real InfluxDB 2 for development and tests, on this machine and without containers.
#
# Invariant: it ends no process but the server that it started: that one is known by
# its number and by the data directory on its command line.
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
module=github.com/influxdata/influxdb/v2
organisation=analytics
# A server that is not up by then, or not gone, has failed; a busy machine is slow.
start_seconds=120
stop_seconds=30

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

# Sets program to the server, built once for each content of go.sum. Half a build is
# never seen: it gets its name last.
find_program() {
  local cache="${XDG_CACHE_HOME:-${HOME:?needed for the cache}/.cache}/streamgauge/influxdb"
  program="$cache/influxd-$(cksum <"$here/go.sum" | cut -d ' ' -f 1)"
  [[ ! -x "$program" ]] || return 0
  need go "It is at https://go.dev/dl, 1.25 or later"
  need cargo "It comes with Rust: https://rustup.rs"
  need cc "On Debian: apt-get install build-essential"
  mkdir -p "$cache"
  exec 8>"$cache/lock"
  flock -n 8 || {
    tell "another influxdb.sh builds it at the moment; waiting"
    flock -w 3600 8 || fail "another influxdb.sh has been building for an hour"
  }
  [[ ! -x "$program" ]] || return 0
  local work="$cache/build"
  rm -rf "$work"
  mkdir -p "$work"
  tell "building InfluxDB, once: 6 to 15 minutes on two cores"
  (build "$work") || missing "InfluxDB could not be built; the messages are above, what was done is in
$work. Behind a proxy, GOPROXY and Cargo's settings have to know it; then try again"
  mv "$work/influxd" "$program"
  rm -rf "$work"
  exec 8>&-
}

# In a shell of its own, with -e for each step, as `||` switches it off in the caller.
build() {
  export work="$1" here module
  # What the caller has set for builds of its own is not meant for this one.
  env -u GOOS -u GOARCH -u GOEXPERIMENT -u CARGO_BUILD_TARGET -u CARGO_TARGET_DIR -u RUSTFLAGS \
    -u CARGO_ENCODED_RUSTFLAGS -u RUSTC_WRAPPER -u RUSTUP_TOOLCHAIN \
    GOFLAGS=-mod=readonly GOWORK=off CGO_ENABLED=1 bash -euo pipefail -c '
    say() { printf "influxdb: %s (%d s)\n" "$1" "$SECONDS" >&2; }
    say "1 of 3: the modules of Go"
    mkdir "$work/module" "$work/bin"
    cp "$here/go.mod" "$here/go.sum" "$work/module/"
    cd "$work/module"
    go mod download github.com/influxdata/flux
    flux=$(go list -m -f "{{.Dir}}" github.com/influxdata/flux)
    # Cargo writes beside its sources, and the cache of Go is read-only. The file with
    # the toolchain names an old one, which nobody needs to have.
    cp -r "$flux" "$work/flux"
    chmod -R u+w "$work/flux"
    rm -f "$work/flux/rust-toolchain.toml" "$work/flux/rust-toolchain"
    say "2 of 3: the part of Flux that is in Rust"
    cd "$work/flux/libflux"
    RUSTFLAGS="--cap-lints warn" cargo rustc --quiet --locked --release --package flux --lib \
      --crate-type staticlib --target-dir "$work/target"
    test -s "$work/target/release/libflux.a"
    # cgo asks pkg-config for the package flux and nothing else: this is its answer.
    cat >"$work/bin/pkg-config" <<TEXT
#!/bin/sh
for argument; do
  case "\$argument" in
    --cflags) echo "\"-I$work/flux/libflux/include\"" ;;
    --libs) echo "\"-L$work/target/release\" -lflux -ldl -lm" ;;
  esac
done
TEXT
    chmod +x "$work/bin/pkg-config"
    say "3 of 3: the server, which takes longest"
    cd "$work/module"
    version=$(go list -m -f "{{.Version}}" "$module")
    # Without the tag "assets" it needs no web pages, which come from elsewhere.
    PATH="$work/bin:$PATH" PKG_CONFIG=pkg-config go build -trimpath -buildvcs=false \
      -tags sqlite_foreign_keys,sqlite_json -ldflags "-s -w -X main.version=$version" \
      -o "$work/influxd" "$module/cmd/influxd" 2> >(grep -v "^go: downloading" >&2)
    "$work/influxd" version >&2
    say "built"'
}

ask() { curl --noproxy '*' --silent --show-error --max-time 20 "$@"; }
answers() { ask --fail --max-time 2 --output /dev/null "http://127.0.0.1:$port/health" 2>/dev/null; }

# Sets process to the number of the server's process; fails if it does not run.
find_process() {
  process=$(cat "$data/process" 2>/dev/null) || return 1
  [[ "$process" =~ ^[0-9]+$ && -r "/proc/$process/cmdline" ]] || return 1
  tr '\0' '\n' <"/proc/$process/cmdline" 2>/dev/null | grep -qxF "$data/engine"
}

start_server() {
  # A session of its own: Ctrl-C in the terminal is not for it. Descriptor 9 is the lock.
  run_in_session 8>&- 9>&- &
  disown
}

run_in_session() {
  export program data port
  cd "$data"
  # Else its driver for Snowflake unpacks a library into a temporary directory.
  export SF_DISABLE_MINICORE=true
  # Settings of the caller for a server of its own are not meant for this one.
  # shellcheck disable=SC2086 # names of variables, without blanks
  unset ${!INFLUXD_@}
  # shellcheck disable=SC2016 # what is expanded there is meant for there
  exec setsid bash -c 'echo $$ >"$data/process"
    exec "$program" run --http-bind-address "127.0.0.1:$port" --reporting-disabled \
      --bolt-path "$data/bolt" --sqlite-path "$data/sqlite" --engine-path "$data/engine"' \
    </dev/null >>"$data/log" 2>&1
}

wait_for() {
  local until=$((SECONDS + start_seconds))
  sleep 0.3
  until answers; do
    if ! find_process && ! { sleep 1 && find_process; }; then
      tail -n 15 "$data/log" >&2
      fail "it has ended; more in $data/log"
    fi
    ((SECONDS < until)) || fail "it does not answer after $start_seconds s; see $data/log"
    sleep 0.2
  done
}

# Gives a new server its organisation, its user and the token that is kept beside it.
set_up() {
  local url="http://127.0.0.1:$port"
  if ask --fail "$url/api/v2/setup" | grep -q '"allowed": *true'; then
    # A bucket of its own is demanded; those that are used are made by who uses them.
    printf '{"username":"dev","password":"%s","org":"%s","bucket":"unused","token":"%s"}' \
      "$(cut -c 1-32 "$data/token")" "$organisation" "$(cat "$data/token")" |
      ask --fail --output /dev/null --header 'Content-Type: application/json' --data-binary @- \
        "$url/api/v2/setup" || fail "it cannot be set up; see $data/log"
  fi
}

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
