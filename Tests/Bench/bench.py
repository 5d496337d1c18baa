"""What a download, a seeding, a hash pass and an announce cost here and in other programs, as Markdown tables.

Downloads: one file from one libtorrent seeder, over a wire between two network namespaces, through our tracker. Seedings: the
same file to one libtorrent downloader, counted from the time the seeder has checked its content. The programs take turns, so
that whatever else the machine does falls on all of them; the tables hold medians. Run by run.sh."""
import argparse
import functools
import importlib.util
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../Interop"))

from clients import TINYTORRENT, Aria2, LibTorrent, TinyTorrent, Tracker
from content import Content, random_file, room
from cost import Measured, Stretch
from links import link_table
from network import Failure, Host, Program, port, wire
from scale import scale_tables
from trackers import tracker_tables

MIB = 1 << 20
NATIVE = TINYTORRENT + "-native"
PLAIN_COPY = ["/usr/bin/python3", "-B", os.path.join(os.path.dirname(os.path.abspath(__file__)), "plain_copy.py")]


class Bench:
    def __init__(self, work, size, runs):
        self.work, self.runs = work, runs
        self.timeout = 60 + size // 2
        self.failed = 0
        folder = os.path.join(work, "content")
        os.mkdir(folder)
        self.content = Content(random_file(os.path.join(folder, "data.bin"), size))

    @functools.cached_property
    def hosts(self):
        """Two, one wire between them."""
        return wire()

    def create(self, url):
        """(path, what `info` says) of a .torrent with this tracker."""
        path = os.path.join(self.work, "data.torrent")
        subprocess.run([TINYTORRENT, "create", self.content.path, "-a", url, "-o", path, "--force"],
                       check=True, stdout=subprocess.DEVNULL)
        shown = subprocess.run([TINYTORRENT, "info", path, "--json"], check=True, capture_output=True, text=True).stdout
        return path, json.loads(shown.splitlines()[-1])

    def in_turn(self, contestants):
        """{name: programs that came to an end} of {name: what runs one}, after a first turn that does not count."""
        done = {name: [] for name in contestants}
        for run in range(self.runs + 1):
            for name, measure in contestants.items():
                try:
                    program = measure()
                except Failure as failure:
                    self.failed += 1
                    print(f"{name}, run {run}: {failure}", file=sys.stderr)
                    continue
                print(f"{name}, run {run}: {program.wall:.2f} s, {program.cpu:.2f} CPU s", file=sys.stderr)
                if run > 0:
                    done[name].append(program)
        return done

    def downloads(self, here, there):
        tracker = Tracker(here, os.path.join(self.work, "tracker"))
        torrent, info = self.create(tracker.url("http"))
        seeder = LibTorrent(here, os.path.join(self.work, "seeder"))
        seeder.seed(torrent, self.content.folder)
        tracker.wait_for_seeder(info["info_hash"])

        def get(kind, *options):
            client = kind(there, os.path.join(self.work, "client"), *options, timeout=self.timeout)
            client.runs_as = Measured
            out = os.path.join(self.work, "out")
            os.mkdir(out)
            try:
                client.get(torrent, out)
                self.content.compare(out)
                return client.program
            finally:
                shutil.rmtree(out)
                shutil.rmtree(client.work)

        contestants = {
            "tinytorrent get": lambda: get(TinyTorrent, "async"),
            "tinytorrent get --engine sync": lambda: get(TinyTorrent, "sync"),
        }
        if present("aria2", shutil.which("aria2c")):
            contestants["aria2"] = lambda: get(Aria2)
        contestants["libtorrent"] = lambda: get(LibTorrent)
        contestants["plain copy, no protocol"] = lambda: self.plain_copy(here, there)
        done = self.in_turn(contestants)
        seeder.stop()
        tracker.stop()
        return done

    def plain_copy(self, here, there):
        where = [here.address, str(port())]
        log = os.path.join(self.work, "plain_copy.log")
        out = os.path.join(self.work, "out.bin")
        giver = Program(here, [*PLAIN_COPY, "give", self.content.path, *where], log)
        try:
            giver.wait_for("listening")
            taker = Measured(there, [*PLAIN_COPY, "take", out, *where], log)
            if (code := taker.wait(self.timeout)) != 0:
                raise Failure(f"plain copy ended with {code}: {taker.output()[-200:]}")
            if os.path.getsize(out) != self.content.bytes:
                raise Failure("plain copy: not all arrived")
            return taker
        finally:
            giver.stop()
            os.remove(log)
            if os.path.exists(out):
                os.remove(out)

    def seedings(self, here, there):
        def seed(kind, *options):
            # one each: a seeder that an earlier run left listed would be asked in vain
            tracker = Tracker(here, os.path.join(self.work, "tracker"))
            torrent, info = self.create(tracker.url("http"))
            seeder = kind(here, os.path.join(self.work, "seeder"), *options)
            downloader = LibTorrent(there, os.path.join(self.work, "client"), timeout=self.timeout)
            out = os.path.join(self.work, "out")
            os.mkdir(out)
            try:
                seeder.seed(torrent, self.content.folder)
                tracker.wait_for_seeder(info["info_hash"])
                with Stretch(seeder.program) as stretch:
                    downloader.get(torrent, out)
                self.content.compare(out)
                return stretch
            finally:
                seeder.stop()
                tracker.stop()
                for folder in (out, downloader.work, seeder.work):
                    shutil.rmtree(folder)

        contestants = {
            "tinytorrent seed": lambda: seed(TinyTorrent, "async"),
            "tinytorrent seed --engine sync": lambda: seed(TinyTorrent, "sync"),
        }
        if present("aria2", shutil.which("aria2c")):
            contestants["aria2"] = lambda: seed(Aria2)
        return self.in_turn(contestants)

    def hash_passes(self):
        torrent, info = self.create("http://10.0.0.1/announce")
        threads = os.cpu_count()
        scratch = os.path.join(self.work, "mktorrent.torrent")

        def measure(*command):
            program = Measured(Host("127.0.0.1", "::1"), list(command), os.path.join(self.work, "hash.log"))
            if (code := program.wait(self.timeout)) != 0:
                raise Failure(f"{program.name} ended with {code}: {program.output()[-200:]}")
            return program

        def mktorrent():
            try:
                return measure("mktorrent", "-t", str(threads), "-l", str(info["piece_length"].bit_length() - 1),
                               "-o", scratch, self.content.path)
            finally:
                if os.path.exists(scratch):
                    os.remove(scratch)

        contestants = {
            "tinytorrent verify": lambda: measure(TINYTORRENT, "verify", torrent, self.content.path),
            "tinytorrent verify, INSTRUCTIONS=native": lambda: measure(NATIVE, "verify", torrent, self.content.path),
        }
        if present("mktorrent", shutil.which("mktorrent")):
            contestants[f"mktorrent -t {threads}"] = mktorrent
        return self.in_turn(contestants)


