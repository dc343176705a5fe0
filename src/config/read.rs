//! `pgmedic.yaml` from its text, or everything that is wrong with it.

use super::{AccessRole, Config, QueryText, Text};
use super::{channels, files, rules};
use crate::syntax::fault::{quote, suggest};
use crate::syntax::values::keys;
use crate::syntax::{self, Fault, Keys, Kind, Map, Node, Reader, Reference, Span, reference};
use secrecy::ExposeSecret;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

/// What a configuration needs to know of the world outside its text.
pub trait Surroundings {
    /// The files that a pattern names, in order; relative patterns are already joined to the folder of
    /// the configuration.
    ///
    /// # Errors
    /// Why they cannot be listed, in words.
    fn files(&self, pattern: &Path) -> Result<Vec<PathBuf>, String>;

    /// The text of one of these files; `None` for one that is no text, which whoever reads it reports.
    ///
    /// # Errors
    /// Why it cannot be read, in words.
    fn text(&self, file: &Path) -> Result<Option<String>, String>;

    /// The value of a reference to something that is no secret (`revision`).
    ///
    /// # Errors
    /// Names the variable or file that is not there.
    fn value(&self, text: &Text) -> Result<String, String>;
}

/// The keys of a configuration's top level.
pub const KEYS: Keys = Keys {
    what: "the configuration",
    known: &[
        "version",
        "revision",
        "mode",
        "data_dir",
        "timezone",
        "notify",
        "http",
        "target_defaults",
        "target_files",
        "targets",
        "policy",
        "windows",
        "freezes",
        "channels",
        "audit",
        "playbooks",
    ],
    required: &["version"],
    later: &["rules", "custom_metrics", "metrics", "webhooks"],
};

pub(super) const HTTP: Keys =
    Keys { what: "`http`", known: &["listen", "socket"], required: &[], later: &["probe_listen", "tokens"] };

pub(super) const SOCKET: Keys = keys("`socket`", &["roles"]);

pub(super) const AUDIT: Keys =
    Keys { what: "`audit`", known: &["query_text"], required: &[], later: &["retain", "checkpoint_sinks"] };

/// Keys below which references are for playbooks, or none at all: whoever reads them checks that.
const FOR_PLAYBOOKS: [&str; 2] = ["vars", "overrides"];

/// Keys whose whole value may be `${env:NAME}` or `${file:PATH}`.
pub(super) const MAY_REFER: [&str; 6] = ["revision", "dsn", "password", "webhook_url", "url", "secret"];

/// Reads a configuration. All faults of the text are reported; a configuration comes back only if none
/// of them is an error. Secrets stay references.
#[must_use]
pub fn read(file: &Path, text: &str, around: &dyn Surroundings) -> (Option<Config>, Vec<Fault>) {
    let name = file.display().to_string();
    let mut reader = Reader::new(&name, text);
    let mut elsewhere = Vec::new();
    let config = read_root(&mut reader, file, &Folder::of(file, &name, around), &mut elsewhere);
    let mut faults = reader.into_faults();
    faults.extend(elsewhere);
    (config.filter(|_| !faults.iter().any(Fault::is_error)), faults)
}

/// The tree of the configuration or of a file that it names; references stand only where they may.
pub(super) fn tree(reader: &mut Reader) -> Option<Node> {
    let root = syntax::parse(reader)?;
    let refused: Vec<&str> = KEYS.later.iter().chain(HTTP.later).chain(&FOR_PLAYBOOKS).copied().collect();
    reference::refuse(reader, &root, &MAY_REFER, &refused);
    Some(root)
}

/// A file of the configuration, its folder, and the world around it.
#[derive(Clone, Copy)]
pub(super) struct Folder<'a> {
    path: &'a Path,
    /// The file as messages name it.
    pub(super) name: &'a str,
    pub(super) around: &'a dyn Surroundings,
}

