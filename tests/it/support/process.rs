//! A server's process that ends with the test, however that ends.

use super::places;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Starts `"$@"`, waits for the end of its standard input, which comes when the test drops the pipe or
/// dies, then ends the server and removes its folder. A shell, because a signal on the parent's death
/// would come with the end of the thread that started it.
const KEEPER: &str = r#"
folder=$1 signal=$2; shift 2
exec 3<&0
"$@" </dev/null 3<&- &
server=$!
echo "$server" >"$folder/pid"
(while read -r _; do :; done; : >"$folder/ended"; kill "-$signal" "$server"; kill -CONT "$server") <&3 2>/dev/null &
reader=$!
wait "$server"; code=$?
kill "$reader" 2>/dev/null
if [ -e "$folder/ended" ] && [ -z "$PGMEDIC_TEST_KEEP" ]; then cd / && rm -rf "$folder"; fi
exit "$code"
"#;

/// A running server.
pub struct Process {
    keeper: Child,
    dir: PathBuf,
}

impl Process {
    /// Starts a program that does not put itself in the background; its output goes to `log` in `dir`.
    pub fn start(dir: &Path, signal: &str, program: &Path, args: &[&str]) -> Process {
        let log = File::create(dir.join("log")).expect("the log");
        let errors = log.try_clone().expect("the log");
        let mut command = places::command("sh");
        command.args(["-c", KEEPER, "keeper"]).arg(dir).arg(signal).arg(program).args(args);
        command.stdin(Stdio::piped()).stdout(log).stderr(errors).current_dir(dir);
        let keeper = command.spawn().expect("a shell");
        Process { keeper, dir: dir.to_owned() }
    }

    /// Waits until the server is there; false when it ended instead (its port was taken in between).
    pub fn wait(&mut self, ready: impl Fn() -> bool) -> bool {
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(30) {
            if ready() {
                return true;
            }
            if self.keeper.try_wait().expect("its state").is_some() {
                return false;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("the server did not start within 30 s:\n{}", self.log());
    }

    /// What the server wrote.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.dir.join("log")).unwrap_or_default()
    }

    /// Sends a signal to the server.
    pub fn signal(&self, signal: &str) {
        let pid = std::fs::read_to_string(self.dir.join("pid")).expect("its pid");
        run(Command::new("kill").arg(format!("-{signal}")).arg(pid.trim()));
    }

    /// Lets go of a server that has ended without removing its folder: another one runs there now.
    pub fn forget(mut self) {
        let _ = self.keeper.wait();
        self.dir = PathBuf::new();
    }

    /// Ends the server by a signal and waits for its end, unless it has ended already; its folder stays.
    pub fn stop(&mut self, signal: &str) {
        if self.keeper.try_wait().expect("its state").is_some() {
            return;
        }
        self.signal(signal);
        // Not `wait`: that closes the pipe, and then the keeper removes the folder.
        while self.keeper.try_wait().expect("its state").is_none() {
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
        if std::env::var_os("PGMEDIC_TEST_KEEP").is_none() && !self.dir.as_os_str().is_empty() {
            let _ = std::fs::remove_dir_all(&self.dir);
        }
    }
}

/// Runs a command to its end and returns what it printed; panics with all it said when it failed.
pub fn run(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{command:?}: {said}\n{}", String::from_utf8_lossy(&output.stderr));
    said
}
