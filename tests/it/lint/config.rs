//! Configurations, and what is loaded around them.

use super::catalogue::CATALOGUE;
use super::{codes, read_config, rendered, root};
use pgmedic::config::{AccessRole, QueryText, Service, Text};
use pgmedic::engine::load::{self, LoadError};
use pgmedic::model::{Class, Duration, Mode};
use secrecy::ExposeSecret;
use std::path::{Path, PathBuf};

pub const FULL: &str = r#"
version: 1
revision: "2f3c"
mode: enforce
data_dir: ./state
timezone: Asia/Seoul
notify: [slack]
http: {listen: none, socket: {roles: {dba: approver}}}
targets:
  - name: orders
    dsn: postgresql://pgmedic@db1/postgres?sslrootcert=ca.pem
    password: "${env:ORDERS_PASSWORD}"
    act_as: {user: pgmedic_act, password: "${file:secrets/act}"}
    mode: approve
    labels: {env: prod}
    databases: ["shop*"]
    pgbouncer: [{name: pool, dsn: "${env:POOL_DSN}", persist: runtime}]
policy:
  protect: {users: ["backup_*"], databases: [], tables: ["audit.*"]}
  limits:
    disruptive: {per_run: 1, per_playbook_hour: 2, per_target_hour: 3, fleet_hour: 4, same_query: {max: 5, per: 6h}}
    maintenance: {per_run: 7, at_once_per_target: 8, at_once_fleet: 9}
  ceilings: {disruptive: approve}
  allow_custom_sql: false
windows: {nightly: [{cron: "0 1 * * *", lasts: 4h, timezone: UTC}]}
freezes: [{name: sale, from: 2026-11-27T00:00:00Z, until: 2026-11-30T00:00:00Z, targets: ['env="prod"'], except: [], ceiling: approve}]
channels:
  - {name: slack, slack: {webhook_url: "${env:SLACK_URL}"}, events: [acted, held], match: ['env="prod"']}
  - {name: ops, webhook: {url: "http://localhost/hook", secret: "${env:OPS}"}, allow_private: true}
audit: {query_text: full}
playbooks: [playbooks/a.yaml]
"#;

#[test]
fn every_key_is_read() {
    let (config, faults) = read_config(FULL);
    assert_eq!(rendered(&faults, FULL), "");
    let c = config.unwrap();
    assert_eq!(c.revision.as_deref(), Some("2f3c"));
    assert_eq!((c.mode, c.timezone.as_str(), c.data_dir.as_path()), (Mode::Enforce, "Asia/Seoul", Path::new("state")));
    assert_eq!(c.socket_roles.get("dba"), Some(&AccessRole::Approver));
    let t = c.target("orders").unwrap();
    assert!(matches!(&t.dsn, Text::Plain(dsn) if dsn.expose_secret().ends_with("sslrootcert=ca.pem")));
    assert!(matches!(&t.password, Some(Text::Env(name)) if name == "ORDERS_PASSWORD"));
    let act_as = t.act_as.as_ref().unwrap();
    assert!(matches!(&act_as.password, Some(Text::File(path)) if path == Path::new("secrets/act")));
    assert_eq!((t.mode, t.databases.as_slice()), (Mode::Approve, &["shop*".to_owned()][..]));
    assert!(matches!(&t.pgbouncer[0].dsn, Text::Env(name) if name == "POOL_DSN"));
    let l = &c.limits;
    let disruptive = [l.disruptive_per_run, l.disruptive_per_playbook_hour, l.disruptive_per_target_hour];
    assert_eq!((disruptive, l.disruptive_fleet_hour, l.same_query.max), ([1, 2, 3], 4, 5));
    assert_eq!(l.same_query.per, Duration::from_hours(6));
    let maintenance = [l.maintenance_per_run, l.maintenance_at_once_per_target, l.maintenance_at_once_fleet];
    assert_eq!(maintenance, [7, 8, 9]);
    assert_eq!((c.ceilings.of(Class::Disruptive), c.ceilings.of(Class::Irreversible)), (Mode::Approve, Mode::Approve));
    assert_eq!(c.windows["nightly"][0].lasts, Duration::from_hours(4));
    assert_eq!((c.freezes[0].ceiling, c.freezes[0].targets.len()), (Mode::Approve, 1));
    assert!(matches!(c.channels[0].service, Service::Slack { webhook_url: Text::Env(_) }));
    assert!(c.channels[1].allow_private);
    assert_eq!(c.query_text, QueryText::Full);
    assert_eq!(c.playbook_files, [PathBuf::from("playbooks/a.yaml")]);
}

