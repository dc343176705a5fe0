//! Playbooks.

use super::{codes, read_playbook, rendered};
use pgmedic::model::names::Called;
use pgmedic::model::{Duration, Mode, Role};
use pgmedic::playbook::{Include, OnMissed, OnOverlap, Refers, Step, TargetSelector, Trigger, references};
use pgmedic::syntax::Severity;

pub const FULL: &str = r#"
version: 1
name: cancel-long-queries
about: Cancel, then terminate.
owner: dba-team
severity: warning
runbook_url: https://wiki.example/long
labels: {area: sessions}
enabled: false
mode: enforce
vars: {long_query: 7m, most: 12}
triggers:
  - every: 30s
  - {cron: "0 */2 * * *", timezone: Asia/Seoul, jitter: 1m}
  - window: nightly
targets: ['env="prod"', team=~"shop|crm"]
find:
  long_queries:
    longer_than: "${var:long_query}"
    limit: "${var:most}"
    except: {users: [billing]}
    overrides: [{match: {users: [reporting]}, longer_than: 2h}]
guard:
  role: standby
  limits: {per_run: 3}
  cooldown: 10m
  allow_in: [nightly]
  not_in: [office]
  time_budget: 1h
  protect: {users: [billing], queries: ['^select 1']}
  include: [ddl, batch]
do:
  - cancel_backend
  - wait: 30s
  - terminate_backend: {mode: approve}
verify: {within: 4m}
notify: [dba-slack]
on_overlap: queue
on_missed: once
"#;

#[test]
fn every_key_is_read() {
    let (playbook, faults) = read_playbook(FULL);
    assert_eq!(rendered(&faults, FULL), "");
    let p = playbook.unwrap();
    assert_eq!((p.name.as_str(), p.about.as_str()), ("cancel-long-queries", "Cancel, then terminate."));
    assert_eq!((p.owner.as_deref(), p.severity.as_deref()), (Some("dba-team"), Some("warning")));
    assert_eq!(p.runbook_url.as_deref(), Some("https://wiki.example/long"));
    assert_eq!(p.labels.get("area").map(String::as_str), Some("sessions"));
    assert!(!p.enabled);
    assert_eq!(p.mode, Mode::Enforce);
    let jitter = Duration::ZERO;
    assert_eq!(
        p.triggers,
        [
            Trigger::Every { every: Duration::from_secs(30), jitter },
            Trigger::Cron {
                expression: "0 */2 * * *".into(),
                timezone: Some("Asia/Seoul".into()),
                jitter: Duration::from_mins(1)
            },
            Trigger::Window { name: "nightly".into(), jitter },
        ]
    );
    assert!(matches!(&p.targets, TargetSelector::Matchers(m) if m.len() == 2));
    let args = &p.find.args;
    assert_eq!((args.duration("longer_than"), args.count("limit")), (Some(Duration::from_mins(7)), Some(12)));
    assert!(args.selector("except").unwrap().users.matching("billing").is_some());
    let reporting = Called { user: Some("reporting"), ..Called::default() };
    assert_eq!(args.for_candidate(&reporting).duration("longer_than"), Some(Duration::from_hours(2)));
    assert_eq!((p.guard.role, p.guard.per_run, p.guard.cooldown), (Role::Standby, Some(3), Duration::from_mins(10)));
    assert_eq!(
        (p.guard.allow_in.as_slice(), p.guard.not_in.as_slice()),
        (&["nightly".into()][..], &["office".into()][..])
    );
    assert_eq!(p.guard.time_budget, Some(Duration::from_hours(1)));
    let select = Called { query: Some("/* x */ select 1"), ..Called::default() };
    assert_eq!(p.guard.protect.matching(&select).as_deref(), Some("queries `^select 1`"));
    assert_eq!(p.guard.include, [Include::Ddl, Include::Batch]);
    let [Step::Act(cancel), Step::Wait(wait), Step::Act(terminate)] = p.steps.as_slice() else {
        panic!("{:?}", p.steps)
    };
    assert_eq!((cancel.action.name, cancel.mode), ("cancel_backend", None));
    assert_eq!((terminate.action.name, terminate.mode), ("terminate_backend", Some(Mode::Approve)));
    assert_eq!((*wait, p.verify_within), (Duration::from_secs(30), Duration::from_mins(4)));
    assert_eq!(p.notify.as_deref(), Some(&["dba-slack".to_owned()][..]));
    assert_eq!((p.on_overlap, p.on_missed), (OnOverlap::Queue, OnMissed::Once));
    assert_eq!((p.text.as_str(), p.digest.len()), (FULL, 64));
    let named: Vec<(Refers, String)> = references(&p).into_iter().map(|r| (r.refers, r.name)).collect();
    let first = [(Refers::Channel, "dba-slack"), (Refers::Window, "nightly"), (Refers::Window, "office")];
    assert_eq!(named[..3], first.map(|(r, n)| (r, n.to_owned())));
    assert_eq!(named[3], (Refers::Window, "nightly".to_owned()));
}