def present(name, found):
    """Whether a program was found; says so if it was not."""
    if not found:
        print(f"{name} is missing: left out.\n")
    return bool(found)


def median(programs, what):
    return statistics.median(what(program) for program in programs)


def table(done, columns, rate, beside):
    """Markdown: a row for every program, a column for every (heading, format, value of one run), and last how many times the
    rate of the row named `beside` it reaches."""
    rows = {name: programs for name, programs in done.items() if programs}
    rates = {name: median(programs, rate) for name, programs in rows.items()}
    other = next((name for name in rows if name.startswith(beside)), None)
    headings = ["", *(heading for heading, _, _ in columns), *([f"beside {beside}"] if other else [])]
    print("| " + " | ".join(headings) + " |")
    print("|---|" + "---:|" * (len(headings) - 1))
    for name, programs in rows.items():
        cells = [format(median(programs, value), form) for _, form, value in columns]
        if other:
            cells.append(f"{rates[name] / rates[other]:.2f}x")
        print(f"| {name} | " + " | ".join(cells) + " |")
    print(flush=True)


def transfers(bench, measure):
    if not present("libtorrent, at the other end of every wire,", importlib.util.find_spec("libtorrent")):
        return
    per_cpu = lambda program: bench.content.bytes / MIB / max(program.cpu, 0.01)
    table(measure(*bench.hosts), [
        ("wall s", ".2f", lambda program: program.wall),
        ("CPU s", ".2f", lambda program: program.cpu),
        ("MiB per CPU s", ".0f", per_cpu),
        ("peak RSS MiB", ".1f", lambda program: program.peak / MIB),
    ], per_cpu, "aria2")


def downloads(bench):
    transfers(bench, bench.downloads)
    print("libtorrent runs in Python, whose start is in its CPU time, and maps its files: their pages are in its RSS.\n")


def hash_passes(bench):
    size = bench.content.bytes
    per_cpu = lambda program: size / 1e9 / program.cpu
    table(bench.hash_passes(), [
        ("wall s", ".2f", lambda program: program.wall),
        ("CPU s", ".2f", lambda program: program.cpu),
        ("GB/s", ".2f", lambda program: size / 1e9 / program.wall),
        ("GB per CPU s", ".2f", per_cpu),
    ], per_cpu, "mktorrent")


def links(bench):
    bench.failed += link_table(os.path.join(bench.work, "links"))


def scale(bench):
    bench.failed += scale_tables(bench.content, os.path.join(bench.work, "scale"), min(bench.runs, 3))


def trackers(bench):
    bench.failed += tracker_tables(os.path.join(bench.work, "tracker"), min(bench.runs, 3))


PARTS = {
    "downloads": downloads,
    "uploads": lambda bench: transfers(bench, bench.seedings),
    "hash": hash_passes,
    "links": links,
    "scale": scale,
    "trackers": trackers,
}


def interrupted(*_):
    raise KeyboardInterrupt


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--size", type=int, default=1024, help="MiB")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--only", type=lambda parts: parts.split(",") if parts else None, help=f"of {', '.join(PARTS)}; commas between")
    options = parser.parse_args()
    if not set(options.only or PARTS) <= set(PARTS):
        parser.error(f"--only knows {', '.join(PARTS)}")
    if options.size < 1 or options.runs < 1:
        parser.error("--size and --runs begin at 1")
    signal.signal(signal.SIGTERM, interrupted)
    signal.signal(signal.SIGHUP, interrupted)
    where = room(2 * options.size * MIB)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=where, ignore_cleanup_errors=True) as work:
        bench = Bench(work, options.size, options.runs)
        print(f"{options.size} MiB in {'memory' if where else 'files on disk'}, medians of {options.runs} runs that take turns, "
              f"{os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f} at the start.\n", flush=True)
        present("opentracker", shutil.which("opentracker"))
        for part in options.only or PARTS:
            PARTS[part](bench)
    only = f" ONLY={','.join(options.only)}" if options.only else ""
    print(f"    make bench SIZE={options.size} RUNS={options.runs}{only}")
    return 1 if bench.failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        os._exit(130)  # the namespace ends with this process, and with it every program in it