fn read_root(reader: &mut Reader, file: &Path, folder: &Folder, elsewhere: &mut Vec<Fault>) -> Option<Config> {
    let root = tree(reader)?;
    let map = reader.map(&root, &KEYS)?;
    reader.version(&map);
    let (targets, target_files) = files::all_targets(reader, &map, folder, elsewhere);
    let policy = map.get("policy").map(|node| rules::policy(reader, node, rules::Rules::default())).unwrap_or_default();
    let config = Config {
        revision: map.get("revision").and_then(|node| revision(reader, node, folder)),
        mode: map.get("mode").and_then(|node| reader.mode(node)).unwrap_or_default(),
        data_dir: folder.place(match map.get("data_dir") {
            Some(node) => reader.text_of(node, "a folder").unwrap_or_default(),
            None => "data",
        }),
        timezone: map.get("timezone").and_then(|node| reader.zone(node)).unwrap_or_else(|| "UTC".to_owned()),
        notify: map.get("notify").and_then(|node| reader.name_list(node, "channels")).unwrap_or_default(),
        socket_roles: map.get("http").map(|node| http(reader, node)).unwrap_or_default(),
        targets,
        target_files,
        protect: policy.protect,
        limits: policy.limits,
        ceilings: policy.ceilings,
        windows: map.get("windows").map(|node| rules::windows(reader, node)).unwrap_or_default(),
        freezes: map.get("freezes").map(|node| rules::freezes(reader, node)).unwrap_or_default(),
        channels: map.get("channels").map(|node| channels::channels(reader, node, folder)).unwrap_or_default(),
        query_text: map.get("audit").and_then(|node| query_text(reader, node)).unwrap_or_default(),
        playbook_files: playbook_files(reader, &map, folder),
        digest: hex::encode(Sha256::digest(reader.text())),
        text: reader.text().to_owned(),
        file: file.to_owned(),
    };
    check_notify(reader, &map, &config);
    Some(config)
}

fn revision(reader: &mut Reader, node: &Node, folder: &Folder) -> Option<String> {
    let text = folder.text(reader, node, "a text")?;
    if let Text::Plain(written) = &text {
        return Some(written.expose_secret().to_owned());
    }
    match folder.around.value(&text) {
        Ok(value) => Some(value),
        Err(why) => {
            // The revision is for the record only: a shell without it must still read the log.
            let message = format!("records will not name a revision: {why}");
            reader.warning(node.span, "no-revision", message, "set it where pgmedic is started");
            None
        }
    }
}

