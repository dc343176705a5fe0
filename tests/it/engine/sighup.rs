//! SIGHUP reads everything again, all or nothing, and what was refused is recorded and told.

use super::LONG_QUERIES;
use crate::support::{Cluster, Daemon, Home, Inbox, eventually, target_of};
use serde_json::Value as Json;

const BY_SIGNAL: &str = "signal:SIGHUP";

/// A playbook of this name, which ends what runs longer.
fn ends(name: &str, longer_than: &str) -> String {
    let longer = format!("longer_than: {longer_than}");
    LONG_QUERIES.replace("end-long-queries", name).replace("longer_than: 1s", &longer)
}

/// Records of a kind that the signal led to.
fn by_signal(home: &Home, kind: &str) -> Vec<Json> {
    home.of_kind(kind).into_iter().filter(|r| r["actor"] == BY_SIGNAL).collect()
}

fn playbooks(home: &Home) -> Vec<String> {
    let status: Json = serde_json::from_str(&home.run(&["status", "-o", "json"]).1).unwrap_or_default();
    let all = status["playbooks"].as_array().cloned().unwrap_or_default();
    all.iter().filter_map(|p| p["name"].as_str().map(str::to_owned)).collect()
}

/// One more signal that is refused: its record and what the log says.
async fn refused(home: &Home, daemon: &Daemon, inbox: &Inbox) -> Json {
    let letters = || inbox.letters().iter().filter(|l| l.contains("the new configuration was refused")).count();
    let before = (by_signal(home, "control").len(), letters());
    daemon.signal("HUP");
    eventually(async || by_signal(home, "control").len() > before.0).await;
    eventually(async || letters() > before.1).await;
    let record = by_signal(home, "control").pop().unwrap();
    assert_eq!(record["reason"], "refused: the new configuration has faults; the old one goes on");
    assert_eq!(record["notify"], serde_json::json!(["ops"]));
    record
}

#[tokio::test]
async fn a_signal_reloads_all_or_nothing_and_a_refusal_is_recorded_and_told() {
    let Some(cluster) = Cluster::start(15) else { return };
    let inbox = Inbox::open();
    let config = target_of(&cluster, "") + &inbox.channel();
    let home = Home::new(&config, &[&ends("patient", "1h")]);
    let daemon = home.serve();
    let runaway = cluster.sleeper("app", "app", "SELECT pg_sleep(120)").await;

    // One file is sound and would act, the other is not: neither is taken.
    home.write("playbooks/0.yaml", &ends("quick", "1s"));
    home.write("playbooks/1.yaml", "version: 1\nname: broken\nfnid: long_queries\n");
    let record = refused(&home, &daemon, &inbox).await;
    assert!(record["evidence"]["faults"].as_str().is_some_and(|f| f.contains("fnid")), "{record:#}");
    let refusal = "not reloaded, the old configuration goes on:";
    eventually(async || home.log().contains(refusal)).await;
    assert_eq!(playbooks(&home), ["patient"]);
    home.turns(2).await;
    assert!(runaway.still_runs(), "{:?}", home.outcomes());

    // What cannot be taken over while it runs is refused like any other fault.
    std::fs::remove_file(home.path("playbooks/1.yaml")).unwrap();
    home.keep_data_in("./elsewhere".as_ref(), &config);
    let record = refused(&home, &daemon, &inbox).await;
    assert!(record["evidence"]["faults"].as_str().is_some_and(|f| f.contains("`data_dir`")), "{record:#}");
    assert_eq!(by_signal(&home, "config"), [Json::Null; 0], "nothing was taken over");

    home.configure(&config);
    daemon.signal("HUP");
    assert_eq!(runaway.ended().await, Err(Some("57014".to_owned())), "{}", home.log());
    assert_eq!((by_signal(&home, "config").len(), playbooks(&home)), (1, vec!["quick".to_owned()]));
    assert_eq!(home.log().matches(refusal).count(), 2, "{}", home.log());
}
