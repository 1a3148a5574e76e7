#!/usr/bin/env bash
# Builds the wheel, installs it, and runs all its tests: none may be skipped.
set -euo pipefail
cd "$(dirname "$0")/../.."
export DEBIAN_FRONTEND=noninteractive OMP_NUM_THREADS=1
unset ENTROPY_LIBRARY # the wheel's own is meant

apt-get update
apt-get install -y --no-install-recommends build-essential cmake ninja-build python3-dev python3-venv
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
. "$work/venv/bin/activate"
pip install --quiet -r bindings/python/tests/requirements.txt
pip wheel --quiet --no-deps --wheel-dir "$work" .
auditwheel show "$work"/libentropy-*.whl | tr '\n' ' ' | grep -E 'platform tag: +"manylinux_'
pip install --quiet "$work"/libentropy-*.whl
ruff check bindings/python
ruff format --check bindings/python
mypy --python-executable "$work/venv/bin/python" bindings/python/libentropy
pytest -p no:cacheprovider bindings/python/tests | tee "$work/log"
if grep -E '[0-9]+ (skipped|deselected|xfailed)' "$work/log"; then echo "these tests did not run"; exit 1; fi