impl<'a> Folder<'a> {
    pub(super) fn of(file: &'a Path, name: &'a str, around: &'a dyn Surroundings) -> Folder<'a> {
        Folder { path: file.parent().unwrap_or(Path::new("")), name, around }
    }

    pub(super) fn path(&self) -> &Path {
        self.path
    }

    /// A path as written, from this folder, without `./`.
    fn place(&self, written: &str) -> PathBuf {
        let whole = self.path.join(written);
        let placed: PathBuf = whole.components().filter(|part| *part != Component::CurDir).collect();
        if placed.as_os_str().is_empty() { PathBuf::from(".") } else { placed }
    }

    /// A text that may be a reference to the environment or a file. Messages never quote it.
    pub(super) fn text(&self, reader: &mut Reader, node: &Node, what: &str) -> Option<Text> {
        let Kind::Scalar { text, .. } = &node.kind else {
            reader.error(node.span, "wrong-type", format!("{what} is expected here"));
            return None;
        };
        if node.is_nothing() || text.trim().is_empty() {
            reader.error(node.span, "wrong-type", format!("{what} is expected here, not nothing"));
            return None;
        }
        let help = "write \"${env:NAME}\" or \"${file:PATH}\"";
        match Reference::parse(text) {
            Ok(None) => return Some(Text::Plain(text.as_str().into())),
            Ok(Some(Reference::Env(name))) => return Some(Text::Env(name.to_owned())),
            Ok(Some(Reference::File(path))) => return Some(Text::File(self.place(path))),
            Ok(Some(Reference::Var(_) | Reference::Alert(_))) => {
                reader.error_help(node.span, "bad-reference", "there are no variables in pgmedic.yaml", help);
            }
            Err(why) => reader.error_help(node.span, "bad-reference", why, help),
        }
        None
    }

    /// As [`Folder::text`], with a warning for a secret that stands in the file itself.
    pub(super) fn secret(&self, reader: &mut Reader, node: &Node, what: &str) -> Option<Text> {
        let text = self.text(reader, node, what)?;
        if matches!(text, Text::Plain(_)) {
            let help = "write \"${env:NAME}\" or \"${file:PATH}\"";
            reader.warning(node.span, "plain-secret", "this secret stands in the file itself", help);
        }
        Some(text)
    }
}

fn http(reader: &mut Reader, node: &Node) -> BTreeMap<String, AccessRole> {
    let Some(map) = reader.map(node, &HTTP) else { return BTreeMap::new() };
    if let Some(node) = map.get("listen").filter(|node| node.scalar() != Some("none")) {
        reader.not_yet(node.span, "http.listen");
    }
    let socket = map.get("socket").and_then(|node| reader.map(node, &SOCKET));
    let roles = socket.and_then(|map| map.get("roles")).and_then(|node| reader.open_map(node, "roles by group"));
    let mut by_group = BTreeMap::new();
    for entry in roles.map_or(&[][..], |map| map.entries()) {
        if let Some(role) = reader.word(&entry.value, &AccessRole::ALL) {
            by_group.insert(entry.key.clone(), role);
        }
    }
    by_group
}

pub(super) fn query_text(reader: &mut Reader, node: &Node) -> Option<QueryText> {
    let map = reader.map(node, &AUDIT)?;
    map.get("query_text").and_then(|node| reader.word(node, &QueryText::ALL))
}

fn playbook_files(reader: &mut Reader, map: &Map, folder: &Folder) -> Vec<PathBuf> {
    let Some(node) = map.get("playbooks") else {
        let help = "add `playbooks: [playbooks/*.yaml]`";
        reader.warning(map.span, "no-playbooks", "no playbooks are named, so nothing will be done", help);
        return Vec::new();
    };
    let files = listed_files(reader, node, folder, "no-playbooks");
    files.into_keys().collect()
}

/// The files that a list of patterns names, each once, in order of path, with the place of its pattern.
pub(super) fn listed_files(
    reader: &mut Reader,
    node: &Node,
    folder: &Folder,
    when_none: &'static str,
) -> BTreeMap<PathBuf, Span> {
    let mut files = BTreeMap::new();
    for item in reader.list(node, "files, such as [playbooks/*.yaml]").unwrap_or_default() {
        let Some(pattern) = reader.text_of(item, "a file or a pattern of files") else { continue };
        match folder.around.files(&folder.place(pattern)) {
            Ok(found) if found.is_empty() => {
                let message = format!("{} names no file", quote(pattern));
                reader.warning(item.span, when_none, message, "relative paths start at this file's folder");
            }
            Ok(found) => files.extend(found.into_iter().map(|file| (file, item.span))),
            Err(why) => drop(reader.error(item.span, "unreadable", why)),
        }
    }
    files
}

fn check_notify(reader: &mut Reader, map: &Map, config: &Config) {
    let Some(Kind::Seq(items)) = map.get("notify").map(|node| &node.kind) else { return };
    for item in items {
        let Some(name) = item.scalar() else { continue };
        if !config.channels.iter().any(|c| c.name == name) {
            let message = format!("there is no channel {}", quote(name));
            let help = suggest(name, config.channels.iter().map(|c| c.name.as_str()));
            reader.error_help(item.span, "unknown-channel", message, help);
        }
    }
}
