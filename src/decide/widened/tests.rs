use super::*;
use crate::config::{self, Surroundings, Text};
use crate::playbook;
use std::path::{Path, PathBuf};

struct Nothing;

impl Surroundings for Nothing {
    fn files(&self, _: &Path) -> Result<Vec<PathBuf>, String> {
        Ok(Vec::new())
    }

    fn text(&self, _: &Path) -> Result<Option<String>, String> {
        Ok(None)
    }

    fn value(&self, _: &Text) -> Result<String, String> {
        Err(String::new())
    }
}

const CONFIG: &str = "
version: 1
mode: approve
playbooks: []
targets:
  - {name: orders, dsn: 'host=a', mode: enforce, labels: {env: prod}, act_as: {user: hand}}
  - {name: crm, dsn: 'host=b', mode: observe, databases: [crm]}
policy:
  protect: {users: [etl], queries: ['(?i)^reindex']}
  limits: {disruptive: {per_run: 3, same_query: {max: 2, per: 2h}}}
windows: {nightly: [{cron: '0 1 * * *', lasts: 4h}], office: [{cron: '0 9 * * 1-5', lasts: 9h}]}
freezes: [{name: sale, from: 2026-11-20T00:00:00Z, until: 2026-11-30T00:00:00Z, targets: ['env=\"prod\"']}]
";

const PLAYBOOK: &str = "
version: 1
name: end
mode: approve
targets: {names: [orders]}
find: {long_queries: {longer_than: 5m, except: {users: [billing]}, only: {databases: [shop]}}}
guard:
  limits: {per_run: 2}
  cooldown: 10m
  allow_in: [nightly]
  not_in: [office]
  time_budget: 1h
  protect: {users: [boss]}
do: [cancel_backend, wait: 30s, terminate_backend: {mode: observe}]
";

struct Live {
    config: Config,
    playbooks: Vec<Playbook>,
}

impl Live {
    fn of(config: &str, playbooks: &[&str]) -> Live {
        let (read, faults) = config::read(Path::new("pgmedic.yaml"), config, &Nothing);
        let config = read.unwrap_or_else(|| panic!("{faults:?}"));
        let read = |text: &&str| {
            let (read, faults) = playbook::read("end.yaml", text, &crate::decide::catalogue());
            read.unwrap_or_else(|| panic!("{faults:?}"))
        };
        Live { config, playbooks: playbooks.iter().map(read).collect() }
    }

    fn authority(&self) -> Authority<'_> {
        fn name(target: &Target) -> &str {
            &target.name
        }
        let here = |t: &Target| self.playbooks.iter().filter(|p| p.targets.selects(&t.name, &t.labels)).collect();
        let of = |t| (name(t), here(t));
        Authority { config: &self.config, playbooks: self.config.targets.iter().map(of).collect() }
    }
}

fn compared(old: &Live, new: &Live) -> String {
    widened(&old.authority(), &new.authority(), "2026-11-24T22:00:00Z".parse().unwrap()).join("\n")
}

/// What a change of one text says, there and back.
fn both_ways(of: impl Fn(&str) -> Live, text: &str, from: &str, to: &str) -> (String, String) {
    assert!(text.contains(from), "{from}");
    let (old, new) = (of(text), of(&text.replace(from, to)));
    (compared(&old, &new), compared(&new, &old))
}

#[test]
fn a_configuration_says_what_it_widens_and_nothing_of_what_it_narrows() {
    let cases = [
        ("mode: approve\n", "mode: enforce\n", "the daemon's mode: enforce instead of approve"),
        ("mode: observe, databases: [crm]", "mode: enforce, databases: [crm]", "the target's mode: enforce"),
        ("databases: [crm]", "databases: [crm, x]", "table and index work also in databases x (at crm)"),
        ("users: [etl], ", "", "policy no longer protects users etl (at orders, crm)"),
        (", queries: ['(?i)^reindex']", "", "policy no longer protects queries (?i)^reindex"),
        ("per_run: 3", "per_run: 4", "limit disruptive.per_run: 4 instead of 3"),
        ("max: 2, per: 2h", "max: 2, per: 1h", "same_query counts within 1h instead of 2h"),
        ("per_run: 3,", "per_run: 3, fleet_hour: 9999,", "limit disruptive.fleet_hour: 9999 instead of 100"),
        ("policy:\n", "policy:\n  ceilings: {irreversible: enforce}\n", "the ceiling of irreversible actions: enforce"),
        ("until: 2026-11-30", "until: 2026-11-25", "freeze sale is shorter"),
        ("name: sale", "name: sail", "freeze sale no longer holds (at orders)"),
        ("labels: {env: prod}", "labels: {env: dev}", "freeze sale no longer holds (at orders)"),
        ("lasts: 4h", "lasts: 5h", "the times in which it may act (allow_in nightly) are longer"),
        ("lasts: 9h", "lasts: 8h", "the times in which it must not act (not_in office) are shorter"),
    ];
    for (from, to, said) in cases {
        let (wider, back) = both_ways(|config| Live::of(config, &[PLAYBOOK]), CONFIG, from, to);
        assert!(wider.contains(said), "{to}: {wider}");
        // What has another name or label holds no longer in either direction.
        assert!(back.is_empty() || from.contains("sale"), "{to}, taken back: {back}");
    }
    let hand = |config: &str| Live::of(config, &[PLAYBOOK]);
    let (there, _) = both_ways(hand, CONFIG, ", act_as: {user: hand}", "");
    assert_eq!(there, "it acts as the reading login, not as hand (at orders)");
    let (there, _) = both_ways(hand, CONFIG, "dsn: 'host=a'", "dsn: 'host=z', pgbouncer: [{name: p, dsn: 'host=p'}]");
    assert_eq!(there, "it connects to another dsn (at orders)\nits PgBouncer p is new or another (at orders)");
    let more = "  - {name: new, dsn: 'host=c', mode: enforce}\npolicy:";
    let (there, back) = both_ways(hand, CONFIG, "policy:", more);
    assert_eq!((there.as_str(), back.as_str()), ("a new target that may act, in mode approve (at new)", ""));
    let (group, _) = both_ways(hand, CONFIG, "policy:", "http: {socket: {roles: {dba: approver}}}\npolicy:");
    assert_eq!(group, "members of the group dba may do more: now approver");
}

