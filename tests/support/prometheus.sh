#!/usr/bin/env bash
# Puts a Prometheus and a promtool of 3.5 or later into the tests' cache.
#
#   tests/support/prometheus.sh
#
# Debian 12 has 2.42, whose ranges include their beginning. They are taken from a newer suite through
# this machine's own mirror and only unpacked: nothing of the system changes, and being written in Go
# they need no libraries of it. Prints the folder that has them; says so loudly when that does not work, and is no
# failure then.
set -euo pipefail

suite=forky

# As tests/it/support/places.rs: root's own home is closed to the user that runs the servers.
if [ "$(id -u)" -eq 0 ]; then
    cache=${PGMEDIC_TEST_CACHE:-/var/cache/pgmedic-tests}
else
    cache=${PGMEDIC_TEST_CACHE:-$HOME/.cache/pgmedic-tests}
fi
into=$cache/prometheus-3

skip() {
    echo "SKIPPED: no Prometheus to compare with: $*" >&2
    exit 0
}

if [ -x "$into/unpacked/usr/bin/promtool" ]; then
    echo "$into/unpacked/usr/bin"
    exit 0
fi
if ! command -v apt-get >/dev/null || ! command -v dpkg >/dev/null; then
    skip "this is no Debian"
fi
mirror=$(grep -hEo 'https?://[^ ]+/debian/?( |$)' /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null | head -n 1 || true)
[ -n "$mirror" ] || skip "there is no mirror in apt's sources"

mkdir -p "$cache"
work=$(mktemp -d "$cache/fetch.XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir -p "$work"/{state/lists/partial,cache/archives/partial,unpacked}
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
echo "deb [signed-by=$keyring] ${mirror% } $suite main" >"$work/sources.list"
options=(
    -o "Dir::Etc::sourcelist=$work/sources.list" -o Dir::Etc::sourceparts=-
    -o "Dir::State=$work/state" -o Dir::State::status=/dev/null
    -o "Dir::Cache=$work/cache" -o "APT::Sandbox::User=$(id -un)"
)
cd "$work"
apt-get "${options[@]}" -qq update >&2 || skip "$suite's list of packages could not be read"
apt-get "${options[@]}" -qq download prometheus promtool >&2 || skip "the packages could not be downloaded"
for package in ./*.deb; do dpkg -x "$package" unpacked >&2; done
rm -rf state cache ./*.deb
chmod -R go+rX "$work"
mv -T "$work" "$into" 2>/dev/null || [ -x "$into/unpacked/usr/bin/promtool" ]
echo "$into/unpacked/usr/bin"
