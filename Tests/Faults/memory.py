"""A download many times larger than the memory there is for it: both engines finish in a group of 64 MiB, the pages of the file
they write included, and hold far less themselves. A tracker in the same group is flooded with torrents and lives."""
import filecmp
import os
import random
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time
import urllib.request

from program import INTERRUPTED, TINYTORRENT, Program, Seed, expect, get

MIB = 1 << 20
SIZE, LIMIT, HELD = 512 * MIB, 64 * MIB, 40 * MIB
FLOOD = 400_000  # torrents, more than a quarter of the limit holds


class Content:
    """One large file, on a real disk: what lies in a tmpfs is memory."""

    def __init__(self, folder, dice):
        self.folder, self.file = os.path.join(folder, "large"), os.path.join(folder, "large.torrent")
        with open(self.folder, "wb") as file:
            for _ in range(SIZE // MIB):
                file.write(dice.randbytes(MIB))
        subprocess.run([TINYTORRENT, "create", self.folder, "-q", "-o", self.file], check=True)


def confine():
    """A control group with the limit, of version 1 or 2; None where none can be made."""
    for root, limit in (("/sys/fs/cgroup/memory", "memory.limit_in_bytes"), ("/sys/fs/cgroup", "memory.max")):
        group = os.path.join(root, f"tinytorrent-{os.getpid()}-{time.monotonic_ns()}")
        try:
            os.mkdir(group)
        except OSError:
            continue
        try:
            with open(os.path.join(group, limit), "w", encoding="ascii") as file:
                file.write(str(LIMIT))
            return group
        except OSError:
            os.rmdir(group)
    return None


def join(group):
    with open(os.path.join(group, "cgroup.procs"), "w", encoding="ascii") as file:
        file.write("0")


def flood(group):
    """Announces of torrents that nobody has, over one connection id, until a tracker has no memory for more of them."""
    program = Program("serve-tracker", "--listen", "127.0.0.1:0", **({"preexec_fn": lambda: join(group)} if group else {}))
    try:
        listening = program.event("listening")
        expect(listening, f"serve-tracker ended: {program.error}")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(20)
            client.connect(("127.0.0.1", listening["port"]))
            client.send(struct.pack(">QII", 0x41727101980, 0, 1))
            connected = struct.unpack(">IIQ", client.recv(16))[2]
            answers, refused = 0, 0
            for number in range(FLOOD):
                client.send(struct.pack(">QII", connected, 1, number) + os.urandom(20) + bytes(20) + struct.pack(">QQQIIIiH", 0, 1, 0, 0, 0, 0, 0, 6881))
                answer = client.recv(2048)
                answers, refused = answers + 1, refused + (struct.unpack(">I", answer[:4])[0] == 3)
        held = most_held(program.process)
        with urllib.request.urlopen(listening["url"].replace("/announce", "/health"), timeout=20) as health:
            expect(health.read() == b"ok\n", "the tracker is not well after a flood")
        if group:
            expect(refused > FLOOD // 10, f"{refused} of {answers} announces were refused")
            expect(held < LIMIT, f"{held // MIB} MiB were held")
        program.signal(signal.SIGTERM)
        code = program.wait()
        expect(code == 0, f"serve-tracker ended with {code}: {program.error}")
        return f"a tracker holds {held / MIB:.0f} MiB and refuses {refused:,} of {answers:,} torrents"
    finally:
        if program.process.poll() is None:
            program.kill()


def most_held(process):
    with open(f"/proc/{process.pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))


def run(seed):
    begun = time.monotonic()
    folder, group, running = tempfile.mkdtemp(), confine(), []
    try:
        flooded = flood(group)
        content = Content(folder, random.Random(seed))
        held = {}
        for engine in ("async", "sync"):
            source, output = Seed(content, engine), os.path.join(folder, engine)
            options = {"preexec_fn": lambda: join(group)} if group else {}
            running.append(source.program)
            program = get(content, engine, output, source.peer, "--seed", "--timeout", "60s", **options)
            running.append(program)
            expect(program.event("completed"), f"get ended ({engine}): {program.error}")
            held[engine] = most_held(program.process)
            program.signal(signal.SIGTERM)
            code = program.wait()
            expect(code == INTERRUPTED, f"exit {code} ({engine}): {program.error}")
            source.program.kill()
            running.clear()
            expect(filecmp.cmp(content.folder, os.path.join(output, "large"), shallow=False), f"the copy differs ({engine})")
            expect(held[engine] < HELD, f"{held[engine] // MIB} MiB were held ({engine})")
            shutil.rmtree(output)
        where = f"in a group of {LIMIT // MIB} MiB" if group else "without a group, as none can be made here"
        told = ", ".join(f"{engine} {held[engine] / MIB:.0f}" for engine in held)
        print(f"memory       {SIZE // MIB} MiB downloaded {where}; MiB held at most: {told}; {flooded}, {time.monotonic() - begun:.0f} s", flush=True)
    finally:
        for program in running:
            program.kill()
        shutil.rmtree(folder)
        if group:
            os.rmdir(group)
