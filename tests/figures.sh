#!/usr/bin/env bash
# Measures what pgmedic costs and how fast it is, and prints one table: figure, measured, goal, ratio, verdict.
#
#   tests/figures.sh [appends] [running] [million]
#
# Takes about ten minutes without the build; with words only those parts. Everything is written below TMPDIR, whose
# file system is the one that is measured, and removed afterwards. CARGO_TARGET_DIR is honoured. What is compared with
# what is in docs/figures.md.
set -euo pipefail
cd "$(dirname "$0")/.."

command -v cargo >/dev/null || { echo "cargo is not installed: see https://rustup.rs" >&2; exit 1; }
tests/support/install.sh --yes build-essential postgresql postgresql-contrib
cargo bench --locked --no-run --bench figures

folder=$(mktemp -d "${TMPDIR:-/tmp}/pgmfig.XXXXXX")
# Servers run as another user when this one is root.
chmod 755 "$folder"
running=
finish() {
    # All that was started is in one group, also when this script is interrupted.
    [ -z "$running" ] || kill -TERM -- "-$running" 2>/dev/null || true
    for _ in $(seq 100); do
        pgrep -g "${running:-0}" >/dev/null || break
        sleep 0.1
    done
    rm -rf "$folder"
}
trap finish EXIT
trap 'exit 130' INT TERM

set -m
TMPDIR=$folder cargo bench --locked --quiet --bench figures -- "$@" &
running=$!
set +m
wait "$running"
