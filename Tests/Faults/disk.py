"""Disks that fill or refuse, files that are cut, deleted or made read-only under way, a folder that vanishes: get says so and
ends with 6, and the same command completes once the cause is gone, without fetching again what was whole."""
import os
import random
import shutil
import signal
import subprocess
import time

from program import DISK, PATIENCE, Seed, Torrent, expect, get

NOBODY = 65534  # root may write whatever the mode says


def mount(path, *options):
    subprocess.run(["mount", "-t", "tmpfs", "-o", ",".join(options), "tmpfs", path], check=True)


class Case:
    """One torrent, one engine, one folder."""

    def __init__(self, torrent, engine, folder, peer):
        self.torrent, self.engine, self.folder, self.peer = torrent, engine, folder, peer
        self.options = {}
        os.mkdir(folder)

    def start(self, *more):
        return get(self.torrent, self.engine, self.folder, self.peer, "--timeout", "60s", *more, **self.options)

    def path(self, number):
        return os.path.join(self.folder, self.torrent.files[number][0])

    def until(self, condition, program):
        end = time.monotonic() + PATIENCE
        while not condition():
            expect(program.process.poll() is None and time.monotonic() < end, f"not the moment waited for: {program.error}")
            time.sleep(0.005)

    def fails(self, program, *words):
        code = program.wait()
        expect(code == DISK, f"exit {code} instead of {DISK}: {program.error}")
        expect(program.error.count("\n") == 0, f"more than a line: {program.error}")
        for word in words:
            expect(word in program.error, f"'{word}' is not in: {program.error}")

    def completes(self):
        """The cause is gone."""
        whole = self.torrent.length_of(self.torrent.whole(self.folder))
        believed = self.torrent.believed(self.folder)
        expect(believed is None or believed <= self.torrent.whole(self.folder), "a piece is believed that the disk does not hold")
        program = self.start()
        started, completed = program.event("started"), program.event("completed")
        code = program.wait()
        expect(code == 0, f"exit {code}: {program.error}")
        expect(started["done"] == whole, f"{started['done']} bytes were found at the start, and {whole} were on disk")
        expect(completed["downloaded"] <= self.torrent.length - whole, "a piece was fetched again")
        self.torrent.expect_complete(self.folder)


def a_disk_that_fills(case):
    mount(case.folder, "size=5m")
    try:
        case.fails(case.start(), "o space left on device", case.folder)
        expect(len(case.torrent.whole(case.folder)) > 20, "what was verified is gone")
        case.fails(case.start(), "o space left on device")  # still full: nothing is lost by trying
        subprocess.run(["mount", "-o", "remount,size=64m", case.folder], check=True)
        case.completes()
    finally:
        subprocess.run(["umount", "-l", case.folder], check=True)


def a_disk_that_is_full_from_the_start(case):
    mount(case.folder, "size=64k")
    try:
        with open(os.path.join(case.folder, "ballast"), "wb") as ballast:
            try:
                ballast.write(bytes(1 << 20))
            except OSError:
                pass  # full, as it should be
        case.fails(case.start(), "o space left on device")
        os.remove(os.path.join(case.folder, "ballast"))
        subprocess.run(["mount", "-o", "remount,size=64m", case.folder], check=True)
        case.completes()
    finally:
        subprocess.run(["umount", "-l", case.folder], check=True)


def a_disk_that_is_read_only(case):
    mount(case.folder, "size=64m")
    try:
        program = case.start("--limit-down", "8M")
        case.until(lambda: case.torrent.whole(case.folder), program)
        program.kill()
        subprocess.run(["mount", "-o", "remount,ro", case.folder], check=True)
        case.fails(case.start(), "ead-only file system")
        subprocess.run(["mount", "-o", "remount,rw", case.folder], check=True)
        case.completes()
    finally:
        subprocess.run(["umount", "-l", case.folder], check=True)


def as_nobody(case):
    os.chown(case.folder, NOBODY, NOBODY)
    case.options = {"user": NOBODY, "group": NOBODY, "extra_groups": []}


