"""What must not be lost: kills at random moments, disks that fill, files that change or vanish under way, memory that is scarce.
faults.py [--seed N] [--kills N] [closed | crash | disk | hardened | home | idle | limits | memory | redirects | tracker]"""
import argparse
import shutil
import sys
import tempfile
import time

import closed
import crash
import disk
import hardened
import home
import idle
import limits
import memory
import redirects
import tracker
from program import Failure

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=6)
parser.add_argument("--kills", type=int, default=200)
parser.add_argument("only", nargs="?", choices=("closed", "crash", "disk", "hardened", "home", "idle", "limits", "memory", "redirects", "tracker"))
options = parser.parse_args()
print(f"faults       seed {options.seed}", flush=True)
work = tempfile.mkdtemp(dir="/dev/shm")
begun = time.monotonic()
try:
    if options.only in (None, "closed"):
        closed.run(work, options.seed)
    if options.only in (None, "crash"):
        crash.run(work, options.seed, options.kills)
    if options.only in (None, "disk"):
        disk.run(work, options.seed)
    if options.only in (None, "hardened"):
        hardened.run(work, options.seed)
    if options.only in (None, "home"):
        home.run(work)
    if options.only in (None, "idle"):
        idle.run(work, options.seed)
    if options.only in (None, "limits"):
        limits.run(work, options.seed)
    if options.only in (None, "memory"):
        memory.run(options.seed)
    if options.only in (None, "redirects"):
        redirects.run(work)
    if options.only in (None, "tracker"):
        tracker.run(work, options.seed, options.kills)
    print(f"faults       all held, {time.monotonic() - begun:.0f} s")
except Failure as failure:
    sys.exit(f"faults: seed {options.seed}: {failure}")
finally:
    shutil.rmtree(work, ignore_errors=True)
