#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The newest Python on PATH or of pyenv; with a version (3.11), the newest of that one.
# Prints its path; exits 2 where there is none.
set -eu

pythons() {
    printf '%s\n' "$PATH" | tr : '\n' | while read -r folder; do
        ls "$folder"/python3 "$folder"/python3.* || true
    done
    ls "${PYENV_ROOT:-$HOME/.pyenv}"/versions/*/bin/python3 || true
}

versions() {
    grep -E '/python3(\.[0-9]+)?$' | while read -r python; do
        "$python" -c '
import ensurepip, sys, venv
if sys.version_info.releaselevel == "final" and sys.version_info >= (3, 11):
    print(*sys.version_info[:3], sys.executable)' || true
    done
}

wanted=${1:+$(echo "$1" | tr . ' ') }
found=$({ pythons | versions; } 2>/dev/null | grep "^$wanted" |
    sort -k1,1n -k2,2n -k3,3n | tail -1 | cut -d' ' -f4-)
if [ -z "$found" ]; then
    echo "no Python ${1:-3.11 or newer} with its venv module is on PATH or in pyenv: install it" >&2
    exit 2
fi
echo "$found"
