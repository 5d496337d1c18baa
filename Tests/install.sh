#!/bin/bash
# install.sh PACKAGE...: installs what is missing of these Debian packages, without starting the services they bring.
set -euo pipefail
missing=()
for package; do
    dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0
echo "installing ${missing[*]}"
command -v apt-get > /dev/null || { echo "there is no apt-get here: install them by hand" >&2; exit 1; }
as_root=; [ "$(id -u)" = 0 ] || as_root=sudo
install() {
    # invoke-rc.d leaves services alone in runlevel 1
    $as_root env RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "${missing[@]}" > /dev/null
}
install || { $as_root apt-get update -qq; install; }
