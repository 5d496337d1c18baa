"""A program that has nothing to do must sleep: how often the scheduler runs its threads while nobody asks anything of it."""
import glob
import os
import random
import subprocess
import time

from program import TINYTORRENT, Program, Torrent, expect

SECONDS = 5
MOST = 40  # a second, of all threads: a tick of the engine, of its timer and of its trackers takes some twenty


def switches(program):
    total = 0
    for status in glob.glob(f"/proc/{program.process.pid}/task/*/status"):
        with open(status, encoding="ascii") as file:
            total += sum(int(line.split()[1]) for line in file if "ctxt_switches" in line)
    return total


def run(work, seed):
    work = os.path.join(work, "idle")
    torrent = Torrent(work, random.Random(seed), [300_000, 50_000])
    missing = os.path.join(work, "missing")
    with open(missing, "wb") as file:
        file.write(b"nobody has this" * 1000)
    environment = {**os.environ, "HOME": work}
    tracker = Program("serve-tracker", "--listen", "127.0.0.1:0", "--state", os.path.join(work, "state"))
    url = tracker.event("listening")["url"]
    subprocess.run([TINYTORRENT, "create", missing, "-q", "-a", url, "-o", missing + ".torrent"], check=True)
    local = ["--port", "0", "--bind", "127.0.0.1"]
    idle = {
        "serve-tracker": tracker,
        "seed": Program("seed", torrent.file, torrent.folder, *local, "--tracker", url),
        "seed-sync": Program("seed-sync", torrent.file, torrent.folder, *local),
        "share": Program("share", missing, "--tracker", url, *local, env=environment),
        "browse": Program("browse", "--tracker", url, "-o", os.path.join(work, "browsed"), *local, env=environment),
        "get": Program("get", torrent.file, "-o", os.path.join(work, "got"), "--timeout", "1h", *local),
    }
    for name, program in idle.items():
        if program is not tracker:
            expect(program.event("started") is not None, f"{name}: {program.error}")
    time.sleep(6)  # what a start takes, and the time after which a download without peers is looked at less often
    before = {name: switches(program) for name, program in idle.items()}
    time.sleep(SECONDS)
    rates = {name: (switches(program) - before[name]) / SECONDS for name, program in idle.items()}
    for program in idle.values():
        program.kill()
    for name, rate in rates.items():
        expect(rate <= MOST, f"{name} wakes {rate:.0f} times a second with nothing to do")
    print("idle         " + ", ".join(f"{name} {rate:.0f}" for name, rate in rates.items()) + " wakes a second", flush=True)
