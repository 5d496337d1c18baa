#!/bin/bash
# make interop: installs the other programs, then runs the matrix in namespaces that vanish with it: a network of its own
# (two hosts on a wire; Transmission refuses 127.0.0.0/8 as a peer) and process ids of its own (nothing outlives it).
set -euo pipefail
cd "$(dirname "$0")"
[ "$(id -u)" = 0 ] || { echo "interop: network namespaces need root" >&2; exit 1; }
../install.sh aria2 transmission-daemon transmission-cli python3-libtorrent rtorrent opentracker mktorrent iproute2 util-linux openssl curl prometheus

# npm's package, from whatever registry npm is set up for; without it its cell says so.
packages=$(mktemp -d)
child=
trap '[ -z "$child" ] || kill "$child" 2> /dev/null || true; rm -rf "$packages"' EXIT
command -v npm > /dev/null || ../install.sh nodejs npm || true
if (cd "$packages" && timeout 300 npm install --no-audit --no-fund --ignore-scripts --omit=optional bittorrent-tracker@10) > "$packages/npm.log" 2>&1; then
    export NPM_TRACKER=$packages/node_modules
else
    tail -n 3 "$packages/npm.log" >&2
fi
unshare --net --pid --fork --kill-child=TERM --mount-proc /usr/bin/python3 -B matrix.py "$@" &
child=$!
wait "$child"
