"""The clients of make soak: seeds and downloaders with restarts, on a tracker of their own.

Two seeds, a download that goes on seeding and the tracker run all the time; beside them a seed is ended and started again in
every round, and two downloads are killed midway, started again and must complete. What runs all the time may hold no more
descriptors, threads and memory at the end than when everybody had come once."""
import os
import random
import shutil
import signal
import threading
import time

from program import Program, Torrent, expect

SIZES = [8_000_000] + [40_000] * 20
LIMIT = ("--limit-down", "8M")
WARMING = 3  # rounds
SETTLING = 60  # seconds for what belongs to clients that are gone
MIB = 1 << 20
MALLOC = 24 * MIB  # what a heap may grow by until it has seen every kind of day
POOL = 4  # threads the runtime adds and takes away as it likes


def holds(pid):
    """(resident bytes, descriptors, threads)"""
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
        status = dict(line.split(":", 1) for line in file)
    return int(status["VmRSS"].split()[0]) * 1024, len(os.listdir(f"/proc/{pid}/fd")), int(status["Threads"])


class Clients(threading.Thread):
    """Runs until it is told to stop. `fault` says what went wrong."""

    def __init__(self, folder):
        super().__init__()
        self.folder, self.random = folder, random.Random(7)
        self.rounds, self.fault, self.told = 0, None, ""
        self._ending, self._programs = threading.Event(), []
        self.torrent = Torrent(folder, self.random, SIZES)

    def run(self):
        try:
            self.serve()
        except Exception as fault:  # told by the main thread, whatever it is
            self.fault = fault
        finally:
            for program in self._programs:
                if program.process.poll() is None:
                    program.kill()

    def start_program(self, *arguments):
        program = Program(*arguments)
        self._programs.append(program)
        return program

    def end(self, program, number, *codes):
        program.signal(number)
        code = program.wait()
        self._programs.remove(program)
        expect(code in codes, f"ended with {code}: {program.error}")

    def client(self, command, *more, engine="async"):
        program = self.start_program(command, self.torrent.file, *more, "--engine", engine, "--port", "0", "--bind", "127.0.0.1", "--tracker", self.trackers[0], "--tracker", self.trackers[1])
        expect(program.event("started"), f"{command} ended: {program.error}")
        return program

    def seed(self, engine="async"):
        return self.client("seed", self.torrent.folder, engine=engine)

    def download(self, name, engine):
        """Killed midway, started again, complete, compared."""
        folder = os.path.join(self.folder, name)
        first = self.client("get", "-o", folder, *LIMIT, engine=engine)
        time.sleep(self.random.uniform(0, 0.8))
        self.end(first, signal.SIGKILL, 0, -signal.SIGKILL)
        again = self.client("get", "-o", folder, *LIMIT, engine=engine)
        code = again.wait()
        self._programs.remove(again)
        expect(code == 0, f"a download ended with {code}: {again.error}")
        self.torrent.expect_complete(folder)
        shutil.rmtree(folder)

    def round(self, restarted):
        self.end(restarted, *self.random.choice(((signal.SIGTERM, 0, 130), (signal.SIGKILL, -signal.SIGKILL))))
        restarted = self.seed(self.random.choice(("async", "sync")))
        for engine in ("async", "sync"):
            self.download(f"{engine} {self.rounds}", engine)
        self.rounds += 1
        return restarted

    def serve(self):
        tracker = self.start_program("serve-tracker", "--listen", "127.0.0.1:0", "--interval", "5s", "--state", os.path.join(self.folder, "state"))
        listening = tracker.event("listening")
        self.trackers = listening["url"], listening["udp"]
        stays = {"tracker": tracker, "seed": self.seed(), "seed-sync": self.seed("sync")}
        stays["get --seed"] = self.client("get", "-o", os.path.join(self.folder, "stays"), "--seed")
        expect(stays["get --seed"].event("completed"), f"get --seed ended: {stays['get --seed'].error}")
        restarted = self.seed()
        while self.rounds < WARMING:
            restarted = self.round(restarted)
        before = {name: holds(program.process.pid) for name, program in stays.items()}
        while not self._ending.is_set() or self.rounds < 2 * WARMING:
            restarted = self.round(restarted)
        for name, program in stays.items():
            self.judge(name, program, before[name])
        for program in [*stays.values(), restarted]:
            self.end(program, signal.SIGTERM, 0, 130)

    def judge(self, name, program, before):
        end = time.monotonic() + SETTLING
        while True:
            after = holds(program.process.pid)
            if after[1] <= before[1] and after[2] <= before[2] or time.monotonic() > end:
                break
            time.sleep(1)
        self.told += f"{name:12} {' -> '.join(f'{rss / MIB:.1f} MiB, {files} descriptors, {threads} threads' for rss, files, threads in (before, after))}\n"
        expect(after[0] <= before[0] + MALLOC, f"{name}: memory has grown\n{self.told}")
        expect(after[1] <= before[1] and after[2] <= before[2] + POOL, f"{name}: descriptors or threads have grown\n{self.told}")

    def stop(self):
        self._ending.set()
        self.join()