#[test]
fn what_is_left_out_has_its_default() {
    let (playbook, faults) = read_playbook("version: 1\nname: a\nfind: stale_statistics\ndo: [analyze]\n");
    assert_eq!(codes(&faults), [""; 0]);
    let p = playbook.unwrap();
    assert!(p.enabled);
    assert_eq!(p.mode, Mode::Observe);
    assert!(matches!(p.targets, TargetSelector::Unwritten));
    assert_eq!(p.guard.cooldown, Duration::from_mins(5));
    assert_eq!(p.verify_within, Duration::from_mins(2));
    assert_eq!(p.find.args.count("at_least"), Some(1_000));
    assert_eq!(p.rungs().next().unwrap().args.duration("statement_timeout"), Some(Duration::from_mins(10)));
    assert!(p.notify.is_none());
}

/// serde-saphyr with a derived enum drops the wait of this list without a word.
#[test]
fn no_step_of_a_mixed_list_is_lost() {
    let text = "version: 1\nname: a\nfind: long_queries\ndo: [cancel_backend, wait: 30s, terminate_backend]\n";
    let (playbook, _) = read_playbook(text);
    assert_eq!(playbook.unwrap().steps.len(), 3);
}

#[test]
fn texts_that_are_repeated_are_bounded() {
    let long = "x".repeat(100_000);
    let aliases = format!("a: &a {long}\nb: [{}]\n", "*a, ".repeat(50));
    let (_, faults) = read_playbook(&aliases);
    assert_eq!(codes(&faults), ["too-large"]);
    assert_eq!(faults[0].message, "aliases of this file repeat more than 1048576 bytes of text");
    let variables = format!("version: 1\nvars: {{a: {long}}}\nname: [{}]\n", "\"${var:a}\", ".repeat(50));
    let (_, faults) = read_playbook(&variables);
    let large: Vec<&str> = faults.iter().filter(|f| f.code == "too-large").map(|f| f.message.as_str()).collect();
    assert_eq!(large, ["variables are used for more than 1048576 bytes in all"]);
}

/// The errors behind those that are told count too.
#[test]
fn a_thousand_faults_of_a_file_are_told() {
    let warnings: String = (0..1_500).map(|at| ["  v", &at.to_string(), ": 1\n"].concat()).collect();
    let text = format!("version: 1\nname: a\nfind: long_queries\nvars:\n{warnings}");
    for (text, worst) in
        [(text.clone(), Severity::Warning), (text.replace("long_queries", "nothing_known"), Severity::Error)]
    {
        let (read, faults) = read_playbook(&text);
        assert_eq!(faults.len(), 1_001);
        assert_eq!((faults[0].code, faults[0].severity), ("too-large", worst));
        assert_eq!(read.is_some(), worst == Severity::Warning, "{:?}", &faults[..3]);
    }
}

#[test]
fn regular_expressions_of_a_file_are_few() {
    let queries = vec!["'(x{9}){9}'"; 300].join(", ");
    let text = format!("version: 1\npolicy: {{protect: {{queries: [{queries}]}}}}\n");
    let (_, faults) = crate::lint::read_config(&text);
    let large = faults.iter().filter(|fault| fault.code == "too-large");
    assert_eq!(large.count(), 1, "{faults:?}");
}

#[test]
fn aliases_repeat_a_value() {
    let text = "version: 1\nname: a\nfind: {long_queries: {only: {users: &u [app]}, overrides: [{match: {users: *u}, longer_than: 1h}]}}\n";
    let (playbook, faults) = read_playbook(text);
    assert_eq!(rendered(&faults, text), "");
    assert!(playbook.unwrap().find.args.selector("only").unwrap().users.matching("app").is_some());
}

