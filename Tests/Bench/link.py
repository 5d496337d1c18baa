"""A link of a given length and width between two programs that know nothing of it: a relay that holds every byte back for the
one-way delay, and passes no more bytes than the rate, in both directions. Kernels without netem have no other."""
import queue
import socket
import threading
import time

CHUNK = 64 * 1024
BUFFER = 256 * 1024
LATE = 0.02  # a thread that wakes up so much too late catches up, as a wire never sleeps


class Link:
    """Listens on a port of this host and relays every connection to `target`. Each is a link of its own."""

    def __init__(self, target, delay=0.0, rate=None):
        self.target, self.delay, self.rate = target, delay, rate
        self.arrivals = []  # (time, bytes) that reached whoever connected
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self._listener.close()

    def _accept(self):
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            far = socket.socket()
            far.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
            far.connect(self.target)
            self._direction(near, far, [])
            self._direction(far, near, self.arrivals)

    def _direction(self, source, sink, arrivals):
        sink.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER)  # what the receiver does not take waits before the link
        sink.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        path = queue.SimpleQueue()
        threading.Thread(target=self._enter, args=(source, path), daemon=True).start()
        threading.Thread(target=self._leave, args=(sink, path, arrivals), daemon=True).start()

    def _enter(self, source, path):
        """Takes bytes in as fast as the link is wide: what does not fit waits at the sender."""
        chunk = min(CHUNK, int(self.rate / 100)) if self.rate else CHUNK
        free = 0.0  # when the link has passed on all it was given
        while True:
            try:
                data = source.recv(chunk)
            except OSError:
                data = b""
            now = time.monotonic()
            if self.rate:
                free = max(free, now - LATE) + len(data) / self.rate
                sleep_until(free)
            path.put((max(free, now) + self.delay, data))
            if not data:
                return

    @staticmethod
    def _leave(sink, path, arrivals):
        while True:
            due, data = path.get()
            sleep_until(due)
            try:
                if not data:
                    sink.shutdown(socket.SHUT_WR)
                    return
                sink.sendall(data)
            except OSError:
                return  # the receiver is gone
            arrivals.append((time.monotonic(), len(data)))


def sleep_until(when):
    wait = when - time.monotonic()
    if wait > 0:
        time.sleep(wait)
