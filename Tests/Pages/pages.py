"""The catalogue's page at a tracker and the one of `browse`, as a person uses them: filter, search, sort, copy, by keyboard,
a download by a click, a film played while it is fetched with a jump ahead, names that try to be markup, and another client
that gets what the page links to. Run by run.sh."""
import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import urllib.request

from webdriver import Browser, PageError

TINYTORRENT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../bin/tinytorrent")
HOSTILE = "<img src=x onerror=document.title='gotcha'>.bin"
TOWERS = "Z" + 40 * "\u0301" + "al" + 40 * "\u0301" + "go.wav"
SCREENS = {"desktop": (1200, 800, False), "phone": (390, 844, True)}
TAB, ENTER, RIGHT = "\ue004", "\ue007", "\ue014"


class Place:
    """A tracker, what is shared there and who seeds it."""

    def __init__(self, work):
        self.work = work
        self.programs = []
        self.content = os.path.join(work, "content")
        os.makedirs(os.path.join(self.content, "album"))
        tone = ("-f", "lavfi", "-i", "sine=frequency=440:duration=20")
        self.ffmpeg("-f", "lavfi", "-i", "testsrc2=duration=60:size=640x360:rate=24", *tone, "-c:v", "libvpx", "-b:v", "3M", "-minrate", "3M", "-deadline",
                    "realtime", "-c:a", "libvorbis", "film.webm")
        self.ffmpeg(*tone, "tone.wav")
        for track in ("01.ogg", "02.ogg"):
            self.ffmpeg(*tone, "-c:a", "libvorbis", f"album/{track}")
        with open(os.path.join(self.content, HOSTILE), "wb") as file:
            file.write(os.urandom(300_000))
        self.tracker = self.start("serve-tracker", "--listen", "127.0.0.1:0", "--json")["url"].removesuffix("announce")
        for name in sorted(os.listdir(self.content)):
            self.publish(name, *(["--limit-up", "1500k"] if name == "film.webm" else []))

    def ffmpeg(self, *arguments):
        subprocess.run(["ffmpeg", "-loglevel", "error", *arguments], cwd=self.content, check=True)

    def start(self, *arguments):
        """Its first event."""
        with open(os.path.join(self.work, "programs.log"), "ab") as log:
            program = subprocess.Popen([TINYTORRENT, *arguments], stdout=subprocess.PIPE, stderr=log, text=True)
        self.programs.append(program)
        return json.loads(program.stdout.readline())

    def publish(self, name, *limits):
        path = os.path.join(self.content, name)
        torrent = subprocess.run([TINYTORRENT, "create", path, "-a", self.tracker + "announce", "-o", "-"], check=True, capture_output=True).stdout
        urllib.request.urlopen(urllib.request.Request(self.tracker + "catalogue", torrent, method="POST"), timeout=20).close()
        with tempfile.NamedTemporaryFile(dir=self.work, suffix=".torrent", delete=False) as file:
            file.write(torrent)
        self.start("seed", file.name, path, "--bind", "127.0.0.1", "--port", "0", "--json", *limits)

    def end(self):
        for program in self.programs:
            program.terminate()
        for program in self.programs:
            program.wait()


class Page:
    def __init__(self, browser, url, pictures):
        self.browser, self.pictures = browser, pictures
        browser.emulate(*SCREENS["desktop"], dark=False)
        browser.open(url)

    def names(self):
        return self.browser.run("return [...document.querySelectorAll('tbody tr')].map(row => row.cells[0].firstChild.textContent)")

    def shows(self, *names, in_order=False):
        order = list if in_order else sorted
        Browser.until(lambda: order(self.names()) == order(names), f"list of {names}; there is {self.names()}")

    def row(self, name):
        return f"tbody tr:nth-child({self.names().index(name) + 1})"

    def text(self, css):
        return self.browser.run("return document.querySelector(arguments[0])?.textContent ?? ''", css)

    def picture(self, name):
        if self.pictures:
            for screen, size in SCREENS.items():
                for dark in (False, True):
                    self.browser.emulate(*size, dark=dark)
                    self.browser.picture(os.path.join(self.pictures, f"{name}-{screen}{'-dark' if dark else ''}.png"))
            self.browser.emulate(*SCREENS["desktop"], dark=False)

    def fits(self):
        """Nothing is wider than the screen."""
        for size in SCREENS.values():
            self.browser.emulate(*size, dark=False)
            expect(self.browser.run("return document.documentElement.scrollWidth <= document.documentElement.clientWidth"), f"no sideways scrolling at {size}")
        self.browser.emulate(*SCREENS["desktop"], dark=False)


