"""The least a download can cost: receive, hash, write, by the MiB, with no protocol, no choice and nothing to wait for.
    plain_copy.py give FILE ADDRESS PORT    to the first who connects
    plain_copy.py take FILE ADDRESS PORT
SHA-1 is OpenSSL's, which uses the processor's SHA instructions."""
import hashlib
import os
import socket
import sys

CHUNK = 1 << 20


def give(path, where):
    with socket.create_server(where) as listener, open(path, "rb") as file:
        print("listening", flush=True)
        connection, _ = listener.accept()
        with connection:
            connection.sendfile(file)


def take(path, where):
    buffer = memoryview(bytearray(CHUNK))
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    offset = 0
    with socket.create_connection(where) as connection:
        while count := connection.recv_into(buffer, CHUNK, socket.MSG_WAITALL):
            hashlib.sha1(buffer[:count]).digest()
            os.pwrite(file, buffer[:count], offset)
            offset += count
    os.close(file)


if __name__ == "__main__":
    mode, path, address, port = sys.argv[1:]
    {"give": give, "take": take}[mode](path, (address, int(port)))
