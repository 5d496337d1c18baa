"""Started without HOME, as services, cron and env -i do: the password database knows where it is, and what a user shares can be
taken back later."""
import os
import pwd
import signal
import subprocess

from disk import mount
from program import TINYTORRENT, Program, expect


def run(work):
    state = os.path.join(pwd.getpwuid(os.getuid()).pw_dir, ".local")
    os.makedirs(state, exist_ok=True)
    mount(state)  # in a namespace of these tests: nothing of the user's is touched
    environment = {name: value for name, value in os.environ.items() if name not in ("HOME", "XDG_STATE_HOME")}
    content = os.path.join(work, "film")
    with open(content, "wb") as file:
        file.write(os.urandom(50_000))
    tracker = Program("serve-tracker", "--listen", "127.0.0.1:0", env=environment)
    try:
        url = tracker.event("listening")["url"].removesuffix("/announce")
        share = Program("share", content, "--tracker", url, "--port", "0", "--bind", "127.0.0.1", env=environment)
        expect(share.event("published") and share.event("started"), f"share ended: {share.error}")
        share.signal(signal.SIGTERM)
        share.wait()
        expect("could not be kept" not in share.error, share.error)
        kept = os.listdir(os.path.join(state, "state/tinytorrent/tokens"))
        expect(len(kept) == 1, f"kept are {kept}")
        subprocess.run([TINYTORRENT, "unshare", "film", "--tracker", url, "-q"], env=environment, stdout=subprocess.DEVNULL, check=True)
        share = Program("share", content, "--tracker", url, "--port", "0", "--bind", "127.0.0.1", env={**environment, "HOME": "/dev/null"})
        expect(share.event("started"), f"share ended: {share.error}")
        share.kill()
        expect("could not be kept (HOME: is not set)" in share.error, share.error)
    finally:
        tracker.kill()
        subprocess.run(["umount", "-l", state], check=True)
    print("home         found without HOME; what was shared is taken back", flush=True)
