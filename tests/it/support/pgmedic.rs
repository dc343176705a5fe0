//! The program itself, as a user runs it.

use super::places;
use serde_json::Value as Json;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// A folder with a configuration, playbooks and a data directory; removed with this value.
pub struct Home {
    dir: PathBuf,
    environment: Vec<(String, String)>,
    /// Comes before the program: `ip netns exec …`.
    entrance: Vec<String>,
}

impl Home {
    /// `config` is the rest of `pgmedic.yaml` after `version`, `data_dir` and `playbooks`.
    pub fn new(config: &str, playbooks: &[&str]) -> Home {
        let home = Home { dir: places::fresh("pgmedic-"), environment: Vec::new(), entrance: Vec::new() };
        std::fs::create_dir(home.dir.join("playbooks")).expect("a folder");
        home.configure(config);
        for (i, text) in playbooks.iter().enumerate() {
            home.write(&format!("playbooks/{i}.yaml"), text);
        }
        home
    }

    /// Every program that is started from now on sees this clock.
    pub fn set_clock(&mut self, clock: &super::Clock) {
        self.environment = clock.environment();
    }

    /// Every program that is started from now on writes to this disk.
    pub fn set_disk(&mut self, disk: &super::FailingDisk) {
        self.environment = disk.environment();
    }

    /// Every program that is started from now on is inside this network.
    pub fn move_into(&mut self, network: &super::Network) {
        self.entrance = network.entrance();
    }

    /// Replaces the configuration.
    pub fn configure(&self, config: &str) {
        self.keep_data_in("./data".as_ref(), config);
    }

    /// Replaces the configuration, with another data directory.
    pub fn keep_data_in(&self, data_dir: &Path, config: &str) {
        let head = format!("version: 1\ndata_dir: {}\nplaybooks: [playbooks/*.yaml]\n", data_dir.display());
        self.write("pgmedic.yaml", &format!("{head}{config}"));
    }

    /// Writes a file below the folder.
    pub fn write(&self, name: &str, text: &str) {
        std::fs::write(self.dir.join(name), text).expect("a file");
    }

    /// A path below the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// The program with this configuration.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut words = self.entrance.iter().map(String::as_str).chain([env!("CARGO_BIN_EXE_pgmedic")]);
        let mut command = Command::new(words.next().expect("the program"));
        command.args(words).args(args).arg("--config").arg(self.path("pgmedic.yaml")).stdin(Stdio::null());
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs it to its end: exit code, standard output, standard error.
    pub fn run(&self, args: &[&str]) -> (i32, String, String) {
        said(&self.command(args).output().expect("the program"))
    }

    /// Starts the daemon and waits until it answers.
    pub fn serve(&self) -> Daemon {
        let mut daemon = self.start();
        let began = Instant::now();
        while self.run(&["status", "-q"]).0 != 0 {
            assert!(daemon.child.try_wait().expect("its state").is_none(), "it ended: {}", self.log());
            assert!(began.elapsed() < Duration::from_secs(20), "it does not answer: {}", self.log());
            std::thread::sleep(Duration::from_millis(30));
        }
        daemon
    }

    /// Waits until the running daemon's playbooks have been due so many times more: whatever it was about to do, it
    /// has had its chance.
    pub async fn turns(&self, times: usize) {
        let due = || {
            let status: Json = serde_json::from_str(&self.run(&["status", "-o", "json"]).1).unwrap_or_default();
            let playbooks = status["playbooks"].as_array().cloned().unwrap_or_default();
            playbooks.iter().map(|p| p["next"].to_string()).collect::<String>()
        };
        for _ in 0..=times {
            let before = due();
            assert!(!before.is_empty(), "no daemon answers: {}", self.log());
            super::eventually(async || ![before.as_str(), ""].contains(&due().as_str())).await;
        }
    }

    /// Starts the daemon without waiting.
    pub fn start(&self) -> Daemon {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.path("log")).expect("the log");
        let mut command = self.command(&["serve"]);
        command.stdout(log.try_clone().expect("the log")).stderr(log);
        Daemon { child: command.spawn().expect("the program") }
    }

    /// What the daemon wrote to its standard error.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    /// Every record so far, straight from the files.
    pub fn records(&self) -> Vec<Json> {
        let Ok(entries) = std::fs::read_dir(self.path("data/audit")) else { return Vec::new() };
        let mut files: Vec<PathBuf> = entries.filter_map(|e| Some(e.ok()?.path())).collect();
        files.retain(|f| f.extension().is_some_and(|e| e == "jsonl"));
        files.sort();
        let text: String = files.iter().map(|f| std::fs::read_to_string(f).unwrap_or_default()).collect();
        // The last line may be half written at this moment.
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// Records of a kind.
    pub fn of_kind(&self, kind: &str) -> Vec<Json> {
        self.records().into_iter().filter(|r| r["kind"] == kind).collect()
    }

    /// `outcome.status` of every outcome, with its action: `cancel_backend done`.
    pub fn outcomes(&self) -> Vec<String> {
        let word = |v: &Json| v.as_str().unwrap_or_default().to_owned();
        let of = |r: &Json| format!("{} {}", word(&r["action"]["name"]), word(&r["outcome"]["status"]));
        self.of_kind("outcome").iter().map(of).collect()
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        if std::env::var_os("PGMEDIC_TEST_KEEP").is_none() {
            let _ = std::fs::remove_dir_all(&self.dir);
        }
    }
}

/// A running daemon; killed with this value.
pub struct Daemon {
    child: Child,
}

impl Daemon {
    /// Sends a signal.
    pub fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([&format!("-{signal}"), &pid]).status().expect("kill").success());
    }

    /// Processor time used so far.
    pub fn cpu_time(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).expect("its state");
        let fields: Vec<u64> = stat.split_whitespace().map(|f| f.parse().unwrap_or_default()).collect();
        // In user and in kernel mode, in hundredths of a second; the program's name has no blank in it.
        Duration::from_millis((fields[13] + fields[14]) * 10)
    }

    /// A figure in KiB of what the kernel says of it: `VmRSS`, `VmHWM`…
    pub fn status_kib(&self, name: &str) -> i64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("its state");
        let figure = status.lines().find_map(|l| l.strip_prefix(name)?.strip_prefix(':')?.split_whitespace().next());
        figure.and_then(|n| n.parse().ok()).expect("a figure")
    }

    /// How many files, sockets and the like it has open.
    pub fn open_files(&self) -> i64 {
        let files = std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).expect("its files");
        i64::try_from(files.count()).expect("a few")
    }

    /// Sends a signal and waits for the end: exit code and how long it took.
    pub fn end(mut self, signal: &str) -> (Option<i32>, Duration) {
        let began = Instant::now();
        self.signal(signal);
        (self.child.wait().expect("its end").code(), began.elapsed())
    }

    /// Waits for an end that comes by itself.
    pub fn ended(mut self) -> Option<i32> {
        self.child.wait().expect("its end").code()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Exit code, standard output and standard error of a command that ended.
pub fn said(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
}

/// A target section for a server: both logins, everything enforced.
pub fn target_of(cluster: &super::Cluster, more: &str) -> String {
    let dsn = cluster.dsn("pgmedic", "postgres");
    format!(
        "mode: enforce\ntargets:\n  - name: orders\n    dsn: {dsn}?sslmode=disable\n    act_as: {{user: pgmedic_act}}\n    mode: enforce\n{more}"
    )
}
