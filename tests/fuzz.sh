#!/usr/bin/env bash
# Fuzzes every parser that reads what users or the network send. Needs a nightly toolchain; without one it
# says so and ends well.
#
#   tests/fuzz.sh [SECONDS] [TARGET…]
#
# SECONDS for each target (default 60). What is found lies in fuzz/artifacts: mend the code, give it a unit
# test, and put the input into fuzz/reproducers/TARGET, where tests/it/fuzz_seeds.rs runs it ever after.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${1:-60}
shift || true

if ! cargo +nightly --version >/dev/null 2>&1; then
    echo "NOT FUZZED: there is no nightly toolchain (rustup toolchain install nightly)" >&2
    exit 0
fi
if ! cargo +nightly fuzz --version >/dev/null 2>&1; then
    cargo install --locked cargo-fuzz || { echo "NOT FUZZED: cargo-fuzz cannot be installed" >&2; exit 0; }
fi

if [ $# -gt 0 ]; then
    targets=("$@")
else
    mapfile -t targets < <(cargo +nightly fuzz list)
fi

# Every expression of the corpus is a seed; they are written in single quotes.
mkdir -p fuzz/corpus/promql
number=0
while IFS= read -r expression; do
    number=$((number + 1))
    printf '%s' "${expression//\'\'/\'}" >"fuzz/corpus/promql/corpus-$number"
done < <(sed -n "s/^ *- expr: '\(.*\)'$/\1/p" tests/promql/*.yaml)

cargo +nightly fuzz build

failed=()
for target in "${targets[@]}"; do
    mkdir -p "fuzz/corpus/$target"
    seeds=("fuzz/corpus/$target")
    for folder in "fuzz/seeds/$target" "fuzz/reproducers/$target"; do
        if [ -d "$folder" ]; then seeds+=("$folder"); fi
    done
    while read -r for_target folder; do
        if [ "$for_target" = "$target" ]; then seeds+=("$folder"); fi
    done <fuzz/seeds/also.txt
    dictionary=()
    if [ -f "fuzz/$target.dict" ]; then dictionary=("-dict=fuzz/$target.dict"); fi
    printf '\n== fuzz %s, %s s\n' "$target" "$seconds"
    cargo +nightly fuzz run "$target" "${seeds[@]}" -- "-max_total_time=$seconds" -timeout=5 -rss_limit_mb=1024 \
        -malloc_limit_mb=1024 -max_len=4096 -print_final_stats=1 "${dictionary[@]}" 2>&1 |
        grep -vE '^#[0-9]+.*(NEW|REDUCE|RELOAD|pulse)' || failed+=("$target")
done

if [ ${#failed[@]} -gt 0 ]; then
    printf '\nFOUND in %s: see fuzz/artifacts\n' "${failed[*]}" >&2
    exit 1
fi