pub const ONE_FAULT: &[(&str, &str)] = &[
    ("find: long_queries\nmode: approve\ndo: [cancel_backend]\n", "targets-missing"),
    ("find: long_queries\ntargets: []\n", "empty-selector"),
    ("find: long_queries\ntargets: {names: []}\n", "empty-selector"),
    ("find: long_queries\ntargets: everything\n", "wrong-type"),
    ("find: {long_queries: {only: {}}}\n", "empty-selector"),
    ("find: {long_queries: {only: {users: []}}}\n", "empty-selector"),
    ("find: {long_queries: {only: {tables: [a]}}}\n", "unknown-key"),
    ("find: {long_queries: {limit: 201}}\n", "out-of-bounds"),
    ("find: {long_queries: {limit: \"3\"}}\n", "wrong-type"),
    ("find: {long_queries: {longer_than: 0s}}\n", "bad-duration"),
    ("find: {long_queries: {overrides: [{match: {users: [a]}}]}}\n", "no-effect"),
    ("find: {long_queries: {overrides: [{longer_than: 1h}]}}\n", "missing-key"),
    ("find: {long_queries: {overrides: [{match: {users: [a]}, longer_than: 1h, limit: 3}]}}\n", "unknown-key"),
    ("find: shapes\n", "missing-key"),
    ("find: {shapes: {needed: 1m, above: 1.5}}\n", "wrong-type"),
    ("find: {shapes: {needed: 1m, order_by: sise}}\n", "unknown-word"),
    ("find: {sql: {query: select 1}}\n", "not-supported-yet"),
    ("find: idle_in_transaction\n", "not-supported-yet"),
    ("find: stale_statistics\ndo: [vacuum]\n", "not-supported-yet"),
    ("find: {long_queries: {longer_than: \"${var:x}\"}}\n", "unknown-variable"),
    ("find: {long_queries: , stale_statistics: }\n", "bad-find"),
    ("find: long_queries\nguard: {protect: {}}\n", "empty-selector"),
    ("find: long_queries\nguard: {protect: {users: []}}\n", "empty-selector"),
    ("find: long_queries\nguard: {protect: {queries: ['(']}}\n", "bad-regex"),
    ("find: long_queries\nguard: {allow_in: []}\n", "empty-selector"),
    ("find: long_queries\nguard: {cooldown: 8d}\n", "out-of-bounds"),
    ("find: long_queries\nguard: {limits: {fleet_hour: 3}}\n", "unknown-key"),
    ("find: long_queries\nguard: {while: {promql: up}}\n", "not-supported-yet"),
    ("find: long_queries\nverify: {also: up}\n", "not-supported-yet"),
    ("find: long_queries\nqueue: {name: a}\n", "not-supported-yet"),
    ("find: long_queries\nwhen: {promql: up}\n", "not-supported-yet"),
    ("find: long_queries\ntriggers: [{every: 100ms}]\n", "out-of-bounds"),
    ("find: long_queries\ntriggers: [{every: 10s, jitter: 10s}]\n", "out-of-bounds"),
    ("find: long_queries\ntriggers: [{every: 10s, timezone: UTC}]\n", "bad-trigger"),
    ("find: long_queries\ntriggers: [{jitter: 1s}]\n", "bad-trigger"),
    ("find: long_queries\ntriggers: [{alert: Slow}]\n", "not-supported-yet"),
    ("find: long_queries\nenabled: yes\n", "wrong-type"),
    ("find: long_queries\nname: b\n", "duplicate-key"),
    ("find: long_queries\nowner: \"${env:X}\"\n", "bad-reference"),
    ("find: long_queries\nowner: \"dba ${var:x}\"\n", "bad-reference"),
    ("find: {long_queries: {only: {databases: [\"${alert:datname}\"]}}}\n", "not-supported-yet"),
    ("find: long_queries\nvars: {a: 1}\n", "unused-variable"),
    ("find: long_queries\ndo: [{terminate_backend: {mode: enforce}}]\n", "no-effect"),
    ("find: long_queries\ndo: [wait: 1s, cancel_backend]\n", "bad-step"),
    ("find: long_queries\ndo: [cancel_backend, wait]\n", "bad-step"),
    ("find: long_queries\ndo: [cancel_backend: {hard: true}]\n", "unknown-key"),
    ("find: long_queries\nowner: !secret x\n", "yaml"),
];