def a_file_made_read_only(case):
    as_nobody(case)
    program = case.start("--limit-down", "8M", "--sequential")
    case.until(lambda: os.path.exists(case.path(1)), program)
    program.kill()
    os.chmod(case.path(1), 0o444)
    os.truncate(case.path(1), 100)
    case.fails(case.start(), "ermission denied", case.path(1))
    os.chmod(case.path(1), 0o644)
    case.completes()


def a_folder_without_permission(case):
    as_nobody(case)
    os.chmod(case.folder, 0o555)
    case.fails(case.start(), "ermission denied")
    os.chmod(case.folder, 0o755)
    case.completes()


def a_file_deleted_under_way(case):
    program = case.start("--limit-down", "8M", "--sequential")
    case.until(lambda: os.path.exists(case.path(1)), program)
    os.remove(case.path(0))
    case.fails(program, case.path(0), "disappeared")
    case.completes()


def a_file_cut_under_way(case):
    program = case.start("--limit-down", "8M", "--sequential")
    size = case.torrent.files[0][1]
    case.until(lambda: os.path.exists(case.path(0)) and os.path.getsize(case.path(0)) > size // 2, program)
    os.truncate(case.path(0), 100_000)
    case.fails(program, case.path(0), "cut")
    case.completes()


def a_whole_file_cut_under_way(case):
    program = case.start("--limit-down", "8M", "--sequential")
    case.until(lambda: os.path.exists(case.path(1)), program)
    os.truncate(case.path(0), 100_000)
    case.fails(program, case.path(0), "cut")
    case.completes()


def a_file_cut_then_an_interrupt(case):
    program = case.start("--limit-down", "8M", "--sequential")
    case.until(lambda: os.path.exists(case.path(1)), program)
    os.truncate(case.path(0), 100_000)
    program.signal(signal.SIGTERM)
    program.wait()
    case.completes()


def a_folder_that_vanishes(case):
    program = case.start("--limit-down", "8M", "--sequential")
    case.until(lambda: os.path.exists(case.path(1)), program)
    os.rename(os.path.join(case.folder, "content"), case.folder + " elsewhere")
    case.fails(program, case.folder, "disappeared")
    shutil.rmtree(os.path.join(case.folder, "content"), ignore_errors=True)
    os.rename(case.folder + " elsewhere", os.path.join(case.folder, "content"))
    case.completes()


def a_link_planted_under_way(case):
    precious = case.folder + " precious"
    program = case.start("--limit-down", "8M", "--sequential")
    case.until(lambda: os.path.exists(case.path(0)), program)
    with open(precious, "w", encoding="ascii") as file:
        file.write("precious")
    os.makedirs(os.path.dirname(case.path(-1)), exist_ok=True)
    os.symlink(precious, case.path(-1))
    case.fails(program, case.path(-1), "symbolic link")
    with open(precious, encoding="ascii") as file:
        expect(file.read() == "precious", "a link was followed")
    os.remove(case.path(-1))
    case.completes()


CASES = (
    a_disk_that_fills, a_disk_that_is_full_from_the_start, a_disk_that_is_read_only, a_file_made_read_only, a_folder_without_permission,
    a_file_deleted_under_way, a_file_cut_under_way, a_whole_file_cut_under_way, a_file_cut_then_an_interrupt, a_folder_that_vanishes,
    a_link_planted_under_way)


def run(work, seed):
    begun = time.monotonic()
    os.chmod(work, 0o755)
    torrent = Torrent(os.path.join(work, "disk"), random.Random(seed), [3_000_000, 2_000_000, 1_000_000] + [50_000] * 20)
    for engine in ("async", "sync"):
        source = Seed(torrent, engine)
        for case in CASES:
            folder = os.path.join(work, "disk", f"{engine} {case.__name__}")
            try:
                case(Case(torrent, engine, folder, source.peer))
            except Exception as fault:
                raise type(fault)(f"{case.__name__.replace('_', ' ')} ({engine}): {fault}") from fault
            shutil.rmtree(folder)
        source.program.kill()
    print(f"disk         {len(CASES)} faults, each with both engines: exit 6, nothing lost, completed afterwards, {time.monotonic() - begun:.0f} s", flush=True)
