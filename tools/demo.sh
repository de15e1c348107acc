#!/usr/bin/env bash
# The tutorial in one go: starts its server, instruments it, sends its requests, prints the trace lines as they come and the
# metrics at the end, and leaves nothing running. Exits with 1 when a trace line is missing.
# Usage: demo.sh [BEYLA_BINARY]
set -euo pipefail

repository=$(cd "$(dirname "$0")/.." && pwd)
beyla=${1:-$repository/build/release/beyla}
work=$(mktemp -d)
root=()
server_pid=
lines_seen=0

if [[ $(id -u) != 0 ]]; then
  root=(sudo)
fi

fail() {
  echo "demo: $1" >&2
  [[ -s $work/log ]] && sed 's/^/  beyla: /' "$work/log" >&2
  exit 1
}

# Polls the command for up to $1 seconds.
wait_for() {
  local tries=$(($1 * 20))
  shift
  until "$@"; do
    ((tries-- > 0)) || return 1
    sleep 0.05
  done
}

is_taken() {
  (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

free_port_from() {
  local port=$1
  while is_taken "$port"; do
    port=$((port + 1))
  done
  echo "$port"
}

# The agent's own pid, also where sudo stands between it and us.
agent_pid() {
  cat "$work/agent.pid" 2>/dev/null
}

agent_is_gone() {
  local pid
  pid=$(agent_pid) || return 0
  [[ ! -e /proc/$pid ]]
}

stop_agent() {
  local pid
  pid=$(agent_pid) || return 0
  [[ -e /proc/$pid ]] && "${root[@]}" kill -TERM "$pid"
  wait_for 5 agent_is_gone || "${root[@]}" kill -KILL "$pid"
  rm -f "$work/agent.pid"
}

clean_up() {
  stop_agent || true
  [[ -n $server_pid ]] && kill "$server_pid" 2>/dev/null
  rm -rf "$work"
}
trap clean_up EXIT

start_server() {
  port=$(free_port_from 8080)
  (cd "$repository/examples" && CGO_ENABLED=0 GOTOOLCHAIN=local go build -o "$work/testserver" server.go)
  "$work/testserver" "$port" &
  server_pid=$!
  wait_for 10 is_taken "$port" || fail "the server doesn't listen on port $port"
}

is_ready() {
  grep -q "instrumentation ready" "$work/log"
}

start_agent() {
  metrics_port=$(free_port_from 8999)
  echo "\$ BEYLA_PROMETHEUS_PORT=$metrics_port PRINT_TRACES=true OPEN_PORT=$port sudo -E beyla"
  : >"$work/log"
  # shellcheck disable=SC2016  # expanded by the inner shell
  "${root[@]}" env BEYLA_PROMETHEUS_PORT="$metrics_port" PRINT_TRACES=true OPEN_PORT="$port" \
    sh -c 'echo $$ >"$1/agent.pid"; exec "$2"' sh "$work" "$beyla" >"$work/traces" 2>"$work/log" &
  wait_for 20 is_ready || fail "the agent isn't ready after 20 s"
}

has_new_line() {
  (($(wc -l <"$work/traces") > lines_seen))
}

# Sends one request with curl and prints the trace line it must bring, which contains $1.
send() {
  local expected=$1 line
  shift
  echo "\$ curl $*"
  curl -sS -o /dev/null "$@"
  wait_for 3 has_new_line || fail "no trace line for: curl $*"
  line=$(tail -n +$((lines_seen + 1)) "$work/traces")
  echo "$line"
  [[ $line == *"$expected"* ]] || fail "expected '$expected' in this line"
  lines_seen=$(wc -l <"$work/traces")
}

[[ -x $beyla ]] || fail "$beyla is missing: run make build"
start_server
start_agent
send " 200 GET /hello " "http://localhost:$port/hello"
send " 200 GET /bye " "http://localhost:$port/bye"
send " 200 POST /post " -X POST -d "abcdef" "http://localhost:$port/post?delay=200ms"
send " 404 GET /missing " "http://localhost:$port/missing?status=404"

echo "\$ curl http://localhost:$metrics_port/metrics"
curl -sS "http://localhost:$metrics_port/metrics" >"$work/metrics"
grep -E '^(# (HELP|TYPE) )?http_' "$work/metrics" || fail "no http_ metrics"