def expect(condition, what):
    if not condition:
        raise PageError(f"expected {what}")



ALL = ("album", "film.webm", "tone.wav", HOSTILE)


def tracker_page(page, place):
    browser = page.browser
    page.shows(*ALL)
    Browser.until(lambda: "4 peers" in page.text("#figures"), "four seeders in the figures", timeout=40)
    page.picture("tracker")
    page.fits()

    browser.click("#kinds label:nth-of-type(2)")
    page.shows("album", "tone.wav")
    browser.press(RIGHT)  # the kinds are one choice for the keyboard
    page.shows("film.webm")
    browser.click("#kinds label:nth-of-type(1)")
    page.shows(*ALL)

    browser.type("#words", "ALB")
    page.shows("album")
    browser.type("#words", "xyz")
    Browser.until(lambda: page.text("#message") == "Nothing matches.", "word that nothing matches")
    browser.run("document.querySelector('#words').value = ''; document.querySelector('#words').dispatchEvent(new Event('input'))")
    page.shows(*ALL)

    browser.click("th button[data-sort=name]")
    page.shows(*sorted(ALL), in_order=True)
    expect(browser.run("return document.querySelector('th').ariaSort") == "ascending", "the order told to screen readers")
    browser.press(ENTER)
    page.shows(*sorted(ALL, reverse=True), in_order=True)
    browser.click("th button[data-sort=size]")
    expect(page.names()[0] == "film.webm", "the largest first")

    line = browser.run("return document.querySelector(arguments[0] + ' button').title", page.row("tone.wav"))
    expect(line == f"tinytorrent get tone.wav --tracker {place.tracker}", f"a line for a shell, not {line}")
    line = browser.run("return document.querySelector(arguments[0] + ' button').title", page.row(HOSTILE))
    expect("<" not in line, f"a line without what a shell would understand, not {line}")
    for trick in ("0" * 40, "film.torrent", "-o", "$(id)", "film.webm\u200b"):
        line = browser.run("return getLine({ name: arguments[0], info_hash: 'HASH' })", trick)
        expect(line.startswith("tinytorrent get HASH "), f"the hash for a name that get or a shell would take for something else, not {line}")
    magnet, torrent = browser.run("return [...document.querySelectorAll(arguments[0] + ' a')].map(a => a.href)", page.row("film.webm"))
    expect(magnet.startswith("magnet:?xt=urn:btih:"), "a magnet link")
    expect(browser.run("return document.title") == "tinytorrent" and not browser.run("return document.querySelectorAll('img').length"), "names that stay text")
    return torrent


def page_behind_a_key(browser, place, pictures):
    keys = os.path.join(place.work, "keys")
    with open(keys, "w") as file:
        file.write("secret\n")
    place.tracker = place.start("serve-tracker", "--listen", "127.0.0.1:0", "--keys", keys, "--json")["url"].replace("KEY/announce", "secret/")
    os.rename(os.path.join(place.content, "tone.wav"), os.path.join(place.content, TOWERS))
    for name in ("album", TOWERS):
        place.publish(name)
    page = Page(browser, place.tracker, pictures)
    Browser.until(lambda: "2 peers" in page.text("#figures"), "figures beneath the key", timeout=40)
    page.picture("towers")
    shown = browser.run("return [...document.querySelectorAll('.name div')].map(div => [div.textContent, getComputedStyle(div).overflow])")
    expect(all(overflow == "clip" for _, overflow in shown), f"names that stay in their row, not {shown}")
    expect(not any("\u0301" * 7 in name for name, _ in shown), f"no towers of marks in {shown}")
    browser.click("#figures a")
    Browser.until(lambda: "announces" in page.text("table").lower(), "all figures")
    expect(browser.run("return [...document.links].every(link => link.href.startsWith(arguments[0]))", place.tracker), "links that stay beneath the key")


