#!/bin/sh
# Pin every dependency with hashes. dev.txt sets the versions, and the other files use it as a constraint.
# --universal makes each file valid for all Python versions and platforms. The files contain no index address.
set -eu
cd "$(dirname "$0")/.."
lock() {
    out=$1
    shift
    uv pip compile "$@" --universal --python-version 3.11 --generate-hashes --quiet --no-header \
        --no-emit-index-url --no-annotate --output-file "requirements/$out.txt" $UPGRADE
}
UPGRADE=${UPGRADE:-}
lock dev pyproject.toml --group dev
UPGRADE=
lock local pyproject.toml --group local --constraint requirements/dev.txt
lock api --group api --constraint requirements/dev.txt
lock worker --group worker --constraint requirements/dev.txt
lock notifier --group notifier --constraint requirements/dev.txt
lock audit --group audit --constraint requirements/dev.txt
lock checkov --group checkov
lock generators --group generators
lock lambda-box --group lambda-box
lock bench --group bench --constraint requirements/dev.txt
