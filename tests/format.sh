#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Owns the clang-format check.
#   tests/format.sh              names what is not formatted (exit 77: no clang-format-19 here)
#   tests/format.sh --fix        formats it
#   tests/format.sh --self-test  checks that a badly formatted file is caught
set -euo pipefail

# One version for everybody: another one formats some lines differently.
formatter=clang-format-19
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

sources() { # ROOT
    local folder
    for folder in include lib examples tests bench; do
        if [[ -d $1/$folder ]]; then
            find "$1/$folder" -type f \( -name '*.hpp' -o -name '*.cpp' \) -print0
        fi
    done
}

check() { # ROOT
    sources "$1" | xargs -0 -r "$formatter" --dry-run -Werror --style="file:$root/.clang-format"
}

self_test() {
    local tree
    tree=$(mktemp -d)
    # shellcheck disable=SC2064
    trap "rm -rf '$tree'" EXIT
    mkdir "$tree/lib"
    printf 'int main() { return 0; }\n' >"$tree/lib/tidy.cpp"
    if ! check "$tree"; then
        echo "a formatted file is reported"
        exit 1
    fi
    printf 'int  main( ) {return 0;}\n' >"$tree/lib/untidy.cpp"
    if check "$tree" 2>/dev/null; then
        echo "a badly formatted file is not caught"
        exit 1
    fi
}

if ! command -v "$formatter" >/dev/null; then
    echo "skipped: $formatter is not installed"
    exit 77
fi
case ${1-} in
'') check "$root" ;;
--fix) sources "$root" | xargs -0 -r "$formatter" -i --style="file:$root/.clang-format" ;;
--self-test) self_test ;;
*)
    sed -n '3,6s/^# //p' "${BASH_SOURCE[0]}"
    exit 2
    ;;
esac
