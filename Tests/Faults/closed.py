"""Started without stdin, stdout or stderr, as some supervisors do: what is meant for them must not go into what gets their numbers."""
import itertools
import os
import random
import shutil
import subprocess

from program import PATIENCE, TINYTORRENT, Seed, Torrent, expect


def run(work, seed):
    torrent = Torrent(os.path.join(work, "closed"), random.Random(seed), [300_000, 50_000])
    source, folder = Seed(torrent, "async"), os.path.join(work, "closed", "out")
    for count in (1, 2, 3):
        for closed in itertools.combinations((0, 1, 2), count):
            done = subprocess.run(
                [TINYTORRENT, "get", torrent.file, "-o", folder, "-v", "--port", "0", "--bind", "127.0.0.1", "--peer", source.peer],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=PATIENCE, check=False,
                preexec_fn=lambda closed=closed: [os.close(number) for number in closed])
            expect(done.returncode == 0, f"get without descriptors {closed} ended with {done.returncode}")
            torrent.expect_complete(folder)
            shutil.rmtree(folder)
    source.program.kill()
    closed = subprocess.run(
        [TINYTORRENT, "info", torrent.file], stderr=subprocess.PIPE, text=True, timeout=PATIENCE, check=False, preexec_fn=lambda: os.close(1))
    expect((closed.returncode, closed.stderr) == (6, "tinytorrent: cannot write the output: stdout is closed\n"), f"{closed}")
    print("closed       complete without any of the three standard descriptors", flush=True)
