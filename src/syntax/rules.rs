//! The codes of faults, each with what it is about and what to do: for programs that show them apart from
//! the file, such as a code host's list of alerts.

/// One sort of fault.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// The code of [`super::Fault`].
    pub code: &'static str,
    /// What is wrong.
    pub about: &'static str,
    /// What to do about it.
    pub help: &'static str,
}

const fn rule(code: &'static str, about: &'static str, help: &'static str) -> Rule {
    Rule { code, about, help }
}

/// All, in order of code.
pub static RULES: &[Rule] = &[
    rule(
        "absent-of-aggregate",
        "`absent` of an aggregation loses the labels that it could tell",
        "Leave the aggregation out.",
    ),
    rule("bad-channel", "A channel does not say where to tell people", "Write either `slack` or `webhook` below it."),
    rule(
        "bad-cron",
        "A cron expression is wrong, does not repeat, or never comes due",
        "Write 5 fields, or 6 with seconds first.",
    ),
    rule("bad-dsn", "A text is no connection string", "Write postgresql://USER@HOST/DATABASE or \"host=… user=…\"."),
    rule("bad-duration", "A text is no length of time", "Write a number with a unit: 30s, 5m, 1h30m."),
    rule("bad-expression", "An expression or a series is no PromQL", "Correct it where the mark stands."),
    rule("bad-find", "`find` does not name exactly one finder", "Write `find: NAME`, or `find: {NAME: {…}}`."),
    rule("bad-matcher", "A text is no matcher over labels", "Write env=\"prod\" or severity=~\"warning|critical\"."),
    rule("bad-moment", "A text is no moment, or an end comes before its beginning", "Write 2026-11-27T00:00:00Z."),
    rule("bad-name", "A text cannot be a name", "Use letters, digits, `-`, `_` and `.`."),
    rule(
        "bad-pattern",
        "A text is no pattern",
        "Write * for any text, ? for one character, [ab] or {a,b} for a choice.",
    ),
    rule(
        "bad-reference",
        "A reference stands where none is understood",
        "A reference replaces a whole value; secrets take `env` and `file`, playbooks `var`.",
    ),
    rule("bad-regex", "A text is no regular expression", "Correct it; backslashes are safest in single quotes."),
    rule(
        "bad-rule",
        "A rule does not either record or alert",
        "Write one of `record` and `alert`, with the keys that it takes.",
    ),
    rule(
        "bad-secret",
        "A secret is not one of Standard Webhooks",
        "Write `whsec_` and 24 to 64 random bytes in base64.",
    ),
    rule(
        "bad-step",
        "A step says nothing, or several things",
        "Begin each step with its own `- `; a wait stands between two actions.",
    ),
    rule("bad-template", "The template of a label or annotation cannot be read", "Correct it where the mark stands."),
    rule(
        "bad-trigger",
        "A trigger does not say when, or says it twice",
        "Write one of `every`, `cron` and `window` for each trigger.",
    ),
    rule(
        "bad-url",
        "A URL is not encrypted",
        "Write https://; plain http is for private addresses with `allow_private`.",
    ),
    rule("bad-zone", "There is no such time zone", "Write a name of the IANA database, such as Europe/Berlin."),
    rule(
        "capped-by-class",
        "Policy's ceiling of an action's class keeps a step below what its playbook asks for",
        "Lower the step's mode, or raise the ceiling.",
    ),
    rule(
        "coarse-subquery",
        "A subquery's step is longer than its range",
        "Write the range before the colon and a shorter step behind it.",
    ),
    rule(
        "constant-comparison",
        "A comparison in an expression always or never holds",
        "Compare with a number within reach; ask with `absent` whether there is nothing.",
    ),
    rule("delta-of-counter", "A function for gauges is given a counter", "Use `increase`, `rate` or `irate`."),
    rule(
        "dropped-label",
        "An expression uses a label that an inner aggregation has dropped",
        "Keep the label in the inner aggregation.",
    ),
    rule("duplicate-key", "A key is written twice in one map", "Keep one of the two."),
    rule("duplicate-name", "Two things have one name", "Rename one."),
    rule("empty", "The file says nothing", "Write a configuration or a playbook, or remove the file."),
    rule("empty-selector", "An empty list or map selects nothing", "Write what is meant, or leave the key out."),
    rule("idle-matcher", "A matcher takes every series", "Leave it out."),
    rule(
        "labels-never-match",
        "The sides of an operator never match, so that it yields nothing",
        "Say with `on` or `ignoring` which labels count.",
    ),
    rule(
        "loose-regex",
        "A regular expression says less or more than it seems to",
        "Write `=` for a plain text; leave `^` and `$` out.",
    ),
    rule("matches-everything", "A selector takes every series there is", "Name a metric, or a label's value."),
    rule("matches-nothing", "The matchers of a selector contradict each other", "Keep one of them, or write a choice."),
    rule("missing-key", "A key that must be there is missing", "Add it."),
    rule(
        "missing-metric",
        "postgres_exporter has no such metric, so a rule on it never fires",
        "Use the name that the message gives.",
    ),
    rule(
        "native-histogram",
        "Native histograms are not kept",
        "Write a classic histogram's buckets, one series for each `le`.",
    ),
    rule(
        "never-matches",
        "A protection can never match",
        "Write what candidates look like: names as PostgreSQL keeps them, queries without leading comments.",
    ),
    rule("no-channel", "A playbook that may act tells nobody", "Name a channel under `notify`."),
    rule("no-effect", "What is written changes nothing", "Remove it, or correct what it should change."),
    rule("no-playbooks", "No playbooks are named, so nothing will be done", "Name files under `playbooks`."),
    rule("no-revision", "The revision cannot be read", "Set it where pgmedic is started."),
    rule("no-targets", "A pattern of files of targets names no file", "Correct the pattern under `target_files`."),
    rule("not-supported-yet", "A later release understands this", "Remove it for now."),
    rule("not-utf8", "The file is not UTF-8", "Save it in UTF-8."),
    rule("out-of-bounds", "A value is too small or too large", "Keep within the bounds that the message names."),
    rule(
        "plain-password",
        "A connection string holds a password",
        "Move it to `password: \"${env:NAME}\"`, or to ~/.pgpass.",
    ),
    rule("plain-secret", "A secret stands in the file itself", "Write \"${env:NAME}\" or \"${file:PATH}\"."),
    rule(
        "rate-of-derived",
        "A function for counters is given a sum of counters or a rate",
        "Take the rate first, then the sum.",
    ),
    rule("rate-of-gauge", "A function for counters is given a gauge", "Use `deriv` or `delta`."),
    rule("same-server", "Two targets are one server", "Make one target of the two, or let one of them observe."),
    rule("shadowed-pattern", "A pattern adds nothing to another", "Remove one of the two."),
    rule("short-range", "A range is too short to hold two samples", "Write four intervals of collection or more."),
    rule("targets-missing", "A playbook that may act does not say where", "Add `targets`: matchers, names, or `all`."),
    rule("too-large", "The file is larger or deeper than is read", "Split it; repeat less by aliases."),
    rule("unknown-action", "There is no such action", "See `pgmedic schema playbook` for those there are."),
    rule(
        "unknown-candidate",
        "A test names a candidate that none of its rows is",
        "Write a pid, a table such as public.orders, or a pool such as shop.app.",
    ),
    rule("unknown-channel", "There is no such channel", "Define it under `channels`, or correct the name."),
    rule(
        "unknown-file",
        "The file is neither a configuration nor a playbook, rule file or test",
        "A playbook has `name` and `find`; a configuration has `targets`; a rule file has `groups`.",
    ),
    rule("unknown-finder", "There is no such finder", "See `pgmedic schema playbook` for those there are."),
    rule("unknown-guard", "There is no such guard", "See docs/reference/guards.md for those there are."),
    rule("unknown-key", "A key is not known here", "Correct it, or remove it."),
    rule("unknown-playbook", "There is no such playbook", "Correct the name, or add the playbook."),
    rule("unknown-target", "There is no such target", "Define it under `targets`, or correct the name."),
    rule("unknown-variable", "There is no such variable", "Define it under `vars`, or correct the name."),
    rule("unknown-window", "There is no such window", "Define it under `windows`, or correct the name."),
    rule("unknown-word", "A word is none of those that are understood", "Write one of those that the message names."),
    rule("unreadable", "Files cannot be listed or read", "Correct the path, or its permissions."),
    rule("unused-variable", "A variable is not used", "Use it, or remove it."),
    rule("useless-step", "A step can never help", "Remove it, or move the milder step before the stronger."),
    rule("version", "The file is of another version", "Write `version: 1`."),
    rule(
        "weak-sslmode",
        "A connection over the network does not check whom it reaches",
        "Add sslmode=verify-full to the connection string.",
    ),
    rule("wrong-kind", "An action does not fit what the finder lists", "Choose an action for that kind."),
    rule("wrong-type", "A value is of the wrong sort", "Write what the message expects."),
    rule(
        "yaml",
        "The file is not YAML as it is read here",
        "Correct the indentation; quote what begins with a special sign.",
    ),
];
