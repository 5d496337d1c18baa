"""A browser without a window, driven over the WebDriver protocol (W3C). Only what the pages' test needs."""
import base64
import json
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"


class PageError(Exception):
    pass


class Browser:
    def __init__(self, work, width=1280, height=900, dark=False):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self._log = open(os.path.join(work, "chromedriver.log"), "ab")
        self._driver = subprocess.Popen(["chromedriver", f"--port={port}"], stdout=self._log, stderr=self._log, start_new_session=True)
        self._base = f"http://127.0.0.1:{port}"
        self.until(lambda: self._answers(), "chromedriver")
        arguments = ["--headless=new", "--no-sandbox", "--disable-gpu", "--mute-audio", "--autoplay-policy=no-user-gesture-required",
                     f"--window-size={width},{height}", f"--user-data-dir={os.path.join(work, 'profile')}"]
        if dark:
            arguments.append("--force-dark-mode")
        answer = self._call("POST", "/session", {"capabilities": {"alwaysMatch": {
            "goog:chromeOptions": {"args": arguments}, "goog:loggingPrefs": {"browser": "ALL"}}}})
        self._base += f"/session/{answer['sessionId']}"

    def _answers(self):
        try:
            return self._call("GET", "/status")["ready"]
        except OSError:
            return False

    def _call(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._base + path, data, {"Content-Type": "application/json"}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise PageError(json.load(error)["value"]["message"].splitlines()[0]) from None

    def open(self, url):
        self._call("POST", "/url", {"url": url})

    def run(self, script, *arguments):
        """What the script returns."""
        return self._call("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def find(self, css):
        return self._call("POST", "/element", {"using": "css selector", "value": css})[ELEMENT]

    def click(self, css):
        self._call("POST", f"/element/{self.find(css)}/click", {})

    def type(self, css, text):
        self._call("POST", f"/element/{self.find(css)}/value", {"text": text})

    def press(self, *keys):
        """Keys in turn, wherever the focus is."""
        actions = [step for key in keys for step in ({"type": "keyDown", "value": key}, {"type": "keyUp", "value": key})]
        self._call("POST", "/actions", {"actions": [{"type": "key", "id": "keys", "actions": actions}]})

    def emulate(self, width, height, mobile, dark):
        """A screen of that size, and the colours its user prefers."""
        def devtools(command, **parameters):
            self._call("POST", "/goog/cdp/execute", {"cmd": command, "params": parameters})
        devtools("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=2 if mobile else 1, mobile=mobile)
        devtools("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])

    def picture(self, path):
        with open(path, "wb") as file:
            file.write(base64.b64decode(self._call("GET", "/screenshot")))

    def complaints(self):
        """What the console got to hear: errors, and what the policy refused."""
        return [entry["message"] for entry in self._call("POST", "/se/log", {"type": "browser"}) if entry["level"] == "SEVERE"]

    @staticmethod
    def until(condition, what, timeout=30):
        """What the condition returns once that is true."""
        end = time.monotonic() + timeout
        while not (value := condition()):
            if time.monotonic() > end:
                raise PageError(f"no {what} within {timeout} s")
            time.sleep(0.05)
        return value

    def close(self):
        try:
            self._call("DELETE", "")
        except (OSError, PageError):
            pass  # it is ended below
        os.killpg(self._driver.pid, signal.SIGKILL)
        self._driver.wait()
        self._log.close()
