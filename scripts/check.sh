#!/bin/sh
# Every quality gate, all of them even if one fails: `sh scripts/check.sh` after set-up. Exit code 1 if any failed.
set -u
cd -- "$(dirname -- "$0")/.." || exit
. ./.voltaic/env.sh

failed=
gate() { # title, command
    title=$1
    shift
    report=$("$@" 2>&1 </dev/null)
    case $? in
    0) echo "ok      $title" ;;
    77) echo "skipped $title: $report" ;;
    *)
        failed="$failed $title"
        echo "FAILED  $title"
        printf '%s\n' "$report" | sed 's/^/        /'
        ;;
    esac
}

host_tests() { # built together with the host that they test, so that they need no Go
    if [ ! -x .voltaic/go-tests/host.test ]; then
        echo "an installed Pulumi is used, and its host is not ours to test"
        return 77
    fi
    tests=$PWD/.voltaic/go-tests/host.test
    (cd toolchain/pulumi/internal/host && "$tests" -test.timeout=5m)
}

go_sources() { # vet needs the caches of Go, which set-up drops unless it is told to keep them
    cache=${VOLTAIC_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/voltaic}/go
    if [ ! -d "$cache/mod" ] || ! command -v go >/dev/null; then
        echo "needs Go and its caches: build with VOLTAIC_KEEP_GO_CACHE=1"
        return 77
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
