#!/usr/bin/env bash
# shellcheck disable=SC2154  # what the two other parts set
# Runs trainings and studies for hours, disturbs them, and compares what they leave with the results
# of runs that nobody disturbed.
# Usage: tests/soak.sh [SECONDS] [SEED]        two hours and seed 1, if not said otherwise
#   BIN=DIR   the folder of the programs (apps)
#   KEEP=1    leaves the folder with all files where it is
#   ONLY=N    does only round N of that seed, alone
#
# Up to three jobs (tests/soak_jobs.sh) run at once. What is done to them at random moments, by
# tests/soak_round.sh:
#   stop    SIGSTOP, and SIGCONT after a while
#   rival   while it is stopped, the same command again, which must be refused
#   kill    SIGKILL, then the job goes on (--resume); it may be killed again
#   int     SIGINT, as Ctrl-C sends it, then the job goes on
#   fill    its file system, which has a few MB, is filled, and emptied later; a job that fails of
#           it goes on when there is room
# A round is one job from its start to its end. It passes if the results have the bits of the
# reference, each message and exit code is one that was to be expected, no file was broken or left
# over on the way, and memory did not grow. When the time is over, the last rounds come to their end.
set -u
export LC_ALL=C GOMP_SPINCOUNT=${GOMP_SPINCOUNT:-1000}
here=$(cd "$(dirname "$0")" && pwd)
seconds=${1:-7200} seed=${2:-1}
bin=$(cd "${BIN:-$here/../apps}" && pwd) || exit 2
for number in "$seconds" "$seed" "${ONLY:-1}"; do
  if ! [[ $number =~ ^(0|[1-9][0-9]{0,8})$ ]]; then echo "soak: $number is no number" >&2; exit 2; fi
done
for program in mnist_distill distill_study mnist_predict digit_sheet; do
  if ! [ -x "$bin/$program" ]; then echo "soak: no $bin/$program: run make first" >&2; exit 2; fi
done

# In a mount namespace of its own the small file systems go with this script, however it ends.
if [ -z "${SOAK_DISKS:-}" ]; then
  export SOAK_DISKS=no
  for way in -m -Urm; do
    # shellcheck disable=SC2016
    if unshare $way sh -c 'd=$(mktemp -d) && mount -t tmpfs soak "$d" && umount "$d"; e=$?
                           rmdir "$d"; exit $e' 2> /dev/null; then
      SOAK_DISKS=yes exec unshare $way bash "$0" "$@"
    fi
  done
fi
for part in soak_jobs.sh soak_round.sh; do
  # shellcheck source=/dev/null
  . "$here/$part"
done

top=$(mktemp -d)
mkdir "$top/ref" "$top/round"
clean_up() {
  local running
  running=$(jobs -rp)
  # shellcheck disable=SC2086
  if [ -n "$running" ]; then kill -TERM $running 2> /dev/null; wait; fi
  if [ -n "${KEEP:-}" ]; then echo "files: $top"; else rm -rf "$top"; fi
}
trap clean_up EXIT
trap 'echo "soak: ended by a signal"; exit 130' INT TERM HUP
now; began=$ms

running() { jobs -rp | wc -l; }
start_round() { round "$@" & }

# Sums over all rounds so far.
count_kind() { cat "$top"/round/*.kinds 2> /dev/null | grep -cx "$1"; }
count_rounds() {
  failed=$(find "$top/round" -name '*.faults' | wc -l)
  passed=$(($(find "$top/round" -name '*.peak' | wc -l) - failed))
}
print_counts() {
  local kind
  now
  count_rounds
  printf '[%5d s] %d rounds passed, %d failed;' $(((ms - began) / 1000)) "$passed" "$failed"
  for kind in stop rival kill int fill; do printf ' %s %d,' $kind "$(count_kind $kind)"; done
  printf ' went on %d times\n' "$(count_kind again)"
}

"$bin/digit_sheet" --columns 1 --out "$top/sheet.png" > /dev/null || exit 1
echo "soak of $seconds s, seed $seed; first each job undisturbed, as the reference"
for job in "${jobs[@]}"; do
  start_round reference "$job"
  wait
  if ! [ -e "$top/ref/$job.peak" ] || [ -e "$top/ref/$job.faults" ]; then
    echo "soak: $job fails undisturbed"; echo "0 passed, 1 failed"; exit 1
  fi
done
if [ "$SOAK_DISKS" = no ]; then
  echo "no small disks: neither root nor a user namespace may mount a tmpfs here"
fi

started=0 told_at=$began at_once=1
if [ -n "${ONLY:-}" ]; then
  start_round "$ONLY"
  wait
  started=1
else
  while now; [ $((ms - began)) -lt $((seconds * 1000)) ]; do
    if [ "$(running)" -lt $at_once ]; then
      started=$((started + 1))
      start_round $started
      RANDOM=$((seed * 7919 + started)) picked=$RANDOM$RANDOM$RANDOM
      random 1 3; at_once=$picked
    fi
    if [ $((ms - told_at)) -gt 600000 ]; then told_at=$ms; print_counts; fi
    sleep 0.5
  done
  echo "the time is over; the last $(running) rounds come to their end"
  wait
fi

echo
echo "job           rounds   peak of memory in KB: reference   first    last  largest"
for job in "${jobs[@]}"; do
  read -r _ _ reference < "$top/ref/$job.peak"
  cat "$top"/round/*.peak 2> /dev/null | sort -n | awk -v job="$job" -v reference="$reference" '
    $2 == job { if (!n++) first = $3; last = $3; if ($3 > most) most = $3 }
    END { printf "%-12s %7d %33d %7d %7d %8d%s\n", job, n, reference, first, last, most,
                 n ? "" : "  NOT CHECKED: it had no turn" }'
done
cat "$top"/ref/*.flat "$top"/round/*.flat 2> /dev/null | awk '
  { ++n; if ($4 - $3 > most || n == 1) { most = $4 - $3; text = $1 ", " $3 " KB then " $4 " KB" } }
  END { if (n) printf "runs of 30 s and more: %d; most growth from the second quarter to the last: %s\n", n, text
        else print "NOT CHECKED: no run was long enough to see whether memory grows" }'
echo
while read -r kind text; do
  count=$(count_kind "$kind")
  printf '%-42s %6d\n' "$text" "$count"
  if [ "$count" -eq 0 ] && [[ $kind =~ ^(stop|rival|kill|int|fill|full)$ ]]; then
    echo "  NOT CHECKED: this never happened"
  fi
done << 'END'
stop stopped for a while (SIGSTOP, SIGCONT)
rival refused beside a stopped run
kill killed (SIGKILL)
int interrupted (SIGINT)
fill disk filled
full runs that failed with a full disk
again went on
torso temporary files found after a kill
difference rounds with other bits
END
if [ "$SOAK_DISKS" = no ]; then echo "NOT CHECKED: full disks: no tmpfs can be mounted here"; fi
count_rounds
failed=$((started - passed))  # also those that left no trace
if [ "$failed" -gt 0 ]; then
  echo "again, one round alone: ONLY=N tests/soak.sh $seconds $seed"
fi
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