#[test]
fn each_of_these_is_one_fault() {
    let head = "version: 1\nname: a\n";
    let find = "find: long_queries\n";
    let mut wrong = Vec::new();
    for (body, code) in ONE_FAULT {
        let (playbook, faults) = read_playbook(&format!("{head}{body}"));
        if codes(&faults) != [*code] {
            wrong.push(format!("{code}: {body}{}", rendered(&faults, &format!("{head}{body}"))));
        }
        let only_warned = faults.iter().all(|f| !f.is_error());
        assert_eq!(playbook.is_some(), only_warned, "{body}");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let (playbook, faults) = read_playbook(&format!("{head}{find}"));
    assert!(playbook.is_some() && faults.is_empty());
}

#[test]
fn names_that_could_leave_a_comment_are_refused() {
    for name in ["\"a*/b\"", "A", "-a", "a.b", "\"\"", "ä"] {
        let (playbook, faults) = read_playbook(&format!("version: 1\nname: {name}\nfind: long_queries\n"));
        assert!(playbook.is_none() && faults.len() == 1, "{name}: {faults:?}");
    }
    assert!(read_playbook(&format!("version: 1\nname: {}\nfind: long_queries\n", "a".repeat(64))).0.is_none());
    assert!(read_playbook(&format!("version: 1\nname: {}\nfind: long_queries\n", "a".repeat(63))).0.is_some());
}

#[test]
fn shipped_playbooks_are_sound_and_only_observe() {
    let catalogue = pgmedic::decide::catalogue();
    let mut names = Vec::new();
    for path in super::shipped_playbooks() {
        let text = std::fs::read_to_string(&path).unwrap();
        let (playbook, faults) = pgmedic::playbook::read(&path.display().to_string(), &text, &catalogue);
        assert!(faults.is_empty(), "{}", rendered(&faults, &text));
        let playbook = playbook.unwrap();
        assert_eq!(playbook.mode, Mode::Observe, "{}", path.display());
        assert_eq!(path.file_stem().unwrap().to_str(), Some(playbook.name.as_str()));
        names.push(playbook.name);
    }
    let builtin: Vec<String> = pgmedic::engine::load::builtin(&catalogue).into_iter().map(|p| p.name).collect();
    names.sort();
    assert_eq!(builtin, names);
}

/// What the registries say of parameters must be something that the reader understands.
#[test]
fn every_default_of_the_registries_is_read() {
    use pgmedic::playbook::{Args, Param, ParamType};
    let catalogue = pgmedic::decide::catalogue();
    let complete = |name: &str, params: &[Param], args: &Args| {
        for param in params {
            assert_eq!(args.0.contains_key(param.name), param.default.is_some(), "{name}.{}", param.name);
            if let ParamType::Overrides { params: named, .. } = param.ty {
                assert!(named.iter().all(|n| params.iter().any(|p| p.name == *n)), "{name}.{}", param.name);
            }
        }
    };
    for finder in catalogue.finders.iter().filter(|f| f.params.iter().all(|p| !p.required)) {
        let actions = catalogue.actions.iter().filter(|a| a.kind == finder.kind);
        for action in actions.filter(|a| a.params.iter().all(|p| !p.required)) {
            let text = format!("version: 1\nname: a\nfind: {}\ndo: [{}]\n", finder.name, action.name);
            let (playbook, faults) = pgmedic::playbook::read("a.yaml", &text, &catalogue);
            assert!(faults.is_empty(), "{}", rendered(&faults, &text));
            let playbook = playbook.unwrap();
            complete(finder.name, finder.params, &playbook.find.args);
            complete(action.name, action.params, &playbook.rungs().next().unwrap().args);
        }
    }
}

/// As the shipped playbooks' test above, against the reader's own catalogue.
#[test]
fn shipped_playbooks_read_with_the_test_catalogue() {
    for path in super::shipped_playbooks() {
        let text = std::fs::read_to_string(path).unwrap();
        let (playbook, faults) = read_playbook(&text);
        assert_eq!(rendered(&faults, &text), "");
        assert!(!playbook.unwrap().steps.is_empty());
    }
}
