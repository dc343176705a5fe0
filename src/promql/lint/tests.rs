use super::*;
use crate::promql::parse;

/// The codes of what is found.
pub fn found_in(text: &str, context: &Context) -> Vec<&'static str> {
    let expr = parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    lint(text, &expr, context).into_iter().map(|finding| finding.code).collect()
}

pub fn found(text: &str) -> Vec<&'static str> {
    found_in(text, &Context::default())
}

/// The only finding's correction, in which nothing more is found.
pub fn corrected(text: &str) -> String {
    let expr = parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    let mut findings = lint(text, &expr, &Context::default());
    assert_eq!(findings.len(), 1, "{text}: {findings:?}");
    let corrected = findings.remove(0).corrected.unwrap_or_else(|| panic!("{text}: no correction"));
    assert_eq!(found(&corrected), Vec::<&str>::new(), "{corrected}");
    corrected
}

#[test]
fn each_rule_finds_its_example_and_none_finds_fault_with_the_better_one() {
    for rule in REGISTRY {
        assert_eq!(found(rule.wrong), [rule.code], "{}", rule.wrong);
        assert_eq!(found(rule.right), Vec::<&str>::new(), "{}", rule.right);
    }
    assert!(REGISTRY.is_sorted_by_key(|rule| rule.code));
}

/// Of postgres.md §1.3: what never fires, and its better form.
#[test]
fn the_rules_everybody_copies_are_judged() {
    assert_eq!(found("pg_stat_activity_count / pg_settings_max_connections > 0.8"), ["labels-never-match"]);
    assert_eq!(found("pg_replication_lag > 100000000"), ["missing-metric"]);
    assert_eq!(found("avg by (datname) (rate(pg_stat_activity_max_tx_duration[2m])) > 2 * 60"), ["rate-of-gauge"]);
    assert_eq!(
        found("rate(pg_xlog_position_bytes{}[2m]) > 36700160 and on (instance) (pg_replication_is_replica{} == 0)"),
        ["missing-metric"]
    );
}

#[test]
fn good_expressions_are_left_alone() {
    let good = include_str!("good.txt");
    let mut count = 0;
    for text in good.split("\n\n").filter(|text| !text.trim().is_empty()) {
        assert_eq!(found(text), Vec::<&str>::new(), "{text}");
        count += 1;
    }
    assert!(count >= 60, "{count}");
}

#[test]
fn findings_are_few_and_in_order() {
    let text = vec!["x{a=~\"b\"}"; 60].join(" + ");
    let expr = parse(&text).unwrap();
    let findings = lint(&text, &expr, &Context::default());
    assert_eq!(findings.len(), MOST_FINDINGS);
    assert!(findings.is_sorted_by_key(|finding| finding.span));
}

/// A chain would hold what is known of its first part as often as it is long.
#[test]
fn what_is_known_of_a_part_is_bounded() {
    let matchers: Vec<String> = (0..500).map(|at| format!("l{at}=\"\"")).collect();
    let text = format!("a{{{}}} + ignoring (z) b", matchers.join(","));
    let expr = crate::promql::parse(&text).unwrap();
    let tree = super::Node::new(&expr, &super::Text::new(&text));
    tree.each(&mut |node| assert!(node.shape.held().len() <= 64, "{}", node.shape.held().len()));
    assert!(!tree.shape.held().is_empty());
}
