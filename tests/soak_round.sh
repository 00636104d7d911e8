# One round of tests/soak.sh: a job from its start to its end, what is done to it, and the checks. It
# is sourced, not run; `top`, `seed`, `bin` and the jobs are there already.
# shellcheck shell=bash disable=SC2154

now() { ms=$((${EPOCHREALTIME/./} / 1000)); }
random() { picked=$(($1 + (RANDOM * 32768 + RANDOM) % ($2 - $1 + 1))); }  # from $1 to $2
tenths() { printf '%d.%d' $(($1 / 1000)) $(($1 % 1000 / 100)); }         # ms as seconds
wrong() { echo "$*" >> "$base.faults"; }
event() { now; echo "$1" >> "$base.kinds"; told+=", $1 $(tenths $((ms - start)))"; }

# Memory: the peak in KB, and what is resident, once a second while it runs.
sample() {
  local key value
  while read -r key value _; do
    case $key in
      VmHWM:) if [ "$value" -gt "$peak" ]; then peak=$value; fi ;;
      VmRSS:) if [ $((ran / 1000)) -ge ${#rss[@]} ]; then rss+=("$value"); fi ;;
    esac
  done 2> /dev/null < "/proc/$pid/status"
}
median() { printf '%s\n' "$@" | sort -n | sed -n "$((($# + 1) / 2))p"; }
check_flat() {  # the last quarter of a run beside the second: medians, so that its end counts little
  local n=${#rss[@]} second last
  if [ "$n" -lt 30 ] || ! [[ " ${steady[*]} " == *" $job "* ]]; then return; fi
  second=$(median "${rss[@]:n / 4:n / 4}") last=$(median "${rss[@]:n * 3 / 4}")
  echo "$job $n $second $last" >> "$base.flat"
  if [ "$last" -gt $((second + second / 10 + 2048)) ]; then
    wrong "memory grew in a run of $n s: from $second KB in its second quarter to $last KB"
  fi
}

ticks=$(getconf CLK_TCK)
alive() {  # and how long it has computed, in ms
  local stat='' fields
  read -r stat 2> /dev/null < "/proc/$pid/stat"
  read -ra fields <<< "${stat##*) }"
  if [[ ${fields[0]:-X} == [ZX] ]]; then return 1; fi
  computed=$(((fields[11] + fields[12]) * 1000 / ticks))
}
signal() { kill "-$1" "$pid" 2> /dev/null; }  # it may have ended just now
fill() {  # all but some KB
  filled=1 was_full=1
  dd if=/dev/zero of=filler bs=4k 2> /dev/null
  random 0 60
  truncate -s "-$((picked < 20 ? 0 : picked))K" filler
}
empty() {
  if [ "$filled" = 1 ]; then told+=", empty"; fi
  rm -f filler
  filled=0
}
rival() {  # the same command beside the stopped run
  local code
  if flock -n "$folder" true; then return; fi  # the run has not come to its lock yet
  timeout 60 "${command[@]}" > "$base.rival" 2>&1
  code=$?
  echo rival >> "$base.kinds"
  told+=', rival'
  if [ "$code" -ne 1 ] || ! grep -qE 'in use by another run|has checkpoints of a run' "$base.rival"
  then wrong "a second run beside it ended with $code: $(tail -n 1 "$base.rival")"; fi
}
rest() {  # a pause for the program, which does not count as its time
  local from=$ms
  random 100 3000
  signal STOP
  sleep "$(tenths "$picked")"
  if [ "$on_disk" = no ]; then rival; fi
  signal CONT
  now; paused=$((ms - from))
}
disturb() {
  local kinds=(stop stop kill int kill) kind
  if [ "$on_disk" = yes ]; then kinds=(stop kill fill fill int); fi
  random 0 4
  kind=${kinds[picked]}
  if [ "$filled" = 1 ] && [ "$picked" -ge 2 ]; then empty; return; fi
  left=$((left - 1))
  event "$kind"
  case $kind in
    stop) rest ;;
    kill) signal KILL && sent='kill' ;;
    int) signal INT && sent='int' ;;
    fill) fill ;;
  esac
}

# Runs the job once. Leaves its exit code in `code`, and in `sent` the signal that was to end it.
attempt() {
  local step=0 last next before=0 idle=0
  computed=0 sent='' paused=0 ran=0 rss=() was_full=$filled
  set_command "$job"
  env --default-signal=INT,QUIT "${command[@]}" > printed 2> "$base.err" &
  pid=$!
  now; last=$ms
  random 2 60; next=$((usual * picked / 100))
  while alive; do
    sample
    sleep 0.1
    now; step=$((ms - last - paused)); last=$ms paused=0 ran=$((ran + step))
    # On a busy machine it may take long; it hangs if it computes for ever, or not at all.
    idle=$((computed == before ? idle + step : 0)) before=$computed
    if [ "$computed" -gt $((usual * 40 + 60000)) ] || [ "$idle" -gt 120000 ]; then
      wrong "it hangs: $(tenths "$computed") s computed, $(tenths "$idle") s idle; killed"
      signal KILL; break
    elif [ "$ran" -ge $next ] && [ -z "$sent" ] && alive; then
      if [ "$left" -gt 0 ]; then disturb; else empty; fi
      random 2 40; next=$((ran + usual * picked / 100))
    fi
  done
  wait "$pid" 2> /dev/null
  code=$?
  pid=''
  check_flat
}

