//! On what it was measured: figures without it say little.

use crate::support::places;
use std::process::Command;

/// Majors looked for, the newest first.
const MAJORS: [u32; 6] = [18, 17, 16, 15, 14, 13];

/// The newest PostgreSQL on this machine.
pub fn major() -> u32 {
    MAJORS.into_iter().find(|major| places::bin(*major).is_some()).expect("a PostgreSQL: tests/figures.sh installs one")
}

/// Cores, processor, memory, file system, kernel, PostgreSQL and what else the machine was doing, in a line.
pub fn described() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let of = |path: &str, key: &str| {
        let text = read(path);
        let line = text.lines().find(|line| line.starts_with(key)).unwrap_or_default();
        line.split_once(':').map_or(String::new(), |(_, value)| value.trim().to_owned())
    };
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let folder = std::env::temp_dir().display().to_string();
    let postgres = places::bin(major())
        .map_or(String::new(), |bin| said(&bin.join("postgres").display().to_string(), &["--version"]));
    let load: Vec<String> = read("/proc/loadavg").split(' ').take(3).map(str::to_owned).collect();
    format!(
        "{cores} cores ({}), {} of memory, {} on {}, Linux {}, {postgres}, {}; load average at the end {}",
        of("/proc/cpuinfo", "model name"),
        of("/proc/meminfo", "MemTotal"),
        said("stat", &["-f", "-c", "%T", &folder]),
        said("df", &["--output=source", &folder]).lines().last().unwrap_or_default(),
        read("/proc/sys/kernel/osrelease").trim(),
        said("sha256sum", &["--version"]).lines().next().unwrap_or_default(),
        load.join(" "),
    )
}

fn said(program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).output();
    output.map_or(String::new(), |o| String::from_utf8_lossy(&o.stdout).trim().to_owned())
}
