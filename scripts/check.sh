#!/bin/sh
# Every quality gate, all of them even if one fails: `sh scripts/check.sh` after set-up. Exit code 1 if any failed.
set -u
cd -- "$(dirname -- "$0")/.." || exit
. ./.voltaic/env.sh

failed=
gate() { # title, command
    title=$1
    shift
    if report=$("$@" 2>&1 </dev/null); then
        echo "ok      $title"
    else
        failed="$failed $title"
        echo "FAILED  $title"
        printf '%s\n' "$report" | sed 's/^/        /'
    fi
}

host_tests() { # built together with the host that they test, so that they need no Go
    if [ ! -x .voltaic/go-tests/host.test ]; then
        echo "an installed Pulumi is used, its host is not ours to test"
        return 0
    fi
    tests=$PWD/.voltaic/go-tests/host.test
    (cd toolchain/pulumi/internal/host && "$tests" -test.timeout=5m)
}

# Go's own gates need its module cache, which set-up drops: they run where it was kept (VOLTAIC_KEEP_GO_CACHE=1).
go_sources() {
    cache=${VOLTAIC_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/voltaic}/go
    if [ ! -d "$cache/mod" ] || ! command -v go >/dev/null; then
        return 0
    fi
    cd toolchain/pulumi || return
    unformatted=$(gofmt -l . ../kubernetes-provider)
    if [ -n "$unformatted" ]; then
        echo "gofmt would change: $unformatted"
        return 1
    fi
    GOMODCACHE=$cache/mod GOCACHE=$cache/build GOFLAGS='-modcacherw -mod=readonly -buildvcs=false' \
        GOTOOLCHAIN=local CGO_ENABLED=0 go vet ./...
}

gate lint ruff check .
gate format ruff format --check .
gate types mypy
gate architecture lint-imports
gate go-sources go_sources
gate language-host host_tests
[ -z "$failed" ] || {
    echo "failed:$failed" >&2
    exit 1
}
