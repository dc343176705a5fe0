use super::*;
use crate::model::record::Notice;
use proptest::prelude::*;
use secrecy::ExposeSecret;

#[path = "../../../tests/it/support/slack_limits.rs"]
mod slack_limits;

fn message(headline: &str, lines: &[&str]) -> Message {
    Message {
        seq: 42,
        log: "01JDLOG".to_owned(),
        time: "2026-11-24T02:00:05Z".parse().unwrap(),
        notice: Notice {
            event: "acted".to_owned(),
            incident: "cancel-long-queries/orders/long_queries".to_owned(),
            headline: headline.to_owned(),
            lines: lines.iter().map(|&l| l.to_owned()).collect(),
            severity: Some("critical".to_owned()),
            owner: Some("dba-team".to_owned()),
            runbook_url: Some("https://wiki.example/runbooks/long?a=1&b=2".to_owned()),
            labels: [("env".to_owned(), "prod".to_owned())].into(),
        },
        run: Some("01JDRUNRUNRUNRUNRUNRUNRUN1".to_owned()),
        target: Some("orders".to_owned()),
        playbook: Some("cancel-long-queries".to_owned()),
    }
}

#[test]
fn it_says_what_was_wrong_what_was_done_and_where_the_record_is() {
    let lines = [
        "1 query ran longer than 5m: pid 4711 (app@shop, reports), running 12m 3s: select * from a_b where x < $1 & y",
        "cancel_backend: done, pg_cancel_backend returned true",
        "It helped: the query is gone after 2s.",
        "Nothing to do now; if it comes back, look at the report that sends it.",
    ];
    insta::assert_json_snapshot!(payload(&message("1 query ran longer than 5m; 1 cancelled", &lines)), @r#"
    {
      "blocks": [
        {
          "text": {
            "emoji": false,
            "text": "Acted on orders: 1 query ran longer than 5m; 1 cancelled",
            "type": "plain_text"
          },
          "type": "header"
        },
        {
          "text": {
            "emoji": false,
            "text": "1 query ran longer than 5m: pid 4711 (app@shop, reports), running 12m 3s: select * from a_b where x &lt; $1 &amp; y\ncancel_backend: done, pg_cancel_backend returned true\nIt helped: the query is gone after 2s.\nNothing to do now; if it comes back, look at the report that sends it.",
            "type": "plain_text"
          },
          "type": "section"
        },
        {
          "elements": [
            {
              "emoji": false,
              "text": "playbook cancel-long-queries · target orders · severity critical · owner dba-team",
              "type": "plain_text"
            },
            {
              "text": "Record: `pgmedic audit show 01JDRUNRUNRUNRUNRUNRUNRUN1`",
              "type": "mrkdwn",
              "verbatim": true
            },
            {
              "text": "<https://wiki.example/runbooks/long?a=1&amp;b=2|Runbook>",
              "type": "mrkdwn",
              "verbatim": true
            }
          ],
          "type": "context"
        }
      ],
      "text": "Acted on orders: 1 query ran longer than 5m; 1 cancelled",
      "unfurl_links": false,
      "unfurl_media": false
    }
    "#);
}

#[test]
fn the_record_is_named_once() {
    let run = "Record: pgmedic audit show 01JDRUNRUNRUNRUNRUNRUNRUN1";
    let text = slack_limits::plain_text(&payload(&message("1 cancelled", &["Look at the report.", run])));
    assert_eq!(text.matches("audit show").count(), 1, "{text}");
    assert!(text.contains("Look at the report."), "{text}");
    // Only what says exactly that, and only in its place.
    let other = slack_limits::plain_text(&payload(&message("1 cancelled", &["Record: pgmedic audit show 01JOTHER"])));
    assert!(other.contains("01JOTHER"), "{other}");
}

#[test]
fn what_belongs_to_no_run_still_names_its_record() {
    let mut daemon = message("The audit log cannot be written: no space left", &[]);
    daemon.notice.event = "daemon".to_owned();
    (daemon.run, daemon.target, daemon.playbook) = (None, None, None);
    (daemon.notice.severity, daemon.notice.owner, daemon.notice.runbook_url) = (None, None, None);
    insta::assert_snapshot!(slack_limits::plain_text(&payload(&daemon)), @r"
    pgmedic: The audit log cannot be written: no space left
    Record: seq 42 of `pgmedic audit list`
    ");
}

#[test]
fn long_texts_are_cut_in_the_middle_and_keep_the_advice() {
    let long = "select 1; ".repeat(2_000);
    let mut lines = vec![long.as_str(); 40];
    lines.push("Now: look at the client that sends it.");
    let payload = payload(&message(&long, &lines));
    slack_limits::check(&payload).unwrap();
    let text = slack_limits::plain_text(&payload);
    assert!(text.contains("… (cut; see audit show 01JDRUNRUNRUNRUNRUNRUNRUN1)"), "{text}");
    assert!(text.contains("lines left out"), "{text}");
    assert!(text.contains("Now: look at the client that sends it."), "{text}");
}

#[test]
fn nobody_is_woken_by_a_query_text() {
    let hostile = "<!channel> <@U123> <!here|x> @here @Channel @everyone &lt;!channel&gt; <http://evil|click> \u{202e}";
    let payload = payload(&message(hostile, &[hostile])).to_string();
    for marker in ["<!", "<@", "@here", "@Channel", "@everyone", "<http://evil", "\u{202e}"] {
        assert!(!payload.contains(marker), "{marker} in {payload}");
    }
    assert!(payload.contains("&amp;lt;!channel&amp;gt;"), "{payload}");
}

#[test]
fn a_link_that_would_break_out_is_left_out() {
    for url in ["javascript:alert(1)", "https://a.example/|x>", "https://a.example/ x", "<!channel>"] {
        assert_eq!(link(url), None, "{url}");
    }
}

#[test]
fn the_address_is_the_secret() {
    let url = "https://hooks.slack.com/services/T000/B000/XXXX";
    let slack = Slack { webhook_url: url.into() };
    let request = slack.request(&message("h", &["l"]), Timestamp::UNIX_EPOCH).unwrap();
    assert_eq!(request.url.expose_secret(), url);
    assert!(!format!("{request:?} {slack:?}").contains("XXXX"));
}

fn hostile() -> impl Strategy<Value = String> {
    let bits = prop_oneof![
        ".{0,300}",
        Just("<!channel>".to_owned()),
        Just("@here&<>\"\\".repeat(400)),
        Just("\u{1F9E8}\u{0}\u{1b}[2J\n\r".repeat(300)),
        Just("&".repeat(5_000)),
        Just("a".repeat(20_000)),
        Just(String::new()),
    ];
    prop::collection::vec(bits, 0..4).prop_map(|bits| bits.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn no_text_breaks_the_limits(
        headline in hostile(),
        lines in prop::collection::vec(hostile(), 0..80),
        target in hostile(),
        owner in prop::option::of(hostile()),
        run in prop::option::of(hostile()),
        runbook in prop::option::of(hostile()),
        event in hostile(),
    ) {
        let mut hostile = message(&headline, &[]);
        hostile.notice.lines = lines;
        hostile.notice.event = event;
        hostile.target = Some(target);
        hostile.notice.owner = owner;
        hostile.notice.runbook_url = runbook.map(|r| format!("https://{r}"));
        hostile.run = run;
        let sent = payload(&hostile).to_string();
        let read: Json = serde_json::from_str(&sent).unwrap();
        prop_assert_eq!(slack_limits::check(&read), Ok(()));
        for marker in ["<!", "<@", "@here", "\\u0000"] {
            prop_assert!(!sent.contains(marker), "{} in {}", marker, sent);
        }
    }
}
