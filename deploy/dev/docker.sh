# shellcheck shell=bash
# How a service runs in a container: that of deploy/compose.yaml, as a project of its own for
# each data directory, whose file `docker` has its name. Read by kafka.sh and influxdb.sh.
#
# Invariant: it touches no container but that of its data directory's project, and deletes no
# volume but this one's and, of this user's, those whose data directory is gone.

compose_file=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)/compose.yaml
# An image may be large and a registry slow; what takes longer will never come.
pull_seconds=900

# Whether containers can be run: the program may be there, and what it talks to not.
has_docker() {
  command -v docker >/dev/null || return 1
  if { timeout 20 docker compose version && timeout 20 docker info; } >/dev/null 2>&1; then return; fi
  tell "there is docker, but \`docker info\` or \`docker compose version\` fails"
  return 1
}

# Whether the service is to be started in a container: where its data is, or where it may be.
wants_docker() {
  if [[ -s "$data/docker" ]]; then
    local made="$data is of a $service in Docker: take another --data, or \`stop --delete\` it"
    [[ -z "$native" ]] || fail "$made"
    has_docker || missing "$made"
    return
  fi
  [[ -z "$native" && ! -s "$data/$record" ]] && has_docker
}

# In the container, nothing has the lock of descriptor 9.
compose() {
  local token
  token=$(cat "$data/token" 2>/dev/null) || true
  STREAMGAUGE_DEV_PORT="$port" STREAMGAUGE_DEV_TOKEN="$token" \
    STREAMGAUGE_DEV_USER="$UID" STREAMGAUGE_DEV_DATA="$data" \
    docker compose --project-name "$project" --file "$compose_file" "$@" 9>&-
}

pull() {
  timeout --foreground "$pull_seconds" \
    docker compose --file "$compose_file" pull --quiet "$service" >&2 && return
  tell "its image cannot be pulled; what Docker says stands above"
  return 1
}

# Whether there is a container, and it has not ended.
is_running() { [[ -n "$(compose ps --quiet --status running "$service")" ]]; }

# Fails where that cannot be, having said why and left nothing that was not there before.
start_in_docker() {
  pull || return
  enter
  recall start
  if [[ ! -s "$data/docker" ]]; then
    # Meanwhile another start may have gone the native way.
    [[ ! -s "$data/$record" ]] || return
    start_anew
    return
  fi
  project=$(cat "$data/docker")
  if is_running && is_up; then
    tell "was up already, in Docker"
    return
  fi
  is_running || refuse_taken "$port"
  if start_container; then return; fi
  compose down >&2
  return 1
}

start_anew() {
  project="streamgauge-$service-$(cksum <<<"$UID:$data" | cut -d ' ' -f 1)"
  # What is left of a directory of this name that was deleted.
  compose down --volumes >/dev/null 2>&1 || true
  delete_orphans
  refuse_taken "$port"
  echo "$project" >"$data/docker"
  remember
  if start_container; then return; fi
  compose down --volumes >&2 || true
  forget
  rm -f "$data/docker"
  return 1
}

start_container() {
  if compose up --detach "$service" >&2 && wait_for_container; then
    tell "up, in Docker: project $project, and $data"
    return
  fi
  compose logs --tail 15 "$service" >&2 || true
  return 1
}

# It has to answer here: the ports of a Docker that is elsewhere do not.
wait_for_container() {
  local until=$((SECONDS + start_seconds))
  until is_up; do
    if ! is_running; then
      tell "its container has ended; its last words:"
      return 1
    fi
    if ((SECONDS >= until)); then
      tell "it does not answer at 127.0.0.1:$port after $start_seconds s; its last words:"
      return 1
    fi
    sleep 0.1
  done
}

# With --delete, its data too.
stop_in_docker() {
  has_docker || fail "it was started in Docker, which does not answer"
  project=$(cat "$data/docker")
  compose down ${delete:+--volumes} >&2 || fail "it cannot be stopped; what Docker says stands above"
}

status_in_docker() {
  project=$(cat "$data/docker")
  if is_up; then
    echo "$(subject): up, in Docker as $project"
    return
  fi
  if has_docker && is_running; then
    echo "$(subject): does not answer, in Docker as $project"
  else
    echo "$(subject): down"
  fi
  return 3
}

# Deletes the volumes of data directories that are gone.
delete_orphans() {
  local volume directory
  docker volume ls --filter "label=streamgauge.user=$UID" \
    --format '{{.Name}} {{.Label "streamgauge.data"}}' 9>&- |
    while read -r volume directory; do
      if [[ -n "$directory" && ! -d "$directory" ]]; then
        docker volume rm "$volume" >/dev/null 2>&1 9>&- || true
      fi
    done
}
