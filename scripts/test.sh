#!/bin/sh
# Everything that must hold before a change goes in: the quality gates, then all tests. Exit code 1 if any failed.
set -u
cd -- "$(dirname -- "$0")/.." || exit
. ./.voltaic/env.sh
exec </dev/null

sh scripts/check.sh
gates=$?
python -m pytest --cov --cov-report=term-missing:skip-covered
tests=$?
if [ "$gates" -ne 0 ]; then
    echo "quality gates failed: see above, or run \`make check\`" >&2
    exit 1
fi
exit "$tests"
