//! The record of what is live: the texts it was read from, what is in force at each target, and what it
//! allows that was not allowed before.

use super::daemon::own_notice;
use super::load::{self, Loaded};
use super::secrets::{readable, text_without_secrets};
use super::world::{World, address};
use crate::decide::widened::{Authority, widened};
use crate::model::record::{Draft, RecordKind};
use crate::model::{Mode, Timestamp};
use crate::playbook::Playbook;
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Most lines of a message; the record has them all.
const LINES: usize = 20;

/// What a configuration allows that another did not, one line each.
pub(super) fn wider(old: (&Loaded, &[World]), new: (&Loaded, &[World]), now: Timestamp) -> Vec<String> {
    widened(&authority(old), &authority(new), now)
}

fn authority<'a>((loaded, worlds): (&'a Loaded, &'a [World])) -> Authority<'a> {
    let here = |w: &'a World| (w.target.name.as_str(), w.playbooks.iter().map(AsRef::as_ref).collect());
    Authority { config: &loaded.config, playbooks: worlds.iter().map(here).collect() }
}

/// What a configuration allows that the last recorded one did not; `None` where nothing changed, and
/// nothing where that one cannot be read again.
pub(super) fn since_record(live: &Json, loaded: &Loaded, worlds: &[World], now: Timestamp) -> Option<Vec<String>> {
    let mut before = live.clone();
    if let Some(fields) = before.as_object_mut() {
        fields.remove("widened");
        fields.remove("notice");
    }
    let evidence = evidence(loaded, worlds);
    if before == evidence {
        return None;
    }
    // Both from their records, so that a secret which is starred in one is starred in the other.
    let both = recorded(&before).zip(recorded(&evidence));
    let wider = both.map(|(old, new)| wider((&old.0, &old.1), (&new.0, &new.1), now));
    Some(wider.unwrap_or_default())
}

/// A configuration from its record; `None` for one of another build that this one does not read.
pub(super) fn recorded(evidence: &Json) -> Option<(Loaded, Vec<World>)> {
    let text = |file: &Json| Some((PathBuf::from(file["file"].as_str()?), readable(file["text"].as_str()?)));
    let (file, own) = text(&evidence["config"])?;
    let mut texts = BTreeMap::from([(file.clone(), own)]);
    for list in ["target_files", "playbooks"] {
        for file in evidence[list].as_array().into_iter().flatten() {
            texts.extend([text(file)?]);
        }
    }
    let loaded = load::from_texts(Path::new(&file), texts, &crate::decide::catalogue()).ok()?;
    let worlds = World::of(&loaded).ok()?;
    Some((loaded, worlds))
}

/// The record, and the message when it allows more than the one before.
pub(super) fn record(
    loaded: &Loaded,
    worlds: &[World],
    actor: &str,
    said: &str,
    wider: &[String],
    now: Timestamp,
) -> Draft {
    let mut draft = Draft {
        actor: Some(actor.to_owned()),
        reason: Some(said.to_owned()),
        evidence: Some(evidence(loaded, worlds)),
        ..Draft::new(RecordKind::Config)
    };
    if !wider.is_empty() {
        if let Some(evidence) = &mut draft.evidence {
            evidence["widened"] = json!(wider);
        }
        let mut lines: Vec<String> = wider.iter().take(LINES).cloned().collect();
        if wider.len() > LINES {
            lines.push(format!("… and {} more: see the `config` record", wider.len() - LINES));
        }
        tracing::warn!("{actor} widened what pgmedic may do: {}", wider.join("; "));
        draft.notify.clone_from(&loaded.config.notify);
        // Its own incident each time: people are told even of what they were told before.
        let headline = format!("pgmedic may do more than before (configuration read by {actor})");
        draft.set_notice(&own_notice(&format!("widened {now}"), &headline, lines));
        address(&loaded.config.channels, &mut draft);
    }
    draft
}

/// The answer to whoever asked for the reload.
pub(super) fn with_wider(said: String, wider: &[String]) -> String {
    if wider.is_empty() { said } else { format!("{said}\nIt may now do more than before:\n  {}", wider.join("\n  ")) }
}

/// The texts of configuration and playbooks (references to secrets, never secrets), and what targets
/// make of them.
fn evidence(loaded: &Loaded, worlds: &[World]) -> Json {
    let config = &loaded.config;
    let playbook = |p: &Playbook| json!({"name": p.name, "digest": p.digest, "file": p.file, "text": p.text});
    let mut evidence = json!({
        "revision": config.revision,
        "config": {
            "digest": config.digest,
            "file": config.file.display().to_string(),
            "text": text_without_secrets(config, &config.text),
        },
        "playbooks": loaded.playbooks.iter().map(playbook).collect::<Vec<_>>(),
    });
    if !config.target_files.is_empty() {
        let file = |f: &crate::config::TargetFile| json!({"digest": f.digest, "file": f.file.display().to_string(), "text": text_without_secrets(config, &f.text)});
        evidence["target_files"] = config.target_files.iter().map(file).collect();
    }
    let changed = changed(worlds);
    if !changed.is_empty() {
        evidence["changed"] = changed.into();
    }
    evidence
}

/// Playbooks that targets change, each version once.
fn changed(worlds: &[World]) -> Vec<Json> {
    let mut versions: BTreeMap<(&str, &str), (&Json, Mode, Vec<&str>)> = BTreeMap::new();
    for world in worlds {
        for playbook in &world.playbooks {
            if let Some(changes) = &playbook.changes {
                let version = versions.entry((&playbook.name, &playbook.digest));
                version.or_insert((changes, playbook.mode, Vec::new())).2.push(&world.target.name);
            }
        }
    }
    let version = |((name, digest), (changes, mode, targets)): ((&str, &str), (&Json, Mode, Vec<&str>))| json!({"name": name, "digest": digest, "mode": mode, "targets": targets, "changes": changes});
    versions.into_iter().map(version).collect()
}
