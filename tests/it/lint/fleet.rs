//! Many targets in few lines: defaults, files of targets, variables, overrides, policy.

use super::catalogue::CATALOGUE;
use super::codes;
use pgmedic::config::Text;
use pgmedic::engine::load::{self, LoadError, Loaded};
use pgmedic::model::names::Called;
use pgmedic::model::{Duration, Mode};
use pgmedic::playbook::Playbook;
use secrecy::ExposeSecret;
use std::path::PathBuf;
use std::sync::Arc;

struct Folder(tempfile::TempDir);

impl Folder {
    fn with(files: &[(&str, &str)]) -> Folder {
        let folder = Folder(tempfile::tempdir().unwrap());
        for (file, text) in files {
            let path = folder.path(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        folder
    }

    fn path(&self, file: &str) -> PathBuf {
        self.0.path().join(file)
    }

    fn load(&self) -> Loaded {
        let loaded = load::load(&self.path("pgmedic.yaml"), &CATALOGUE);
        loaded.unwrap_or_else(|e| panic!("{e}"))
    }

    /// Codes and what people read, without this folder's name.
    fn faults(&self) -> (Vec<&'static str>, String) {
        match load::load(&self.path("pgmedic.yaml"), &CATALOGUE) {
            Err(LoadError::Faulty { faults, sources }) => (codes(&faults), self.shown(&sources.render(&faults, false))),
            Err(e) => panic!("{e}"),
            Ok(loaded) => {
                let shown = loaded.sources.render(&loaded.warnings, false);
                (codes(&loaded.warnings), self.shown(&shown))
            }
        }
    }

    fn shown(&self, text: &str) -> String {
        text.replace(&format!("{}/", self.0.path().display()), "")
    }
}

const HEAD: &str = "version: 1
mode: enforce
playbooks: [playbooks/*.yaml]
notify: [ops]
channels: [{name: ops, slack: {webhook_url: \"${env:OPS}\"}}]
";
const END: &str = "version: 1
name: end-long
mode: enforce
targets: ['env=\"prod\"']
vars: {long: 5m}
find: {long_queries: {longer_than: \"${var:long}\", except: {users: [billing]}}}
guard: {cooldown: 10m, protect: {users: [boss]}}
do: [cancel_backend]
";

fn at(loaded: &Loaded, target: &str) -> Playbook {
    let base = Arc::new(loaded.playbooks[0].clone());
    loaded.at(target, &base).as_ref().clone()
}

fn longer_than(playbook: &Playbook) -> Option<Duration> {
    playbook.find.args.duration("longer_than")
}

#[test]
fn two_hundred_targets_need_a_line_each() {
    let line = |n| format!("- {{name: t{n}, dsn: 'host=db{n} sslmode=verify-full sslrootcert=ca.pem'}}\n");
    let list: String = (0..200).map(line).collect();
    let defaults = "target_defaults: {mode: approve, labels: {env: prod}, databases: [shop], act_as: {user: hand},
  password: \"${env:PW}\", vars: {long: 30m}, policy: {protect: {users: [etl]}}}\ntarget_files: [targets.d/*.yaml]\n";
    let folder = Folder::with(&[
        ("pgmedic.yaml", &format!("{HEAD}{defaults}")),
        ("targets.d/a.yaml", &list),
        (
            "targets.d/b.yaml",
            "targets:\n- {name: own, dsn: 'host=/x', mode: observe, labels: {env: dev, team: a}, databases: [x], password: \"${file:pw}\", vars: {long: 1h}}\n",
        ),
        ("playbooks/end.yaml", END),
    ]);
    let loaded = folder.load();
    assert_eq!((loaded.config.targets.len(), loaded.config.target_files.len(), loaded.warnings.len()), (201, 2, 0));
    let t7 = loaded.config.target("t7").unwrap();
    assert_eq!((t7.mode, t7.databases.as_slice()), (Mode::Approve, &["shop".to_owned()][..]));
    assert_eq!((t7.labels["env"].as_str(), t7.act_as.as_ref().unwrap().user.as_str()), ("prod", "hand"));
    assert!(matches!(&t7.password, Some(Text::Env(name)) if name == "PW"));
    let ca = folder.path("targets.d/ca.pem").display().to_string();
    assert!(matches!(&t7.dsn, Text::Plain(dsn) if dsn.expose_secret().contains(&ca)), "beside the file it stands in");
    assert_eq!(longer_than(&at(&loaded, "t7")), Some(Duration::from_mins(30)));
    let own = loaded.config.target("own").unwrap();
    assert_eq!((own.mode, own.labels.len(), own.databases.as_slice()), (Mode::Observe, 2, &["x".to_owned()][..]));
    assert_eq!(own.labels["env"], "dev");
    assert!(matches!(&own.password, Some(Text::File(file)) if *file == folder.path("targets.d/pw")));
    assert_eq!(longer_than(&at(&loaded, "own")), Some(Duration::from_hours(1)));
    // Read once for all targets that say the same in one place.
    let versions = [("t1", "t2"), ("t3", "t199")].map(|(a, b)| {
        let of = |t: &str| loaded.changed[&(t.to_owned(), "end-long".to_owned())].clone();
        Arc::ptr_eq(&of(a), &of(b))
    });
    assert_eq!(versions, [true, true]);
}

#[test]
fn overrides_replace_keys_in_order_and_are_checked_as_a_whole() {
    let targets = "targets:
- {name: plain, dsn: 'host=/a', labels: {env: prod}}
- name: odd
  dsn: 'host=/b'
  labels: {env: prod}
  vars: {long: 7m}
  overrides:
    end-*: {mode: observe, guard: {cooldown: 1m}, labels: {by: pattern}}
    end-long: {mode: approve, find: {long_queries: {only: {databases: [shop]}}}, vars: {long: 9m}}
- {name: there, dsn: 'host=/c', overrides: {end-long: {targets: all, enabled: false}}}
";
    let folder = Folder::with(&[("pgmedic.yaml", &format!("{HEAD}{targets}")), ("playbooks/end.yaml", END)]);
    let loaded = folder.load();
    let (plain, odd) = (at(&loaded, "plain"), at(&loaded, "odd"));
    assert_eq!(plain.digest, loaded.playbooks[0].digest);
    assert_ne!(odd.digest, plain.digest, "a run names what it was decided by");
    assert_eq!((odd.mode, odd.guard.cooldown), (Mode::Approve, Duration::from_mins(1)));
    assert_eq!(longer_than(&odd), Some(Duration::from_mins(9)), "the override's own variable is the nearer word");
    assert_eq!(odd.labels["by"], "pattern");
    let (except, only) = (odd.find.args.selector("except").unwrap(), odd.find.args.selector("only").unwrap());
    assert_eq!(
        (except.users.patterns(), only.databases.patterns()),
        (&["billing".to_owned()][..], &["shop".to_owned()][..])
    );
    assert_eq!(odd.guard.protect.names.users.patterns(), ["boss"], "what an override does not name stays");
    assert_eq!(odd.changes.unwrap()["vars"]["long"], "7m");
    let there = at(&loaded, "there");
    assert!(there.targets.selects("there", &pgmedic::model::Labels::new()) && !there.enabled);
}

#[test]
fn a_target_only_makes_policy_stricter() {
    let text = "policy: {protect: {users: [etl]}, limits: {disruptive: {per_run: 3, same_query: {max: 4, per: 1h}}}}
target_defaults: {policy: {protect: {users: [hr]}, limits: {disruptive: {per_target_hour: 9}}}}
targets:
- name: a
  dsn: 'host=/a'
  policy: {protect: {users: [own]}, limits: {disruptive: {per_run: 8, fleet_hour: 2, same_query: {max: 2}}}, ceilings: {maintenance: observe, irreversible: enforce}}
- {name: b, dsn: 'host=/b'}
";
    let folder = Folder::with(&[("pgmedic.yaml", &format!("{HEAD}{text}")), ("playbooks/end.yaml", END)]);
    let config = folder.load().config;
    let policy = |name: &str| config.policy(config.target(name).unwrap());
    let (a, b) = (policy("a"), policy("b"));
    for user in ["etl", "hr", "own"] {
        assert!(a.protect.matching(&Called { user: Some(user), ..Called::default() }).is_some(), "{user}");
    }
    let l = &a.limits;
    assert_eq!((l.disruptive_per_run, l.disruptive_fleet_hour, l.disruptive_per_target_hour), (3, 2, 9));
    assert_eq!((l.same_query.max, l.same_query.per, l.maintenance_per_run), (2, Duration::from_hours(1), 200));
    assert_eq!((a.ceilings.maintenance, a.ceilings.irreversible), (Mode::Observe, Mode::Approve));
    assert_eq!((b.limits.disruptive_per_run, b.limits.disruptive_per_target_hour), (3, 9));
    assert_eq!((b.ceilings.maintenance, b.limits.same_query.max), (Mode::Enforce, 4));
}

#[test]
fn every_fault_names_the_file_where_it_can_be_mended() {
    let folder = Folder::with(&[
        (
            "pgmedic.yaml",
            &format!(
                "{HEAD}target_defaults: {{vars: {{unheard: 1}}, collect_every: 5s}}\ntarget_files: [targets.d/*.yaml]\ntargets:
- {{name: twice, dsn: 'host=/a'}}
- {{name: twice, dsn: 'host=/b'}}\n"
            ),
        ),
        ("targets.d/a.yaml", "- {name: twice, dsn: 'host=/a'}\n- {name: x, dsn: 'host=${env:H}', patroni: {urls: [a]}}\n"),
        ("targets.d/b.yaml", "targets: [{name: b, dsn: 'host=/a', vars: {long: \"${env:X}\"}}]\nmore: 1\n"),
        ("playbooks/end.yaml", END),
    ]);
    let (codes, shown) = folder.faults();
    insta::assert_snapshot!("faults_of_several_files", shown);
    assert_eq!(codes.len(), 7);
}

#[test]
fn a_change_that_does_not_fit_names_target_variable_and_place() {
    let text = "windows: {night: [{cron: '0 1 * * *', lasts: 1h}]}
target_defaults: {labels: {env: prod}}
target_files: [fleet.yaml]
";
    let fleet = "- {name: a, dsn: 'host=/a', vars: {long: 30}}
- {name: b, dsn: 'host=/b', overrides: {end-long: {mod: observe, guard: {allow_in: [nigth]}}}}
- {name: c, dsn: 'host=/c', overrides: {end-long: {name: other}, end-lnog: {mode: observe}, 'zzz*': {mode: observe}}}
- {name: d, dsn: 'host=/d', vars: {lnog: 5m}}
- {name: e, dsn: 'host=/e', labels: {env: dev}, vars: {long: nonsense}}
";
    let config = format!("{HEAD}{text}");
    let folder = Folder::with(&[("pgmedic.yaml", &config), ("fleet.yaml", fleet), ("playbooks/end.yaml", END)]);
    let (_, shown) = folder.faults();
    insta::assert_snapshot!("changes_that_do_not_fit", shown);
}

#[test]
fn files_of_targets_that_are_not_there_or_say_nothing() {
    type Files = &'static [(&'static str, &'static str)];
    let cases: [(&str, Files, &[&str]); 3] = [
        ("target_files: [none/*.yaml]\n", &[], &["empty-selector", "no-targets"]),
        ("target_files: [a.yaml]\n", &[("a.yaml", "targets: []\n")], &["empty-selector"]),
        ("target_files: [a.yaml]\n", &[], &["unreadable"]),
    ];
    for (text, files, want) in cases {
        let config = format!("{HEAD}{text}");
        let all: Vec<(&str, &str)> = [("pgmedic.yaml", config.as_str()), ("playbooks/end.yaml", END)].into();
        let folder = Folder::with(&[&all[..], files].concat());
        assert_eq!(folder.faults().0, want, "{text}");
    }
    let report = {
        let folder = Folder::with(&[("a.yaml", "- {name: a, dsn: 'host=/a'}\n"), ("b.yaml", "targets: []\n")]);
        load::lint(&[folder.path("a.yaml"), folder.path("b.yaml")], &CATALOGUE).unwrap()
    };
    assert_eq!(codes(&report.faults), ["unknown-file", "unknown-file"]);
    assert!(report.faults[0].message.contains("file of targets"), "{:?}", report.faults);
}

#[test]
fn files_of_targets_are_warned_of_like_the_configuration() {
    let config = "version: 1\nplaybooks: [playbooks/*.yaml]\naudit: {query_text: none}\ntarget_files: [fleet.yaml]\n";
    let fleet =
        "- {name: a, dsn: 'host=db1', policy: {protect: {queries: [vacuum]}}, overrides: {end-long: {mode: enforce}}}
- {name: b, dsn: 'host=/b', overrides: {end-long: {mode: enforce, notify: [], do: []}}}
";
    let calm = END.replace("mode: enforce", "mode: observe");
    let folder = Folder::with(&[("pgmedic.yaml", config), ("fleet.yaml", fleet), ("playbooks/end.yaml", &calm)]);
    let (codes, shown) = folder.faults();
    assert_eq!(codes, ["weak-sslmode", "never-matches", "no-channel"], "{shown}");
    assert!(
        shown.contains("fleet.yaml:1:18") && shown.contains("at target `a`: in mode `enforce` nobody is told"),
        "{shown}"
    );
}
