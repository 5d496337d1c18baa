"""Many peers of one torrent in one process, to measure the one program at the other end of all their connections.

    crowd.py seeds  INFO_HASH PIECE_LENGTH CONTENT --port P [--rate BYTES]
        accepts connections on every address 127.x.y.z at one port and serves every block asked for: on each address another
        seed. At SIGTERM it prints how many seeds there were and what they have sent.
    crowd.py takers INFO_HASH PIECE_LENGTH CONTENT --port P --count N --seconds T
        N downloaders, each from an address of its own, that keep nothing: each takes the content round and round, in an order
        of its own, and compares what comes. Prints what they received in the T seconds after all have got their first block."""
import argparse
import collections
import json
import mmap
import random
import select
import signal
import socket
import struct
import sys
import time

BLOCK = 16 * 1024
CHOKE, UNCHOKE, INTERESTED, BITFIELD, REQUEST, PIECE, CANCEL = 0, 1, 2, 5, 6, 7, 8
PROTOCOL = b"\x13BitTorrent protocol"
FIRST = 1 << 16 | 1  # 127.1.0.1


class Torrent:
    def __init__(self, info_hash, piece_length, path):
        self.info_hash, self.piece_length = info_hash, piece_length
        with open(path, "rb") as file:
            self.content = memoryview(mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ))
        self.pieces = -(-len(self.content) // piece_length)

    def handshake(self, number):
        return PROTOCOL + bytes(8) + self.info_hash + f"-CR0000-{number:012d}".encode()

    def bitfield(self):
        bits = bytearray(b"\xff" * (-(-self.pieces // 8)))
        if self.pieces % 8:
            bits[-1] = 0xFF00 >> self.pieces % 8 & 0xFF
        return struct.pack(">IB", 1 + len(bits), BITFIELD) + bits

    def block(self, piece, begin, length):
        start = piece * self.piece_length + begin
        return self.content[start:start + length]


class Peer:
    """One connection: frames in, buffers out."""

    def __init__(self, torrent, sock, number):
        self.torrent, self.sock, self.number = torrent, sock, number
        self.bytes = 0  # of blocks, sent or received
        self.output = collections.deque([torrent.handshake(number)])
        self.blocked = self.queued = self.gone = False
        self._input = bytearray()
        self._greeted = False

    def received(self, data):
        self._input += data
        at = 0
        if not self._greeted:
            if len(self._input) < 68:
                return
            if self._input[:20] != PROTOCOL or self._input[28:48] != self.torrent.info_hash:
                raise ConnectionError("no peer of this torrent")
            self._greeted, at = True, 68
            self.on_handshake()
        view = memoryview(self._input)
        while len(view) - at >= 5:
            length, kind = struct.unpack_from(">IB", view, at)
            if length == 0:  # keep-alive
                at += 4
                continue
            if len(view) - at < 4 + length:
                break
            self.on_message(kind, view[at + 5:at + 4 + length])
            at += 4 + length
        view.release()
        del self._input[:at]

    def has_output(self):
        return bool(self.output)

    def send(self):
        """Sends some of what waits: how many bytes went."""
        buffers = list(self.output)
        try:
            sent = left = self.sock.sendmsg(buffers)
        except BlockingIOError:
            self.blocked = True
            return 0
        for buffer in buffers:
            if left < len(buffer):
                self.output[0] = memoryview(buffer)[left:]
                self.blocked = True
                break
            left -= len(buffer)
            self.output.popleft()
        return sent


class Seed(Peer):
    def __init__(self, torrent, sock, number, turn):
        super().__init__(torrent, sock, number)
        self._turn = turn  # bytes that are put into the socket at a time
        self._asked = {}  # in order of asking

    def on_handshake(self):
        self.output.append(self.torrent.bitfield() + struct.pack(">IB", 1, UNCHOKE))

    def on_message(self, kind, body):
        if kind == REQUEST:
            self._asked[bytes(body)] = None
        elif kind == CANCEL:
            self._asked.pop(bytes(body), None)

    def has_output(self):
        return bool(self.output or self._asked)

    def send(self):
        waiting = sum(map(len, self.output))
        while self._asked and waiting < self._turn:
            request = next(iter(self._asked))
            del self._asked[request]
            piece, begin, length = struct.unpack(">III", request)
            self.output.append(struct.pack(">IBII", 9 + length, PIECE, piece, begin))
            self.output.append(self.torrent.block(piece, begin, length))
            self.bytes += length
            waiting += length
        return super().send()


class Taker(Peer):
    def __init__(self, torrent, sock, number, depth):
        super().__init__(torrent, sock, number)
        self.depth, self.asked = depth, 0
        self._blocks = self._round()
        self._choked = True

    def _round(self):
        order = random.Random(self.number)
        while True:
            for piece in order.sample(range(self.torrent.pieces), self.torrent.pieces):
                left = min(self.torrent.piece_length, len(self.torrent.content) - piece * self.torrent.piece_length)
                for begin in range(0, left, BLOCK):
                    yield struct.pack(">IBIII", 13, REQUEST, piece, begin, min(BLOCK, left - begin))

    def on_handshake(self):
        self.output.append(struct.pack(">IB", 1, INTERESTED))

    def on_message(self, kind, body):
        if kind == UNCHOKE:
            self._choked, self.asked = False, 0
            self._ask()
        elif kind == CHOKE:
            self._choked = True
        elif kind == PIECE:
            piece, begin = struct.unpack_from(">II", body)
            block = self.torrent.block(piece, begin, len(body) - 8)
            if body[8:].tobytes() != block.tobytes():  # memoryviews compare element by element
                raise ConnectionError("a wrong block")
            self.bytes += len(block)
            self.asked -= 1
            if not self._choked and self.asked <= self.depth * 3 // 4:
                self._ask()

    def _ask(self):
        self.output.append(b"".join(next(self._blocks) for _ in range(self.depth - self.asked)))
        self.asked = self.depth


class Crowd:
    """All connections, and the one loop that serves them in turns."""

    def __init__(self, torrent, rate=None):
        self.torrent, self.rate = torrent, rate
        self.peers = []
        self._epoll = select.epoll()
        self._by_descriptor = {}
        self._turns = collections.deque()  # peers with output and room in their socket
        self._listener = None
        self._over = False

    def listen(self, port):
        self._listener = socket.create_server(("0.0.0.0", port), backlog=4096)
        self._listener.setblocking(False)
        self._epoll.register(self._listener, select.EPOLLIN)

    def connect(self, number, port, depth):
        sock = socket.socket()
        sock.bind((address(number), 0))
        sock.connect(("127.0.0.1", port))
        self._add(Taker(self.torrent, sock, number, depth))

    def stop(self, *_):
        self._over = True

    def run(self, until=lambda: False):
        budget, clock = 0, time.monotonic()
        while not self._over and not until():
            for descriptor, event in self._epoll.poll(0 if self._turns else 0.05):
                self._on_event(descriptor, event)
            if self.rate:
                elapsed, clock = time.monotonic() - clock, time.monotonic()
                budget = min(budget + elapsed * self.rate, self.rate / 20)
            for _ in range(len(self._turns)):
                if self.rate and budget < 0:
                    time.sleep(0.001)
                    break
                budget -= self._take_turn(self._turns.popleft())

    def _on_event(self, descriptor, event):
        if self._listener and descriptor == self._listener.fileno():
            sock, _ = self._listener.accept()
            self._add(Seed(self.torrent, sock, number(sock.getsockname()[0]), BLOCK if self.rate else 16 * BLOCK))
            return
        peer = self._by_descriptor[descriptor]
        try:
            if event & ~select.EPOLLOUT:
                data = peer.sock.recv(1 << 18)
                if not data:
                    raise ConnectionError("closed")
                peer.received(data)
        except OSError:
            self._drop(peer)
            return
        if event & select.EPOLLOUT:
            peer.blocked = False
            self._epoll.modify(descriptor, select.EPOLLIN)
        self._queue(peer)

    def _queue(self, peer):
        if peer.has_output() and not peer.blocked and not peer.queued:
            peer.queued = True
            self._turns.append(peer)

    def _take_turn(self, peer):
        peer.queued = False
        try:
            sent = peer.send()
        except OSError:
            self._drop(peer)
            return 0
        if peer.blocked:
            self._epoll.modify(peer.sock, select.EPOLLIN | select.EPOLLOUT)
        self._queue(peer)
        return sent

    def _add(self, peer):
        peer.sock.setblocking(False)
        peer.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.peers.append(peer)
        self._by_descriptor[peer.sock.fileno()] = peer
        self._epoll.register(peer.sock, select.EPOLLIN)
        self._queue(peer)

    def _drop(self, peer):
        peer.output.clear()
        peer.gone = True
        if peer.sock.fileno() >= 0:
            del self._by_descriptor[peer.sock.fileno()]
            self._epoll.unregister(peer.sock)
            peer.sock.close()


def address(number):
    return f"127.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


def number(address):
    _, second, third, fourth = map(int, address.split("."))
    return second << 16 | third << 8 | fourth


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["seeds", "takers"])
    parser.add_argument("info_hash", type=bytes.fromhex)
    parser.add_argument("piece_length", type=int)
    parser.add_argument("content")
    parser.add_argument("--rate", type=int, help="seeds: bytes per second of all together")
    parser.add_argument("--port", type=int, required=True, help="seeds: where they listen; takers: of whom they take")
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--depth", type=int, default=64, help="takers: blocks asked for at a time")
    options = parser.parse_args()
    crowd = Crowd(Torrent(options.info_hash, options.piece_length, options.content), options.rate)
    signal.signal(signal.SIGTERM, crowd.stop)
    start = time.monotonic()
    if options.what == "seeds":
        crowd.listen(options.port)
        print(f"listening on {options.port}", flush=True)
        crowd.run()
        counts = [peer.bytes for peer in crowd.peers]
    else:
        for taker in range(options.count):
            crowd.connect(FIRST + taker, options.port, options.depth)
        crowd.run(until=lambda: all(peer.bytes for peer in crowd.peers) or time.monotonic() > start + 60)
        before = [peer.bytes for peer in crowd.peers]
        start = time.monotonic()
        crowd.run(until=lambda: time.monotonic() > start + options.seconds)
        counts = [peer.bytes - earlier for peer, earlier in zip(crowd.peers, before)]
    print(json.dumps({
        "peers": len(counts), "gone": sum(peer.gone for peer in crowd.peers), "bytes": sum(counts), "least": min(counts, default=0),
        "most": max(counts, default=0), "seconds": time.monotonic() - start}))


if __name__ == "__main__":
    sys.exit(main())
