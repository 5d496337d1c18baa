"""A server of the internet redirects to this machine, whose services it could not reach itself: nothing follows it there, whatever
the URL was for. The address is one for documents, given to this namespace's loopback."""
import http.server
import os
import subprocess
import threading

from program import TINYTORRENT, expect

GLOBAL = "203.0.113.1"


class Server(http.server.ThreadingHTTPServer):
    def __init__(self, address, location=None):
        super().__init__((address, 0), Handler)
        self.location, self.asked = location, []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def url(self, path=""):
        return f"http://{self.server_address[0]}:{self.server_port}{path}"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append(self.path)
        self.send_response(302 if self.server.location else 200)
        self.send_header("Content-Length", "0")
        if self.server.location:
            self.send_header("Location", self.server.location)
        self.end_headers()

    def log_message(self, *_):
        pass


def run(work):
    content, torrent = os.path.join(work, "content"), os.path.join(work, "content.torrent")
    with open(content, "wb") as file:
        file.write(os.urandom(50_000))
    subprocess.run([TINYTORRENT, "create", content, "-o", torrent, "-q"], check=True)
    subprocess.run(["ip", "address", "add", GLOBAL + "/32", "dev", "lo"], check=True)
    here = Server("127.0.0.1")
    there = Server(GLOBAL, here.url("/announce"))
    commands = [
        ["list", "--tracker", there.url()], ["get", "film", "--tracker", there.url()], ["get", "0" * 40, "--tracker", there.url()],
        ["get", there.url("/x.torrent")], ["info", there.url("/x.torrent")], ["scrape", torrent, "--tracker", there.url("/announce")]]
    try:
        for command in commands:
            there.asked.clear()
            ended = subprocess.run([TINYTORRENT, *command], cwd=work, capture_output=True, text=True, timeout=60)
            expect(ended.returncode == 5 and "a redirect to a local address" in ended.stderr, f"{command[0]}: {ended.returncode}, {ended.stderr}")
            expect(there.asked and not here.asked, f"{command[0]} asked {there.asked} there and {here.asked} here")
    finally:
        for server in (here, there):
            server.shutdown()
            server.server_close()
        subprocess.run(["ip", "address", "del", GLOBAL + "/32", "dev", "lo"], check=True)
    print(f"redirects    {len(commands)} ways from the internet to this machine: none is followed", flush=True)
