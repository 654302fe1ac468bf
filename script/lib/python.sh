# The tests' Python, in a virtual environment of its own. Source it; python_need exports PLANTON_PYTHON.
# shellcheck shell=bash
# shellcheck source=script/lib/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

python_need() {
  local requirements=$PLANTON_TOP/tests/requirements.txt pin
  pin=$({ cat "$requirements"; "$(python_for_venv || echo true)" --version; } | sha256sum | cut -c1-12)
  [ -e "$PLANTON_CACHE/python-$pin/.complete" ] || progress "Python packages for the tests, about 30 s"
  venv_need python "$pin" "Python packages" -r "$requirements" || return
  export PLANTON_PYTHON=$PLANTON_CACHE/python-$pin/bin/python
}
