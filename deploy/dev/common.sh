# shellcheck shell=bash
# What kafka.sh and influxdb.sh do alike: start, stop and look at a service, in a container
# (docker.sh) or as processes of this machine (their native.sh). Read by them, which define
# what `service` it is, the file `record` of what a data directory was made with, and:
#
#   recall start|VERB   sets that, as recorded; fails where nothing was, but at a start
#   remember, forget    records it; deletes the record and what else is in the directory
#   is_up               whether it answers
#   address, subject    what `start` prints; what `status` tells about
#   …_natively          install, start, stop, status

# What is not up by then, or not gone, has failed; a busy machine is slow.
start_seconds=120
stop_seconds=30

tell() { printf '%s: %s\n' "$service" "$*" >&2; }
fail() {
  tell "$@"
  exit 1
}
missing() {
  tell "$@"
  exit 4
}
refuse() {
  tell "$1"
  usage >&2
  exit 2
}

# Makes the data directory if need be, and is alone in it from then on.
enter() {
  mkdir -p "$data"
  data=$(cd "$data" && pwd)
  exec 9>"$data/lock"
  flock -w 300 9 || fail "another $service.sh is at work in $data"
}

refuse_taken() {
  if (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; then
    fail "port $1 is taken by another process: choose --port and --data"
  fi
}

start() {
  if wants_docker; then
    if start_in_docker; then
      address
      return
    fi
    [[ ! -s "$data/docker" ]] || missing "its data is Docker's, and so there is no other way"
    tell "natively, then"
  fi
  start_natively
  address
}

# was_started VERB: whether there is anything to stop or to look at.
was_started() {
  if [[ -d "$data" ]] && recall "$1"; then return; fi
  tell "nothing was started in $data"
  return 1
}

stop() {
  was_started stop || return 0
  enter
  if [[ -s "$data/docker" ]]; then stop_in_docker; else stop_natively; fi
  if [[ -z "$delete" ]]; then
    tell "stopped; its data stays, see $data"
    return
  fi
  forget
  rm -f "$data/docker" "$data/lock"
  # There may be something else in it.
  rmdir "$data" 2>/dev/null || true
  tell "stopped, and its data deleted"
}

status() {
  was_started status || return 3
  data=$(cd "$data" && pwd)
  if [[ -s "$data/docker" ]]; then status_in_docker; else status_natively; fi
}

install() {
  if [[ -z "$native" ]] && has_docker && pull; then
    tell "its image is there"
    return
  fi
  install_natively
}

# Does what the arguments have said.
run_verb() {
  [[ -n "$verb" ]] || refuse "what is to be done: start, stop, status or install?"
  [[ -z "$port" || "$port" =~ ^[1-9][0-9]{3,4}$ ]] || refuse "--port is a number from 1000 to 65500, not $port"
  ((${port:-1000} <= 65500)) || refuse "--port is a number from 1000 to 65500, not $port"
  [[ -z "$delete" || "$verb" == stop ]] || refuse "--delete is for stop"
  "$verb"
}
