#!/bin/bash
# make empty-root: the main job with the static binary in a root that holds nothing a program could lean on: no libc, no
# shell, no /proc. It runs in namespaces that vanish with it: a network of its own (every port is free), process ids of its
# own (nothing outlives it) and mounts of its own.
set -euo pipefail
cd "$(dirname "$0")/../.."
if [ "${1:-}" != --inside ]; then
    [ "$(id -u)" = 0 ] || { echo "empty-root: chroot and namespaces need root" >&2; exit 1; }
    Tests/install.sh openssl python3-minimal iproute2 util-linux
    exec unshare --net --mount --pid --fork --kill-child=TERM --mount-proc "$0" --inside
fi

static=$PWD/bin/tinytorrent-static
dynamic=$PWD/bin/tinytorrent
proxy=$PWD/Tests/Static/tls_proxy.py
host=tracker.test
work=$(mktemp -d)
root=$work/root

# Called on every exit. What still runs ends with the namespace, whose first process this is.
clean_up() {
    local code=$?
    trap - EXIT
    for device in null urandom; do umount --lazy "$root/dev/$device" 2> /dev/null || true; done
    rm -rf "$work"
    exit "$code"
}
trap clean_up EXIT
trap 'exit 130' INT TERM HUP

failures=0
# row NAME good|bad TEXT
row() {
    [ "$2" = good ] || failures=$((failures + 1))
    printf '%-26s %-5s %s\n' "$1" "$([ "$2" = good ] && echo ok || echo FAIL)" "$3"
}

# fail LOG TEXT: nothing that follows could work.
fail() {
    echo "empty-root: $2" >&2
    tail -n 5 "$work/$1.log" >&2
    exit 1
}

# inside ARGUMENT...: the program in the empty root, a minute at most, with nothing in its environment but the CA file's name.
ca=/ca.pem
inside() { timeout -k 5 60 env -i SSL_CERT_FILE="$ca" "$(command -v chroot)" "$root" /tinytorrent "$@"; }

# start NAME ARGUMENT...: inside, in the background. Its output is in $work/NAME.log.
start() { inside "${@:2}" > "$work/$1.log" 2>&1 & }

# wait_for LOG PATTERN: until a line of the log matches, 20 s at most.
wait_for() {
    local until=$((SECONDS + 20))
    while [ $SECONDS -lt $until ]; do
        grep -q "$2" "$work/$1.log" && return
        sleep 0.05
    done
    fail "$1" "no '$2' from the $1"
}

# expect NAME CODE ARGUMENT...: one row, good if the program ends with that code inside.
expect() {
    local code=0 from=$EPOCHREALTIME
    inside "${@:3}" > "$work/last.log" 2>&1 || code=$?
    local took
    took=$(awk -v from="$from" -v to="$EPOCHREALTIME" 'BEGIN { printf "%.2f s", to - from }')
    if [ "$code" = "$2" ]; then row "$1" good "exit $code, $took"; return; fi
    row "$1" bad "exit $code instead of $2, $took"
    tail -n 5 "$work/last.log" >&2
}

same() { diff -r "$root/content" "$root/$1/content" > "$work/diff.log" && row "  compared" good "$files files" || row "  compared" bad "they differ"; }

# budget NAME VALUE LIMIT UNIT
budget() { row "$1" "$(awk -v v="$2" -v l="$3" 'BEGIN { print v <= l ? "good" : "bad" }')" "$2 $4 of $3"; }

megabytes() { stat -c %s "$1" | awk '{ printf "%.2f", $1 / 1048576 }'; }

# Best of twenty, in milliseconds: how long it takes on a machine that does nothing else.
start_up() {
    for _ in {1..20}; do
        local from=$EPOCHREALTIME
        "$1" version > "$work/version.log"
        awk -v from="$from" -v to="$EPOCHREALTIME" 'BEGIN { printf "%.1f\n", (to - from) * 1000 }'
    done | sort -n | head -n 1
}

certificates() {
    cd "$work"
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=empty root CA" -keyout ca.key -out ca.pem
    openssl req -newkey rsa:2048 -nodes -subj "/CN=$host" -keyout server.key -out server.csr
    openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile <(echo "subjectAltName=DNS:$host") -out server.pem
}

ip link set lo up
mkdir -p "$root"/{dev,etc,tmp,content/folder}
for device in null urandom; do
    : > "$root/dev/$device"
    mount --bind "/dev/$device" "$root/dev/$device"
done
printf '127.0.0.1 localhost %s\n' $host > "$root/etc/hosts"
echo "nameserver 127.0.0.1" > "$root/etc/resolv.conf"
install -m 755 "$static" "$root/tinytorrent"
(certificates) > "$work/openssl.log" 2>&1 || fail openssl "openssl made no certificates"
cp "$work/ca.pem" "$work/server.pem" "$work/server.key" "$root"
head -c 20M /dev/urandom > "$root/content/large.bin"
head -c 65537 /dev/urandom > "$root/content/folder/naïve café.bin"
: > "$root/content/empty"
files=$(find "$root/content" -type f | wc -l)

expect "version" 0 version

start tracker serve-tracker --listen 127.0.0.1:0 --tls-listen 127.0.0.1:0 --tls-cert /server.pem --tls-key /server.key --json
wait_for tracker '"url":"https'
http=$(sed -n 's/.*"url":"\(http:[^"]*\)".*/\1/p' "$work/tracker.log")
port=$(sed -n 's/.*"url":"http:.*"port":\([0-9]*\).*/\1/p' "$work/tracker.log")
own_tls=$(sed -n 's/.*"url":"https:.*"port":\([0-9]*\).*/\1/p' "$work/tracker.log")
/usr/bin/python3 "$proxy" "$work/server.pem" "$work/server.key" "$port" > "$work/proxy.log" 2>&1 &
wait_for proxy '^[0-9]*$'
https=https://$host:$(head -n 1 "$work/proxy.log")/announce
row "serve-tracker" good "$http, $https"
expect "serve-tracker (its https)" 0 healthcheck "https://$host:$own_tls"

expect "create (http)" 0 create /content -a "$http" -o /http.torrent
expect "create (https)" 0 create /content -a "$https" -o /https.torrent
start seeder seed /http.torrent /content --port 0
wait_for seeder '^seeding'
row "seed" good "$files files"

expect "get (http)" 0 get /http.torrent --port 0 --timeout 20s -o /by-http
same by-http
expect "get (https, by name)" 0 get /https.torrent --port 0 --timeout 20s -o /by-https
same by-https
ca=/none.pem
expect "get (https, no CA)" 5 get /https.torrent --port 0 --timeout 5s -o /by-nobody
grep -qi certificate "$work/last.log" || row "  its reason" bad "$(tail -n 1 "$work/last.log")"
ca=/ca.pem

expect "verify" 0 verify /http.torrent /by-https
byte=$(od -An -tu1 -j 7654321 -N 1 "$root/by-https/content/large.bin")
printf "\\x$(printf %x $((byte ^ 1)))" | dd of="$root/by-https/content/large.bin" bs=1 seek=7654321 conv=notrunc status=none
expect "verify (one bit turned)" 4 verify /http.torrent /by-https

budget "size, static" "$(megabytes "$static")" 13 MiB
row "  version, best of 20" good "$(start_up "$static") ms" # a time is reported and decides nothing
if [ -x "$dynamic" ]; then
    budget "size, dynamic" "$(megabytes "$dynamic")" 8 MiB
    row "  version, best of 20" good "$(start_up "$dynamic") ms"
fi
[ $failures = 0 ] || { echo "$failures failed"; exit 1; }
