#!/usr/bin/env bash
# One preview in a pull-request check, whoever runs it: GitHub's action, GitLab's job, a person.
#
# Reads VOLTAIC (a checkout that is set up), PROJECT (folder with Pulumi.yaml), STACKS (names; empty: all), BASE (commit to
# compare with; empty: none), COMMENT (file to write). Ends with the exit code of `voltaic preview`: 0 accepted, 1 refused,
# 2 failed, 3 unknown.
set -euo pipefail

project=$(cd -- "${PROJECT:-.}" && pwd -P)
comment=${COMMENT:?the file to write the comment to}
mkdir -p -- "$(dirname -- "$comment")"
rm -f -- "$comment"
# shellcheck source=/dev/null
. "${VOLTAIC:?the checkout of voltaic}/.voltaic/env.sh"

arguments=(--comment "$comment")
for stack in ${STACKS:-}; do
    arguments+=("--stack=$stack")
done
if [ -n "${BASE:-}" ]; then
    arguments+=("--base=$BASE")
fi

code=0
(cd -- "$project" && voltaic preview "${arguments[@]}") || code=$?
case $code in
0) verdict=accept ;;
1) verdict=refuse ;;
3) verdict=unknown ;;
*) verdict=failed ;;
esac
echo "verdict: $verdict"
if [ -n "${GITHUB_OUTPUT:-}" ]; then
    echo "verdict=$verdict" >> "$GITHUB_OUTPUT"
    if [ -f "$comment" ]; then
        echo "comment=$comment" >> "$GITHUB_OUTPUT"
    fi
fi
if [ -n "${GITHUB_STEP_SUMMARY:-}" ] && [ -f "$comment" ]; then
    cat -- "$comment" >> "$GITHUB_STEP_SUMMARY"
fi
exit "$code"
