#!/usr/bin/env bash
# Everything that must pass before a change lands, in the order in which a
# failure is cheapest to find. It stops at the first step that fails.
set -euo pipefail

usage() {
  cat <<'TEXT'
Usage: deploy/test.sh [--long] [--secured] [--advisories] [--native] [--help]

Checks formatting, lints, documentation, tests, and the licences and sources of
the dependencies; says how long each step takes, and at the end what was not run and how
it would be. That is no failure.

For the tests that need a Kafka or an InfluxDB it starts one (deploy/dev/kafka.sh,
influxdb.sh): Docker's where there is Docker with compose, else natively. The native
InfluxDB is built at the first time, which takes 6 to 15 minutes. Tests by clients in Python
and Node (deploy/clients/test.sh) need both. What cannot be had is named with how to get it:
it fetches what belongs into its caches, and installs nothing on the system.

  --long         run the long test suites too (sets STREAMGAUGE_LONG=1), and those that
                 stop three brokers and an InfluxDB of their own under load
  --secured      run the tests with a Kafka that demands TLS and passwords, too; --long
                 does so as well. They need a build of their own, with OpenSSL, which takes
                 10 to 20 minutes at the first time, and 3 minutes to run
  --advisories   check the dependencies for known vulnerabilities (network)
  --native       start Kafka and InfluxDB without Docker, though there is one;
                 NATIVE_SERVICES=1 does the same. Three brokers and a secured Kafka always
                 are native
  --help         this text

Services that run already are named by variables, and are used instead:
  STREAMGAUGE_KAFKA=HOST:PORT         a Kafka
  STREAMGAUGE_KAFKA_SECURED=FILE      one that demands TLS and passwords: the file
                                      secured/env of deploy/dev/kafka.sh start --secured,
                                      or one like it; implies --secured
  STREAMGAUGE_INFLUXDB=URL            an InfluxDB 2 with an organisation `analytics`,
  STREAMGAUGE_INFLUXDB_TOKEN=TOKEN    in which the token may do everything
STREAMGAUGE_SEED=N makes other random cases than usual. Other settings of the
caller (STREAMGAUGE_…) are not passed on.

Caches are kept in ${XDG_CACHE_HOME:-~/.cache}/streamgauge. With CI=true the
build goes there as well, unless CARGO_TARGET_DIR says otherwise.

Examples:
  deploy/test.sh --long
  STREAMGAUGE_SEED=7 deploy/test.sh
TEXT
}

fail() {
  printf '\n%s\n' "$*" >&2
  exit 1
}

advisories='' secured=''
for argument in "$@"; do
  case "$argument" in
    --long) export STREAMGAUGE_LONG=1 secured=1 ;;
    --secured) secured=1 ;;
    --advisories) advisories=1 ;;
    --native) export NATIVE_SERVICES=1 ;;
    --help | -h) usage; exit 0 ;;
    *) echo "unknown argument: $argument" >&2; usage >&2; exit 2 ;;
  esac
done

kafka="${STREAMGAUGE_KAFKA:-}" secured_kafka="${STREAMGAUGE_KAFKA_SECURED:-}"
influxdb="${STREAMGAUGE_INFLUXDB:-}" influxdb_token="${STREAMGAUGE_INFLUXDB_TOKEN:-}"
of_caller="${kafka:+ STREAMGAUGE_KAFKA}${influxdb:+ STREAMGAUGE_INFLUXDB}"
if [[ -n "$secured_kafka" ]]; then
  [[ -r "$secured_kafka" ]] || fail "STREAMGAUGE_KAFKA_SECURED: there is no file $secured_kafka"
  secured_kafka=$(realpath "$secured_kafka") secured=1
fi
if [[ -n "$influxdb" && -z "$influxdb_token" ]]; then
  fail "STREAMGAUGE_INFLUXDB needs STREAMGAUGE_INFLUXDB_TOKEN"
fi

cd "$(dirname "${BASH_SOURCE[0]}")/.."

