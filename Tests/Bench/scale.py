"""What hundreds of peers cost: CPU time and memory of a download from 1 to 500 seeds and with small and large pieces, evenness
and memory of a seeding to 200 downloaders, and the choice of a request by the number of pieces. The peers are crowd.py's, each
with an address of its own on this host: there is no wire, so this shows ratios between the rows, not what a link takes."""
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import time

from clients import TINYTORRENT
from cost import Measured, Stretch
from crowd import FIRST, address
from network import Failure, Host, Program, port

LOCAL = Host("127.0.0.1", "::1")
CROWD = [sys.executable, "-B", os.path.join(os.path.dirname(os.path.abspath(__file__)), "crowd.py")]
MIB = 1 << 20
USUAL = 1 << 20  # piece length
PEERS = {"async": (1, 10, 200, 500), "sync": (1, 10, 100)}
PIECE_LENGTHS = (1 << 14, 1 << 18, 1 << 24)
DOWNLOADERS, SECONDS = 200, 8
LIMITS = (None, "100M", "20M")  # of the uplink


class Scale:
    def __init__(self, content, work, runs):
        self.content, self.work, self.runs = content, work, runs
        self.failed = 0
        self._torrents = {}
        os.makedirs(work, exist_ok=True)

    def torrent(self, piece_length):
        """(path, what a crowd is told of it)."""
        if piece_length not in self._torrents:
            path = os.path.join(self.work, f"{piece_length}.torrent")
            subprocess.run([TINYTORRENT, "create", self.content.path, "--piece-length", str(piece_length), "-o", path],
                           check=True, stdout=subprocess.DEVNULL)
            shown = subprocess.run([TINYTORRENT, "info", path, "--json"], check=True, capture_output=True, text=True).stdout
            info = json.loads(shown.splitlines()[-1])
            self._torrents[piece_length] = path, [info["info_hash"], str(piece_length), self.content.path]
        return self._torrents[piece_length]

    def download(self, engine, peers, piece_length=USUAL):
        """The program that came to an end."""
        torrent, told = self.torrent(piece_length)
        out = os.path.join(self.work, "out")
        crowd = Program(LOCAL, [*CROWD, "seeds", *told, "--port", str(listening := port())], os.path.join(self.work, "seeds.log"))
        try:
            crowd.wait_for(f"listening on {listening}")
            command = [TINYTORRENT, "get", torrent, "-o", out, "--engine", engine, "--port", str(port()),
                       "--max-peers", str(peers), "--timeout", "60s"]
            for number in range(peers):
                command += ["--peer", f"{address(FIRST + number)}:{listening}"]
            program = Measured(LOCAL, command, os.path.join(self.work, "get.log"))
            if (code := program.wait(300)) != 0:
                raise Failure(f"{program.name} ended with {code}: {program.output()[-200:]}")
            return program
        finally:
            crowd.stop()
            os.remove(crowd.log)
            shutil.rmtree(out, ignore_errors=True)

    def seeding(self, engine, limit):
        """(most / least that a downloader received, the seeder while it lasted, bytes)."""
        torrent, told = self.torrent(USUAL)
        listening = port()
        downloaders = min(DOWNLOADERS, PEERS[engine][-1])
        command = [TINYTORRENT, "seed", torrent, self.content.path, "--engine", engine, "--port", str(listening),
                   "--max-peers", str(downloaders), *(["--limit-up", limit] if limit else [])]
        log = os.path.join(self.work, "seed.log")
        seeder = Program(LOCAL, command, log)
        try:
            seeder.wait_for("seeding")
            with Stretch(seeder) as stretch:
                done = subprocess.run([*CROWD, "takers", *told, "--port", str(listening), "--count", str(downloaders),
                                       "--seconds", str(SECONDS)], capture_output=True, text=True, timeout=120)
            if done.returncode != 0:
                raise Failure(f"takers ended with {done.returncode}: {done.stderr.strip()[-300:]}")
            counts = json.loads(done.stdout)
            if counts["gone"]:
                raise Failure(f"{counts['gone']} of {downloaders} downloaders were dropped")
            return counts["most"] / max(counts["least"], 1), stretch, counts["bytes"] / counts["seconds"]
        finally:
            seeder.stop(signal.SIGTERM)
            os.remove(log)

    def measured(self, what, measure):
        """Its result; None, and it is counted and said, if it failed."""
        try:
            result = measure()
        except Failure as failure:
            self.failed += 1
            print(f"{what}: {failure}", file=sys.stderr)
            return None
        print(f"{what}: done", file=sys.stderr)
        return result

    def scale(self):
        rows = {(engine, peers): [] for engine, counts in PEERS.items() for peers in counts}
        for _ in range(self.runs):
            for (engine, peers), programs in rows.items():
                if program := self.measured(f"{peers} peers, {engine}", lambda e=engine, p=peers: self.download(e, p)):
                    programs.append(program)
        gib = self.content.bytes / (1 << 30)
        cpu = {row: statistics.median(p.cpu for p in programs) / gib for row, programs in rows.items() if programs}
        print("| scale | CPU s per GiB | beside 10 peers | peak RSS MiB |\n|---|---:|---:|---:|")
        for row, programs in rows.items():
            if not programs:
                continue
            engine, peers = row
            ten = cpu.get((engine, 10))
            beside = f"{cpu[row] / ten:.2f}x" if ten else ""
            print(f"| {peers} peers, --engine {engine} | {cpu[row]:.2f} | {beside} | {max(p.peak for p in programs) / MIB:.1f} |")
        print(flush=True)

    def piece_lengths(self):
        crowds = (("async", 1), ("async", 200), ("sync", 100))
        print("| peak RSS MiB, piece length | " + " | ".join(f"{peers} peers, {engine}" for engine, peers in crowds) + " |")
        print("|---|" + "---:|" * len(crowds))
        for length in PIECE_LENGTHS:
            cells = []
            for engine, peers in crowds:
                program = self.measured(f"pieces of {length >> 10} KiB, {peers} peers, {engine}", lambda: self.download(engine, peers, length))
                cells.append(f"{program.peak / MIB:.1f}" if program else "")
            print(f"| {length >> 10} KiB | " + " | ".join(cells) + " |")
        print(flush=True)

    def downloaders(self):
        print(f"| {DOWNLOADERS} downloaders ({PEERS['sync'][-1]} with sync) | most / least received | MiB/s | CPU s per GiB | peak RSS MiB |")
        print("|---|---:|---:|---:|---:|")
        for engine, limit in [*(("async", limit) for limit in LIMITS), ("sync", None)]:
            name = f"--engine {engine}" + (f" --limit-up {limit}" if limit else "")
            if not (result := self.measured(f"downloaders, {name}", lambda: self.seeding(engine, limit))):
                continue
            ratio, stretch, rate = result
            gib = rate * stretch.wall / (1 << 30)
            print(f"| {name} | {ratio:.2f} | {rate / MIB:.0f} | {stretch.cpu / gib:.2f} | {stretch.peak / MIB:.1f} |")
        print(flush=True)

    def picker(self):
        said = subprocess.run([TINYTORRENT, "bench", "picker", "--json"], check=True, capture_output=True, text=True).stdout
        print("| picker, pieces | ns per request | ns per have |\n|---|---:|---:|")
        for row in map(json.loads, said.splitlines()):
            print(f"| {row['pieces']:,} | {row['request_nanoseconds']:.0f} | {row['have_nanoseconds']:.0f} |")
        print(flush=True)


def scale_tables(content, work, runs):
    """Prints them: how many measurements failed."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    scale = Scale(content, work, runs)
    for table in (scale.scale, scale.piece_lengths, scale.downloaders, scale.picker):
        table()
    return scale.failed
