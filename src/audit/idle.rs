//! Waiting for a request, but not for long: what may lag behind an answer is done when nobody asks.

use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// How long it is looked again and again before this thread sleeps: whoever was just answered and goes on at once asks
/// within this time, and to be put to sleep and woken would cost both as much again. Other threads go first meanwhile.
const AWAKE: Duration = Duration::from_micros(50);

/// Wakes the thread that waits.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// The next request, if one comes in time; `Pending` when none did.
pub(super) fn within<T>(inbox: &mut mpsc::Receiver<T>, patience: Duration) -> Poll<Option<T>> {
    let began = Instant::now();
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        if let ready @ Poll::Ready(_) = inbox.poll_recv(&mut context) {
            return ready;
        }
        let waited = began.elapsed();
        if waited >= patience {
            return Poll::Pending;
        }
        if waited < AWAKE {
            thread::yield_now();
        } else {
            thread::park_timeout(patience.saturating_sub(waited));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(20);

    #[test]
    fn a_request_is_had_as_soon_as_it_comes_and_the_end_too() {
        let (sender, mut inbox) = mpsc::channel(1);
        assert_eq!(within(&mut inbox, Duration::from_millis(1)), Poll::Pending);
        let later = thread::spawn(move || {
            thread::sleep(Duration::from_millis(20));
            sender.blocking_send(7).unwrap();
        });
        assert_eq!(within(&mut inbox, LONG), Poll::Ready(Some(7)));
        later.join().unwrap();
        assert_eq!(within(&mut inbox, LONG), Poll::Ready(None));
    }
}
