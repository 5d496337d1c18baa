"""Under the limits of a shell (ulimit -f, -v, -u) and stopped in the background: every end is a sentence and an exit code of ours, never
a signal, never an exception's name."""
import os
import pty
import random
import resource
import select
import shutil
import signal
import subprocess
import time

from program import DISK, PATIENCE, TINYTORRENT, Seed, Torrent, expect

NOBODY = 54321  # root is not bound by a limit on processes, which are counted for each user
MIB = 1 << 20


def run_limited(prepare, *arguments):
    """Runs it to its end: exit code, minus the signal, and what it wrote to stderr."""
    done = subprocess.run([TINYTORRENT, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                          timeout=PATIENCE, check=False, preexec_fn=prepare)
    what = " ".join(arguments[:2])
    expect(done.returncode >= 0, f"{what}: ended by signal {-done.returncode}: {done.stderr}")
    expect("Exception" not in done.stderr and "   at " not in done.stderr, f"{what}: {done.stderr}")
    return done.returncode, done.stderr.strip()


def limit(kind, value):
    return lambda: resource.setrlimit(kind, (value, value))


def file_sizes(work, torrent, source):
    folder = os.path.join(work, "limited")
    for engine in ("async", "sync"):
        arguments = ["get", torrent.file, "-o", folder, "--engine", engine, "--port", "0", "--bind", "127.0.0.1", "--peer", source.peer]
        code, error = run_limited(limit(resource.RLIMIT_FSIZE, 100_000), *arguments)
        expect(code == DISK and "too large" in error.lower(), f"a file beyond the limit: exit {code}: {error}")
        code, error = run_limited(None, *arguments)
        expect(code == 0, f"without the limit: exit {code}: {error}")
        torrent.expect_complete(folder)
        shutil.rmtree(folder)
    code, error = run_limited(limit(resource.RLIMIT_FSIZE, 100), "create", torrent.folder, "-o", os.path.join(work, "cut.torrent"))
    expect(code == DISK and "too large" in error.lower(), f"a .torrent beyond the limit: exit {code}: {error}")


def address_space(work, torrent, source):
    folder = os.path.join(work, "narrow")
    arguments = ["-o", folder, "--port", "0", "--bind", "127.0.0.1", "--peer", source.peer]
    for mib in (100, 128, 160, 192, 224, 255):
        code, error = run_limited(limit(resource.RLIMIT_AS, mib * MIB), "get", torrent.file, *arguments)
        # With so little the runtime may not come as far as our first line: it then ends with 255 and says nothing.
        expect((code == 1 and "ulimit -v" in error) or (code == 255 and error == ""), f"{mib} MiB of address space: exit {code}: {error}")
        expect(not os.path.exists(folder), "something was made all the same")
    for mib in (300, 400, 500, 600, 800, 1200):
        code, error = run_limited(limit(resource.RLIMIT_AS, mib * MIB), "get", torrent.file, *arguments)
        expect(code == 0 or (code == 1 and "ulimit" in error), f"{mib} MiB of address space: exit {code}: {error}")
        shutil.rmtree(folder, ignore_errors=True)


def processes(work, torrent, source):
    home = os.path.join(work, "nobody")
    os.mkdir(home)
    os.chown(home, NOBODY, NOBODY)
    os.chmod(work, 0o755)

    def become(count):
        def prepare():
            resource.setrlimit(resource.RLIMIT_NPROC, (count, count))
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
        return prepare

    codes = set()
    for engine in ("async", "sync"):
        for count in range(2, 40):
            folder = os.path.join(home, f"{engine}{count}")
            code, error = run_limited(become(count), "get", torrent.file, "-o", folder, "--engine", engine, "--port", "0", "--bind", "127.0.0.1",
                                      "--peer", source.peer, "--timeout", "3s")
            expect(code == 0 or error.startswith("tinytorrent: "), f"{count} threads: exit {code}: {error!r}")
            codes.add(code)
            shutil.rmtree(folder, ignore_errors=True)
    expect(0 in codes and 1 in codes, f"the limits were too wide or too narrow to show anything: {codes}")
    for count in range(2, 16):
        code, error = run_limited(become(count), "serve-tracker", "--listen", "127.0.0.1:0")
        expect(code == 1 and error.startswith("tinytorrent: "), f"a tracker with {count} threads: exit {code}: {error!r}")
    return codes


def background(torrent):
    """Stopped in the foreground and continued in the background, as with Ctrl-Z and bg."""
    begun, tell_begun = os.pipe()
    child, terminal = pty.fork()
    if child == 0:
        signal.signal(signal.SIGTTOU, signal.SIG_IGN)

        def foreground():
            os.setpgid(0, 0)
            os.tcsetpgrp(0, os.getpid())
            signal.signal(signal.SIGTTOU, signal.SIG_DFL)

        seed = subprocess.Popen([TINYTORRENT, "seed", torrent.file, torrent.folder, "--port", "0", "--bind", "127.0.0.1"], preexec_fn=foreground,
                                env={**os.environ, "TERM": "xterm"})
        os.read(begun, 1)
        states = []
        for _ in range(3):
            os.kill(seed.pid, signal.SIGTSTP)
            states.append(await_state(seed.pid, "T"))
            os.tcsetpgrp(0, os.getpid())
            os.kill(seed.pid, signal.SIGCONT)
            time.sleep(0.5)  # long enough to be stopped again
            states.append(await_state(seed.pid, "SR"))
        seed.terminate()
        try:
            ended = seed.wait(5) >= 0
        except subprocess.TimeoutExpired:
            seed.kill()
            ended = False
        os._exit(0 if all(states) and ended else 1)
    output, told, end = b"", False, time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if not select.select([terminal], [], [], 0.1)[0]:
            continue
        try:
            output += os.read(terminal, 4096)
        except OSError:  # it has ended
            break
        if b"peers" in output and not told:
            told = True
            os.write(tell_begun, b"\n")
    _, status = os.waitpid(child, 0)
    for descriptor in (terminal, begun, tell_begun):
        os.close(descriptor)
    expect(status == 0, f"a seed continued in the background stays stopped: {output[-300:]!r}")


def await_state(pid, wanted):
    for _ in range(50):
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            if file.read().rsplit(")", 1)[1].split()[0] in wanted:
                return True
        time.sleep(0.02)
    return False


def run(work, seed):
    torrent = Torrent(os.path.join(work, "limits"), random.Random(seed), [400_000, 50_000])
    source = Seed(torrent, "async")
    file_sizes(work, torrent, source)
    address_space(work, torrent, source)
    codes = processes(work, torrent, source)
    source.program.kill()
    background(torrent)
    print(f"limits       file sizes, address space, threads (exit {', '.join(map(str, sorted(codes)))}) and a stop in the background end with a sentence", flush=True)