def another_client(place, torrent):
    out = os.path.join(place.work, "aria2")
    subprocess.run(["aria2c", "--quiet", "--seed-time=0", "--enable-dht=false", "--enable-dht6=false", "--bt-enable-lpd=false", "-d", out, torrent],
                   check=True, timeout=120, cwd=place.work)
    expect(digest(os.path.join(out, "film.webm")) == digest(os.path.join(place.content, "film.webm")), "the same film by aria2")


def client_page(page, place, out):
    browser = page.browser
    page.shows("film.webm")  # --video
    browser.click("#kinds label:nth-of-type(1)")
    page.shows(*ALL)
    browser.click(page.row(HOSTILE) + " button.strong")
    Browser.until(lambda: "complete in" in page.text(page.row(HOSTILE)), "download by a click")
    expect(digest(os.path.join(out, HOSTILE)) == digest(os.path.join(place.content, HOSTILE)), "the same bytes")

    browser.click(page.row(HOSTILE) + " button:nth-of-type(3)")
    Browser.until(lambda: "complete" not in page.text(page.row(HOSTILE)), "download that is stopped")
    expect(digest(os.path.join(out, HOSTILE)) == digest(os.path.join(place.content, HOSTILE)), "the file still there")
    browser.click(page.row(HOSTILE) + " button.strong")
    Browser.until(lambda: "complete in" in page.text(page.row(HOSTILE)), "download that is found again")

    browser.click(page.row("film.webm") + " button:not(.strong)")
    Browser.until(lambda: browser.run("return document.querySelector('video')?.currentTime > 0.3"), "film that plays")
    browser.run("document.querySelector('video').currentTime = 50")
    Browser.until(lambda: browser.run("return document.querySelector('video').currentTime > 50.3"), "film that plays on after a jump")
    expect("%" in page.text(page.row("film.webm")), f"the film still being fetched, not '{page.text(page.row('film.webm'))}'")
    page.picture("playing")
    Browser.until(lambda: "complete in" in page.text(page.row("film.webm")), "whole film", timeout=60)
    expect(digest(os.path.join(out, "film.webm")) == digest(os.path.join(place.content, "film.webm")), "the same film")

    browser.click(page.row("album") + " button:not(.strong)")
    Browser.until(lambda: browser.run("return document.querySelector('audio')?.currentTime > 0.3"), "album that plays")
    expect(browser.run("return document.querySelectorAll('#playlist button').length") == 2, "a list of its tracks")
    page.picture("album")
    page.fits()
    browser.click("#close")
    expect(browser.run("return document.querySelector('#player').hidden"), "a player that is gone")


def digest(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha1").hexdigest()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--pictures", help="folder for screenshots")
    options = parser.parse_args()
    if options.pictures:
        os.makedirs(options.pictures, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="pages-", ignore_cleanup_errors=True) as work:
        place = Place(work)
        browser = None
        try:
            browser = Browser(work)
            torrent = tracker_page(Page(browser, place.tracker, options.pictures), place)
            print("the tracker's page: ok")
            another_client(place, torrent)
            print("aria2 gets what the page links to: ok")
            out = os.path.join(work, "out")
            url = place.start("browse", "--tracker", place.tracker, "--video", "-o", out, "--bind", "127.0.0.1", "--port", "0", "--json")["url"]
            client_page(Page(browser, url, options.pictures), place, out)
            page_behind_a_key(browser, place, options.pictures)
            expect(not (complaints := browser.complaints()), f"a quiet console, not {complaints}")
            print("the page of browse and the one behind a key: ok")
        except PageError as error:
            print(f"pages: {error}", file=sys.stderr)
            return 1
        finally:
            if browser:
                browser.close()
            place.end()
    return 0


if __name__ == "__main__":
    sys.exit(main())
