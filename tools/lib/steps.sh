# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Owns running named steps one after the other, their logs, and the table at the end.

step_rows=()
steps_passed=0
steps_failed=0
log_lines=400

# Runs step_NAME as a program of its own; a failure is shown and the next step follows.
# A step that runs a suite leaves "PASSED FAILED" in $step_counts; any other counts as one test.
run_step() { # NAME ABOUT
    local name=$1 log=build/check/$1.log started=$SECONDS result=0 passed failed
    step_counts=build/check/$name.counts
    rm -f "$step_counts"
    printf '== %s: %s\n' "$name" "$2"
    # In the background, because `set -e` is off inside whatever stands left of a ||.
    (
        set -e
        "step_$name"
    ) >"$log" 2>&1 </dev/null &
    wait $! || result=$?

    if [[ -f $step_counts ]]; then
        read -r passed failed <"$step_counts"
    else
        passed=$((result == 0)) failed=0
    fi
    # A build that breaks has no failing test to show.
    if ((result != 0 && failed == 0)); then failed=1; fi
    steps_passed=$((steps_passed + passed))
    steps_failed=$((steps_failed + failed))
    local verdict=ok
    if ((failed)); then
        verdict=FAILED
        echo "-- the end of $log"
        tail -n "$log_lines" "$log"
        echo "-- $name failed"
    fi
    step_rows+=("$(printf '%-12s %-6s %7d %7d %6d s' "$name" "$verdict" "$passed" "$failed" \
        $((SECONDS - started)))")
}

print_steps() {
    echo
    printf '%-12s %-6s %7s %7s %8s\n' step '' passed failed time
    printf '%s\n' "${step_rows[@]}"
    echo
    echo "$steps_passed passed, $steps_failed failed"
    ((steps_failed == 0))
}
