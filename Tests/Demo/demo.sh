#!/bin/bash
# The main job on one machine: a tracker, a seeder and two downloaders, one with each engine. Every file is compared.
# Leaves nothing behind, however it ends. demo.sh [MEGABYTES [PROGRAM]]; the program may need an EMULATOR in front.
set -euo pipefail
cd "$(dirname "$0")/../.."
megabytes=${1:-200}
tinytorrent=(${EMULATOR:-} "$PWD/${2:-bin/tinytorrent}") # the emulator with its options
work=$(mktemp -d)
children=()

# Called on every exit. The programs end at TERM by themselves; one that does not is a fault, but not one to leave behind.
clean_up() {
    local code=$?
    trap - EXIT
    for pid in "${children[@]}"; do kill "$pid" 2>/dev/null || true; done
    for _ in {1..50}; do [ -z "$(jobs -pr)" ] && break; sleep 0.1; done
    for pid in $(jobs -pr); do kill -9 "$pid"; code=1; echo "had to kill $pid" >&2; done
    rm -rf "$work"
    exit "$code"
}
trap clean_up EXIT
trap 'exit 130' INT TERM HUP

fail() {
    echo "demo: $1" >&2
    tail -n 5 "$work"/*.log >&2
    exit 1
}

# start NAME ARGUMENT...: runs it in the background, two minutes at most; $work/NAME.log takes its output. Sets $pid.
start() {
    timeout -k 5 120 "${tinytorrent[@]}" "${@:2}" > "$work/$1.log" 2>&1 &
    pid=$!
    children+=("$pid")
}

# wait_for LOG TEXT: until the text stands in the log, 10 s at most.
wait_for() {
    for _ in {1..200}; do
        grep -q "$2" "$work/$1.log" && return
        sleep 0.05
    done
    fail "no '$2' from the $1"
}

seconds() { awk -v from="$1" -v to="$EPOCHREALTIME" 'BEGIN { printf "%.2f", to - from }'; }

content=$work/content
mkdir -p "$content/one/two/three" "$content/Пример"
head -c "${megabytes}M" /dev/urandom > "$content/large.bin"
head -c 1234567 /dev/urandom > "$content/one/two/three/naïve café.bin"
head -c 65537 /dev/urandom > "$content/Пример/日本語 🎵.bin"
for i in {1..40}; do head -c $((i * 997)) /dev/urandom > "$content/one/part $i"; done
: > "$content/one/empty"
files=$(find "$content" -type f | wc -l)
mebibytes=$(find "$content" -type f -printf '%s\n' | awk '{ s += $1 } END { printf "%.1f", s / 1048576 }')
echo "content      $files files, $mebibytes MiB: one large, many small, an empty one, names beyond ASCII"

start tracker serve-tracker --listen 127.0.0.1:0 --json
wait_for tracker listening
announce=$(sed -n 's/.*"url":"\([^"]*\)".*/\1/p' "$work/tracker.log")
echo "tracker      $announce, and over UDP on the same port"

from=$EPOCHREALTIME
"${tinytorrent[@]}" create "$content" -a "$announce" -a "udp${announce#http}" -o "$work/demo.torrent" > "$work/create.log" || fail "create failed"
echo "create       $(seconds "$from") s"

start seeder seed "$work/demo.torrent" "$content" --port 0
seeder=$pid

from=$EPOCHREALTIME
for engine in async sync; do
    start "get-$engine" get "$work/demo.torrent" --engine $engine --port 0 --timeout 60s -o "$work/$engine"
    declare "get_$engine=$pid"
done
for engine in async sync; do
    pid=get_$engine
    wait "${!pid}" || fail "get --engine $engine ended with $?"
    took=$(seconds "$from")
    echo "get ($engine) $([ $engine = sync ] && echo ' ')$took s, $(awk -v b="$mebibytes" -v s="$took" 'BEGIN { printf "%.0f", b / s }') MiB/s"
done
kill "$seeder"
wait "$seeder" && code=0 || code=$?
[ $code = 130 ] || fail "the seeder ended with $code"

for engine in async sync; do
    diff -r "$content" "$work/$engine/content" > "$work/diff.log" || fail "the files of $engine differ"
done
echo "compared     $((2 * files)) files, all the same"