# Whether the exit code and the messages are those of what was done; ends the round if not.
check_end() {
  local what torsos broken
  what="exit code $code: $(tail -n 1 "$base.err")"
  if grep -qE 'Sanitizer|runtime error|terminate called|ssertion' "$base.err"; then
    wrong "$what"; return 1
  fi
  torsos=$(find . -name '.limbeck-*')
  if [ -n "$torsos" ]; then
    # A run that is killed cannot take its temporary file away; any other must.
    if [ "$code" -gt 128 ] && ! grep -q 'stopped after' "$base.err"; then
      echo torso >> "$base.kinds"
    else
      wrong "left over after $what: $torsos"
    fi
    find . -name '.limbeck-*' -delete
  fi
  case $code-$sent in
    0-*)
      if grep -q ': error:' "$base.err" || { ! is_study "$job" && [ -s "$base.err" ]; }; then
        wrong "$what"
      fi
      return 0 ;;
    137-kill | 130-int) ;;
    1-*)
      if [ "$was_full" = 0 ] || ! grep -q 'error:.*No space left on device' "$base.err"; then
        wrong "$what"; return 1
      fi
      echo full >> "$base.kinds"
      told+=", failed" ;;
    *) wrong "$what"; return 1 ;;
  esac
  broken=$(broken_files "$top/ref/$job.sums" "$top/ref/$job")
  if [ -n "$broken" ]; then wrong "after $what: neither old nor new: $broken"; return 1; fi
}

# Ends the job at once: the script is being ended.
abandon() {
  if [ -n "$pid" ]; then signal KILL; wait "$pid"; fi
  cd "$top" || exit 1
  if [ "$on_disk" = yes ]; then umount "$base"; fi
  exit 1
}

choose() {  # NUMBER: a job, how often it is disturbed, and where it works
  RANDOM=$((seed * 7919 + $1)) picked=$RANDOM$RANDOM$RANDOM  # near seeds begin alike
  job=${jobs[(seed + $1) % ${#jobs[@]}]}  # each has its turn
  random 0 8; left=$picked
  random 1 5; if [ "$picked" -le 2 ] && [ "$SOAK_DISKS" = yes ]; then on_disk=yes left=$((left + 2)); fi
}

check_results() {
  local names most
  names=$(diff "$top/ref/$job.sums" "$base.sums" | sed -n 's/^[<>] [^ ]* //p' | sort -u)
  if [ -n "$names" ]; then
    echo difference >> "$base.kinds"
    wrong "not the bits of the reference: ${names//$'\n'/, }"
  fi
  read -r _ _ most < "$top/ref/$job.peak"
  if [ "$peak" -gt $((most + most / 10 + 2048)) ]; then
    wrong "its peak of memory is $peak KB, the reference's $most KB"
  fi
}

tell() {  # TITLE
  local result=ok place=
  if [ -e "$base.faults" ]; then result=FAILED; fi
  if [ "$on_disk" = yes ]; then place=' on a small disk'; fi
  now
  printf '[%5d s] %s: %s%s: %s%s; %s s, peak %d KB\n' $(((ms - began) / 1000)) "$1" "$job" "$place" \
    "$result" "$told" "$(tenths "$ran")" "$peak"
  if [ "$result" = FAILED ]; then
    sed 's/^/    /' "$base.faults"
    tail -n 3 "$base.err" | sed 's/^/    | /'
  fi
}

# A job from start to end, with its disturbances. All that is random follows from SEED and NUMBER.
round() {  # NUMBER, or "reference" and a job
  local title="round $1" old_files size usual_kb=0
  base=$top/round/$1 pid='' told='' peak=0 left=0 filled=0 on_disk=no usual=60000
  trap abandon TERM
  if [ "$1" = reference ]; then
    title=$1 job=$2 base=$top/ref/$2 old_files=/dev/null
  else
    choose "$1"
    old_files=$top/ref/$job.sums
    read -r usual usual_kb < "$top/ref/$job.usual"
  fi
  exec 2> "$base.shell"
  if is_study "$job"; then folder=study; else folder=save; fi
  mkdir "$base"
  if [ "$on_disk" = yes ]; then
    size=$((usual_kb + usual_kb / 4 + 2000))
    mount -t tmpfs -o "size=${size}k" soak "$base" || exit 1
  fi
  cd "$base" || exit 1
  make_old_files "$job" "$old_files"
  now; start=$ms
  while attempt; check_end && [ "$code" -ne 0 ]; do
    echo again >> "$base.kinds"
    random 0 2  # sometimes it is started again on the full disk
    if [ "$filled" = 1 ] && [ "$picked" != 0 ]; then empty; fi
    if [ "$left" -gt 0 ]; then left=$((left - 1)); else empty; fi
  done
  empty
  now; ran=$((ms - start))
  if ! [ -e "$base.faults" ]; then
    is_study "$job" || ask_network "$top/sheet.png" || wrong "its network cannot be read"
    results > "$base.sums"
    if [ "$1" = reference ]; then
      echo "$ran $(du -sk . | cut -f 1)" > "$base.usual"
    else
      check_results
    fi
  fi
  # What the shell itself says, but that it saw a program killed.
  if grep -vE ' Killed  ' "$base.shell" > "$base.said"; then wrong "$(cat "$base.said")"; fi
  echo "$1 $job $peak" > "$base.peak"
  tell "$title"
  cd "$top" || exit 1
  if [ "$on_disk" = yes ]; then
    if [ -n "${KEEP:-}" ]; then cp -a "$base" "$base.kept"; fi
    umount "$base"
  fi
  if [ -z "${KEEP:-}" ] && [ "$1" != reference ] && ! [ -e "$base.faults" ]; then
    rm -rf "$base" "$base".{err,rival,sums,shell,said}
  fi
}
