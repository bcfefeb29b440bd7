#!/bin/sh
# Prints the Python that set-up runs under. What the machine lacks is said in one error, with how to get it.
# Needs nothing but a POSIX shell. Usage: sh toolchain/setup/prerequisites.sh
set -u

missing=
lack() { # what, why, apt, dnf, brew
    missing="$missing
  $1: $2
      apt install $3   |   dnf install $4   |   brew install $5"
}

newest=
python=
for name in python3 python3.14 python3.13 python3.12 python3.11; do
    path=$(command -v "$name" 2>/dev/null) || continue
    # A version manager's shim can be there without a Python behind it: only one that answers counts.
    found=$("$path" -c 'import sys; print("%d.%d.%d" % sys.version_info[:3], sys.version_info >= (3, 11), sys.executable)' \
        2>/dev/null) || continue
    version=${found%% *}
    rest=${found#* }
    if [ "${rest%% *}" = True ]; then
        python=${rest#* }
        break
    fi
    newest=${newest:-$version}
done
if [ -z "$python" ]; then
    if [ -n "$newest" ]; then
        lack "Python 3.11 or newer" "found $newest only" "python3 python3-venv" python3.12 python@3.13
    else
        lack "Python 3.11 or newer" "not found" "python3 python3-venv" python3.12 python@3.13
    fi
elif ! command -v uv >/dev/null 2>&1 && [ ! -x "$(ls -d .voltaic/tools/uv-*/bin/uv 2>/dev/null | head -n 1)" ] &&
    ! "$python" -c 'import importlib.util as i; raise SystemExit(not (i.find_spec("pip") or i.find_spec("ensurepip")))'; then
    lack "pip for $python" "not found, and no uv either" "python3-venv" python3-pip uv
fi
command -v make >/dev/null 2>&1 || lack make "not found" make make make
command -v git >/dev/null 2>&1 || lack git "not found" git git git

if [ -n "$missing" ]; then
    printf 'this machine lacks what set-up needs:%s\n' "$missing" >&2
    exit 1
fi
printf '%s\n' "$python"
