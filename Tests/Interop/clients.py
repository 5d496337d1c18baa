"""Every client behind the same three calls.

    seed(torrent, folder)  gives away what is in the folder; returns when it does
    get(torrent, folder)   downloads into the folder; returns when everything is there
    stop()                 ends it as a user would and checks how it ends"""
import json
import os
import signal
import time
import urllib.error
import urllib.request

from network import Failure, Program, port, wait_until

HERE = os.path.dirname(os.path.abspath(__file__))
TINYTORRENT = os.path.join(HERE, "../../bin/tinytorrent")


class Client:
    good_exits = (0,)
    makes_empty_files = True
    runs_as = Program

    ca = None  # whom it trusts about https, a file
    six = False  # it announces over IPv6

    def __init__(self, host, work, timeout=90):
        self.host, self.work, self.timeout = host, work, timeout
        self.port = port()
        self.program = None
        self.name = type(self).__name__.lower()
        os.makedirs(work, exist_ok=True)

    def run(self, *command, **options):
        if self.ca:  # OpenSSL's own, curl's, and what makes Transmission check at all
            options["env"] = {**os.environ, "SSL_CERT_FILE": self.ca, "CURL_CA_BUNDLE": self.ca, "TR_CURL_SSL_VERIFY": "1"}
        self.program = self.runs_as(self.host, list(command), os.path.join(self.work, f"{self.name}.log"), **options)

    def completes(self):
        """For clients that end when they have everything."""
        code = self.program.wait(self.timeout)
        if code != 0:
            raise Failure(f"{self.name} ended with {code}")

    def stop(self):
        if self.program is None:
            return
        code = self.program.stop()
        if code not in self.good_exits:
            raise Failure(f"{self.name}, asked to stop, ended with {code}")


class TinyTorrent(Client):
    good_exits = (0, 130)
    executable = TINYTORRENT

    def __init__(self, host, work, engine="async", **options):
        super().__init__(host, work, **options)
        self.engine = engine
        self.name = f"tinytorrent-{engine}"

    def seed(self, torrent, folder, *options):
        self.run(self.executable, "seed", torrent, folder, "--engine", self.engine, "--port", str(self.port), *options)
        self.program.wait_for("seeding")

    def get(self, torrent, folder, *options):
        self.run(self.executable, "get", torrent, "-o", folder, "--engine", self.engine, "--port", str(self.port),
                 "--timeout", f"{self.timeout}s", *options)
        self.completes()


class Aria2(Client):
    def _run(self, torrent, folder, *options):
        # without DHT it has no UDP trackers; there are no nodes to find here
        self.run("aria2c", "--no-conf", "--dir", folder, "--listen-port", str(self.port), "--enable-dht=true",
                 "--dht-listen-port", str(port()), "--dht-file-path", os.path.join(self.work, "dht"), "--enable-dht6=false",
                 "--bt-enable-lpd=false", "--enable-peer-exchange=false", "--file-allocation=none",
                 "--summary-interval=0", "--console-log-level=notice", *options, *([f"--ca-certificate={self.ca}"] if self.ca else []), torrent)

    def seed(self, torrent, folder):
        self._run(torrent, folder, "--check-integrity=true", "--seed-ratio=0")
        self.program.wait_for("Verification finished successfully", timeout=60)

    def get(self, torrent, folder):
        self._run(torrent, folder, "--seed-time=0")
        self.completes()


class LibTorrent(Client):
    def _run(self, mode, torrent, folder):
        self.run("/usr/bin/python3", "-B", os.path.join(HERE, "libtorrent_client.py"), mode, torrent, folder,
                 f"{self.host.address}:{self.port}" + (f",[{self.host.address6}]:{self.port}" if self.six else ""))

    def seed(self, torrent, folder):
        self._run("seed", torrent, folder)
        self.program.wait_for("seeding")

    def get(self, torrent, folder):
        self._run("get", torrent, folder)
        self.completes()


