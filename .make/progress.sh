#!/bin/sh
# What is still to come of a build.
#   progress.sh run COMMAND...   runs a make command, whose compilations then tell how many there
#                                are and how long the rest will take
#   progress.sh step             what is to be printed beside one of them
case $1 in
run)
  shift
  total=$("$@" -n | grep -c "echo '  compile ")
  if [ "$total" -gt 0 ]; then
    done=$(mktemp)
    trap 'rm -f "$done"' EXIT
    export BUILD_PROGRESS="$total $(date +%s) $done"
    echo "  $total sources to compile"
  fi
  "$@"
  ;;
step)
  # shellcheck disable=SC2086  # three words
  set -- $BUILD_PROGRESS
  echo >> "$3"
  begun=$(wc -l < "$3")
  seconds=$(($(date +%s) - $2))
  if [ "$begun" -gt 8 ]; then
    left="; about $((seconds * ($1 - begun + 1) / (begun - 1))) s left"
  fi
  echo "   ($begun of $1$left)"
  ;;
esac
