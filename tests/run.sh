#!/usr/bin/env bash
# Runs test programs one after the other and ends with the plain count over all of them.
# Usage: tests/run.sh PROGRAM [ARGUMENT...] [-- PROGRAM [ARGUMENT...]]...
set -u
export GOMP_SPINCOUNT=${GOMP_SPINCOUNT:-1000}  # beside others: core/parallel.h
passed=0 failed=0 log=$(mktemp)
trap 'rm -f "$log"' EXIT

run() {
  [ $# -gt 0 ] || return
  echo "== $*"
  "$@" | tee "$log"
  local status=${PIPESTATUS[0]}
  local count
  count=$(sed -n 's/.*test cases: *[0-9]* | *\([0-9]*\) passed | *\([0-9]*\) failed.*/\1 \2/p' \
      <(sed 's/\x1b\[[0-9;]*m//g' "$log") | tail -1)
  read -r p f <<< "${count:-0 0}"
  # A program that dies, or fails without counting a failure, is a failure.
  if [ "$status" -ne 0 ] && [ "$f" -eq 0 ]; then f=1; fi
  if [ "$p" -eq 0 ] && [ "$f" -eq 0 ]; then f=1; fi
  passed=$((passed + p)) failed=$((failed + f))
}

command=()
for word in "$@" --; do
  if [ "$word" = -- ]; then
    run ${command[@]+"${command[@]}"}
    command=()
  else
    command+=("$word")
  fi
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
