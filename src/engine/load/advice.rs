//! What a playbook and a configuration say together and probably do not mean.

use crate::config::{Config, QueryText};
use crate::model::Mode;
use crate::playbook::{Playbook, places};
use crate::syntax::{Fault, Severity, Span};

/// Warnings about a sound playbook under a sound configuration.
pub(super) fn advise(config: &Config, playbook: &Playbook) -> Vec<Fault> {
    let mut faults = Vec::new();
    faults.extend(nobody_is_told(config, playbook));
    faults.extend(without_texts(config, playbook));
    faults.extend(capped(config, playbook));
    faults
}

fn warning(playbook: &Playbook, span: Span, code: &'static str, message: String) -> Fault {
    Fault::at(&playbook.file, &playbook.text, span, Severity::Warning, code, message)
}

/// A playbook that may act and tells nobody.
pub(super) fn nobody_is_told(config: &Config, playbook: &Playbook) -> Option<Fault> {
    let told = playbook.notify.as_ref().unwrap_or(&config.notify);
    if playbook.mode == Mode::Observe || !playbook.enabled || playbook.steps.is_empty() || !told.is_empty() {
        return None;
    }
    let what = if playbook.mode == Mode::Approve { "that a step waits for a yes" } else { "what was done" };
    let message = format!(
        "in mode `{}` nobody is told {what}: neither this playbook nor {} names a channel",
        playbook.mode.word(),
        config.file.display()
    );
    let help = "add `channels` and `notify: [NAME]` to the configuration, or `notify: [NAME]` here";
    let span = places::place(playbook, &["mode"]);
    Some(warning(playbook, span, "no-channel", message).with_help(help))
}

fn without_texts(config: &Config, playbook: &Playbook) -> Option<Fault> {
    if config.query_text != QueryText::None || playbook.guard.protect.queries.is_empty() {
        return None;
    }
    let span = places::place(playbook, &["guard", "protect", "queries"]);
    let message = format!(
        "these patterns protect nothing: with `audit.query_text: none` in {} no query's text is there to match",
        config.file.display()
    );
    let help = "write `query_text: redacted` there, or protect by `users` or `applications`";
    Some(warning(playbook, span, "never-matches", message).with_help(help))
}

/// Rungs that policy's ceiling of their class keeps below what the playbook asks for.
fn capped(config: &Config, playbook: &Playbook) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (act, span) in playbook.rungs().zip(places::rungs(playbook)) {
        let wanted = act.mode.unwrap_or(playbook.mode).min(playbook.mode);
        let (class, name) = (act.action.class, act.action.name);
        let ceiling = config.ceilings.of(class);
        if ceiling >= wanted {
            continue;
        }
        let effect = if ceiling == Mode::Observe { "never acts" } else { "always waits for a person" };
        let message = format!(
            "`{name}` {effect}: it is {}, and `policy.ceilings.{}` is `{}`, below the `{}` asked for here",
            class.word(),
            class.word(),
            ceiling.word(),
            wanted.word()
        );
        let help =
            format!("write `{name}: {{mode: {}}}`, or raise the ceiling in {}", ceiling.word(), config.file.display());
        faults.push(warning(playbook, span, "capped-by-class", message).with_help(help));
    }
    faults
}
