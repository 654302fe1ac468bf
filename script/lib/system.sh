# Debian packages, from tools/packages.tsv. Source it.
# shellcheck shell=bash
# shellcheck source=script/lib/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

# system_missing GROUP...: the packages of these groups that are not installed, one a line.
system_missing() {
  local group name wanted=" $* " installed
  installed=" $(dpkg-query -W -f '${db:Status-Abbrev} ${Package}\n' 2>/dev/null | sed -n 's/^ii *//p' | tr '\n' ' ') "
  grep -v '^#' "$PLANTON_TOP/tools/packages.tsv" | while IFS=$'\t' read -r group name; do
    case $wanted in *" $group "*) ;; *) continue ;; esac
    case $installed in *" $name "*) ;; *) printf '%s\n' "$name" ;; esac
  done | sort -u
}

# system_consent: may we change the machine? --yes, or somebody who has already told apt not to ask, or CI.
_system_consent() {
  local answer
  [ "${PLANTON_YES:-}" = 1 ] || [ "${DEBIAN_FRONTEND:-}" = noninteractive ] || [ -n "${CI:-}" ] && return 0
  [ -t 0 ] && [ -t 2 ] || die "these packages are missing, and nobody is there to ask: run it with --yes, or do it yourself: $1"
  printf 'Install them now with: %s ? [Y/n] ' "$1" >&2
  read -r answer
  case $answer in '' | [yY]*) return 0 ;; *) die "not installed; do it yourself: $1" ;; esac
}

# system_need GROUP...: installs what is missing of these groups, nothing else.
system_need() {
  local missing as=() list
  if ! have dpkg-query || ! have apt-get; then
    warn "not a Debian-like system: install the equivalents of the packages in tools/packages.tsv ($*) yourself"
    return 0
  fi
  missing=$(system_missing "$@")
  if [ -z "$missing" ]; then progress "system packages: all there"; return 0; fi
  list=$(printf '%s' "$missing" | tr '\n' ' ')
  progress "system packages, $(printf '%s\n' "$missing" | wc -l) to install: $list"
  if [ "$(id -u)" -ne 0 ]; then
    have sudo || die "not root, and no sudo here; as root: apt-get install $list"
    as=(sudo)
  fi
  _system_consent "${as[*]:-}${as[*]:+ }apt-get install $list"
  with_lock system _system_install "${as[*]:-}" "$list"
}
_system_install() {
  local as=() log=$PLANTON_CACHE/log/apt.log packages
  [ -z "$1" ] || as=("$1")
  read -ra packages <<<"$2"
  mkdir -p "$PLANTON_CACHE/log"
  # Ask for the password here, not behind the log.
  [ ${#as[@]} -eq 0 ] || sudo -v || die "sudo refused; as root: apt-get install $2"
  watched "apt-get update" "$log" "${as[@]}" apt-get -q update || return
  watched "apt-get install" "$log" "${as[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get -q -y --no-install-recommends install "${packages[@]}"
}
