#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Runs an echo server and its load for a moment: trial.sh SERVER LOAD
set -euo pipefail

coproc server { exec "$1"; }
read -r port <&"${server[0]}"
told=$("$2" "$port" "$server_PID" 8 0.05 32)
kill "$server_PID"
echo "$told"
grep -Eq '^requests_per_s [1-9]' <<<"$told"