cache="${XDG_CACHE_HOME:-${HOME:?needed for the cache}/.cache}/streamgauge"
tools="$cache/tools"
deny_version=0.20.2
mkdir -p "$cache"
if [[ "${CI:-}" == true ]]; then
  export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$cache/target}"
fi

# A settings variable of the caller would change what the tests see.
for name in $(compgen -e STREAMGAUGE_ || true); do
  if [[ "$name" != STREAMGAUGE_LONG && "$name" != STREAMGAUGE_SEED ]]; then
    unset "$name"
  fi
done

# The same random cases in every run; a hundred times as many in a long one.
export PROPTEST_RNG_SEED="${STREAMGAUGE_SEED:-1}"
if [[ -n "${STREAMGAUGE_LONG:-}" ]]; then
  export PROPTEST_CASES=25600
fi

# step NAME COMMAND…: runs a command under a heading and says how long it took.
step() {
  local name="$1" start=$SECONDS code=0
  shift
  printf '\n==> %s\n' "$name"
  "$@" || code=$?
  local seconds=$((SECONDS - start))
  if ((code != 0)); then
    fail "FAILED: $name (after $seconds s, exit code $code)"
  fi
  printf '    %s: %d s\n' "$name" "$seconds"
}

# shellcheck source=deploy/test/services.sh
source deploy/test/services.sh

# Rust as rustup installs it may be there without being on the path.
find_rust() {
  if ! command -v cargo >/dev/null && [[ -x "${CARGO_HOME:-$HOME/.cargo}/bin/cargo" ]]; then
    PATH="${CARGO_HOME:-$HOME/.cargo}/bin:$PATH"
  fi
  if ! command -v cargo >/dev/null || ! command -v rustc >/dev/null; then
    fail "Rust is missing. Install it with rustup, see https://rustup.rs, or on Debian 13:
  apt-get install rustup && rustup default stable"
  fi
  local part
  for part in "cargo --version" "rustc --version" "cargo fmt --version" "cargo clippy --version"; do
    # The parts of a toolchain are separate; one missing would fail much later.
    $part || fail "\`$part\` does not work. In this folder, run
  rustup toolchain install
which installs the version and components of rust-toolchain.toml."
  done
  if ! command -v cc >/dev/null; then
    fail "A C compiler is missing, which Rust needs to link. On Debian:
  apt-get install build-essential"
  fi
}

document() {
  RUSTDOCFLAGS="${RUSTDOCFLAGS:-} -D warnings" cargo doc --workspace --no-deps --release
}

# Tests instantiate the dataflow again and again: what is ours is compiled quickly rather
# than for speed, which saves a third of the whole time.
quick=(--config 'profile.release.lto="off"' --config profile.release.debug=false)
for package in streamgauge streamgauge-{ingest,sink,gateway,simulator}; do
  quick+=(--config "profile.release.package.$package.opt-level=1")
  quick+=(--config "profile.release.package.$package.codegen-units=16")
done

# All packages, always: for others dependencies have other features, and are built again.
cargo_test() {
  cargo test --release "${quick[@]}" --workspace "$@"
}

run_tests() {
  cargo_test | tee "$cache/tests.log"
}

run_kafka_tests() {
  STREAMGAUGE_KAFKA="$kafka" cargo_test --test it \
    -- --ignored kafka --skip kafka_secured "${without_own_kafka[@]}" | tee -a "$cache/tests.log"
}

# In a folder of their own: with OpenSSL the client of Kafka is another one, and each would
# undo what the other has built.
run_secured_kafka_tests() {
  STREAMGAUGE_KAFKA_SECURED="$secured_kafka" CARGO_TARGET_DIR="$cache/target-secured" \
    cargo test --release "${quick[@]}" -p streamgauge-ingest -p streamgauge-sink \
    -p streamgauge --features kafka-tls --test it \
    -- --ignored kafka_secured | tee -a "$cache/tests.log"
}

