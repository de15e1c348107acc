#!/usr/bin/env bash
# Runs a command and says how long it took. Usage: stage.sh NAME COMMAND [ARGUMENT ...]
name=$1
shift
start=$SECONDS
"$@"
status=$?
taken=$((SECONDS - start))
printf 'stage %s: %d min %d s\n' "$name" $((taken / 60)) $((taken % 60))
exit "$status"
