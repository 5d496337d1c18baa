"""Every client announces to our tracker over what a transfer does not try: HTTPS with a certificate it must check, and IPv6."""
import os
import shutil
import signal

from clients import Tracker
from network import Failure, wait_until

CANNOT = {
    ("Aria2", "udp, IPv6"): "aria2 asks UDP trackers over IPv4 only",
    ("Transmission", "udp, IPv6"): "Transmission 3 reaches no UDP tracker whose URL has an IPv6 address",
    ("RTorrent", "udp, IPv6"): "libtorrent of rTorrent asks UDP trackers over IPv4 only",
}


def announce(matrix, number, make_client, column):
    """One cell: a client seeds, and the tracker heard of it that way and no other."""
    if reason := CANNOT.get((make_client.__name__, column)):
        print(f"{make_client.__name__} announces, {column}: left out, {reason}", flush=True)
        return "cannot"
    folder = os.path.join(matrix.work, f"cell{number}")
    os.mkdir(folder)
    protocol, six = column.removesuffix(", IPv6"), column.endswith(", IPv6")
    tracker = Tracker(matrix.here, os.path.join(folder, "tracker"), certificate=matrix.certificate)
    client = make_client(matrix.here, os.path.join(folder, "client"))
    client.ca, client.six = matrix.certificate, six
    try:
        client.seed(matrix.with_tracker("file", tracker.url(protocol, six), folder), matrix.contents["file"].folder)
        family = "ipv6" if six else "ipv4"
        wait_until(lambda: tracker.figures()[f"peers_{family}"] == 1, 30, f"seeder over {column}")
        figures = tracker.figures()
        if (figures["udp_announces"] > 0) != (protocol == "udp") or (figures["http_announces"] > 0) == (protocol == "udp"):
            raise Failure(f"it came another way: {figures}")
        if tracker.counts(matrix.torrents["file"][1])[0] != 1:
            raise Failure("it is no seeder")
        client.stop()
        tracker.stop()
        shutil.rmtree(folder)
        return "ok"
    finally:
        for thing in (client, tracker):
            if thing.program is not None and thing.program.running:
                thing.program.stop(signal.SIGKILL)


announce.COLUMNS = ("https", "http, IPv6", "udp, IPv6", "https, IPv6")
