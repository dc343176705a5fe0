# The parts of quickstart.sh. Sourced; uses $dir, $target and $pgmedic of its caller.
# shellcheck shell=bash
# shellcheck disable=SC2154 # the caller's

step() { printf '\n\033[1m== %s\033[0m\n' "$*"; }
say() { printf '   %s\n' "$*"; }
fail() { printf 'quickstart.sh: %s\n' "$*" >&2; exit 1; }

# --- packages -------------------------------------------------------------------------------------------------------

need_packages() {
  local missing=()
  command -v cargo >/dev/null || fail "cargo is not installed: see https://rustup.rs"
  compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || missing+=(postgresql postgresql-contrib)
  command -v pgbouncer >/dev/null || [[ -x /usr/sbin/pgbouncer ]] || missing+=(pgbouncer)
  command -v jq >/dev/null || missing+=(jq)
  if ((${#missing[@]} == 0)); then
    say "PostgreSQL, PgBouncer and jq are here."
    return
  fi
  local options=()
  [[ $1 == true ]] && options=(--yes)
  bash tests/support/install.sh "${options[@]}" "${missing[@]}" || fail "it needs: ${missing[*]}"
}

# --- folders and processes ------------------------------------------------------------------------------------------

prepare_dir() {
  if [[ -z $dir ]]; then
    dir=$(mktemp -d "${TMPDIR:-/tmp}/pgmedic-quickstart.XXXXXX")
  else
    mkdir -p "$dir" || fail "DIR cannot be made"
    dir=$(cd "$dir" && pwd)
    [[ -w $dir ]] || fail "$dir is not writable: name another folder, or none"
    [[ -z $(ls -A "$dir") ]] || fail "$dir is not empty: name an empty folder, or none"
  fi
  # pgmedic's own Unix socket stands below it, and the system allows about 100 characters.
  ((${#dir} <= 80)) || fail "$dir is too long a path for a Unix socket: name another folder, or none"
  bin=$(dirname "$(compgen -G '/usr/lib/postgresql/*/bin/initdb' | sort -V | tail -n 1)")
  pids=()
  # PostgreSQL and PgBouncer refuse to run as root.
  as=()
  if ((EUID == 0)); then
    as=(setpriv --reuid=postgres --regid=postgres --clear-groups)
    chown postgres:postgres "$dir"
    chmod 755 "$dir"
    "${as[@]}" test -w "$dir" ||
      fail "the user postgres cannot reach $dir, and PostgreSQL does not run as root: name a folder outside closed ones such as /root"
  fi
  "${as[@]}" mkdir "$dir/run" "$dir/log"
}

free_port() {
  # The kernel names a free one to whoever binds port 0; bash cannot, so look for one that refuses.
  local port
  for _ in $(seq 200); do
    port=$((20000 + RANDOM % 20000))
    (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo "$port"; return; }
  done
  fail "no free port found"
}

stop_everything() {
  local status=$?
  set +e
  # pgmedic first, the servers last.
  for ((i = ${#pids[@]} - 1; i >= 0; i--)); do kill "${pids[i]}" 2>/dev/null; done
  [[ -d $dir/pg ]] && "${as[@]}" "$bin/pg_ctl" -D "$dir/pg" -m immediate stop >/dev/null 2>&1
  wait 2>/dev/null
  case $status in
    0) ;;
    130) printf '\nquickstart.sh: interrupted; all that it started is stopped. Logs are in %s\n' "$dir/log" >&2 ;;
    *) printf '\nquickstart.sh failed (exit %s); logs are in %s\n' "$status" "$dir/log" >&2 ;;
  esac
  exit "$status"
}

until_true() { # SECONDS WHAT COMMAND…
  local deadline=$((SECONDS + $1)) what=$2
  shift 2
  until "$@" >/dev/null 2>&1; do
    ((SECONDS < deadline)) || fail "timed out waiting for $what"
    sleep 0.2
  done
}

# --- servers --------------------------------------------------------------------------------------------------------

start_postgres() {
  pg_port=$(free_port)
  "${as[@]}" "$bin/initdb" -D "$dir/pg" -U postgres -A trust -E UTF8 --locale=C.UTF-8 -N >"$dir/log/initdb.log" 2>&1 ||
    fail "initdb failed: see $dir/log/initdb.log"
  "${as[@]}" tee -a "$dir/pg/postgresql.conf" >/dev/null <<CONF
port = $pg_port
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
shared_preload_libraries = 'pg_stat_statements'
compute_query_id = on
autovacuum = off
fsync = off
max_connections = 60
CONF
  "${as[@]}" "$bin/pg_ctl" -D "$dir/pg" -w -l "$dir/log/postgres.log" start >/dev/null 2>&1 </dev/null ||
    fail "PostgreSQL did not start: see $dir/log/postgres.log"
  sql postgres <<'SQL'
CREATE ROLE app LOGIN;
CREATE ROLE pgmedic LOGIN;
GRANT pg_monitor TO pgmedic;
CREATE ROLE pgmedic_act LOGIN;
GRANT pg_monitor, pg_signal_backend TO pgmedic_act;
CREATE DATABASE shop OWNER app;
SQL
  sql shop <<'SQL'
CREATE EXTENSION pg_stat_statements;
SET ROLE app;
CREATE TABLE orders AS SELECT g AS id, g % 100 AS customer, now() AS placed FROM generate_series(1, 200000) g;
ANALYZE orders;
SQL
  # ANALYZE wants the owner on PostgreSQL before 17.
  sql shop <<<'GRANT app TO pgmedic_act;'
  say "PostgreSQL $("$bin/postgres" --version | grep -oE '[0-9.]+' | head -n 1) on port $pg_port (pg_stat_statements on)"
}

sql() { # DATABASE [OPTIONS]: statements on standard input
  local database=$1
  shift
  psql -X -q -v ON_ERROR_STOP=1 -h 127.0.0.1 -p "$pg_port" -U postgres -d "$database" "$@"
}
ask() { sql "$1" -At <<<"$2"; } # DATABASE SQL

start_pgbouncer() {
  pool_port=$(free_port)
  "${as[@]}" tee "$dir/pgbouncer.ini" >/dev/null <<INI
[databases]
shop = host=127.0.0.1 port=$pg_port dbname=shop
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = $pool_port
unix_socket_dir =
auth_type = any
admin_users = pgmedic
pool_mode = transaction
default_pool_size = 2
logfile = $dir/log/pgbouncer.log
pidfile = $dir/run/pgbouncer.pid
INI
  # auth_type any wants a forced user per database; the application is the only one here.
  sed -i "s/dbname=shop$/dbname=shop user=app/" "$dir/pgbouncer.ini"
  "${as[@]}" "$(command -v pgbouncer || echo /usr/sbin/pgbouncer)" -q "$dir/pgbouncer.ini" >/dev/null 2>&1 &
  pids+=($!)
  until_true 10 PgBouncer console 'SHOW VERSION'
  say "$(console 'SHOW VERSION') on port $pool_port (default_pool_size 2)"
}

console() { psql -X -q -At -h 127.0.0.1 -p "$pool_port" -U pgmedic -d pgbouncer -c "$1"; }

start_slack() {
  "$target/debug/examples/slack_stand_in" --port-file "$dir/run/slack.port" --out "$dir/slack.jsonl" >"$dir/log/slack.log" 2>&1 &
  pids+=($!)
  until_true 10 "the Slack stand-in" test -s "$dir/run/slack.port"
  slack_port=$(cat "$dir/run/slack.port")
  say "Slack stand-in on port $slack_port"
}

# --- trouble --------------------------------------------------------------------------------------------------------

through_pool() { psql -X -q -h 127.0.0.1 -p "$pool_port" -U app -d shop "$@"; }

make_trouble() {
  # A runaway query that ignores nothing but time.
  PGAPPNAME=nightly-report psql -X -q -h 127.0.0.1 -p "$pg_port" -U app -d shop -v VERBOSITY=verbose \
    -c "SELECT count(*) FROM orders a, orders b, orders c WHERE a.customer = b.customer" \
    >"$dir/log/runaway.out" 2>&1 &
  pids+=($!)
  # Half of the rows change; autovacuum is off, so the planner goes on with what it knew.
  sql shop <<<"UPDATE orders SET customer = customer + 1000 WHERE id % 2 = 0; INSERT INTO orders SELECT g, 7, now() FROM generate_series(200001, 400000) g;"
  # Four clients for two server connections, each busy for a long time.
  for i in 1 2 3 4; do
    through_pool -c "SELECT pg_sleep(45) /* checkout $i */" >/dev/null 2>&1 &
    pids+=($!)
  done
  until_true 15 "the runaway query" runaway_runs
  until_true 15 "the waiting clients" clients_wait
  until_true 15 "the statistics" statistics_are_stale
  runaway_pid=$(ask postgres "SELECT pid FROM pg_stat_activity WHERE $report")
}

# The playbooks of the quickstart wait for a query of 5 s and for clients that have waited.
trouble_counts() {
  [[ $(ask postgres "SELECT count(*) FROM pg_stat_activity WHERE pid = $runaway_pid AND now() - query_start > interval '5 seconds'") == 1 ]]
}

# Its parallel workers carry the same name.
report="application_name = 'nightly-report' AND backend_type = 'client backend'"
runaway_runs() { [[ $(ask postgres "SELECT count(*) FROM pg_stat_activity WHERE $report AND state = 'active'") == 1 ]]; }
clients_wait() { (($(waiting) > 0)); }
waiting() { psql -X -q -A -h 127.0.0.1 -p "$pool_port" -U pgmedic -d pgbouncer -c 'SHOW POOLS' | awk -F'|' 'NR == 1 {for (i = 1; i <= NF; i++) c[$i] = i} $1 == "shop" {n += $c["cl_waiting"]} END {print n + 0}'; }
pool_size() { psql -X -q -A -h 127.0.0.1 -p "$pool_port" -U pgmedic -d pgbouncer -c 'SHOW CONFIG' | awk -F'|' '$1 == "default_pool_size" {print $2}'; }
modified() { ask shop "SELECT n_mod_since_analyze FROM pg_stat_user_tables WHERE relname = 'orders'"; }
statistics_are_stale() { (($(modified) > 100000)); }

show_trouble() {
  say "runaway query: pid $runaway_pid"
  say "stale statistics: $(modified) rows of orders changed since its last ANALYZE"
  say "starved pool: $(waiting) clients wait for $(pool_size) server connections"
}

# --- pgmedic --------------------------------------------------------------------------------------------------------

write_config() {
  sed -e "s#@PG_PORT@#$pg_port#; s#@POOL_PORT@#$pool_port#" examples/quickstart/pgmedic.yaml >"$dir/pgmedic.yaml"
  cp -r examples/quickstart/playbooks "$dir/playbooks"
  export QUICKSTART_SLACK_URL="http://127.0.0.1:$slack_port/services/T000/B000/quickstart"
  "$pgmedic" lint --config "$dir/pgmedic.yaml"
}

start_pgmedic() {
  "$pgmedic" serve --config "$dir/pgmedic.yaml" >"$dir/log/pgmedic.log" 2>&1 &
  daemon=$!
  pids+=("$daemon")
  until_true 10 "pgmedic" "$pgmedic" status --config "$dir/pgmedic.yaml"
  say "pgmedic runs (pid $daemon, log $dir/log/pgmedic.log)"
}

runaway_gone() { [[ $(ask postgres "SELECT count(*) FROM pg_stat_activity WHERE pid = $runaway_pid AND $report AND state = 'active'") == 0 ]]; }
statistics_fresh() { (($(modified) == 0)); }
nobody_waits() { (($(waiting) == 0)); }

wait_for_remedies() {
  until_true 30 "the runaway query to be ended" runaway_gone
  say "the runaway query is gone"
  until_true 30 "the statistics to be refreshed" statistics_fresh
  say "the statistics are fresh"
  until_true 30 "the pool to grow" nobody_waits
  say "nobody waits for the pool: default_pool_size is $(pool_size)"
  until_true 20 "the three verifications" three_verified
  say "each was looked at again and found remedied"
  until_true 20 "the messages" three_told
  say "Slack was told of each"
}

three_verified() { [[ $("$pgmedic" audit list --config "$dir/pgmedic.yaml" --kind verification -o jsonl | jq -r 'select(.outcome.status == "done") | .playbook.name' | sort -u | wc -l) == 3 ]]; }
three_told() { [[ $("$pgmedic" audit list --config "$dir/pgmedic.yaml" --kind notification -o jsonl | jq -r 'select(.evidence.status == "delivered") | .seq' | wc -l) -ge 3 ]]; }

stop_pgmedic() {
  local begun=$SECONDS
  kill -TERM "$daemon"
  wait "$daemon" || fail "pgmedic did not end cleanly: see $dir/log/pgmedic.log"
  say "SIGTERM to end: $((SECONDS - begun)) s"
}

show_story() {
  local run
  run=$("$pgmedic" audit list --config "$dir/pgmedic.yaml" --kind verification --playbook "$1" -o jsonl | jq -r .run | head -n 1)
  "$pgmedic" audit show --config "$dir/pgmedic.yaml" "$run"
}

show_messages() { jq -r '"   • " + ((.text // "") | gsub("\n"; "\n     "))' "$dir/slack.jsonl"; }

check_remedies() {
  runaway_gone || fail "the runaway query still runs"
  grep -q '57014' "$dir/log/runaway.out" || fail "the runaway query's client was not told that it was cancelled"
  say "runaway query: its client got 57014 (query cancelled)"
  [[ $(ask shop "SELECT last_analyze > now() - interval '5 minutes' FROM pg_stat_user_tables WHERE relname = 'orders'") == t ]] || fail "orders was not analyzed"
  statistics_fresh || fail "the statistics are still stale"
  say "stale statistics: orders was analyzed $(ask shop "SELECT date_trunc('second', now() - last_analyze) FROM pg_stat_user_tables WHERE relname = 'orders'") ago"
  (($(pool_size) > 2)) || fail "default_pool_size did not grow"
  nobody_waits || fail "clients still wait for the pool"
  say "starved pool: default_pool_size $(pool_size), nobody waits"
}
