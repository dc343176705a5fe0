#!/usr/bin/env bash
# Installs Debian packages that the tests and the quickstart need, and leaves no service running.
#
#   tests/support/install.sh [--yes] PACKAGE…
#
# Says what is missing and asks first when on a terminal (--yes does not). Does nothing when all are
# there. The packages of PostgreSQL and PgBouncer would start a server each: no cluster is made, and
# what they would start is held back.
set -euo pipefail

yes=false
if [ "${1:-}" = --yes ]; then
    yes=true
    shift
fi

missing=()
for package in "$@"; do
    state=$(dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null || true)
    [ "${state:0:2}" = ii ] || missing+=("$package")
done
if [ ${#missing[@]} -eq 0 ]; then
    exit 0
fi

echo "To be installed through apt: ${missing[*]}"
if [ "$yes" = false ] && [ -t 0 ]; then
    read -r -p "Go on? [y/N] " answer
    case $answer in
        [yY]*) ;;
        *) echo "Nothing was installed." >&2; exit 1 ;;
    esac
fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || { echo "Not root, and no sudo: install ${missing[*]} and start again." >&2; exit 1; }
    as_root=(sudo)
fi

# Read by the postgresql packages when they are set up: it must say so before they are.
conf=/etc/postgresql-common/createcluster.conf
if ! grep -qsE '^[[:space:]]*create_main_cluster[[:space:]]*=[[:space:]]*(false|off|no)' "$conf"; then
    echo "Setting create_main_cluster = false in $conf"
    "${as_root[@]}" mkdir -p "${conf%/*}"
    echo 'create_main_cluster = false' | "${as_root[@]}" tee -a "$conf" >/dev/null
fi

# invoke-rc.d asks this script before it starts anything. One that is there is somebody's own choice.
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
    printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee $policy >/dev/null
    "${as_root[@]}" chmod 755 $policy
    trap '"${as_root[@]}" rm -f '$policy EXIT
fi

# confold: createcluster.conf as written above stays, without a question.
apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive UCF_FORCE_CONFFOLD=1 apt-get -qq)
"${apt[@]}" update
"${apt[@]}" install -y --no-install-recommends -o Dpkg::Options::=--force-confold "${missing[@]}" >/dev/null

# Held back now, they would still start with the next boot.
if command -v systemctl >/dev/null; then
    for package in "${missing[@]}"; do
        case $package in
            pgbouncer) "${as_root[@]}" systemctl --quiet disable --now pgbouncer 2>/dev/null || true ;;
        esac
    done
fi
