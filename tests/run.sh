#!/usr/bin/env bash
# Installs what the tests need and runs them all; ends with the test runner's own summary.
#
#   tests/run.sh [--full] [FILTER…]
#
# --full: also the long matrices, on PostgreSQL 13 to 18, and a short run of each fuzz target where there is a
# nightly toolchain. FILTER goes to the test runner.
# Downloads are kept in $PGMEDIC_TEST_CACHE; CARGO_TARGET_DIR is honoured.
set -euo pipefail
cd "$(dirname "$0")/.."

full=false
if [ "${1:-}" = --full ]; then
    full=true
    shift
fi

step() { printf '\n== %s\n' "$*"; }

command -v cargo >/dev/null || { echo "cargo is not installed: see https://rustup.rs" >&2; exit 1; }

step "packages"
tests/support/install.sh --yes build-essential faketime jq openssl pgbouncer postgresql postgresql-contrib strace

step "servers"
majors=(13 15 18)
if [ "$full" = true ]; then
    majors=(13 14 15 16 17 18)
fi
present=()
wanted=()
for major in "${majors[@]}"; do
    if [ -x "/usr/lib/postgresql/$major/bin/postgres" ]; then
        present+=("$major")
    else
        wanted+=("$major")
    fi
done
if [ ${#wanted[@]} -gt 0 ]; then
    mapfile -t fetched < <(tests/support/majors.sh "${wanted[@]}")
    present+=("${fetched[@]}")
fi
# A test that finds one of these missing fails instead of skipping.
export PGMEDIC_TEST_MAJORS="${present[*]}"
echo "PostgreSQL for the tests: $PGMEDIC_TEST_MAJORS"

# Says itself when it cannot be had; what compares with it then skips loudly. Where it is, such a test fails instead.
step "prometheus"
PGMEDIC_TEST_PROMETHEUS=$(tests/support/prometheus.sh)
export PGMEDIC_TEST_PROMETHEUS
echo "Prometheus to compare with: ${PGMEDIC_TEST_PROMETHEUS:-none}"

step "fmt"
cargo fmt --all --check

step "clippy"
cargo clippy --locked --all-targets --quiet -- -D warnings

if [ "$full" = true ]; then
    step "fuzz"
    tests/fuzz.sh 20
fi

# nextest says how long each test took; the slowest are shown before its summary, which stays last.
slowest_first() {
    awk '
        /^ *(PASS|FAIL|SLOW|TIMEOUT|LEAK) \[/ {
            line = $0; took = $0
            sub(/^[^[]*\[>? */, "", took); sub(/s\].*/, "", took); sub(/^.*\] */, "", line)
            seen[line] = took
        }
        /^ *Summary \[/ {
            print "The slowest tests:"; fflush()
            for (t in seen) printf "%9.3fs %s\n", seen[t], t | "sort -rn | head -10"
            close("sort -rn | head -10")
            print "────────────"
        }
        { print; fflush() }'
}

if cargo nextest --version >/dev/null 2>&1; then
    step "tests"
    ignored=()
    if [ "$full" = true ]; then
        ignored=(--run-ignored all)
    fi
    cargo test --locked --doc --quiet
    cargo nextest run --locked --no-fail-fast "${ignored[@]}" "$@" 2>&1 | slowest_first
else
    step "tests (cargo-nextest is not installed: no times)"
    ignored=()
    if [ "$full" = true ]; then
        ignored=(--include-ignored)
    fi
    cargo test --locked --no-fail-fast "$@" -- "${ignored[@]}"
fi
