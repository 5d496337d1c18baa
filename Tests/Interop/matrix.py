"""The matrix: every other client as seeder to our `get` and as downloader from our `seed`, with both engines, through our
tracker over HTTP and over UDP; our client through opentracker; and .torrent files read by each other.

Run by run.sh. Prints a table and ends with 1 if any cell failed."""
import concurrent.futures
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import clients
import content
import tools
from announces import announce
from clients import OTHERS, TINYTORRENT, TinyTorrent, Tracker
from network import Failure, wait_until, wire

SINGLE_BYTES = 300 * 1000 * 1000 + 12345
TREE_FILES = 200
AT_ONCE = 2
ANNOUNCE = "http://10.0.0.1:10000/announce"  # stands in a .torrent until a cell's own tracker takes its place


class Matrix:
    def __init__(self, work, only):
        self.work, self.only = work, only
        self.here, self.there = wire()
        made = os.path.join(work, "content")
        os.mkdir(made)
        self.contents = {
            "file": content.Content(content.single(made, SINGLE_BYTES)),
            "tree": content.Content(content.tree(made, TREE_FILES)),
        }
        self.certificate = tools.certificate(work, self.here)
        self.torrents = {name: self.create(name) for name in self.contents}
        self.results = {}  # (row, column) -> text
        self.failed = 0

    # .torrent files

    def create(self, name):
        """(path, info-hash) of our .torrent of a content."""
        path = os.path.join(self.work, f"{name}.torrent")
        output = run(TINYTORRENT, "create", self.contents[name].path, "-a", ANNOUNCE, "-o", path, "--json")
        return path, json.loads(output.splitlines()[-1])["info_hash"]

    def with_tracker(self, name, url, folder):
        """The same .torrent with another tracker."""
        with open(self.torrents[name][0], "rb") as file:
            torrent = file.read()
        path = os.path.join(folder, "it.torrent")
        with open(path, "wb") as file:
            file.write(torrent.replace(bencoded(ANNOUNCE), bencoded(url), 1))
        return path

    def read_by_others(self, name):
        path, info_hash = self.torrents[name]
        content_ = self.contents[name]
        shown = run("transmission-show", path)
        expect(f"Hash: {info_hash}" in shown, "transmission-show reads another info-hash")
        expect(shown.count(f"  {content_.name}") >= len(content_.digests), "transmission-show misses a file")
        shown = run("aria2c", "-S", path)
        expect(f"Info Hash: {info_hash}" in shown, "aria2c reads another info-hash")
        expect(f"({content_.bytes:,})" in shown, "aria2c reads another length")
        return f"{info_hash[:8]}…"

    def made_by_mktorrent(self, name):
        path = os.path.join(self.work, f"mktorrent-{name}.torrent")
        run("mktorrent", "-a", ANNOUNCE, "-o", path, self.contents[name].path)
        ours = json.loads(run(TINYTORRENT, "info", path, "--json").splitlines()[-1])
        expect(f"Hash: {ours['info_hash']}" in run("transmission-show", path), "we read another info-hash than transmission-show")
        expect(ours["length"] == self.contents[name].bytes, "we read another length")
        return f"{ours['info_hash'][:8]}…"

    # transfers

    def transfer(self, number, make_seeder, make_leecher, protocol, name, opentracker=False):
        """One cell: a tracker, a seeder, a downloader, and everything compared. Returns how long the download took."""
        folder = os.path.join(self.work, f"cell{number}")
        os.mkdir(folder)
        info_hash = self.torrents[name][1]
        running = []

        def start(thing):
            running.append(thing)
            return thing

        try:
            tracker = start(Tracker(self.here, os.path.join(folder, "tracker"), info_hash if opentracker else None))
            torrent = self.with_tracker(name, tracker.url(protocol), folder)
            seeder = start(make_seeder(os.path.join(folder, "seeder")))
            seeder.seed(torrent, self.contents[name].folder)
            tracker.wait_for_seeder(info_hash)
            leecher = start(make_leecher(os.path.join(folder, "leecher")))
            out = os.path.join(folder, "out")
            os.mkdir(out)
            began = time.monotonic()
            leecher.get(torrent, out)
            took = time.monotonic() - began
            leecher.stop()
            both_ours = isinstance(seeder, TinyTorrent) and isinstance(leecher, TinyTorrent)
            if both_ours:
                tracker.expect(info_hash, seeders=1, completed=1)
            self.contents[name].compare(out, leecher.makes_empty_files)
            seeder.stop()
            if both_ours:
                wait_until(lambda: tracker.counts(info_hash)[0] == 0, 2, "word to the tracker from the leaving seeder")
            tracker.stop()
            shutil.rmtree(folder)
            return f"{took:.1f} s"
        finally:
            for thing in reversed(running):
                if thing.program is not None and thing.program.running:
                    thing.program.stop(signal.SIGKILL)
            shutil.rmtree(os.path.join(folder, "out"), ignore_errors=True)

    def cells(self):
        """(row, column, what to run) of everything; a transfer's number is its place in the list."""
        cells = []

        def add(row, column, make_seeder, make_leecher, protocol, name, **options):
            number = len(cells)
            cells.append((row, column, lambda: self.transfer(number, make_seeder, make_leecher, protocol, name, **options)))

        def ours(engine):
            return lambda work: TinyTorrent(self.here, work, engine)

        for other in OTHERS:
            for protocol in ("http", "udp"):
                for engine in ("async", "sync"):
                    # so that every client sees both contents in both directions, over both protocols and with both engines
                    name = "file" if (protocol == "http") == (engine == "async") else "tree"
                    theirs = lambda work, other=other: other(self.there, work)
                    column = f"{protocol} {engine} {name}"
                    add(f"{other.__name__} -> ours", column, theirs, ours(engine), protocol, name)
                    add(f"ours -> {other.__name__}", column, ours(engine), theirs, protocol, name)
        for protocol in ("http", "udp"):
            for engine, name in (("async", "file"), ("sync", "tree")) if protocol == "http" else (("sync", "file"), ("async", "tree")):
                leecher = lambda work, engine=engine: TinyTorrent(self.there, work, engine)
                column = f"{protocol} {engine} {name}"
                add("ours -> ours", column, ours(engine), leecher, protocol, name)
                add("ours, by opentracker", column, ours(engine), leecher, protocol, name, opentracker=True)
        for client in (*OTHERS, TinyTorrent):
            for column in announce.COLUMNS:
                number = len(cells)
                cells.append((f"{client.__name__} announces", column, lambda number=number, client=client, column=column: announce(self, number, client, column)))
        for name, tool in tools.TOOLS.items():
            number = len(cells)
            cells.append(("our tracker", name, lambda number=number, tool=tool: tool(self, number)))
        for name in self.contents:
            cells.append(("our .torrent, read", name, lambda name=name: self.read_by_others(name)))
            cells.append(("mktorrent's, by us", name, lambda name=name: self.made_by_mktorrent(name)))
        return cells

    def run(self):
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            running = {
                pool.submit(cell): (number, row, column)
                for number, (row, column, cell) in enumerate(self.cells())
                if self.only in f"{row} {column}"
            }
            for future in concurrent.futures.as_completed(running):
                number, row, column = running[future]
                try:
                    result = future.result()
                except (Failure, OSError, subprocess.CalledProcessError, ValueError, KeyError) as error:
                    result = "FAILED"
                    self.failed += 1
                    print(f"{row}, {column}: {error}", file=sys.stderr)
                    self.show_logs(number)
                else:
                    print(f"{row}, {column}: {result}", flush=True)
                self.results[row, column] = result
        for name, made in self.contents.items():
            if content.digests(made.path) != made.digests:
                self.failed += 1
                print(f"a seeder changed the {name} it gave away", file=sys.stderr)

    def show_logs(self, number):
        for folder, _, names in sorted(os.walk(os.path.join(self.work, f"cell{number}"))):
            for name in names:
                if name.endswith(".log"):
                    with open(os.path.join(folder, name), encoding="utf-8", errors="replace") as log:
                        lines = [line.rstrip() for line in log.read().replace("\r", "\n").split("\n") if line.strip()]
                    print(*(f"    {name}: {line}" for line in lines[-8:]), sep="\n", file=sys.stderr)

    def table(self):
        columns = list(dict.fromkeys(column for _, column in sorted(self.results, key=lambda key: (" " not in key[1], key[1]))))
        print("\n" + " " * 22 + "".join(f"{column:>16}" for column in columns))
        for row in dict.fromkeys(row for row, _ in sorted(self.results)):
            print(f"{row:22}" + "".join(f"{self.results.get((row, column), ''):>16}" for column in columns))


def bencoded(text):
    return f"{len(text)}:{text}".encode()


def expect(condition, otherwise):
    if not condition:
        raise Failure(otherwise)


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode != 0:
        raise Failure(f"{' '.join(command[:2])} ended with {done.returncode}: {done.stderr.strip()}")
    return done.stdout


def interrupted(*_):
    raise KeyboardInterrupt


def main():
    signal.signal(signal.SIGTERM, interrupted)
    signal.signal(signal.SIGHUP, interrupted)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="interop-", dir=content.room(4 * SINGLE_BYTES), ignore_cleanup_errors=True) as work:
        os.chmod(work, 0o755)  # opentracker looks into it as nobody
        matrix = Matrix(work, sys.argv[1] if len(sys.argv) > 1 else "")
        matrix.run()
        matrix.table()
    print(f"\n{len(matrix.results)} cells, {matrix.failed} failed, {time.monotonic() - began:.0f} s")
    return 1 if matrix.failed or not matrix.results else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        os._exit(130)  # the namespace ends with this process, and with it every program in it