pub const ONE_FAULT_ALONE: &[(&str, &str)] = &[
    ("targets: []\n", "empty-selector"),
    ("", "missing-key"),
    ("targets: [{name: a, dsn: 'host=a'}, {name: a, dsn: 'host=b'}]\n", "duplicate-name"),
    ("targets: [{name: a}]\n", "missing-key"),
    ("targets: [{name: a, dsn: nothing}]\n", "bad-dsn"),
    ("targets: [{name: a, dsn: 'host=a sslmod=require'}]\n", "bad-dsn"),
    ("targets: [{name: a, dsn: 'postgresql://u:secret@h/db'}]\n", "plain-password"),
    ("targets: [{name: a, dsn: 'host=${env:HOST}'}]\n", "bad-reference"),
    ("targets: [{name: a, dsn: 'host=a', databases: []}]\n", "empty-selector"),
    ("targets: [{name: a, dsn: 'host=a', patroni: {urls: []}}]\n", "not-supported-yet"),
    ("targets: [{name: a, dsn: 'host=a', host: {cpus: 4}}]\n", "not-supported-yet"),
    (
        "targets: [{name: a, dsn: 'host=a', pgbouncer: [{name: p, dsn: 'host=a', persist: file}]}]\n",
        "not-supported-yet",
    ),
    ("targets: [{name: \"${env:X}\", dsn: 'host=a'}]\n", "bad-reference"),
];

pub const ONE_FAULT_MORE: &[(&str, &str)] = &[
    ("http: {listen: 127.0.0.1:8432}\n", "not-supported-yet"),
    ("http: {tokens: [{name: a, token: \"${file:t}\"}]}\n", "not-supported-yet"),
    ("timezone: Europe/Berlim\n", "bad-zone"),
    ("notify: [nobody]\n", "unknown-channel"),
    ("policy: {protect: {}}\n", "empty-selector"),
    ("policy: {protect: {queries: []}}\n", "empty-selector"),
    ("policy: {allow_custom_sql: true}\n", "not-supported-yet"),
    ("policy: {breaker: {failures: 3}}\n", "not-supported-yet"),
    ("policy: {limits: {disruptive: {same_query: {per: 25h}}}}\n", "out-of-bounds"),
    ("policy: {limits: {disruptive: {per_run: -1}}}\n", "wrong-type"),
    ("windows: {nightly: []}\n", "empty-selector"),
    ("windows: {nightly: [{cron: '0 1 * * *'}]}\n", "missing-key"),
    ("freezes: [{name: a, from: 2026-11-30T00:00:00Z, until: 2026-11-27T00:00:00Z}]\n", "bad-moment"),
    ("freezes: [{name: a, from: 2026-11-27, until: 2026-11-30T00:00:00Z}]\n", "bad-moment"),
    ("freezes: [{name: a, from: 2026-11-27T00:00:00Z, until: 2026-11-30T00:00:00Z, targets: []}]\n", "empty-selector"),
    ("channels: [{name: a}]\n", "bad-channel"),
    ("channels: [{name: a, pagerduty: {key: b}}]\n", "not-supported-yet"),
    ("channels: [{name: a, slack: {webhook_url: \"${env:A}\"}, events: [actet]}]\n", "unknown-word"),
    ("channels: [{name: a, slack: {webhook_url: \"${env:A}\"}, match: []}]\n", "empty-selector"),
    ("channels: [{name: a, webhook: {url: \"http://a\", secret: \"${env:A}\"}}]\n", "bad-url"),
    ("audit: {retain: 400d}\n", "not-supported-yet"),
    ("rules: [a.yml]\n", "not-supported-yet"),
];

