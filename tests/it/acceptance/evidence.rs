//! A run's evidence is bounded: at most 200 rows and 256 KiB, and the rest is counted.

use super::budget::Stage;
use serde_json::json;

#[test]
fn evidence_shows_two_hundred_rows_and_counts_the_rest() {
    let stage = Stage::new("mode: observe\n");
    let records = stage.planned(&(1..=250).map(|n| Stage::backend(n, "SELECT 1")).collect::<Vec<_>>());
    let evidence = records[0].evidence.clone().unwrap();
    assert_eq!(evidence["facts"]["candidates"].as_array().unwrap().len(), 200);
    assert_eq!((&evidence["candidates_found"], &evidence["candidates_not_shown"]), (&json!(250), &json!(50)));
    assert_eq!(records.len(), 251, "each candidate has a record of its own");
}

#[test]
fn evidence_is_at_most_256_kib() {
    let stage = Stage::new("mode: observe\n");
    let long = format!("SELECT '{}'", "x".repeat(8_000));
    let records = stage.planned(&(1..=100).map(|n| Stage::backend(n, &long)).collect::<Vec<_>>());
    let evidence = records[0].evidence.clone().unwrap();
    let shown = evidence["facts"]["candidates"].as_array().unwrap().len();
    assert!(evidence["facts"].to_string().len() <= 256 * 1024, "{}", evidence["facts"].to_string().len());
    assert_eq!(evidence["candidates_not_shown"], json!(100 - shown));
    assert!(shown >= 10, "as much as fits, not nothing: {shown}");
}
