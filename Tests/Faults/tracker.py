"""A tracker that is killed while it saves its swarms, and one whose disk is full. After each kill the snapshot that is read is a
whole one: the last or the one before, never part of either."""
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import time
import urllib.parse
import urllib.request

from disk import mount
from program import DISK, TINYTORRENT, Program, expect

TORRENTS, PEERS = 2000, 100_000


class Tracker:
    def __init__(self, folder):
        self.program = Program("serve-tracker", "--listen", "127.0.0.1:0", "--no-catalogue", "--state", folder)
        listening = self.program.event("listening")
        expect(listening, f"serve-tracker ended: {self.program.error}")
        expect(not self.program.error, f"the snapshot is not whole: {self.program.error}")
        self.url, self.udp = listening["url"], listening["udp"]

    def page(self, name):
        with urllib.request.urlopen(self.url.replace("/announce", f"/{name}"), timeout=60) as answer:
            return answer.read()

    def peers(self):
        return json.loads(self.page("stats.json"))["peers_ipv4"]

    def announce(self, number):
        """A peer of a torrent that nobody else is in."""
        name = urllib.parse.quote(number.to_bytes(20, "big"))
        with urllib.request.urlopen(f"{self.url}?info_hash={name}&peer_id={'x' * 20}&port=1&left=1", timeout=60) as answer:
            expect(b"8:interval" in answer.read(), "an announce is refused")

    def crowd(self, torrents, peers):
        subprocess.run([TINYTORRENT, "bench", "tracker", self.udp, "--torrents", str(torrents), "--peers", str(peers), "--once", "--json"], stdout=subprocess.DEVNULL, check=True)
        expect(self.peers() >= peers, "not everybody is there")

    def stop(self, ends=0):
        self.program.signal(signal.SIGTERM)
        code = self.program.wait()
        expect(code == ends, f"serve-tracker ended with {code}: {self.program.error}")


def kills(work, seed, count):
    dice, folder = random.Random(f"tracker {seed}"), os.path.join(work, "tracker")
    beside = os.path.join(folder, "swarms.new")
    tracker = Tracker(folder)
    tracker.crowd(TORRENTS, PEERS)
    tracker.stop()
    size = os.path.getsize(os.path.join(folder, "swarms"))
    expected, within, saved = {PEERS}, 0, 0
    for number in range(count):
        tracker = Tracker(folder)
        held = tracker.peers()
        expect(held in expected, f"{held} peers came back instead of {' or '.join(map(str, sorted(expected)))}")
        saved += held == max(expected)
        tracker.announce(number + 1)
        expected = {held, held + 1}
        tracker.program.signal(signal.SIGTERM)  # which saves
        if dice.random() < 0.7:
            while not os.path.exists(beside) and tracker.program.process.poll() is None:
                pass
            end = time.perf_counter() + dice.uniform(0, 0.01)
        else:
            end = time.perf_counter() + dice.uniform(0, 0.1)
        while time.perf_counter() < end:
            pass
        tracker.program.kill()
        within += os.path.exists(beside)
        expect(os.path.getsize(os.path.join(folder, "swarms")) >= size * 0.9, "the snapshot is cut")
    tracker = Tracker(folder)
    expect(tracker.peers() in expected, "the last snapshot is not whole")
    tracker.stop()
    expect(within > 0, "no kill came while it saved")
    return f"{count} kills, {within} of them within a save of {size:,} bytes, {saved} after one: each snapshot whole"


def two(work):
    folder = os.path.join(work, "tracker")
    first = Tracker(folder)
    second = Program("serve-tracker", "--listen", "127.0.0.1:0", "--state", folder)
    code = second.wait()
    expect(code == DISK and "another tracker" in second.error, f"a second tracker in its folder ended with {code}: {second.error}")
    first.program.kill()
    Tracker(folder).stop()


def full(work):
    folder = os.path.join(work, "tracker disk")
    os.mkdir(folder)
    mount(folder, "size=1m")
    try:
        tracker = Tracker(folder)
        tracker.crowd(10, 100)
        tracker.stop()
        tracker = Tracker(folder)
        expect(tracker.peers() == 100, "what was saved is not there")
        tracker.crowd(TORRENTS, 2 * PEERS)
        begun = time.monotonic()
        while not tracker.program.errors:  # it saves once a minute
            expect(time.monotonic() - begun < 120, "a full disk is not told of")
            time.sleep(0.1)
        health = tracker.page("health")
        expect(health == b"ok, but the swarms are not saved: the disk is full\n", f"/health says of a full disk: {health}")
        tracker.announce(1)
        tracker.stop(ends=DISK)
        said = tracker.program.error
        expect([line.count("no space left on device") for line in said.splitlines()] == [1, 1], f"said of a full disk: {said}")  # when it was, and at the end
        tracker = Tracker(folder)
        expect(tracker.peers() == 100, "the old snapshot is gone")
        tracker.stop()
        subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
        refused = Program("serve-tracker", "--listen", "127.0.0.1:0", "--state", folder)
        code = refused.wait()
        expect(code == DISK and "read-only" in refused.error.lower(), f"a tracker with a read-only folder ended with {code}: {refused.error}")
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def descriptors():
    """A limit that is there to be raised is raised: the usual one is for programs that use select()."""
    program = Program("serve-tracker", "--listen", "127.0.0.1:0", preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (256, 1000)))
    expect(program.event("listening"), f"serve-tracker ended: {program.error}")
    limits = resource.prlimit(program.process.pid, resource.RLIMIT_NOFILE)
    program.kill()
    expect(limits == (1000, 1000), f"the limits of descriptors are {limits}")


def run(work, seed, count):
    begun = time.monotonic()
    descriptors()
    told = kills(work, seed, count)
    two(work)
    full(work)
    shutil.rmtree(os.path.join(work, "tracker"))
    print(f"tracker      {told}; a second one in its folder refused; a full disk told of once, and at the end, a read-only one at the start, {time.monotonic() - begun:.0f} s", flush=True)