class RTorrent(Client):
    """Without a terminal; it says what it did through files that its events write."""

    def _run(self, torrent, folder, *commands):
        options = [
            "system.daemon.set=true", f"session.path.set={self.work}", f"directory.default.set={folder}",
            f"network.port_range.set={self.port}-{self.port}", "network.port_random.set=no", "dht.mode.set=off",
            "protocol.pex.set=no", "trackers.use_udp.set=yes",
        ]
        if not self.six:
            options += [f"network.bind_address.set={self.host.address}", f"network.local_address.set={self.host.address}"]
        if self.ca:
            options.append(f"network.http.cacert.set={self.ca}")
        settings = os.path.join(self.work, "rtorrent.rc")
        with open(settings, "w", encoding="utf-8") as file:
            file.write("\n".join([*options, *commands]) + "\n")
        self.run("rtorrent", "-n", "-o", f"import={settings}", torrent, cwd=self.work)

    def _event(self, event):
        """A setting that leaves a mark when the event comes, and the file to wait for."""
        mark = os.path.join(self.work, event)
        return f'method.set_key=event.download.{event},mark,"execute2={{touch,{mark}}}"', mark

    def _wait(self, mark, timeout):
        wait_until(lambda: os.path.exists(mark) or not self.program.running, timeout, f"{os.path.basename(mark)} of rtorrent")
        if not os.path.exists(mark):
            raise Failure(f"rtorrent ended by itself with {self.program.wait(0)}")

    def seed(self, torrent, folder):
        setting, mark = self._event("hash_done")
        self._run(torrent, folder, setting)
        self._wait(mark, 60)

    def get(self, torrent, folder):
        setting, mark = self._event("finished")
        self._run(torrent, folder, setting)
        self._wait(mark, self.timeout)


class Transmission(Client):
    makes_empty_files = False

    def __init__(self, host, work, **options):
        super().__init__(host, work, **options)
        self.rpc_port = port()
        self.session = ""

    def _run(self, torrent, folder):
        settings = {
            "bind-address-ipv4": "0.0.0.0" if self.six else self.host.address, "peer-port": self.port, "port-forwarding-enabled": False,
            "dht-enabled": False, "lpd-enabled": False, "pex-enabled": False, "utp-enabled": False,
            "rpc-bind-address": self.host.address, "rpc-port": self.rpc_port, "rpc-whitelist-enabled": False,
            "rpc-host-whitelist-enabled": False, "rpc-authentication-required": False, "download-dir": folder,
            "incomplete-dir-enabled": False, "rename-partial-files": False,
        }
        with open(os.path.join(self.work, "settings.json"), "w", encoding="utf-8") as file:
            json.dump(settings, file)
        self.run("transmission-daemon", "--foreground", "--config-dir", self.work)
        wait_until(self._answers, 20, "answer from transmission-daemon")
        self._ask("torrent-add", filename=torrent)

    def _answers(self):
        try:
            return self._ask("session-get")
        except OSError:
            return False

    def _ask(self, method, **arguments):
        request = urllib.request.Request(
            f"http://{self.host.address}:{self.rpc_port}/transmission/rpc",
            json.dumps({"method": method, "arguments": arguments}).encode(), {"X-Transmission-Session-Id": self.session})
        try:
            with urllib.request.urlopen(request, timeout=10) as response:
                answer = json.load(response)
        except urllib.error.HTTPError as error:
            if error.code != 409:  # the first answer names the session to use
                raise
            self.session = error.headers["X-Transmission-Session-Id"]
            return self._ask(method, **arguments)
        if answer["result"] != "success":
            raise Failure(f"transmission says {answer['result']!r} to {method}")
        return answer["arguments"]

    def _whole(self):
        torrents = self._ask("torrent-get", fields=["status", "percentDone", "errorString", "error"])["torrents"]
        if torrents and torrents[0]["error"] == 3:  # 3: local error; trackers may still come right
            raise Failure(f"transmission: {torrents[0]['errorString']}")
        return bool(torrents) and torrents[0]["percentDone"] == 1 and torrents[0]["status"] == 6

    def seed(self, torrent, folder):
        self._run(torrent, folder)
        wait_until(self._whole, 60, "verified content in transmission")

    def get(self, torrent, folder):
        self._run(torrent, folder)
        wait_until(self._whole, self.timeout, "complete content in transmission")