#[test]
fn each_of_these_is_one_fault() {
    let head = "version: 1\nplaybooks: []\n";
    let targets = "targets: [{name: a, dsn: 'host=a'}]\n";
    let more = ONE_FAULT_MORE.iter().map(|(body, code)| (format!("{targets}{body}"), *code));
    let mut wrong = Vec::new();
    for (body, code) in ONE_FAULT_ALONE.iter().map(|(b, c)| ((*b).to_owned(), *c)).chain(more) {
        let text = format!("{head}{body}");
        let (config, faults) = read_config(&text);
        if codes(&faults) != [code] {
            wrong.push(format!("{code}: {body}{}", rendered(&faults, &text)));
        }
        assert_eq!(config.is_some(), faults.iter().all(|f| !f.is_error()), "{body}");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_message_holds_a_secret() {
    let text = "version: 1\nplaybooks: []\ntargets:\n  - {name: a, dsn: \"postgresql://u:hunter2@h/db\", pasword: x, \
                password: hunter2}\nchannels:\n  - {name: w, webhook: {url: \"https://a\", secret: hunter2}, evnts: [x]}\n";
    let (_, faults) = read_config(text);
    let shown = rendered(&faults, text);
    assert!(codes(&faults).contains(&"bad-secret") && shown.contains("did you mean `password`?"), "{shown}");
    assert!(!shown.contains("hunter2"), "{shown}");
    let text = "version: 1\ntargets:\n  - name: a\n    dsn: 'host=a'\n    password: # old\n      |\n      hunter2\n      hunter2\n    \
                act_as:\n      {user: u, password:\n        hunter2}\n";
    let (_, faults) = read_config(text);
    let shown = rendered(&faults, text);
    assert_eq!(codes(&faults), ["no-playbooks", "plain-secret", "plain-secret"], "{shown}");
    assert!(!shown.contains("hunter2"), "{shown}");
}

#[test]
fn the_example_is_sound() {
    let file = root().join("examples/pgmedic.yaml");
    let text = std::fs::read_to_string(&file).unwrap();
    let (config, faults) = read_config(&text);
    assert_eq!(rendered(&faults, &text), "");
    assert_eq!(config.unwrap().mode, Mode::Observe);
    let loaded = load::load(&file, &CATALOGUE).unwrap();
    let names: Vec<&str> = loaded.playbooks.iter().map(|p| p.name.as_str()).collect();
    assert_eq!(names, ["cancel-long-queries", "grow-starved-pools", "refresh-statistics"]);
}

/// What is commented out in the example must work when the comment is taken away.
#[test]
fn the_commented_lines_of_the_example_work() {
    let text = std::fs::read_to_string(root().join("examples/pgmedic.yaml")).unwrap();
    let keys = [
        "revision:",
        "notify:",
        "act_as:",
        "channels:",
        "  - name",
        "    slack:",
        "    webhook:",
        "    events:",
        "    match:",
    ];
    let uncommented: Vec<String> = text
        .lines()
        .map(|line| match line.split_once("# ") {
            Some((indent, rest)) if indent.trim().is_empty() && keys.iter().any(|k| rest.starts_with(k)) => {
                format!("{indent}{rest}")
            }
            _ => line.to_owned(),
        })
        .collect();
    let text = uncommented.join("\n");
    let (config, faults) = read_config(&text);
    assert_eq!(codes(&faults), ["no-revision"], "{}", rendered(&faults, &text));
    let config = config.unwrap();
    assert_eq!((config.channels.len(), config.notify.len()), (2, 1));
    assert!(config.targets[0].act_as.is_some());
}

fn write(dir: &Path, file: &str, text: &str) -> PathBuf {
    let path = dir.join(file);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, text).unwrap();
    path
}

const SMALL: &str = "version: 1\ntargets: [{name: a, dsn: 'host=/a'}]\nplaybooks: [playbooks/*.yaml]\n";

#[test]
fn names_must_meet_across_files() {
    let dir = tempfile::tempdir().unwrap();
    let file = write(
        dir.path(),
        "pgmedic.yaml",
        &format!("{SMALL}windows: {{nightly: [{{cron: '0 1 * * *', lasts: 1h}}]}}\n"),
    );
    let head = "version: 1\nname: one\nfind: long_queries\n";
    write(
        dir.path(),
        "playbooks/1.yaml",
        &format!("{head}notify: [pager]\nguard: {{allow_in: [nigthly]}}\ntargets: {{names: [b]}}\n"),
    );
    write(dir.path(), "playbooks/2.yaml", head);
    let Err(LoadError::Faulty { faults, sources }) = load::load(&file, &CATALOGUE) else { panic!() };
    assert_eq!(codes(&faults), ["unknown-channel", "unknown-window", "unknown-target", "duplicate-name"]);
    let shown = sources.render(&faults, false);
    assert!(shown.contains("did you mean `nightly`?") && shown.contains("1.yaml:5:20"), "{shown}");
}

#[test]
fn lint_tells_a_configuration_from_a_playbook() {
    let dir = tempfile::tempdir().unwrap();
    let config = write(dir.path(), "c.yaml", SMALL);
    let playbook = write(dir.path(), "playbooks/p.yaml", "version: 1\nname: p\nfind: long_query\n");
    let rules = write(dir.path(), "r.yml", "groups: [{name: g, rules: [{record: a, expr: sum(}]}]\n");
    let tests = write(dir.path(), "t.yml", "tests: [{input_serie: []}]\n");
    let other = write(dir.path(), "z.yml", "others: []\n");
    let report = load::lint(&[config, playbook, rules, tests, other], &CATALOGUE).unwrap();
    assert_eq!(codes(&report.faults), ["unknown-finder", "bad-expression", "unknown-key", "unknown-file"]);
    assert_eq!(report.checked.len(), 5);
    assert!(report.has_errors());
    std::fs::write(dir.path().join("playbooks/p.yaml"), b"version: 1\nname: \xff\n").unwrap();
    let report = load::lint(&[dir.path().join("c.yaml")], &CATALOGUE).unwrap();
    assert_eq!(codes(&report.faults), ["not-utf8"]);
    assert_eq!((report.faults[0].line, report.faults[0].column), (2, 7));
    let gone = load::lint(&[dir.path().join("none.yaml")], &CATALOGUE);
    assert!(matches!(gone, Err(LoadError::Unreadable { .. })));
}

#[test]
fn secrets_are_read_again_and_named_when_missing() {
    let dir = tempfile::tempdir().unwrap();
    let file = write(dir.path(), "secret", "one\n");
    let text = Text::File(file.clone());
    assert_eq!(load::resolve(&text).unwrap().expose_secret(), "one");
    std::fs::write(&file, "two").unwrap();
    assert_eq!(load::resolve(&text).unwrap().expose_secret(), "two");
    std::fs::remove_file(&file).unwrap();
    assert!(load::resolve(&text).unwrap_err().contains("secret: "));
    let unset = load::resolve(&Text::Env("PGMEDIC_TEST_UNSET".to_owned())).unwrap_err();
    assert_eq!(unset, "the environment variable PGMEDIC_TEST_UNSET is not set");
}
