# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
# Owns which Debian packages the tools need, and their installation.

packages_build=(
    g++ meson ninja-build pkg-config
    libboost-context-dev libboost-dev liburing-dev libssl-dev libcli11-dev libfmt-dev
)
packages_test=(
    "${packages_build[@]}" libdw-dev gdb valgrind doctest-dev libbenchmark-dev python3 procps
    nginx-light curl wrk socat openssl cmake linux-perf heaptrack
)
packages_check=(
    "${packages_test[@]}" clang-19 clang-format-19 clang-tidy-19 codespell doxygen
    libclang-rt-19-dev lld-19 llvm-19 spin build-essential debhelper
)
packages_coverage=("${packages_test[@]}" clang-19 llvm-19 libclang-rt-19-dev)
# The peers' languages are not among them: who has none gets the rows of those that are there.
packages_compare=(
    "${packages_build[@]}" libbenchmark-dev libboost-fiber-dev python3 nginx-light curl wrk
)

is_installed() { # PACKAGE
    [[ $(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null) == installed ]]
}

# Names what is missing, then installs it; without the right to, says what to ask for and exits.
need_packages() { # PACKAGE...
    if ! command -v dpkg-query >/dev/null; then
        echo "Not a Debian system: please see to it that the like of these is installed: $*"
        return
    fi
    local package missing=() as_root=()
    for package in "$@"; do
        is_installed "$package" || missing+=("$package")
    done
    ((${#missing[@]})) || return 0

    if ((EUID != 0)); then
        # Without a terminal nobody can type a password.
        if command -v sudo >/dev/null && { [[ -t 0 ]] || sudo -n true 2>/dev/null; }; then
            as_root=(sudo)
        else
            echo "These packages are missing and need root or sudo: ${missing[*]}" >&2
            echo "Please ask for: apt-get install ${missing[*]}" >&2
            exit 1
        fi
    fi
    echo "Installing: ${missing[*]}"
    # The environment is set behind sudo, which would drop it.
    local apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0)
    # Lists that cannot be brought up to date may still do; a package that is not there will not.
    "${apt[@]}" update || echo "apt-get update failed; no network? Trying nevertheless." >&2
    if ! "${apt[@]}" install -y --no-install-recommends "${missing[@]}"; then
        echo "apt-get could not install: ${missing[*]}" >&2
        echo "Is there a network, and do /etc/apt's sources have them? Then please try again." >&2
        exit 1
    fi
}
