#!/usr/bin/env bash
# quickstart.sh [--yes] [DIR]: pgmedic's main job on a real PostgreSQL and PgBouncer that it starts itself.
#
# Stages a runaway query, a table with stale statistics and a starved pool; runs the daemon until all three are
# remedied; prints the audit story and the messages that a local Slack stand-in received; stops everything it started.
# Exits 0 only if PostgreSQL and PgBouncer themselves say that each was remedied.
set -euo pipefail
called_in=$PWD
# Also through a symbolic link.
self=$(readlink -f "$0")
cd "$(dirname "$self")/.."
root=$PWD

yes=false
dir=
for arg in "$@"; do
  case $arg in
    --yes) yes=true ;;
    -h | --help) sed -n '2,7s/^# \{0,1\}//p' "$self"; exit 0 ;;
    -*) echo "quickstart.sh: unknown option $arg (try --help)" >&2; exit 2 ;;
    *)
      [[ -n $arg && -z $dir ]] || { echo "quickstart.sh: one DIR, or none (try --help)" >&2; exit 2; }
      dir=$arg
      ;;
  esac
done
# A relative DIR stands where the caller stands.
[[ -z $dir || $dir == /* ]] || dir=$called_in/$dir
# Somebody's own settings for psql and libpq are not meant for these servers.
for variable in ${!PG@}; do unset "$variable"; done

# shellcheck source=examples/quickstart/lib.sh
source examples/quickstart/lib.sh

step "What this needs"
need_packages "$yes"
prepare_dir

step "Building pgmedic (the first build takes some minutes)"
quiet=()
# On a terminal cargo shows how far it is.
[[ -t 2 ]] || quiet=(--quiet)
cargo build --locked "${quiet[@]}" --bin pgmedic --example slack_stand_in
target=${CARGO_TARGET_DIR:-$root/target}
pgmedic=$target/debug/pgmedic

SECONDS=0
trap stop_everything EXIT
trap 'exit 130' INT TERM

step "Starting PostgreSQL, PgBouncer and a Slack stand-in under $dir"
start_postgres
start_pgbouncer
start_slack

step "Making trouble: a runaway query, stale statistics, a starved pool"
make_trouble
show_trouble

step "pgmedic plan: what it would do, and why (nothing is touched)"
write_config
until_true 15 "the trouble to be old enough to count" trouble_counts
"$pgmedic" plan --config "$dir/pgmedic.yaml"

step "pgmedic serve: until all three are remedied"
start_pgmedic
wait_for_remedies

step "Stopping pgmedic"
stop_pgmedic

step "The record: pgmedic audit list"
"$pgmedic" audit list --config "$dir/pgmedic.yaml" --limit 200
for playbook in end-runaway-queries refresh-statistics grow-starved-pools; do
  step "The story of $playbook: pgmedic audit show RUN"
  show_story "$playbook"
done
step "pgmedic audit verify"
"$pgmedic" audit verify --config "$dir/pgmedic.yaml"

step "What Slack was told"
show_messages

step "Asking PostgreSQL and PgBouncer whether each is remedied"
check_remedies
echo
echo "All three were remedied in ${SECONDS} s. The record stays in $dir:"
printf '    %q audit list --config %q\n' "$pgmedic" "$dir/pgmedic.yaml"
