"""What an announce costs a tracker here, ours and opentracker: announces per CPU second of the server, memory per peer.

`tinytorrent bench tracker` is the load for both. Where there are two cores, the server has one and the load the other. A
server is new for every run, knows the population before it is measured, and takes turns with the others."""
import hashlib
import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import time

from clients import TINYTORRENT
from cost import Stretch
from network import Failure, Host, Program, port, wait_until

LOCAL = Host("127.0.0.1", "::1")
SECONDS = 1.5
OURS, THEIRS = "tinytorrent", "opentracker"
# Its threads for UDP are fewer and cheaper with this line in a file than without a file.
WORKERS = "opentracker, listen.udp.workers 1"

# name: scheme, torrents, peers, options of the load
LOADS = {
    "UDP, 1 torrent": ("udp", 1, 50_000, []),
    "UDP, 1,000 torrents": ("udp", 1000, 100_000, []),
    "UDP, 100,000 torrents": ("udp", 100_000, 200_000, []),
    "HTTP, connections kept": ("http", 1000, 10_000, []),
    "HTTP, a connection each": ("http", 1000, 10_000, ["--close"]),
}
# name: torrents, peers
FILLINGS = {
    "100 peers a torrent": (10_000, 1_000_000),
    "1 peer a torrent": (500_000, 500_000),
    "a million in one torrent": (1, 1_000_000),
}


def on_core(number, command):
    return ["taskset", "-c", str(number), *command] if (os.cpu_count() or 1) > 1 else list(command)


def resident(pid):
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
        return int(re.search(r"VmRSS:\s+(\d+) kB", file.read())[1]) * 1024


class Server:
    def __init__(self, name, work, torrents):
        self.port = port()
        os.makedirs(work, exist_ok=True)
        log = os.path.join(work, "log")
        if name == OURS:
            command = [TINYTORRENT, "serve-tracker", "--listen", f"127.0.0.1:{self.port}"]
        else:
            with open(os.path.join(work, "allowed"), "w", encoding="ascii") as file:
                for number in range(torrents):
                    file.write(hashlib.sha1(b"tinytorrent bench %d" % number).hexdigest() + "\n")
            os.chmod(work, 0o755)  # it becomes nobody in there
            command = [THEIRS, "-i", "127.0.0.1", "-p", str(self.port), "-P", str(self.port), "-d", work, "-w", "allowed"]
            if name == WORKERS:
                with open(os.path.join(work, "conf"), "w", encoding="ascii") as file:
                    file.write("listen.udp.workers 1\n")
                command += ["-f", os.path.join(work, "conf")]
        self.program = Program(LOCAL, on_core(0, command), log)
        wait_until(lambda: subprocess.run([TINYTORRENT, "healthcheck", f"udp://127.0.0.1:{self.port}"],
                                          capture_output=True).returncode == 0, 20, f"answer from {name}")

    def load(self, scheme, torrents, peers, *options):
        """What the load said, a dictionary."""
        command = [TINYTORRENT, "bench", "tracker", f"{scheme}://127.0.0.1:{self.port}/announce", "--torrents", str(torrents),
                   "--peers", str(peers), "--json", *options]
        done = subprocess.run(on_core(1, command), capture_output=True, text=True, timeout=300)
        if done.returncode != 0:
            raise Failure(f"{' '.join(command)} ended with {done.returncode}: {done.stderr.strip()}")
        said = json.loads(done.stdout)
        if said["bad"] or said["errors"]:
            raise Failure(f"{said['bad']} bad answers and {said['errors']} errors: {said['first_fault']}")
        return said

    def fill(self, scheme, torrents, peers):
        """Everybody announces once."""
        for attempt in range(20):
            try:
                self.load(scheme, torrents, peers, "--once")
                return
            except Failure:
                if attempt == 19:
                    raise
                time.sleep(0.5)  # opentracker answers before it has read its list

    def stop(self):
        self.program.stop(signal.SIGKILL)


def pace(name, work, scheme, torrents, peers, options):
    """(announces per CPU second of the server, 99 % of them took so many seconds at most)"""
    server = Server(name, work, torrents)
    try:
        server.fill(scheme, torrents, peers)
        with Stretch(server.program) as stretch:
            said = server.load(scheme, torrents, peers, "--seconds", str(SECONDS), *options)
        return said["replies"] / max(stretch.cpu, 0.01), said["p99"]
    finally:
        server.stop()
        shutil.rmtree(work)


def memory(name, work, torrents, peers):
    """Bytes a peer."""
    server = Server(name, work, torrents)
    try:
        before = resident(server.program.pid)
        server.fill("udp", torrents, peers)
        return (resident(server.program.pid) - before) / peers
    finally:
        server.stop()
        shutil.rmtree(work)


def tracker_tables(room, runs):
    """Prints both. The number of runs that failed."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    there = shutil.which(THEIRS) is not None
    failed = 0

    def turns(measure, names, what):
        nonlocal failed
        done = {name: [] for name in names}
        for run in range(runs):
            for name in names:
                try:
                    done[name].append(measure(name))
                except Failure as failure:
                    failed += 1
                    print(f"{name}, {what}, run {run}: {failure}", file=sys.stderr)
        return {name: results for name, results in done.items() if results}

    print("| announces per CPU second of the server | tinytorrent | opentracker, its best | beside opentracker | p99 ms | opentracker's |")
    print("|---|---:|---:|---:|---:|---:|")
    for what, (scheme, torrents, peers, options) in LOADS.items():
        names = [OURS] + ([THEIRS] + ([WORKERS] if scheme == "udp" else []) if there else [])
        done = turns(lambda name: pace(name, room, scheme, torrents, peers, options), names, what)
        middle = {name: [statistics.median(values) for values in zip(*results)] for name, results in done.items()}
        best = max((value for name, value in middle.items() if name != OURS), default=None)
        if OURS not in middle:
            continue
        rate, late = middle[OURS]
        beside = f"{best[0]:,.0f} | {rate / best[0]:.2f}x | {late * 1000:.2f} | {best[1] * 1000:.2f}" if best else f"- | - | {late * 1000:.2f} | -"
        print(f"| {what} | {rate:,.0f} | {beside} |", flush=True)
    print()
    print("| bytes of memory a peer | tinytorrent | opentracker |")
    print("|---|---:|---:|")
    for what, (torrents, peers) in FILLINGS.items():
        cells = []
        for name in [OURS, THEIRS] if there else [OURS]:
            try:
                cells.append(f"{memory(name, room, torrents, peers):.1f}")
            except Failure as failure:
                failed += 1
                cells.append("-")
                print(f"{name}, {what}: {failure}", file=sys.stderr)
        print(f"| {what} | {' | '.join(cells + ['-'] * (2 - len(cells)))} |", flush=True)
    print(flush=True)
    return failed
