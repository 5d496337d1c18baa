"""What a program takes: `wall` seconds, `cpu` seconds (user and system), and `peak`, the most memory it held, in bytes."""
import os
import re
import select
import time

from network import Failure, Program


def peak_memory(pid):
    # not ru_maxrss: that begins with what this process held, whose memory the child shared until its exec
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
        peak = re.search(r"VmHWM:\s+(\d+) kB", file.read())
    return int(peak[1]) * 1024 if peak else 0


def cpu_time(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Measured(Program):
    """A program from its start to its end."""

    def __init__(self, *arguments, **options):
        self.wall, self.cpu, self.peak = 0.0, 0.0, 0
        self._began = time.monotonic()
        super().__init__(*arguments, **options)

    def wait(self, timeout):
        if self._process.returncode is None:
            self._measure(timeout)
        return self._process.returncode

    def _measure(self, timeout):
        pid = self.pid
        ended = os.pidfd_open(pid)
        try:
            while not select.select([ended], [], [], 0.02)[0]:
                self.peak = max(self.peak, peak_memory(pid))
                if time.monotonic() - self._began > timeout:
                    self._process.kill()
                    self._process.wait()
                    raise Failure(f"{self.name} ran for more than {timeout} s")
        finally:
            os.close(ended)
        self.wall = time.monotonic() - self._began
        _, status, usage = os.wait4(pid, 0)
        self._process.returncode = os.waitstatus_to_exitcode(status)
        self.cpu = usage.ru_utime + usage.ru_stime


class Stretch:
    """A running program while the block lasts."""

    def __init__(self, program):
        self._pid = program.pid

    def __enter__(self):
        self._began, self._cpu = time.monotonic(), cpu_time(self._pid)
        return self

    def __exit__(self, *_):
        self.wall = time.monotonic() - self._began
        self.cpu = cpu_time(self._pid) - self._cpu
        self.peak = peak_memory(self._pid)
