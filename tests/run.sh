#!/usr/bin/env bash
# Runs test programs and ends with the plain count over all of them.
# Usage: tests/run.sh PROGRAM [ARGUMENT...] [-- PROGRAM [ARGUMENT...]]...
#
# Each program's tests are cut into shards, of which as many run at once as there are processors for
# this process; what a shard prints comes when it has ended.
set -u
export GOMP_SPINCOUNT=${GOMP_SPINCOUNT:-1000}  # beside others: core/parallel.h
shards=20
at_once=$("$(dirname "$0")/../.make/jobs.sh")
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT
started=0

# How many tests of a command are to be run; 0 where it does not say.
count_of() {
  "$@" --count 2> /dev/null | sed -n 's/.*passing the current filters: //p' | tail -1
}

shard() {  # NUMBER FIRST LAST COUNT COMMAND...
  local log=$logs/$1 range=("--first=$2" "--last=$3")
  echo "$4" > "$log.count"
  shift 4
  "$@" "${range[@]}" > "$log" 2>&1
  echo "$?" > "$log.status"
  cat "$log"
}

start() {
  [ $# -gt 0 ] || return
  echo "== $*"
  local count size first last
  count=$(count_of "$@")
  size=$(((${count:-0} + shards - 1) / shards))
  if [ "$size" -lt 10 ]; then size=${count:-0}; fi
  first=1
  while :; do
    while [ "$(jobs -rp | wc -l)" -ge "$at_once" ]; do wait -n; done
    started=$((started + 1))
    last=$((first + size - 1))
    if [ "$last" -gt "${count:-0}" ]; then last=${count:-0}; fi
    if [ "$size" -eq 0 ]; then
      shard "$started" 1 1000000 0 "$@" &
    else
      shard "$started" "$first" "$last" "$((last - first + 1))" "$@" &
    fi
    first=$((first + size))
    if [ "$size" -eq 0 ] || [ "$first" -gt "$count" ]; then break; fi
  done
}

command=()
for word in "$@" --; do
  if [ "$word" = -- ]; then
    start ${command[@]+"${command[@]}"}
    command=()
  else
    command+=("$word")
  fi
done
wait

passed=0 failed=0
for ((i = 1; i <= started; ++i)); do
  count=$(sed 's/\x1b\[[0-9;]*m//g' "$logs/$i" |
    sed -n 's/.*test cases: *[0-9]* | *\([0-9]*\) passed | *\([0-9]*\) failed.*/\1 \2/p' | tail -1)
  read -r p f <<< "${count:-0 0}"
  # doctest counts the tests of all shards as passed in each.
  size=$(cat "$logs/$i.count")
  if [ "$size" -gt 0 ] && [ "$p" -gt 0 ]; then p=$((size - f)); fi
  # A program that dies, or fails without counting a failure, is a failure.
  if [ "$(cat "$logs/$i.status")" -ne 0 ] && [ "$f" -eq 0 ]; then f=1; fi
  if [ "$p" -eq 0 ] && [ "$f" -eq 0 ]; then f=1; fi
  passed=$((passed + p)) failed=$((failed + f))
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
