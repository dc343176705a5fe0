//! `audit list` beside a daemon: that is asked, and the log is read when its answer is not the whole one.

use super::kit::closed_log;
use pgmedic::audit::Options;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;

/// Something that answers every question in the daemon's place with the same bytes.
fn answering(data: &Path, answer: String) {
    let path = data.join("pgmedic.sock");
    let _ = std::fs::remove_file(&path);
    let socket = UnixListener::bind(path).unwrap();
    std::thread::spawn(move || {
        for caller in socket.incoming() {
            let mut caller = caller.unwrap();
            let lines = BufReader::new(caller.try_clone().unwrap()).lines().map_while(Result::ok);
            // Who only looks whether anybody is there says nothing.
            if lines.take_while(|line| !line.is_empty()).count() > 0 {
                let _ = caller.write_all(answer.as_bytes());
            }
        }
    });
}

fn http(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{headers}Connection: close\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

fn listed(data: &Path, words: &[&str]) -> (Option<i32>, String, String) {
    let mut list = Command::new(env!("CARGO_BIN_EXE_pgmedic"));
    let output = list.args(["audit", "list", "--json", "--dir"]).arg(data).args(words).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[tokio::test]
async fn a_daemon_is_asked_and_whatever_is_wrong_with_its_answer_the_log_is_read() {
    let dir = closed_log(Options::default(), 5).await;
    let own = listed(dir.path(), &[]);
    assert_eq!((own.0, own.1.lines().count()), (Some(0), 6), "{own:?}");
    let first = format!("{}\n", own.1.lines().next().unwrap());
    answering(dir.path(), http("200 OK", "", &first));
    assert_eq!(listed(dir.path(), &[]), (Some(0), first.clone(), String::new()), "the daemon is asked");
    assert_eq!(listed(dir.path(), &["--limit", "20000"]).1, own.1, "more than one answer holds");
    let wrong = [
        http("200 OK", "Pgmedic-Cut: true\r\n", &first),
        http("200 OK", "", "{\"seq\": 1}\n"),
        http("200 OK", "", &format!("{first}cut off in the mid")),
        http("503 Service Unavailable", "", "{}"),
        http("200 OK", "", &first).replacen("Content-Length: ", "Content-Length: 1", 1),
        "nonsense".to_owned(),
    ];
    for answer in wrong {
        answering(dir.path(), answer.clone());
        assert_eq!(listed(dir.path(), &[]), own, "{answer}");
    }
}
