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

# The tests take both backends, and one after the other would fail where io_uring is refused: by
# the kernel's settings, or by a container's. (io_uring_setup without a place for its answer is
# EFAULT where it is allowed.)
need_io_uring() {
    local refused
    [[ ${COIR_IO-} != epoll ]] || return 0
    refused=$(python3 -c '
import ctypes, errno, os
ctypes.CDLL(None, use_errno=True).syscall(425, 1, None)
error = ctypes.get_errno()
print(os.strerror(error) if error in (errno.EPERM, errno.EACCES, errno.ENOSYS) else "")')
    [[ -n $refused ]] || return 0
    echo "io_uring is refused here ($refused). coir does without, its tests do not." >&2
    echo "Please allow it: sysctl kernel.io_uring_disabled=0, or in a container" >&2
    echo "--security-opt seccomp=unconfined. Or run those that can without: COIR_IO=epoll $0" >&2
    exit 1
}

# The build that tools/test makes and tests, and that tools/check tests again.
build_for_tests() {
    need_io_uring
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