OTHERS = (Aria2, Transmission, LibTorrent, RTorrent)


class Tracker:
    """`tinytorrent serve-tracker`, or opentracker with one torrent on its whitelist."""

    def __init__(self, host, work, allowed=None, certificate=None):
        self.address = f"{host.address}:{port()}"
        self.address6 = f"[{host.address6}]:{port()}"
        self.tls, self.tls6 = f"{host.address}:{port()}", f"[{host.address6}]:{port()}"
        self.port = self.address.split(":")[1]
        os.makedirs(work, exist_ok=True)
        log = os.path.join(work, "tracker.log")
        if allowed is None:
            command = [TINYTORRENT, "serve-tracker", "--listen", self.address, "--listen", self.address6]
            if certificate:
                command += ["--tls-cert", certificate, "--tls-listen", self.tls, "--tls-listen", self.tls6]
            self.program = Program(host, command, log)
            self.program.wait_for(f"https://{self.tls6}" if certificate else self.address6)
        else:
            with open(os.path.join(work, "allowed"), "w", encoding="ascii") as file:
                file.write(allowed + "\n")
            os.chmod(work, 0o755)  # it becomes nobody in there
            self.program = Program(host, ["opentracker", "-i", host.address, "-p", self.port, "-P", self.port,
                                          "-d", work, "-w", "allowed"], log)
            wait_until(lambda: self._fetch("/scrape?info_hash=" + "%00" * 20) is not None, 10, "answer from opentracker")
        self.opentracker = allowed is not None

    def url(self, protocol, six=False):
        if protocol == "https":
            return f"https://{self.tls6 if six else self.tls}/announce"
        return f"{protocol}://{self.address6 if six else self.address}/announce"

    def figures(self):
        return json.loads(self._fetch("/stats.json") or b"{}")

    def _fetch(self, path):
        try:
            with urllib.request.urlopen(f"http://{self.address}{path}", timeout=5) as response:
                return response.read()
        except urllib.error.HTTPError as error:
            return error.read()
        except OSError:
            return None

    def counts(self, info_hash):
        """(seeders, downloads completed, leechers) as a scrape tells them."""
        escaped = "".join("%" + info_hash[i : i + 2] for i in range(0, 40, 2))
        answer = self._fetch("/scrape?info_hash=" + escaped) or b""

        def number(key):
            at = answer.find(key)
            return int(answer[at + len(key) : answer.index(b"e", at + len(key))]) if at >= 0 else 0

        return number(b"8:completei"), number(b"10:downloadedi"), number(b"10:incompletei")

    def wait_for_seeder(self, info_hash):
        wait_until(lambda: self.counts(info_hash)[0] > 0, 30, "seeder on the tracker")

    def expect(self, info_hash, seeders, completed):
        """Everybody told it within the 2 s that a client may take to leave, and nobody is downloading."""
        end = time.monotonic() + 2
        while (counts := self.counts(info_hash)) != (seeders, completed, 0):
            if time.monotonic() > end:
                raise Failure(f"the tracker lists {counts[0]} seeders and {counts[2]} leechers after {counts[1]} completed downloads")
            time.sleep(0.05)

    def stop(self):
        code = self.program.stop()
        if code not in ((0, -signal.SIGTERM) if self.opentracker else (0,)):
            raise Failure(f"{self.program.name}, asked to stop, ended with {code}")