run_influxdb_tests() {
  STREAMGAUGE_INFLUXDB="$influxdb" STREAMGAUGE_INFLUXDB_TOKEN="$influxdb_token" \
    cargo_test --test it \
    -- --ignored influx | tee -a "$cache/tests.log"
}

run_tests_with_both() {
  STREAMGAUGE_KAFKA="$kafka" STREAMGAUGE_INFLUXDB="$influxdb" \
    STREAMGAUGE_INFLUXDB_TOKEN="$influxdb_token" \
    cargo_test --test it -- --ignored services --nocapture |
    tee -a "$cache/tests.log"
}

# With a Kafka of three brokers and an InfluxDB of their own, which they stop.
run_outage_tests() {
  cargo_test --test it -- --ignored outages --nocapture | tee -a "$cache/tests.log"
}

# Clients of others, against both.
run_client_tests() {
  STREAMGAUGE_BIN="${CARGO_TARGET_DIR:-target}/release/streamgauge" \
    STREAMGAUGE_KAFKA="$kafka" STREAMGAUGE_INFLUXDB="$influxdb" \
    STREAMGAUGE_INFLUXDB_TOKEN="$influxdb_token" \
    attempt "the tests by clients of others" deploy/clients/test.sh || missing_or $?
}

run_script_tests() {
  attempt "the tests of deploy/dev" deploy/dev/test.sh || missing_or $?
}

# Each test binary has a line of its own; this is their sum.
sum_up_tests() {
  awk '/^test result:/ { passed += $4; failed += $6 }
    END { printf "%d passed, %d failed\n", passed, failed }' "$cache/tests.log"
}

find_deny() {
  PATH="$PATH:$tools/bin"
  if command -v cargo-deny >/dev/null && cargo deny --version; then
    return 0
  fi
  echo "installing cargo-deny $deny_version into $tools: 2 to 6 minutes, once"
  # A build folder of its own, not needed again.
  local build="$cache/cargo-deny-build"
  CARGO_TARGET_DIR="$build" cargo install cargo-deny --locked --quiet \
    --version "$deny_version" --root "$tools" || return
  rm -rf "$build"
}

step "toolchain" find_rust
step "formatting" cargo fmt --all --check
step "tests of deploy/dev" run_script_tests
step "lints" cargo clippy --workspace --all-targets --release -- -D warnings
step "documentation" document
step "tests" run_tests
step "Kafka" start_kafka
if [[ -n "$kafka" ]]; then
  step "tests with Kafka" run_kafka_tests
fi
if [[ -n "$secured" ]]; then
  step "secured Kafka" start_secured_kafka
  if [[ -n "$secured_kafka" ]]; then
    step "tests with a secured Kafka" run_secured_kafka_tests
  fi
else
  leave_out "the tests with a secured Kafka" "deploy/test.sh --secured"
fi
step "InfluxDB" start_influxdb
if [[ -n "$influxdb" ]]; then
  step "tests with InfluxDB" run_influxdb_tests
fi
if [[ -n "$kafka" && -n "$influxdb" ]]; then
  step "tests with both" run_tests_with_both
  step "tests by clients of others" run_client_tests
else
  leave_out "the tests with both, and by clients of others" "they need Kafka and InfluxDB"
fi
if [[ -n "${STREAMGAUGE_LONG:-}" ]]; then
  step "services for outages" find_outages
  if [[ -n "$outages" ]]; then step "tests of outages" run_outage_tests; fi
else
  leave_out "the long test suites, and the tests of outages" "deploy/test.sh --long"
fi
step "cargo-deny" find_deny
step "licences, bans, sources" cargo deny check licenses bans sources
if [[ -n "$advisories" ]]; then
  step "advisories" cargo deny check advisories
else
  leave_out "the known vulnerabilities of dependencies" "deploy/test.sh --advisories"
fi
stop_services
printf '\nall done in %d s\n' "$SECONDS"
sum_up_tests
printf '%s' "$not_run" >&2
