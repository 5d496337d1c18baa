"""get and seed are killed at random moments and started again. After each kill: no state file is empty or half-written, no
piece is listed that the disk does not hold. At each start: every piece that is whole on disk is known, so none of them is
fetched again."""
import os
import random
import shutil
import signal
import threading
import time

from program import INTERRUPTED, Failure, Seed, Torrent, expect, get


class Lane:
    """Downloads one after the other, each killed until it completes in spite of it. A thread of its own."""

    def __init__(self, torrent, engine, folder, seed, kills):
        self.torrent, self.engine, self.folder, self.kills_left = torrent, engine, folder, kills
        self.random = random.Random(f"{seed} {engine} {folder[-1]}")
        self.gets = self.seeds = self.ends = self.completed = self.listed = 0
        self.known = None  # pieces whole on disk after the last kill
        self.fault = None
        self.seed = None

    def run(self):
        try:
            while self.gets < self.kills_left:
                self.round()
            if self.seed:
                self.seed.program.kill()
        except Exception as fault:  # told by the main thread, whatever it is
            self.fault = fault

    def round(self):
        if self.seed is None:
            self.seed = Seed(self.torrent, self.engine)
        program = get(self.torrent, self.engine, self.folder, self.seed.peer, "--limit-down", "6M", "--timeout", "60s")
        # Now and then the end comes by a request to stop, and the kill in the middle of following it.
        politely, killing_seed = self.random.random() < 0.2, self.random.random() < 0.25
        time.sleep(self.random.uniform(0, 0.6))
        if killing_seed:
            self.seed.program.kill()
            self.seed, self.seeds = None, self.seeds + 1
        if politely:
            program.signal(signal.SIGTERM)
            time.sleep(self.random.uniform(0, 0.05))
        program.signal(signal.SIGKILL)
        started = program.event("started")
        completed = program.event("completed")
        code = program.wait()
        self.ends += code == INTERRUPTED
        # A request to stop that comes before anybody listens for it ends the program as it would any other.
        expect(code in (0, INTERRUPTED, -signal.SIGKILL, -signal.SIGTERM), f"get ended with {code}: {program.error}")
        self.gets += code == -signal.SIGKILL
        self.judge(started, completed, code)

    def judge(self, started, completed, code):
        if started and self.known is not None:
            found, whole = started["done"], self.torrent.length_of(self.known)
            expect(found == whole, f"{found} bytes were found at the start, and {whole} were on disk")
        if completed:
            expect(completed["downloaded"] <= self.torrent.length - started["done"], "a piece was fetched again")
        if code == 0:
            self.torrent.expect_complete(self.folder)
            shutil.rmtree(self.folder)
            self.known, self.completed = None, self.completed + 1
            return
        self.known = self.torrent.whole(self.folder)
        believed = self.torrent.believed(self.folder)
        expect(believed is not None or not started or completed, "there is no state file")
        expect(not (believed or set()) - self.known, "a piece is believed that the disk does not hold")
        self.listed += len(believed or ())


class Checkpoint(threading.Thread):
    """A slow download that is killed while it saves its state by itself, which it does every 30 s."""

    def __init__(self, torrent, engine, folder, peer, delay):
        super().__init__()
        self.torrent, self.engine, self.folder, self.peer, self.delay = torrent, engine, folder, peer, delay
        self.fault, self.listed = None, 0

    def run(self):
        try:
            slow = ("--limit-down", "150k")
            program = get(self.torrent, self.engine, self.folder, self.peer, *slow)
            expect(program.event("started"), f"get ended: {program.error}")
            time.sleep(self.delay)
            code = program.kill()
            expect(code == -signal.SIGKILL, f"get ended with {code}: {program.error}")
            known, believed = self.torrent.whole(self.folder), self.torrent.believed(self.folder)
            expect(not believed - known, "a piece is believed that the disk does not hold")
            self.listed = len(believed)
            again = get(self.torrent, self.engine, self.folder, self.peer, *slow)
            started = again.event("started")
            again.kill()
            # A block may have reached the disk between the look at the files and the look at the pieces.
            found, whole = started["done"], self.torrent.length_of(known)
            expect(0 <= whole - found <= self.torrent.piece_length, f"{found} bytes were found at the start, and {whole} were on disk")
        except Exception as fault:  # told by the main thread, whatever it is
            self.fault = fault


def run(work, seed, kills):
    dice = random.Random(seed)
    torrent = Torrent(os.path.join(work, "crash"), dice, [0, 1, 7_000_000] + [dice.randrange(200_000) for _ in range(60)])
    lanes = [Lane(torrent, engine, os.path.join(work, f"crash/{engine}{number}"), seed, kills // 4 + 1) for engine in ("async", "sync") for number in range(2)]
    threads = [threading.Thread(target=lane.run) for lane in lanes]
    slow_seed = Seed(torrent, "async")
    checkpoints = [
        Checkpoint(torrent, engine, os.path.join(work, f"crash/slow {engine}{number}"), slow_seed.peer, dice.uniform(30, 32))
        for engine in ("async", "sync") for number in range(6)]
    begun = time.monotonic()
    for thread in [*checkpoints, *threads]:
        thread.start()
    for thread in [*checkpoints, *threads]:
        thread.join()
    slow_seed.program.kill()
    for lane in [*lanes, *checkpoints]:
        if lane.fault:
            raise Failure(f"{lane.folder}: {lane.fault!r}") from lane.fault
    torrent_again = torrent.whole(os.path.dirname(torrent.folder))
    expect(len(torrent_again) == len(torrent.hashes), "seeding changed the content")
    saved = sum(c.listed > 0 for c in checkpoints)
    expect(saved > 0, "no kill came after a checkpoint")
    expect(sum(lane.listed for lane in lanes) > 0, "no state file listed a piece")
    print(
        f"crash        {sum(l.gets for l in lanes) + 2 * len(checkpoints)} kills of get, {sum(l.seeds for l in lanes)} of seed, "
        f"{sum(l.ends for l in lanes)} ends on request, {sum(l.completed for l in lanes)} downloads completed in spite of them, "
        f"{saved} of {len(checkpoints)} kills around a checkpoint after it, {time.monotonic() - begun:.0f} s", flush=True)
