#!/bin/bash
# make bench: installs the other programs, then measures in namespaces that vanish with it: a network of its own (two hosts
# on a wire) and process ids of its own (nothing outlives it).
set -euo pipefail
cd "$(dirname "$0")"
[ "$(id -u)" = 0 ] || { echo "bench: network namespaces need root" >&2; exit 1; }
../install.sh iproute2 util-linux python3
for optional in aria2 python3-libtorrent mktorrent opentracker; do
    ../install.sh "$optional" >&2 || echo "bench: no $optional" >&2
done
exec unshare --net --pid --fork --kill-child --mount-proc /usr/bin/python3 -B bench.py "$@"
