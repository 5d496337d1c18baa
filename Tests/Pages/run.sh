#!/bin/bash
# make pages: both pages in a real browser without a window, against the executable. PICTURES=DIR keeps what it looked like.
set -euo pipefail
cd "$(dirname "$0")"
../install.sh chromium chromium-driver ffmpeg aria2 python3 >&2 || { echo "pages: skipped, there is no chromium, ffmpeg or aria2 here"; exit 0; }
exec /usr/bin/python3 -B pages.py ${PICTURES:+--pictures "$PICTURES"}
