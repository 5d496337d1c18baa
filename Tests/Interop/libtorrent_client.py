"""libtorrent as a program: libtorrent_client.py seed|get TORRENT FOLDER ADDRESS:PORT. `get` ends when it has everything,
`seed` at SIGTERM."""
import signal
import sys
import time

import libtorrent

mode, torrent, folder, listen = sys.argv[1:]
session = libtorrent.session({
    "listen_interfaces": listen, "enable_dht": False, "enable_lsd": False, "enable_upnp": False, "enable_natpmp": False,
    "enable_incoming_utp": False, "enable_outgoing_utp": False, "in_enc_policy": 2, "out_enc_policy": 2,
    "announce_to_all_trackers": True, "connection_speed": 100, "stop_tracker_timeout": 2, "alert_mask": 0,
})
parameters = libtorrent.add_torrent_params()
parameters.ti = libtorrent.torrent_info(torrent)
parameters.save_path = folder
if mode == "seed":
    parameters.flags |= libtorrent.torrent_flags.seed_mode
handle = session.add_torrent(parameters)

stopped = False


def stop(*_):
    global stopped
    stopped = True


signal.signal(signal.SIGTERM, stop)
while not stopped and not (mode == "get" and handle.status().is_seeding):
    if mode == "seed" and handle.status().is_seeding and mode != "told":
        print("seeding", flush=True)
        mode = "told"
    if handle.status().errc.value():
        sys.exit(f"libtorrent: {handle.status().errc.message()}")
    time.sleep(0.05)
session.pause()  # tells the trackers
