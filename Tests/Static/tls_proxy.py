"""tls_proxy.py CERTIFICATE KEY PORT: takes TLS connections on 127.0.0.1, on a port it prints, and passes what is inside
on to PORT of 127.0.0.1, both ways. Runs until it is killed."""
import socket
import ssl
import sys
import threading


def copy(source: socket.socket, sink: socket.socket) -> None:
    """One direction, until it ends; the other side then learns of the end."""
    try:
        while chunk := source.recv(65536):
            sink.sendall(chunk)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass  # the other side has gone first


def serve(context: ssl.SSLContext, connection: socket.socket, port: int) -> None:
    connection.settimeout(10)
    try:
        with context.wrap_socket(connection, server_side=True) as outside, socket.create_connection(("127.0.0.1", port)) as inside:
            request = threading.Thread(target=copy, args=(outside, inside), daemon=True)
            request.start()
            copy(inside, outside)
            request.join()
    except OSError as error:
        print(f"refused: {error}", file=sys.stderr, flush=True)


def main(certificate: str, key: str, port: str) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(listener.getsockname()[1], flush=True)
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=serve, args=(context, connection, int(port)), daemon=True).start()


main(*sys.argv[1:])