#[test]
fn a_playbook_says_what_it_widens_and_nothing_of_what_it_narrows() {
    let cases = [
        ("mode: approve", "mode: enforce", "playbook end: enforce instead of approve"),
        ("cooldown: 10m", "cooldown: 1m", "cooldown 1m instead of 10m"),
        ("per_run: 2", "per_run: 3", "per_run 3 instead of 2"),
        ("  limits: {per_run: 2}\n", "", "per_run what policy allows instead of 2"),
        ("  time_budget: 1h\n", "", "time_budget without end instead of 1h"),
        ("time_budget: 1h", "time_budget: 2h", "time_budget 2h instead of 1h"),
        ("  allow_in: [nightly]\n", "", "may act at any time, not only in nightly"),
        ("allow_in: [nightly]", "allow_in: [nightly, office]", "(allow_in nightly, office) are longer"),
        ("  not_in: [office]\n", "", "(not_in office) are shorter"),
        ("guard:\n", "guard:\n  role: any\n", "role any instead of primary"),
        ("guard:\n", "guard:\n  include: [ddl]\n", "includes ddl"),
        ("  protect: {users: [boss]}\n", "", "playbook end no longer protects users boss"),
        ("names: [orders]", "names: [orders, crm]", "playbook end runs on more targets, in mode approve (at crm)"),
        ("mode: observe", "mode: approve", "step terminate_backend: approve instead of observe"),
        ("wait: 30s", "wait: 10s", "step terminate_backend comes after 10s instead of 30s"),
        (", wait: 30s, terminate_backend: {mode: observe}", "", ""),
        ("[cancel_backend, wait: 30s, ", "[", "no longer tries cancel_backend before terminate_backend"),
        ("longer_than: 5m", "longer_than: 1m", "finds more: longer_than 1m instead of 5m"),
        ("except: {users: [billing]}, ", "", "finds more: except nothing instead of [billing]"),
        (", only: {databases: [shop]}", "", "finds more: only nothing instead of [shop]"),
        ("databases: [shop]", "databases: [shop, crm]", "finds more: only [shop, crm] instead of [shop]"),
        ("name: end\n", "name: end\nenabled: false\n", ""),
    ];
    for (from, to, said) in cases {
        let (wider, back) = both_ways(|playbook| Live::of(CONFIG, &[playbook]), PLAYBOOK, from, to);
        if said.is_empty() {
            assert!(wider.is_empty() && !back.is_empty(), "{to}: {wider} | {back}");
        } else {
            assert!(wider.contains(said), "{to}: {wider}");
            let one_step_more = from.starts_with("[cancel");
            assert!(back.is_empty() || one_step_more, "{to}, taken back: {back}");
        }
    }
    let (none, one) = (Live::of(CONFIG, &[]), Live::of(CONFIG, &[PLAYBOOK]));
    assert_eq!(compared(&none, &one), "playbook end is new, in mode approve (at orders)");
    assert_eq!(compared(&one, &none), "");
}

#[test]
fn what_is_the_same_on_many_targets_is_one_line() {
    let targets = |mode: &str| {
        let one = |n| format!("  - {{name: t{n}, dsn: 'host=a', mode: {mode}}}\n");
        format!("version: 1\nmode: enforce\nplaybooks: []\ntargets:\n{}", (0..200).map(one).collect::<String>())
    };
    let (old, new) = (Live::of(&targets("observe"), &[]), Live::of(&targets("approve"), &[]));
    assert_eq!(compared(&old, &new), "the target's mode: approve instead of observe (at all 200 targets)");
}
