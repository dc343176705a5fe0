//! Where the log's files are.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Digits of a segment's name, so that names sort as numbers do.
const DIGITS: usize = 20;

/// The paths below one data directory.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    data_dir: PathBuf,
    audit: PathBuf,
}

impl Layout {
    pub(super) fn new(data_dir: &Path) -> Layout {
        Layout { data_dir: data_dir.to_owned(), audit: data_dir.join("audit") }
    }

    pub(super) fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    pub(super) fn audit(&self) -> &Path {
        &self.audit
    }

    /// The file whose presence stops all action.
    pub(super) fn paused(&self) -> PathBuf {
        self.data_dir.join("PAUSED")
    }

    pub(super) fn lock(&self) -> PathBuf {
        self.data_dir.join("lock")
    }

    pub(super) fn index(&self) -> PathBuf {
        self.data_dir.join("index")
    }

    pub(super) fn head(&self) -> PathBuf {
        self.audit.join("head")
    }

    /// The segment whose first record is `first`.
    pub(super) fn segment(&self, first: u64) -> PathBuf {
        self.audit.join(format!("{first:0DIGITS$}.jsonl"))
    }

    /// The leaf hashes of that segment, 32 bytes for each of its lines.
    pub(super) fn leaves(&self, first: u64) -> PathBuf {
        self.audit.join(format!("{first:0DIGITS$}.leaves"))
    }

    /// First `seq` of each segment, ascending. A directory that is not there has none.
    pub(super) fn segments(&self) -> io::Result<Vec<u64>> {
        let entries = match fs::read_dir(&self.audit) {
            Ok(entries) => entries,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(e),
        };
        let mut firsts = Vec::new();
        for entry in entries {
            let name = entry?.file_name();
            let stem = name.to_str().and_then(|n| n.strip_suffix(".jsonl")).filter(|s| s.len() == DIGITS);
            firsts.extend(stem.and_then(|s| s.parse::<u64>().ok()));
        }
        firsts.sort_unstable();
        Ok(firsts)
    }

    /// Makes the directories, readable by their owner only.
    pub(super) fn create(&self) -> io::Result<()> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.audit)?;
        sync_dir(&self.data_dir)
    }
}

/// Opens a file for reading and writing, making it (for its owner only) when it is not there.
pub(super) fn open_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
}

/// Makes the directory's entries durable: without it a new file can vanish in a power cut.
pub(super) fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}
