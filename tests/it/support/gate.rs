//! A TCP proxy that lets through all but one message: so a process can be killed at an exact moment.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};

/// What is held back, once.
enum Hold {
    /// The nth message to the server that holds this text, and whatever comes after it.
    Question { text: Vec<u8>, nth: usize },
    /// After a message that held the first text: the answer that holds the second, and whatever comes after it.
    Answer { after: Vec<u8>, text: Vec<u8>, asked: bool },
}

#[derive(Default)]
struct State {
    hold: Option<Hold>,
    caught: bool,
}

/// A proxy in front of one server on 127.0.0.1; its threads end with its connections.
pub struct Gate {
    port: u16,
    server: Arc<AtomicU16>,
    state: Arc<Mutex<State>>,
}

impl Gate {
    /// In front of a port.
    pub fn to(server: u16) -> Gate {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let port = listener.local_addr().expect("its address").port();
        let state = Arc::new(Mutex::new(State::default()));
        let shared = state.clone();
        let server = Arc::new(AtomicU16::new(server));
        let now = server.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                // A server that is not there refuses; so does the proxy.
                let Ok(server) = TcpStream::connect(("127.0.0.1", now.load(Ordering::Relaxed))) else { continue };
                connect(&client, &server, &shared);
            }
        });
        Gate { port, server, state }
    }

    /// Its own port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// New connections go to another server.
    pub fn lead_to(&self, server: u16) {
        self.server.store(server, Ordering::Relaxed);
    }

    /// Holds back the nth message to the server that has this text.
    pub fn hold_question(&self, text: &str, nth: usize) {
        self.hold(Hold::Question { text: text.into(), nth });
    }

    /// Lets the message through and holds back its answer.
    pub fn hold_answer(&self, question: &str, answer: &str) {
        self.hold(Hold::Answer { after: question.into(), text: answer.into(), asked: false });
    }

    fn hold(&self, hold: Hold) {
        *self.state.lock().unwrap() = State { hold: Some(hold), caught: false };
    }

    /// Whether the message came.
    pub fn caught(&self) -> bool {
        self.state.lock().unwrap().caught
    }
}

impl State {
    /// Whether this piece to the server (or from it) is to be held back.
    fn holds(&mut self, piece: &[u8], to_server: bool) -> bool {
        let has = |text: &[u8]| piece.windows(text.len()).filter(|w| *w == text).count();
        let hit = match &mut self.hold {
            Some(Hold::Question { text, nth }) if to_server => {
                let found = has(text);
                *nth = nth.saturating_sub(found);
                found > 0 && *nth == 0
            }
            Some(Hold::Answer { after, asked, .. }) if to_server => {
                *asked |= has(after) > 0;
                false
            }
            Some(Hold::Answer { text, asked: true, .. }) => has(text) > 0,
            _ => false,
        };
        if hit {
            *self = State { hold: None, caught: true };
        }
        hit
    }
}

fn connect(client: &TcpStream, server: &TcpStream, state: &Arc<Mutex<State>>) {
    let clone = |stream: &TcpStream| stream.try_clone().expect("another handle");
    for (from, to, to_server) in [(clone(client), clone(server), true), (clone(server), clone(client), false)] {
        let state = state.clone();
        std::thread::spawn(move || pass(from, to, to_server, &state));
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, to_server: bool, state: &Mutex<State>) {
    let mut buffer = vec![0; 64 * 1024];
    let mut holding = false;
    while let Ok(n @ 1..) = from.read(&mut buffer) {
        holding = holding || state.lock().unwrap().holds(&buffer[..n], to_server);
        if !holding && to.write_all(&buffer[..n]).is_err() {
            break;
        }
    }
    // Either end's end is the other's.
    let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
}
