#!/usr/bin/env python3
"""make soak: a tracker under churn for MINUTES. Peers come, finish, leave and fall silent over UDP and HTTP; a flood comes and goes.
Beside it seeds and downloaders come, go and come again (soak_clients.py).

What must hold: every answer is right; the tracker has counted exactly what was answered; once everybody has announced there are
exactly so many peers, and once all are silent there is none; memory, descriptors and threads at the end are what they were."""
import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

from program import Failure
from soak_clients import Clients, holds

PROGRAM = os.environ.get("TINYTORRENT", os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../bin/tinytorrent"))
INTERVAL = 8  # seconds; a peer is forgotten after one and a half, and looked at sixteen times in that
FORGOTTEN = INTERVAL * 1.5 * 1.2 + 2
CHURN = ("1000", "20000")  # torrents, peers
FLOOD = ("50000", "500000")
MIB = 1 << 20
MALLOC = 16 * MIB  # what malloc may keep in the heaps of threads that were not asked before; a leak is more within minutes


class Wrong(Exception):
    pass


class Tracker:
    def __init__(self, folder):
        self._process = subprocess.Popen(
            [PROGRAM, "serve-tracker", "--listen", "127.0.0.1:0", "--interval", f"{INTERVAL}s", "--state", folder, "--json"],
            stdout=subprocess.PIPE, text=True)
        self.listening = json.loads(self._process.stdout.readline())
        self.answered = 0  # what the loads say

    def load(self, scheme, *options):
        url = self.listening["udp" if scheme == "udp" else "url"]
        done = subprocess.run([PROGRAM, "bench", "tracker", url, "--json", *options], capture_output=True, text=True)
        if done.returncode != 0:
            raise Wrong(f"bench tracker {url} {' '.join(options)} ended with {done.returncode}: {done.stderr.strip()}")
        said = json.loads(done.stdout)
        if said["bad"] or said["errors"] or said["lost"]:
            raise Wrong(f"{scheme} {' '.join(options)}: {said['bad']} bad, {said['errors']} errors, {said['lost']} lost: {said.get('first_fault')}")
        self.answered += said["replies"]
        return said["replies"]

    def figures(self):
        url = self.listening["url"].replace("/announce", "/stats.json")
        with urllib.request.urlopen(url, timeout=10) as answer:
            return json.load(answer)

    def check_counters(self):
        figures = self.figures()
        counted = figures["udp_announces"] + figures["http_announces"]
        if counted != self.answered:
            raise Wrong(f"{self.answered} announces were answered, {counted} are counted")

    def expect_peers(self, number):
        if (held := self.figures()["peers_ipv4"]) != number:
            raise Wrong(f"there should be {number} peers, and there are {held}")

    def wait_for_silence(self):
        end = time.monotonic() + FORGOTTEN
        while self.figures()["peers_ipv4"] > 0:
            if time.monotonic() > end:
                raise Wrong(f"{self.figures()['peers_ipv4']} silent peers are still there after {FORGOTTEN:.0f} s")
            time.sleep(0.5)

    def holds(self):
        return holds(self._process.pid)

    def stop(self):
        self._process.send_signal(signal.SIGTERM)
        code = self._process.wait(20)
        if code != 0:
            raise Wrong(f"the tracker ended with {code}")

    def kill(self):
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()


def turn(tracker, torrents, peers):
    """Churn of every kind, then a roll call."""
    about = ("--torrents", torrents, "--peers", peers)
    tracker.load("udp", *about, "--seconds", "3")
    tracker.load("http", *about, "--seconds", "2")
    tracker.load("http", *about, "--seconds", "2", "--close", "--rate", "3000")
    tracker.check_counters()
    started = time.monotonic()
    tracker.load("udp", *about, "--once")
    if time.monotonic() - started < INTERVAL:
        tracker.expect_peers(int(peers))
    tracker.check_counters()


def flood(tracker):
    tracker.load("udp", "--torrents", FLOOD[0], "--peers", FLOOD[1], "--once")
    full = tracker.holds()[0]
    peers = tracker.figures()["peers_ipv4"]
    tracker.wait_for_silence()
    time.sleep(2)  # its clock ticks once a second
    print(f"flood: {full / MIB:.1f} MiB with {peers} peers, {tracker.holds()[0] / MIB:.1f} MiB when it is over", flush=True)


def soak(minutes, folder):
    clients = Clients(os.path.join(folder, "clients"))
    tracker = Tracker(os.path.join(folder, "state"))
    clients.start()
    try:
        end = time.monotonic() + 60 * minutes
        turn(tracker, *CHURN)
        flood(tracker)
        before, turns = tracker.holds(), 0
        while turns < 2 or (time.monotonic() < end and not clients.fault):
            turn(tracker, *CHURN)
            turns += 1
            if turns % 4 == 2:
                flood(tracker)
        tracker.wait_for_silence()
        tracker.check_counters()
        after = tracker.holds()
        print(f"before: {before[0] / MIB:.1f} MiB, {before[1]} descriptors, {before[2]} threads")
        print(f"after {turns} turns and {tracker.answered} announces: {after[0] / MIB:.1f} MiB, {after[1]} descriptors, {after[2]} threads")
        if after[0] > before[0] + MALLOC:
            raise Wrong("memory has grown")
        if after[1] > before[1] or after[2] > before[2]:
            raise Wrong("descriptors or threads have grown")
        tracker.stop()
    finally:
        tracker.kill()
        clients.stop()
    if clients.fault:
        raise clients.fault
    print(f"{clients.rounds} rounds of seeds and downloaders with restarts:\n{clients.told}", end="")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        try:
            soak(options.minutes, folder)
        except (Wrong, Failure) as wrong:
            sys.exit(f"soak: {wrong}")


if __name__ == "__main__":
    main()
