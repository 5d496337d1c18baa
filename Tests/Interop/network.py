"""Two hosts on a wire, and the programs that run on them.

This process lives in a network namespace without an interface: it becomes host HERE, a second namespace host THERE. Both end
with this process."""
import atexit
import itertools
import os
import signal
import subprocess
import threading
import time


class Failure(Exception):
    """A cell of the matrix that did not come out as it should."""


class Host:
    def __init__(self, address, address6, enter=()):
        self.address, self.address6 = address, address6
        self.enter = list(enter)  # what stands before a command to run it here


def wire():
    """Makes the two hosts: (here, there)."""
    other = subprocess.Popen(["unshare", "--net", "sleep", "infinity"])
    own = os.readlink("/proc/self/ns/net")
    wait_until(lambda: os.readlink(f"/proc/{other.pid}/ns/net") != own, 10, "the second network namespace")
    there = Host("10.0.0.2", "2001:db8::2", ["nsenter", "-t", str(other.pid), "-n"])
    ip = ["ip"]
    for command in (
        ip + ["link", "add", "wire0", "type", "veth", "peer", "name", "wire1", "netns", str(other.pid)],
        ip + ["addr", "add", "10.0.0.1/24", "dev", "wire0"],
        ip + ["addr", "add", "2001:db8::1/64", "dev", "wire0", "nodad"],
        ip + ["link", "set", "wire0", "up"],
        ip + ["link", "set", "lo", "up"],
        there.enter + ip + ["addr", "add", "10.0.0.2/24", "dev", "wire1"],
        there.enter + ip + ["addr", "add", "2001:db8::2/64", "dev", "wire1", "nodad"],
        there.enter + ip + ["link", "set", "wire1", "up"],
        there.enter + ip + ["link", "set", "lo", "up"],
    ):
        subprocess.run(command, check=True)
    return Host("10.0.0.1", "2001:db8::1"), there


_ports = itertools.count(20000)
_ports_lock = threading.Lock()


def port():
    """A port nobody has: below the ephemeral ones, in namespaces where nobody else listens."""
    with _ports_lock:
        return next(_ports)


def wait_until(condition, timeout, what):
    end = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > end:
            raise Failure(f"no {what} within {timeout} s")
        time.sleep(0.05)


class Program:
    """A running program with its output in a file."""

    _all = []

    def __init__(self, host, command, log, **options):
        self.name = os.path.basename(command[0])
        self.log = log
        with open(log, "ab") as output:
            self._process = subprocess.Popen(
                host.enter + command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, **options)
        Program._all.append(self)

    def output(self):
        with open(self.log, encoding="utf-8", errors="replace") as log:
            return log.read()

    @property
    def pid(self):
        """The program's own where the host is entered by nothing."""
        return self._process.pid

    @property
    def running(self):
        return self._process.poll() is None

    def wait(self, timeout):
        """Its exit code; it is ended if it takes longer."""
        try:
            return self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise Failure(f"{self.name} ran for more than {timeout} s") from None

    def wait_for(self, text, timeout=20):
        wait_until(lambda: text in self.output() or not self.running, timeout, f"'{text}' from {self.name}")
        if text not in self.output():
            raise Failure(f"{self.name} ended with {self._process.returncode} before it said '{text}'")

    def stop(self, how=signal.SIGTERM, timeout=15):
        """Asks it to end: its exit code."""
        if self.running:
            self._process.send_signal(how)
        return self.wait(timeout)

    @staticmethod
    @atexit.register
    def _end_all():
        for program in Program._all:
            if program.running:
                program._process.kill()
                program._process.wait()
