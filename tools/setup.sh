#!/usr/bin/env bash
# Create the virtual environment from requirements.lock: hashes required, members editable.
set -euo pipefail
fail() { printf 'tocsin: %s\n' "$1" >&2; exit 1; }

command -v "$PYTHON" >/dev/null 2>&1 || fail "no $PYTHON on the PATH. Install Python 3.11 or newer, or say which: make PYTHON=/path/to/python3"
"$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || fail "$("$PYTHON" --version) is too old. Install Python 3.11 or newer, or say which: make PYTHON=/path/to/python3.11"

if [ ! -x "$VENV/bin/python" ]; then
  printf 'Creating %s …\n' "$VENV"
  "$PYTHON" -m venv "$VENV" >/dev/null 2>&1 || { rm -rf "$VENV"; fail "$PYTHON has no venv module. On Debian or Ubuntu: apt-get install python3-venv"; }
fi
if command -v uv >/dev/null 2>&1 && uv --version >/dev/null 2>&1; then
  uv=(uv)
else
  [ -x "$VENV/bin/uv" ] || "$VENV/bin/python" -m pip install --quiet --disable-pip-version-check "uv==$UV_VERSION" \
    || fail "cannot install uv. Check the network (a proxy is read from the environment), then run make again"
  uv=("$VENV/bin/uv")
fi
printf 'Installing what requirements.lock names …\n'
"${uv[@]}" pip install --quiet --python "$VENV/bin/python" --require-hashes -r requirements.lock \
  || fail "installing the locked packages failed (reason above). Check the network, then run make again"
editable=()
for member in "$@"; do editable+=(-e "$member"); done
"${uv[@]}" pip install --quiet --python "$VENV/bin/python" --no-deps "${editable[@]}" || fail "installing Tocsin's own packages failed (reason above)"
