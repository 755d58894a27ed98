# shellcheck shell=bash
# How influxdb.sh builds an InfluxDB and runs it as a process of this machine. Read by
# influxdb.sh.
#
# Invariant: it ends no process but the server that it started: that one is known by
# its number and by the data directory on its command line.

module=github.com/influxdata/influxdb/v2
organisation=analytics

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
  until is_up; do
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
  local url
  url=$(address)
  if ask --fail "$url/api/v2/setup" | grep -q '"allowed": *true'; then
    # A bucket of its own is demanded; those that are used are made by who uses them.
    printf '{"username":"dev","password":"%s","org":"%s","bucket":"unused","token":"%s"}' \
      "$(cut -c 1-32 "$data/token")" "$organisation" "$(cat "$data/token")" |
      ask --fail --output /dev/null --header 'Content-Type: application/json' --data-binary @- \
        "$url/api/v2/setup" || fail "it cannot be set up; see $data/log"
  fi
}

install_natively() {
  find_program
  tell "it is $program"
}

start_natively() {
  find_program
  enter
  recall start
  if find_process; then
    wait_for
    # One that was interrupted may have begun, and no more.
    set_up
    tell "was up already; the token is in $data/token"
    return
  fi
  refuse_taken "$port"
  remember
  start_server
  wait_for
  set_up
  tell "up, with its data and the token (the file token) in $data"
}

stop_natively() {
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
}

status_natively() {
  if ! find_process; then
    echo "$(subject): down"
    return 3
  elif is_up; then
    echo "$(subject): up, process $process, token in $data/token"
  else
    echo "$(subject): does not answer, process $process"
    return 3
  fi
}
