"""Code written at run time: never in memory that is writable as well, and not needed where the system forbids it."""
import ctypes
import os
import random

from program import TINYTORRENT, Program, Seed, Torrent, expect

PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN = 65, 1  # Linux 6.3; systemd's MemoryDenyWriteExecute does the same to older kernels
DAMAGED = 4


def refuse_executable_memory():
    ctypes.CDLL(None).prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0)


def is_refused_here():
    child = os.fork()
    if child == 0:
        os._exit(0 if ctypes.CDLL(None).prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0) == 0 else 1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def widths(**options):
    program = Program("bench", "hash", **options)
    found = []
    while (width := program.event("hash")) is not None:
        found.append(width["lanes"])
    expect(program.wait() == 0, f"{TINYTORRENT} bench hash: {program.error}")
    return found


def verify(torrent, **options):
    return Program("verify", torrent.file, torrent.folder, **options).wait()


def run(work, seed):
    torrent = Torrent(os.path.join(work, "hardened"), random.Random(seed), [3_000_000, 50_000])
    source = Seed(torrent, "async")
    with open(f"/proc/{source.program.process.pid}/maps", encoding="ascii") as maps:
        expect(not any(line.split()[1].startswith("rwx") for line in maps), "memory is writable and executable")
    source.program.kill()
    if not is_refused_here():
        print("hardened     skipped: this kernel cannot refuse executable memory", flush=True)
        return
    usual, hardened = widths(), widths(preexec_fn=refuse_executable_memory)
    expect(hardened == [width for width in usual if width != 2], f"widths {hardened}, without refusal {usual}")
    expect(verify(torrent, preexec_fn=refuse_executable_memory) == 0, "whole content is damaged")
    with open(os.path.join(torrent.folder, "folder 0", "file 0"), "r+b") as file:
        file.write(b"damage")
    expect(verify(torrent, preexec_fn=refuse_executable_memory) == DAMAGED, "damage is not seen")
    print(f"hardened     no memory writable and executable; where none may become so, widths {hardened} of {usual}", flush=True)
