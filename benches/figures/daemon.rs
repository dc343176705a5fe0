//! The program as a user runs it, watched from outside.

use crate::support::Home;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::process::{Child, Command};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// A running daemon; stopped with this value.
pub struct Daemon {
    child: Child,
}

impl Daemon {
    /// Starts it and waits for the `READY=1` that systemd is told; how long that took, from before its process
    /// was there.
    pub fn start(home: &Home) -> (Daemon, Duration) {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("pgmedic-figures-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let socket = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
        socket.set_read_timeout(Some(Duration::from_mins(2))).unwrap();
        let log = std::fs::File::create(home.path("log")).unwrap();
        let mut command = home.command(&["serve"]);
        command.env("NOTIFY_SOCKET", format!("@{name}")).stdout(log.try_clone().unwrap()).stderr(log);
        let began = Instant::now();
        let daemon = Daemon { child: command.spawn().expect("the program") };
        let mut heard = [0; 64];
        let heard = socket.recv(&mut heard).map(|n| heard[..n].to_vec());
        let took = began.elapsed();
        assert_eq!(heard.ok().as_deref(), Some(b"READY=1".as_slice()), "it did not start: {}", home.log());
        (daemon, took)
    }

    /// Resident memory now, in MiB.
    pub fn resident(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its memory");
        line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0
    }

    /// Processor time so far, in ms.
    pub fn processor(&self) -> f64 {
        // The scheduler's own count, in nanoseconds; that of `stat` counts ticks of 10 ms. It lists threads.
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap();
        let of = |path: std::path::PathBuf| -> Option<f64> {
            std::fs::read_to_string(path.join("schedstat")).ok()?.split(' ').next()?.parse().ok()
        };
        tasks.filter_map(|task| of(task.ok()?.path())).sum::<f64>() / 1e6
    }

    /// Waits until the older segments are verified, which every start does in the background.
    pub fn verified(&self) {
        let verifies = || {
            let tasks = std::fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap();
            let name = |task: std::fs::DirEntry| std::fs::read_to_string(task.path().join("comm")).unwrap_or_default();
            tasks.filter_map(Result::ok).any(|task| name(task).trim() == "audit-verify")
        };
        while verifies() {
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Ends it by a signal, and waits.
    pub fn end(mut self, signal: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([&format!("-{signal}"), &pid]).status().unwrap().success());
        self.child.wait().unwrap();
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
