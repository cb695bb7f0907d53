#!/usr/bin/env bash
# Resolve every member and the dev group into one lock for all platforms, with hashes and without hosts.
set -euo pipefail
[ -x "$VENV/bin/python" ] || "$PYTHON" -m venv "$VENV"
uv=(uv)
command -v uv >/dev/null 2>&1 && uv --version >/dev/null 2>&1 || { "$VENV/bin/python" -m pip install --quiet "uv==$UV_VERSION"; uv=("$VENV/bin/uv"); }
inputs=(--group pyproject.toml:dev)
for member in "$@"; do inputs+=("$member/pyproject.toml"); done
names=(tocsin tocsin-contracts tocsin-rules tocsin-sources tocsin-runtime tocsin-control tocsin-ingest tocsin-normalizer tocsin-grouper tocsin-query)
skip=()
for name in "${names[@]}"; do skip+=(--no-emit-package "$name"); done
"${uv[@]}" pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-emit-index-url --no-header --no-annotate "${skip[@]}" "${inputs[@]}" -o requirements.lock
