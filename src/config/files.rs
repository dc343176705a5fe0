//! Where targets are written: in the configuration itself, and in the files that it names.

use super::defaults::{self, Defaults};
use super::dsn::Params;
use super::read::{self, Folder};
use super::{Target, TargetFile, Text, targets};
use crate::model::Mode;
use crate::syntax::fault::quote;
use crate::syntax::values::keys;
use crate::syntax::{Fault, Keys, Kind, Map, Node, Reader, Span};
use secrecy::ExposeSecret;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::Path;

/// What a file of targets may hold besides a plain list.
const FILE: Keys = Keys { required: &["targets"], ..keys("a file of targets", &["targets"]) };

/// A target and where it stands.
pub(super) struct Placed {
    pub target: Target,
    pub span: Span,
}

/// All targets, with the defaults under them, and the files that were read for them. Faults of other
/// files go to `elsewhere`.
pub(super) fn all_targets(
    reader: &mut Reader,
    map: &Map,
    folder: &Folder,
    elsewhere: &mut Vec<Fault>,
) -> (Vec<Target>, Vec<TargetFile>) {
    let defaults = map.get("target_defaults").map(|node| defaults::defaults(reader, node, folder)).unwrap_or_default();
    let mut names = Names::default();
    let mut all = Vec::new();
    match (map.get("targets"), map.get("target_files")) {
        (None, None) => {
            let message = "`targets` is missing in the configuration";
            reader.error_help(
                map.span,
                "missing-key",
                message,
                "add `targets: …`, or `target_files: [targets.d/*.yaml]`",
            );
        }
        (Some(node), files) => {
            if let (Kind::Seq(items), None) = (&node.kind, files) {
                reader.refuse_empty(node, items.len(), "leaves nothing to look after");
            }
            let here = targets::targets(reader, node, folder, &defaults);
            names.check(reader, folder.name, &here);
            all.extend(here);
        }
        (None, Some(_)) => {}
    }
    let mut files = Vec::new();
    if let Some(node) = map.get("target_files") {
        for (file, span) in read::listed_files(reader, node, folder, "no-targets") {
            match folder.around.text(&file) {
                Ok(Some(text)) => {
                    let (found, faults) = one_file(&file, &text, folder, &defaults, &mut names);
                    all.extend(found);
                    elsewhere.extend(faults);
                    files.push(TargetFile { digest: hex::encode(Sha256::digest(&text)), file, text });
                }
                Ok(None) => {}
                Err(why) => drop(reader.error(span, "unreadable", why)),
            }
        }
        if all.is_empty() && reader.is_sound() && elsewhere.is_empty() {
            let help = "add targets to one of these files, or under `targets`";
            reader.error_help(node.span, "empty-selector", "there is no target in any file", help);
        }
    }
    (all.into_iter().map(|placed| placed.target).collect(), files)
}

fn one_file(
    file: &Path,
    text: &str,
    folder: &Folder,
    defaults: &Defaults,
    names: &mut Names,
) -> (Vec<Placed>, Vec<Fault>) {
    let name = file.display().to_string();
    let folder = Folder::of(file, &name, folder.around);
    let mut reader = Reader::new(&name, text);
    let Some(root) = read::tree(&mut reader) else { return (Vec::new(), reader.into_faults()) };
    let found = match listed(&mut reader, &root) {
        Some(node) => targets::targets(&mut reader, node, &folder, defaults),
        None => Vec::new(),
    };
    names.check(&mut reader, &name, &found);
    (found, reader.into_faults())
}

fn listed<'n>(reader: &mut Reader, root: &'n Node) -> Option<&'n Node> {
    match &root.kind {
        Kind::Map(_) => reader.map(root, &FILE)?.get("targets"),
        _ => Some(root),
    }
}

/// Targets so far, and where they stand.
#[derive(Default)]
struct Names {
    places: BTreeMap<String, (String, usize)>,
    /// Those that may act, by the server that their connection strings name.
    servers: BTreeMap<String, String>,
}

impl Names {
    fn check(&mut self, reader: &mut Reader, file: &str, found: &[Placed]) {
        for Placed { target, span } in found {
            if let Some((first, line)) = self.places.get(&target.name) {
                let place = if first == file { format!("in line {line}") } else { format!("in {first}, line {line}") };
                let message = format!("there are two targets called {}", quote(&target.name));
                reader.error_help(*span, "duplicate-name", message, format!("the first is {place}; rename one"));
            } else {
                self.places.insert(target.name.clone(), (file.to_owned(), reader.line(*span)));
                self.same_server(reader, target, *span);
            }
        }
    }

    /// Only one target may act on a server; what lint cannot see, because two names lead to it, is told by the daemon.
    fn same_server(&mut self, reader: &mut Reader, target: &Target, span: Span) {
        let Some(server) = server(target).filter(|_| target.mode > Mode::Observe) else { return };
        let Some(first) = self.servers.get(&server) else {
            return drop(self.servers.insert(server, target.name.clone()));
        };
        let place = self.places.get(first).map_or(String::new(), |(file, line)| format!(" ({file}, line {line})"));
        let (one, other) = (quote(first), quote(&target.name));
        let message = format!("targets {one} and {other} are the same server, and only one of the two can act there");
        let help = format!("make one target of {other} and {one}{place}, or write `mode: observe` for one of them");
        reader.warning(span, "same-server", message, help);
    }
}

/// The hosts and ports of a connection string, and which of them is meant; none where the file does not say it.
fn server(target: &Target) -> Option<String> {
    let Text::Plain(dsn) = &target.dsn else { return None };
    let params = Params::parse(dsn.expose_secret()).ok()?;
    let host = params.get("hostaddr").or(params.get("host"))?.to_lowercase();
    let [port, attributes] = ["port", "target_session_attrs"].map(|key| params.get(key).unwrap_or_default());
    let port = if port.is_empty() { "5432" } else { port };
    Some(format!("{host} {port} {attributes}"))
}
