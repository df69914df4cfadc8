#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Owns the spelling of pages and comments, by codespell; .codespellrc says what it leaves alone.
#   tests/spelling.sh              names the words (exit 77: no codespell here)
#   tests/spelling.sh --self-test  checks that a misspelt word is caught
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

check() { # ROOT
    (cd "$1" && codespell --config "$root/.codespellrc" .)
}

self_test() {
    local tree
    tree=$(mktemp -d)
    # shellcheck disable=SC2064
    trap "rm -rf '$tree'" EXIT
    printf 'a receiver\n' >"$tree/page.md"
    if ! check "$tree"; then
        echo "a page without mistakes is reported"
        exit 1
    fi
    printf 'a rec%sver\n' ie >"$tree/page.md"
    if check "$tree" >/dev/null; then
        echo "a misspelt word is not caught"
        exit 1
    fi
}

if ! command -v codespell >/dev/null; then
    echo "skipped: codespell is not installed"
    exit 77
fi
case ${1-} in
'') check "$root" ;;
--self-test) self_test ;;
*)
    sed -n '3,5s/^# //p' "${BASH_SOURCE[0]}"
    exit 2
    ;;
esac
