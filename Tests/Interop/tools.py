"""Our tracker before tools that are no BitTorrent clients but must be content with it, and the tracker client of npm."""
import os
import resource
import shutil
import signal
import socket
import subprocess

from clients import TINYTORRENT, Tracker
from network import Failure, wait_until

HERE = os.path.dirname(os.path.abspath(__file__))
ANNOUNCE = "/announce?info_hash=abcdefghijklmnopqrst&peer_id=-TT0100-abcdefghijkl&left=1&port=1"


def certificate(folder, host):
    """A file with a key and a certificate that names both addresses of a host and signs itself."""
    path = os.path.join(folder, "certificate.pem")
    names = f"IP:{host.address},IP:{host.address6}"
    run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=interop", "-addext", f"subjectAltName={names}",
        "-keyout", path, "-out", path + ".crt")
    with open(path, "a", encoding="ascii") as both, open(path + ".crt", encoding="ascii") as shown:
        both.write(shown.read())
    return path


def run(*command, **options):
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=120, check=False, **options)
    if done.returncode != 0:
        raise Failure(f"{' '.join(command[:3])} ended with {done.returncode}: {(done.stdout + done.stderr).strip()}")
    return done.stdout


def expect(condition, otherwise):
    if not condition:
        raise Failure(otherwise)


def with_tracker(tool):
    """The tool as a cell of the matrix: it gets a tracker of its own, the certificate and a folder, and returns a result."""

    def cell(matrix, number):
        folder = os.path.join(matrix.work, f"cell{number}")
        os.mkdir(folder)
        tracker = Tracker(matrix.here, os.path.join(folder, "tracker"), certificate=matrix.certificate)
        try:
            result = tool(tracker, matrix.certificate, folder)
            tracker.stop()
            shutil.rmtree(folder)
            return result
        finally:
            if tracker.program.running:
                tracker.program.stop(signal.SIGKILL)

    return cell


@with_tracker
def curl(tracker, certificate_, _folder):
    for protocol in ("http", "https"):
        for six in (False, True):
            base = tracker.url(protocol, six).removesuffix("/announce")
            fetch = ["curl", "-sS", "-g", "--noproxy", "*", "--cacert", certificate_]
            expect(run(*fetch, "--fail", base + "/health") == "ok\n", f"{base}: not healthy")
            expect(run(*fetch, base + ANNOUNCE).startswith("d8:complete"), f"{base}: no announce")
            expect("HTTP/1.1 200 OK" in run(*fetch, "--head", base + "/stats"), f"{base}: no HEAD")
            twice = run(*fetch, "-w", "%{num_connects} ", base + "/health", base + "/health")
            expect(twice == "ok\n1 ok\n0 ", f"{base}: a connection is not kept: {twice!r}")
            expect(run(*fetch, "-o", os.devnull, "-w", "%{http_code}", "-d", "x=y", base + "/announce") == "405", f"{base}: POST")
    return "ok"


@with_tracker
def promtool(tracker, _certificate, _folder):
    run("curl", "-sS", "--noproxy", "*", tracker.url("http").replace("/announce", ANNOUNCE))
    text = run("curl", "-sS", "--noproxy", "*", tracker.url("http").replace("/announce", "/metrics"))
    run("promtool", "check", "metrics", input=text)
    return f"{text.count('# TYPE')} metrics"


@with_tracker
def npm(tracker, _certificate, folder):
    """The reason is printed where the package cannot be had."""
    modules = os.environ.get("NPM_TRACKER")
    if not modules:
        print("our tracker, npm: left out, npm's bittorrent-tracker could not be installed", flush=True)
        return "cannot"
    shutil.copy(os.path.join(HERE, "npm_client.mjs"), folder)
    os.symlink(modules, os.path.join(folder, "node_modules"))
    done = run("node", os.path.join(folder, "npm_client.mjs"), tracker.url("http"), tracker.url("udp"), tracker.url("http", True))
    return f"{done.count('ok')} checks"


@with_tracker
def descriptors(tracker, _certificate, _folder):
    """A hundred connections and room for twenty, over HTTP and over HTTPS: nobody else suffers, and it goes on after that."""
    pid, room = tracker.program.pid, 20

    def held():
        return len(os.listdir(f"/proc/{pid}/fd"))

    expect(tracker.figures()["uptime"] >= 0, "no figures")
    limit = held() + room
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (limit, limit))
    for address in (tracker.address, tracker.tls):
        host, port = address.split(":")
        crowd = [socket.create_connection((host, int(port))) for _ in range(100)]
        for one in crowd:
            one.sendall(b"\x16\x03\x01")  # too little for HTTP and for TLS
        wait_until(lambda: held() >= limit, 10, "descriptors in use")
        run(TINYTORRENT, "healthcheck", tracker.url("udp"))
        for one in crowd:
            one.close()
        wait_until(lambda: tracker.figures().get("uptime") is not None, 10, "figures afterwards")
    return "ok"


TOOLS = {"curl": curl, "promtool": promtool, "npm": npm, "descriptors": descriptors}
