use super::*;

fn url() -> Url {
    Url::parse("https://user:passw0rd@hooks.slack.com/services/T0AB/B0CD/secretsecret?key=hush").unwrap()
}

fn judged(status: u16, answer: &str) -> Sent {
    verdict(StatusCode::from_u16(status).unwrap(), None, answer, &["no_service"], &url())
}

#[test]
fn answers_are_read_for_what_they_say_about_the_message() {
    let detail = |d: &str| d.to_owned();
    assert_eq!(judged(200, "ok"), Sent::Delivered { detail: detail("answered 200: ok") });
    assert_eq!(judged(204, ""), Sent::Delivered { detail: detail("answered 204") });
    assert_eq!(judged(410, "x"), Sent::Gone { detail: detail("answered 410: x") });
    assert_eq!(judged(404, "no_service\n"), Sent::Gone { detail: detail("answered 404: no_service") });
    assert_eq!(judged(404, "not here"), Sent::Rejected { detail: detail("answered 404: not here") });
    assert_eq!(judged(500, ""), Sent::Rejected { detail: detail("answered 500") });
    for status in [408, 429, 502, 503, 504] {
        assert!(matches!(judged(status, ""), Sent::Retry { .. }), "{status}");
    }
    assert!(matches!(judged(302, ""), Sent::Rejected { detail } if detail.contains("redirects are not followed")));
}

#[test]
fn an_answer_that_repeats_the_address_is_not_quoted() {
    for answer in ["no route /services/T0AB/B0CD/SECRETSECRET", "bad key hush", "hello passw0rd", "T0AB\\/B0CD"] {
        assert_eq!(judged(403, answer), Sent::Rejected { detail: "answered 403".to_owned() }, "{answer}");
    }
    let long = "z".repeat(5_000);
    assert!(matches!(judged(403, &long), Sent::Rejected { detail } if detail.len() < 250));
}

#[test]
fn retry_after_is_seconds_or_a_date_and_bounded() {
    let now: Timestamp = "2026-11-24T20:19:00Z".parse().unwrap();
    let cases = [
        ("30", Some(30)),
        (" 0 ", Some(0)),
        ("Tue, 24 Nov 2026 20:20:30 GMT", Some(90)),
        ("Tue, 24 Nov 2026 20:00:00 GMT", Some(0)),
        ("99999999999", Some(3_600)),
        ("soon", None),
        ("-1", None),
    ];
    for (value, seconds) in cases {
        assert_eq!(retry_after(value, now), seconds.map(Duration::from_secs), "{value}");
    }
}

#[tokio::test]
async fn what_must_not_be_reached_is_not() {
    let refused = |url: &'static str, allow_private: bool| async move {
        let request = Request { url: url.into(), headers: Vec::new(), body: Vec::new(), dead_when: &[] };
        let sent = send(&request, allow_private).await;
        if let Sent::Retry { after: None, detail } = sent { detail } else { format!("not refused: {sent:?}") }
    };
    for allow in [true, false] {
        assert!(refused("https://169.254.169.254/latest/meta-data", allow).await.contains("169.254.169.254 is a link"));
        assert!(refused("https://[::ffff:169.254.169.254]/x", allow).await.contains("no channel may reach"));
    }
    assert!(refused("https://127.0.0.1/x", false).await.contains("allow_private: true"));
    assert!(refused("https://localhost/x", false).await.contains("loopback"));
    assert!(refused("https://2130706433/x", false).await.contains("127.0.0.1"));
    assert!(refused("http://127.0.0.1/x", false).await.contains("plain http"));
    assert!(refused("http://93.184.215.14/x", true).await.contains("use https"));
    assert!(refused("file:///etc/passwd", true).await.contains("neither https nor http"));
    assert!(refused("not a url", true).await.contains("not a URL"));
}

#[tokio::test]
async fn a_name_means_what_was_checked_and_nothing_else() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let checked = listener.local_addr().unwrap();
    let url = format!("http://localhost.:{}/", checked.port());
    let elsewhere = std::net::SocketAddr::from(([127, 0, 0, 2], 0));
    client(vec![elsewhere]).unwrap().get(&url).send().await.expect_err("nobody listens at what was checked");
    let accepted = async { listener.accept().await.unwrap() };
    let asked = client(vec![checked]).unwrap().get(format!("http://no-such-host.invalid:{}/", checked.port())).send();
    tokio::select! {
        _ = accepted => {}
        answer = asked => assert!(answer.is_ok(), "the pinned address was not used: {answer:?}"),
    }
}
