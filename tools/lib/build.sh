# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Owns how the tools configure, build and test.

# Configures a build folder, or brings the options of an existing one up to date. Under COIR_STRICT,
# which the CI sets, warnings are errors.
configure() { # FOLDER MESON-OPTION...
    local folder=$1
    shift
    if [[ -n ${COIR_STRICT-} ]]; then set -- "$@" -Dwerror=true; fi
    if [[ -f $folder/build.ninja ]]; then
        meson configure "$folder" "$@"
    else
        # What a failed set-up left behind would only confuse the next.
        rm -rf "$folder"
        meson setup "$folder" "$@"
    fi
}

# The build that tools/test makes and tests, and that tools/check tests again.
build_for_tests() {
    configure build/test --buildtype=debugoptimized \
        -Dtests=enabled -Dexamples=enabled -Dbenchmarks=enabled
    ninja -C build/test
}

# The tests of a folder that passed and failed at its last `meson test`: "PASSED FAILED".
count_tests() { # FOLDER [SETUP]
    local log=$1/meson-logs/testlog${2:+-$2}.json
    if [[ ! -f $log ]]; then
        echo 0 0
        return
    fi
    local passed all skipped
    passed=$(grep -cE '"result": "(OK|EXPECTEDFAIL)"' "$log") || true
    skipped=$(grep -c '"result": "SKIP"' "$log") || true
    all=$(grep -c '"result": "' "$log") || true
    echo "$passed $((all - passed - skipped))"
}
