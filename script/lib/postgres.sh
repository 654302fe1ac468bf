# A PostgreSQL server of a script's own, on loopback and a free port. Source it.
# shellcheck shell=bash
# shellcheck source=script/lib/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

_postgres_bin() {
  local bin
  bin=$(find /usr/lib/postgresql -maxdepth 2 -name bin 2>/dev/null | sort -V | tail -n 1)
  [ -n "$bin" ] || die "PostgreSQL is not installed: apt-get install postgresql"
  printf '%s\n' "$bin"
}
# The server refuses to run as root.
_postgres_as() { if [ "$(id -u)" -eq 0 ]; then setpriv --reuid postgres --regid postgres --init-groups "$@"; else "$@"; fi; }

# postgres_start DIR ADMIN-PASSWORD: sets POSTGRES_PORT; DIR/pid holds its pid.
postgres_start() {
  local dir=$1 bin
  bin=$(_postgres_bin)
  mkdir -p "$dir"
  ( umask 077; printf '%s\n' "$2" >"$dir/password" )
  [ "$(id -u)" -ne 0 ] || chown -R postgres "$dir"
  _postgres_as "$bin/initdb" -D "$dir/db" -U postgres --auth=scram-sha-256 --pwfile="$dir/password" -E UTF8 --no-sync >"$dir/log" 2>&1 \
    || { cat "$dir/log" >&2; die "initdb failed"; }
  POSTGRES_PORT=$(_postgres_free_port)
  (cd / && _postgres_as "$bin/postgres" -D "$dir/db" -p "$POSTGRES_PORT" -h 127.0.0.1 -k "$dir" >>"$dir/log" 2>&1) &
  for _ in $(seq 100); do
    "$bin/pg_isready" -q -h 127.0.0.1 -p "$POSTGRES_PORT" && break
    sleep 0.1
  done
  head -n 1 "$dir/db/postmaster.pid" >"$dir/pid"
  printf '%s\n' "$POSTGRES_PORT" >"$dir/port"
}
_postgres_free_port() {
  local port
  for port in $(shuf -i 20000-29999 -n 50); do
    (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { printf '%s\n' "$port"; return; }
  done
}
# postgres_query DIR SQL
postgres_query() {
  PGPASSWORD=$(cat "$1/password") "$(_postgres_bin)/psql" -X -h 127.0.0.1 -p "$(cat "$1/port")" -U postgres -d postgres -c "$2"
}
postgres_stop() {
  local pid
  [ -s "$1/pid" ] || return 0
  pid=$(cat "$1/pid")
  kill -INT "$pid" 2>/dev/null || return 0
  for _ in $(seq 100); do kill -0 "$pid" 2>/dev/null || return 0; sleep 0.1; done
}
