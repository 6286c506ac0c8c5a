#!/bin/sh
# Installs the Debian packages that the tests need and this machine lacks. On other systems it says what is missing.
set -eu

missing=""
want() { command -v "$1" >/dev/null 2>&1 || missing="$missing $2"; }
want git git
want chromium chromium
want bwrap bubblewrap
want cc gcc
[ -x /usr/lib/postgresql/15/bin/initdb ] || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || missing="$missing postgresql"
fc-list 2>/dev/null | grep -qi dejavu || missing="$missing fonts-dejavu-core"
fc-list 2>/dev/null | grep -qi emoji || missing="$missing fonts-noto-color-emoji"
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null 2>&1; then
  echo "The tests need these (names of Debian packages):$missing. Install them and run make test again." >&2
  exit 1
fi
sudo=""
if [ "$(id -u)" != 0 ]; then
  command -v sudo >/dev/null 2>&1 || { echo "Run as root, or install:$missing" >&2; exit 1; }
  sudo="sudo"
fi
echo "· installing Debian packages:$missing"
export DEBIAN_FRONTEND=noninteractive
$sudo apt-get update -qq
# shellcheck disable=SC2086 (a list of words)
$sudo apt-get install -y -qq --no-install-recommends $missing >/dev/null
