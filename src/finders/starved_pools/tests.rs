use super::super::testing::{answer, ask, defaults, row, server, text, users, with};
use super::*;
use crate::model::query::Cell;
use crate::playbook::{Arg, Args};

fn pool(database: &str, user: &str, waiting: &str, maxwait: &str, servers: [&str; 3]) -> Row {
    row([
        ("database", text(database)),
        ("user", text(user)),
        ("cl_waiting", text(waiting)),
        ("sv_active", text(servers[0])),
        ("sv_idle", text(servers[1])),
        ("sv_login", text(servers[2])),
        ("maxwait", text(maxwait)),
        ("maxwait_us", text("500000")),
    ])
}

fn database(name: &str, size: &str, reserve: (&str, &str)) -> Row {
    row([("name", text(name)), ("pool_size", text(size)), (reserve.0, text(reserve.1))])
}

fn answers(pools: Vec<Row>, databases: Vec<Row>, users: Vec<Row>) -> Vec<Answer> {
    let config = vec![row([("key", text("default_pool_size")), ("value", text("3"))])];
    vec![
        answer(POOLS, "main", pools),
        answer(DATABASES, "main", databases),
        answer(USERS, "main", users),
        answer(CONFIG, "main", config),
        answer(SESSIONS, "", vec![row([("sessions", Cell::Int(20))])]),
    ]
}

fn found(args: &Args, answers: &[Answer]) -> Found {
    StarvedPools.read(&ask(args, &server(150_018), None), answers)
}

fn titles(found: &Found) -> Vec<String> {
    found.candidates.iter().map(Candidate::title).collect()
}

#[test]
fn only_full_pools_with_waiting_clients_are_starved() {
    let pools = vec![
        pool("shop", "app", "4", "6", ["3", "0", "0"]),
        pool("shop", "short", "4", "4", ["3", "0", "0"]),
        pool("shop", "idle", "1", "9", ["2", "1", "0"]),
        pool("shop", "down", "5", "9", ["0", "0", "0"]),
        pool("shop", "login", "5", "8", ["2", "0", "1"]),
        pool("crm", "own", "5", "30", ["2", "0", "0"]),
        pool("pgbouncer", "pgbouncer", "5", "30", ["2", "0", "0"]),
    ];
    let databases = vec![database("shop", "3", ("reserve_pool", "1")), database("crm", "2", ("reserve_pool", "0"))];
    let found = found(&defaults(&StarvedPools), &answers(pools, databases, Vec::new()));
    insta::assert_snapshot!(titles(&found).join("\n"), @"
    pool crm/own on main (5 clients waiting, the oldest 30.5s; 2 of 2 servers in use)
    pool shop/login on main (5 clients waiting, the oldest 8.5s; 2 of 3 servers in use)
    pool shop/app on main (4 clients waiting, the oldest 6.5s; 3 of 3 servers in use)
    ");
    let Candidate::Pool(own) = &found.candidates[0] else { unreachable!("a pool") };
    assert!(own.own_size);
    let Candidate::Pool(app) = &found.candidates[2] else { unreachable!("a pool") };
    assert!(!app.own_size);
    // Five pools of 3 + 1 and one of 2; 14 of the 20 sessions are the pooler's.
    assert_eq!((app.pools_total, app.pools_by_default, app.direct_clients, app.usable_connections), (22, 5, 6, 97));
}

#[test]
fn newer_columns_are_read() {
    let pools = vec![pool("shop", "app", "4", "6", ["5", "0", "0"])];
    let databases = vec![database("shop", "3", ("reserve_pool_size", "2"))];
    let users_of = vec![
        row([("name", text("app")), ("pool_size", text("5"))]),
        row([("name", text("other")), ("pool_size", text(""))]),
    ];
    let found = found(&defaults(&StarvedPools), &answers(pools, databases, users_of));
    let Candidate::Pool(app) = &found.candidates[0] else { unreachable!("a pool") };
    assert!(app.own_size && app.pool_size == 5 && app.pools_total == 7);
}

#[test]
fn sums_never_come_out_too_small() {
    // 1.24 shows the size of `first` in the row of `app`, which has none; 0 is unlimited.
    let pools = vec![pool("shop", "app", "4", "6", ["3", "0", "0"]), pool("open", "app2", "4", "9", ["9", "0", "0"])];
    let databases =
        vec![database("shop", "3", ("reserve_pool_size", "0")), database("open", "0", ("reserve_pool_size", "0"))];
    let users_of = ["first", "app"].map(|name| row([("name", text(name)), ("pool_size", text("1"))]));
    let found = found(&defaults(&StarvedPools), &answers(pools, databases, users_of.into()));
    let [Candidate::Pool(app)] = found.candidates.as_slice() else { unreachable!("one pool: {found:?}") };
    assert!(app.own_size && app.pools_total == 3 + 97, "{app:?}");
}

#[test]
fn selectors_and_silence() {
    let pools = || vec![pool("shop", "app", "4", "6", ["3", "0", "0"])];
    let databases = || vec![database("shop", "3", ("reserve_pool", "0"))];
    let except = with(defaults(&StarvedPools), "except", Arg::Selector(Box::new(users(&["app"]))));
    assert!(found(&except, &answers(pools(), databases(), Vec::new())).candidates.is_empty());

    let mut silent = answers(pools(), databases(), Vec::new());
    silent.retain(|a| a.name != SESSIONS);
    let silent = found(&defaults(&StarvedPools), &silent);
    assert!(silent.candidates.is_empty(), "without the server's figures there is no telling what fits");
    assert_eq!(silent.unreadable, ["sessions: nobody answered"]);

    let mut refused = answers(pools(), databases(), Vec::new());
    refused[3].rows = Err("not allowed".to_owned());
    let refused = found(&defaults(&StarvedPools), &refused);
    assert!(refused.candidates.is_empty());
    assert_eq!(refused.unreadable, ["SHOW CONFIG of main: not allowed"]);
}

#[test]
fn clients_that_still_wait_after_a_change_are_no_remedy_whatever_they_wait_for() {
    let before = vec![database("shop", "3", ("reserve_pool", "0"))];
    let first = found(
        &defaults(&StarvedPools),
        &answers(vec![pool("shop", "app", "4", "6", ["3", "0", "0"])], before, Vec::new()),
    );
    // The size is 6 now, and the server takes no more connections.
    let after = |waiting| {
        let databases = vec![database("shop", "6", ("reserve_pool", "0"))];
        let mut answers = answers(vec![pool("shop", "app", waiting, "9", ["3", "0", "0"])], databases, Vec::new());
        answers[3].rows = Ok(vec![row([("key", text("default_pool_size")), ("value", text("6"))])]);
        let args = defaults(&StarvedPools);
        StarvedPools.read(&ask(&args, &server(150_018), Some(&first.candidates[0])), &answers).candidates.len()
    };
    assert_eq!((after("4"), after("0")), (1, 0));
}

#[test]
fn without_the_sizes_of_users_nothing_is_listed() {
    let pools = vec![pool("shop", "app", "4", "6", ["3", "0", "0"])];
    let mut answers = answers(pools, vec![database("shop", "3", ("reserve_pool", "0"))], Vec::new());
    answers[2].rows = Err("not allowed".to_owned());
    let found = found(&defaults(&StarvedPools), &answers);
    assert_eq!((found.candidates.len(), found.unreadable), (0, vec!["SHOW USERS of main: not allowed".to_owned()]));
}
