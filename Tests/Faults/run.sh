#!/bin/bash
# make faults: in namespaces that vanish with it: a loopback of its own, mounts of its own, process ids of its own (nothing
# outlives it, however it ends).
set -euo pipefail
cd "$(dirname "$0")"
[ "$(id -u)" = 0 ] || { echo "faults: small disks and namespaces need root" >&2; exit 1; }
../install.sh util-linux python3 iproute2
exec unshare --net --pid --mount --fork --kill-child --mount-proc sh -c 'ip link set lo up && exec /usr/bin/python3 -B faults.py "$@"' faults "$@"
