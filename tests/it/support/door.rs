//! Listeners of our own: one that shuts the door on everybody, one that takes messages.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Instant;

/// Takes every connection and closes it at once; remembers when.
pub struct Door {
    port: u16,
    knocks: Arc<Mutex<Vec<Instant>>>,
}

impl Door {
    /// On a free port of 127.0.0.1.
    pub fn shut() -> Door {
        let knocks = Arc::new(Mutex::new(Vec::new()));
        let heard = knocks.clone();
        let port = listen(move |_| heard.lock().unwrap().push(Instant::now()));
        Door { port, knocks }
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// When somebody came, in order.
    pub fn knocks(&self) -> Vec<Instant> {
        self.knocks.lock().unwrap().clone()
    }
}

/// Answers every HTTP request with 200 and keeps it.
pub struct Inbox {
    port: u16,
    letters: Arc<Mutex<Vec<String>>>,
}

impl Inbox {
    /// On a free port of 127.0.0.1.
    pub fn open() -> Inbox {
        let letters = Arc::new(Mutex::new(Vec::new()));
        let kept = letters.clone();
        let port = listen(move |stream| {
            if let Some(letter) = request(&stream) {
                kept.lock().unwrap().push(letter);
            }
        });
        Inbox { port, letters }
    }

    /// A configuration's channel `ops` that leads here, for everything that is told.
    pub fn channel(&self) -> String {
        let url = format!("http://127.0.0.1:{}/hook", self.port);
        format!("notify: [ops]\nchannels: [{{name: ops, slack: {{webhook_url: \"{url}\"}}, allow_private: true}}]\n")
    }

    /// The bodies so far.
    pub fn letters(&self) -> Vec<String> {
        self.letters.lock().unwrap().clone()
    }
}

/// The thread ends with the test's process.
fn listen(serve: impl Fn(TcpStream) + Send + 'static) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let port = listener.local_addr().expect("its address").port();
    std::thread::spawn(move || listener.incoming().flatten().for_each(serve));
    port
}

/// The body of one request, answered.
fn request(mut stream: &TcpStream) -> Option<String> {
    let mut text = String::new();
    let mut piece = [0; 4096];
    loop {
        let read = stream.read(&mut piece).ok().filter(|n| *n > 0)?;
        text.push_str(&String::from_utf8_lossy(&piece[..read]));
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length =
            head.lines().find_map(|l| l.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
        if body.len() >= length.unwrap_or(0) {
            let body = body.to_owned();
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok").ok()?;
            return Some(body);
        }
    }
}
