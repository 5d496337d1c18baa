"""What our downloads make of links: how full one long fat link gets, how closely a rate limit is kept, and how long the last
hundredth takes with fast and slow peers. The links are link.py's, between programs on the loopback interface."""
import os
import shutil
import subprocess
import sys
import time

from clients import TINYTORRENT, TinyTorrent
from content import random_file
from link import Link
from network import Failure, Host

MIB = 1 << 20
LOCAL = Host("127.0.0.1", "::1")
ENGINES = ("async", "sync")

# A round trip of 100 ms and 50 MiB/s, and seconds it is watched for.
LONG_DELAY, LONG_RATE, LONG_SECONDS = 0.1, 50 * MIB, 8
LIMIT, LIMIT_SECONDS = 4 * MIB, 10
# MiB/s of four seeds behind 50 ms.
MIXED_RATES, MIXED_DELAY, MIXED_SECONDS = (16, 8, 1, 0.1), 0.05, 8


class Links:
    def __init__(self, work):
        self.work = work
        os.mkdir(work)

    def get(self, size, engine, links, get_options=(), seed_options=()):
        """(seconds since the first byte, arrivals sorted) of so many MiB through links of (round trip, bytes a second or None)."""
        folder, out, torrent = (os.path.join(self.work, name) for name in ("content", "out", "x.torrent"))
        os.mkdir(folder)
        os.mkdir(out)
        path = random_file(os.path.join(folder, "data.bin"), size)
        subprocess.run([TINYTORRENT, "create", path, "-o", torrent], check=True, stdout=subprocess.DEVNULL)
        seeders, ways = [], []
        try:
            for delay, rate in links:
                seeder = TinyTorrent(LOCAL, os.path.join(self.work, f"seeder{len(seeders)}"), engine)
                seeders.append(seeder)
                seeder.seed(torrent, folder, *seed_options)
                ways.append(Link((LOCAL.address, seeder.port), delay / 2, rate))
            client = TinyTorrent(LOCAL, os.path.join(self.work, "client"), engine)
            client.get(torrent, out, *get_options, *(part for way in ways for part in ("--peer", f"127.0.0.1:{way.port}")))
            end = time.monotonic()
        finally:
            for way in ways:
                way.close()
            for seeder in seeders:
                seeder.stop()
            shutil.rmtree(self.work)
            os.mkdir(self.work)
        arrivals = sorted(arrival for way in ways for arrival in way.arrivals)
        return end - arrivals[0][0], arrivals

    def long_link(self, engine):
        """(how full, from the first byte to the end; seconds until nine tenths of the rate)."""
        size = LONG_SECONDS * LONG_RATE
        seconds, arrivals = self.get(size // MIB, engine, [(LONG_DELAY, LONG_RATE)])
        first, tenths = arrivals[0][0], {}
        for when, count in arrivals:
            tenths[int((when - first) * 10)] = tenths.get(int((when - first) * 10), 0) + count
        full = next((tenth for tenth in sorted(tenths) if tenths[tenth] * 10 >= 0.9 * LONG_RATE), None)
        return size / seconds / LONG_RATE, (full or 0) / 10

    def limited(self, engine, direction):
        """By how much the rate is missed, alone in a tuple."""
        options = [f"--limit-{direction}", str(LIMIT)]
        size = LIMIT * LIMIT_SECONDS
        seconds, _ = self.get(size // MIB, engine, [(0.01, None)], options if direction == "down" else (), options if direction == "up" else ())
        return (size / seconds / LIMIT - 1,)

    def mixed(self, engine):
        """(time over that of full links, last hundredth over a hundredth of the time, bytes that came twice)."""
        size = int(sum(MIXED_RATES) * MIXED_SECONDS) * MIB
        seconds, arrivals = self.get(size // MIB, engine, [(MIXED_DELAY, rate * MIB) for rate in MIXED_RATES])
        come = 0
        for when, count in arrivals:
            come += count
            if come >= 0.99 * size:
                break
        last = arrivals[0][0] + seconds - when
        return seconds / (size / MIB / sum(MIXED_RATES)), last / (seconds / 100), sum(count for _, count in arrivals) / size - 1


def link_table(work):
    """Prints it, of one run; how many measures failed."""
    links, failed, rows = Links(work), 0, {}
    for engine in ENGINES:
        for measure, names in (
            (lambda: links.long_link(engine), {"100 ms, 50 MiB/s: filled, its start included": "{:.0%}", "the same: until nine tenths of the rate": "{:.1f} s"}),
            (lambda: links.limited(engine, "down"), {f"--limit-down 4M over {LIMIT_SECONDS} s: off by": "{:+.1%}"}),
            (lambda: links.limited(engine, "up"), {f"--limit-up 4M over {LIMIT_SECONDS} s: off by": "{:+.1%}"}),
            (lambda: links.mixed(engine), {"seeds of 16, 8, 1 and 0.1 MiB/s: time over that of full links": "{:.2f}x",
                                           "the same: the last 1 % over its share": "{:.2f}x", "the same: bytes that came twice": "{:.1%}"}),
        ):
            try:
                figures = measure()
            except Failure as failure:
                failed += 1
                print(f"{engine}, {next(iter(names))}: {failure}", file=sys.stderr)
                continue
            for (name, form), figure in zip(names.items(), figures):
                rows.setdefault(name, {})[engine] = form.format(figure)
    print("| one download over links | " + " | ".join(f"--engine {engine}" for engine in ENGINES) + " |")
    print("|---|" + "---:|" * len(ENGINES))
    for name, values in rows.items():
        print(f"| {name} | " + " | ".join(values.get(engine, "") for engine in ENGINES) + " |")
    print(flush=True)
    return failed
