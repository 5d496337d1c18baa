#!/bin/bash
# make interop: installs the other programs, then runs the matrix in namespaces that vanish with it: a network of its own
# (two hosts on a wire; Transmission refuses 127.0.0.0/8 as a peer) and process ids of its own (nothing outlives it).
set -euo pipefail
cd "$(dirname "$0")"
[ "$(id -u)" = 0 ] || { echo "interop: network namespaces need root" >&2; exit 1; }
../install.sh aria2 transmission-daemon transmission-cli python3-libtorrent rtorrent opentracker mktorrent iproute2 util-linux
exec unshare --net --pid --fork --kill-child --mount-proc /usr/bin/python3 -B matrix.py "$@"
