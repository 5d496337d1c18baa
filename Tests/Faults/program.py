"""The program under test, and what a download of it left on disk, judged without its help."""
import hashlib
import json
import os
import queue
import signal
import subprocess
import threading
import time

TINYTORRENT = os.path.realpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../bin/tinytorrent"))
PATIENCE = 60
INTERRUPTED, DISK = 130, 6


class Failure(Exception):
    pass


def expect(condition, otherwise):
    if not condition:
        raise Failure(otherwise)


class Program:
    """One run with --json. Ended by whoever started it."""

    def __init__(self, *arguments, **options):
        self.process = subprocess.Popen(
            [TINYTORRENT, *arguments, "--json"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)
        self._events, self.errors = queue.Queue(), []
        self._readers = [threading.Thread(target=read, daemon=True) for read in (self._read_events, self._read_errors)]
        for reader in self._readers:
            reader.start()

    def _read_events(self):
        for line in self.process.stdout:
            if line.endswith("\n"):  # a kill may cut the last one
                self._events.put(json.loads(line))
        self._events.put(None)

    def _read_errors(self):
        self.errors.extend(self.process.stderr)

    def event(self, name):
        """Waits for the event. None if the program ended without it."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            try:
                found = self._events.get(timeout=1)
            except queue.Empty:
                continue
            if found is None:
                self._events.put(None)
                return None
            if found["event"] == name:
                return found
        raise Failure(f"no '{name}' within {PATIENCE} s")

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self):
        """How it ended: exit code, or minus the signal."""
        code = self.process.wait(PATIENCE)
        for reader in self._readers:
            reader.join()
        self.process.stdout.close()
        self.process.stderr.close()
        return code

    def kill(self):
        self.signal(signal.SIGKILL)
        return self.wait()

    @property
    def error(self):
        return "".join(self.errors).strip()


def decode(data, at=0):
    """Bencode, to compare our reading with the program's. Returns the value and where it ends."""
    head = data[at:at + 1]
    if head == b"i":
        end = data.index(b"e", at)
        return int(data[at + 1:end]), end + 1
    if head in (b"l", b"d"):
        items, at = [], at + 1
        while data[at:at + 1] != b"e":
            item, at = decode(data, at)
            items.append(item)
        return (dict(zip(items[::2], items[1::2])) if head == b"d" else items), at + 1
    colon = data.index(b":", at)
    end = colon + 1 + int(data[at:colon])
    expect(end <= len(data), "a string ends beyond the file")
    return data[colon + 1:end], end


class Torrent:
    """Content made of many files, its .torrent, and how much of it a folder holds."""

    def __init__(self, work, random, sizes, piece_length=32768):
        self.folder, self.file = os.path.join(work, "content"), os.path.join(work, "content.torrent")
        for number, size in enumerate(sizes):
            path = os.path.join(self.folder, f"folder {number % 7}", f"file {number}")
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as file:
                file.write(random.randbytes(size))
        subprocess.run([TINYTORRENT, "create", self.folder, "-q", "--piece-length", str(piece_length), "-o", self.file], check=True)
        with open(self.file, "rb") as file:
            info = decode(file.read())[0][b"info"]
        self.piece_length = piece_length
        self.files = [(os.path.join("content", *(part.decode() for part in file[b"path"])), file[b"length"]) for file in info[b"files"]]
        self.hashes = [info[b"pieces"][at:at + 20] for at in range(0, len(info[b"pieces"]), 20)]
        self.length = sum(size for _, size in self.files)

    def length_of(self, pieces):
        last = len(self.hashes) - 1
        return sum(self.length - last * self.piece_length if piece == last else self.piece_length for piece in pieces)

    def read(self, folder):
        """All bytes as a download laid them down; zeros where there are none."""
        content = bytearray()
        for path, size in self.files:
            try:
                with open(os.path.join(folder, path), "rb") as file:
                    found = file.read(size)
            except FileNotFoundError:
                found = b""
            content += found.ljust(size, b"\0")
        return content

    def whole(self, folder):
        """The pieces whose bytes are all there and right."""
        content, size = memoryview(self.read(folder)), self.piece_length
        return {piece for piece, digest in enumerate(self.hashes) if hashlib.sha1(content[piece * size:(piece + 1) * size]).digest() == digest}

    def believed(self, folder):
        """The pieces the state file lists; None if there is none. Failure if it is not whole."""
        states = os.path.join(folder, ".tinytorrent")
        names = [name for name in os.listdir(states) if name.endswith(".resume")] if os.path.isdir(states) else []
        if not names:
            return None
        with open(os.path.join(states, names[0]), "rb") as file:
            data = file.read()
        try:
            state, end = decode(data)
            expect(end == len(data), "bytes after its end")
            body = data[len(b"d4:body"):data.rindex(b"3:sum")]
            expect(hashlib.sha1(body).digest() == state[b"sum"], "another checksum")
        except (ValueError, IndexError, KeyError, Failure) as fault:
            raise Failure(f"a state file of {len(data)} bytes is not whole: {fault!r}") from fault
        bits = state[b"body"][b"pieces"]
        return {piece for piece in range(len(self.hashes)) if bits[piece // 8] >> (7 - piece % 8) & 1}

    def expect_complete(self, folder):
        expect(len(self.whole(folder)) == len(self.hashes), "get ended well, and its content is damaged")
        for path, size in self.files:
            expect(os.path.getsize(os.path.join(folder, path)) == size, f"{path} has another length")
        expect(not os.path.exists(os.path.join(folder, ".tinytorrent")), "the state stayed behind")


class Seed:
    """A seeder of the torrent on a port of its own."""

    def __init__(self, torrent, engine):
        self.program = Program("seed", torrent.file, torrent.folder, "--engine", engine, "--port", "0", "--bind", "127.0.0.1")
        started = self.program.event("started")
        expect(started is not None, f"no seeder: {self.program.error}")
        self.peer = f"127.0.0.1:{started['port']}"


def get(torrent, engine, folder, peer, *more, **options):
    return Program("get", torrent.file, "-o", folder, "--engine", engine, "--port", "0", "--bind", "127.0.0.1", "--peer", peer, *more, **options)
