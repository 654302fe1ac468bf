# Shared by the scripts: messages, the cache, locks. Source it; it changes no shell option.
# shellcheck shell=bash

[ -n "${PLANTON_COMMON_SH:-}" ] && return 0
PLANTON_COMMON_SH=1

# shellcheck disable=SC2034 # of the scripts that source this
PLANTON_TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# Outside the checkout: shared by every checkout of this user, and a clean clone is fast the second time.
PLANTON_CACHE=${PLANTON_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/planton}
export PLANTON_CACHE

say() { printf '%s\n' "$*" >&2; }
warn() { printf 'warning: %s\n' "$*" >&2; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }

# "2/6 " while bootstrap counts its steps, else nothing.
step_prefix() { [ -n "${PLANTON_STEP:-}" ] && printf '%s ' "$PLANTON_STEP" || :; }
progress() { printf '%s%s\n' "$(step_prefix)" "$*" >&2; }

about() { # SECONDS -> "about 4 min"
  if [ "$1" -ge 90 ]; then printf 'about %d min' $((($1 + 30) / 60)); else printf 'about %d s' "$1"; fi
}

# with_lock NAME FUNCTION...: one process at a time. The lock is the kernel's, so a killed run leaves none behind.
# FUNCTION runs in a subshell that holds the lock; it must look again whether its work was done meanwhile.
with_lock() {
  local lock=$PLANTON_CACHE/locks/$1.lock name=$1
  shift
  mkdir -p "$PLANTON_CACHE/locks"
  (
    exec 9>"$lock"
    if ! flock -n 9; then
      progress "$name: waiting for another run that makes it"
      flock 9
    fi
    "$@"
  )
}

# watched WHAT LOG COMMAND...: runs COMMAND with its output in LOG, a line every 30 s, the log's end when it fails.
# Runs in the caller's subshell (with_lock): it sets traps, because bash starts background commands deaf to Ctrl-C.
watched() {
  local what=$1 log=$2 pid t=0 rc=0
  shift 2
  "$@" >"$log" 2>&1 </dev/null 9>&- &
  pid=$!
  # shellcheck disable=SC2064
  trap "kill $pid 2>/dev/null; exit 130" INT TERM HUP
  while kill -0 "$pid" 2>/dev/null; do
    sleep 0.5
    t=$((t + 1))
    [ $((t % 60)) -ne 0 ] || progress "$what: still at it after $((t / 2)) s"
  done
  wait "$pid" || rc=$?
  [ "$rc" -eq 0 ] && return 0
  tail -n 25 "$log" >&2
  say "error: $what failed (exit $rc); the whole log is $log"
  return "$rc"
}

# python_for_venv: prints a python3 that can make virtual environments.
python_for_venv() {
  local p
  # Debian's first: it is the one whose venv package we install.
  for p in /usr/bin/python3 python3; do
    if "$p" -c 'import venv, ensurepip' >/dev/null 2>&1; then printf '%s\n' "$p"; return 0; fi
  done
  return 1
}

# venv_need NAME PIN WHAT PIP-ARGUMENTS...: a virtual environment $PLANTON_CACHE/NAME-PIN, made once.
venv_need() {
  local dir=$PLANTON_CACHE/$1-$2
  [ -e "$dir/.complete" ] && return 0
  with_lock "$1" _venv_make "$@"
}
_venv_make() {
  local dir=$PLANTON_CACHE/$1-$2 name=$1 what=$3 py
  shift 3
  [ -e "$dir/.complete" ] && return 0
  py=$(python_for_venv) || die "$what needs python3 with venv: script/bootstrap --only system installs it (apt-get install python3-venv)"
  mkdir -p "$PLANTON_CACHE/log"
  # A virtual environment holds its own path, so it is made in place and counts only once .complete is there.
  rm -rf "$dir"
  "$py" -m venv "$dir" || die "cannot make a virtual environment in $dir"
  PIP_DISABLE_PIP_VERSION_CHECK=1 watched "$what" "$PLANTON_CACHE/log/$name.log" "$dir/bin/pip" install --no-input "$@"
  touch "$dir/.complete"
}
