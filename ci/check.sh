#!/usr/bin/env bash
# The manifests of a repository in a check: remarks at their lines, and a SARIF report besides where one is wanted.
#
# Reads PATHS (files and folders), PROFILE, FAIL_ON, LEVELS, SARIF (each may be empty). Ends with the exit code of
# `voltaic check`: 0 accepted, 1 refused, 2 unreadable, 3 unknown.
set -euo pipefail

arguments=("--fail-on=${FAIL_ON:-mandatory}")
if [ -n "${PROFILE:-}" ]; then
    arguments+=("--profile=$PROFILE")
fi
if [ -n "${LEVELS:-}" ]; then
    arguments+=("--levels=$LEVELS")
fi
read -r -a paths <<< "${PATHS:-.}"

if [ -n "${SARIF:-}" ]; then
    mkdir -p -- "$(dirname -- "$SARIF")"
    voltaic check "${arguments[@]}" --format sarif -- "${paths[@]}" > "$SARIF" || true # the next line says and judges
fi
format=text
if [ -n "${GITHUB_ACTIONS:-}" ]; then
    format=github
fi
exec voltaic check "${arguments[@]}" --format "$format" -- "${paths[@]}"
