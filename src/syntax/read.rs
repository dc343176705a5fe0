//! Walks the tree with known keys and collects every fault on the way.

use super::fault::{meant, quote, suggest};
use super::{Entry, Fault, Kind, Node, Severity, Span};

/// Codes of faults that leave nothing to be said about a value.
const BROKEN: [&str; 3] = ["bad-reference", "unknown-variable", "not-supported-yet"];

/// What a map may hold.
#[derive(Clone, Copy, Debug)]
pub struct Keys {
    /// What the map is, for messages: `a trigger`.
    pub what: &'static str,
    /// Keys that work.
    pub known: &'static [&'static str],
    /// Those of them that must be there.
    pub required: &'static [&'static str],
    /// Keys of the design that this build refuses.
    pub later: &'static [&'static str],
}

/// A map whose keys were checked.
#[derive(Clone, Copy, Debug)]
pub struct Map<'n> {
    /// Where it begins.
    pub span: Span,
    entries: &'n [Entry],
}

impl<'n> Map<'n> {
    /// What is written below a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&'n Node> {
        self.entry(key).map(|e| &e.value)
    }

    /// A key with its place.
    #[must_use]
    pub fn entry(&self, key: &str) -> Option<&'n Entry> {
        self.entries.iter().find(|e| e.key == key)
    }

    /// All entries in the order of the file, unknown ones included.
    #[must_use]
    pub fn entries(&self) -> &'n [Entry] {
        self.entries
    }
}

/// One file being read. Readers return `None` where they reported a fault.
#[derive(Debug)]
pub struct Reader<'t> {
    file: &'t str,
    text: &'t str,
    faults: Vec<Fault>,
    /// Texts that nodes were taken over from, and the first place of each.
    others: Vec<(usize, &'t str, &'t str)>,
    /// How many regular expressions were read.
    regexes: usize,
    /// What is reported when there are too many faults already: the worst that was and the last.
    untold: Option<(Severity, Fault)>,
}

/// Faults of a file that are told: the place of each is looked for in the text.
const MOST_FAULTS: usize = 1_000;

/// Regular expressions that a file may have: each may take a MiB.
const MOST_REGEXES: usize = 200;

impl<'t> Reader<'t> {
    /// Begins with no fault.
    #[must_use]
    pub fn new(file: &'t str, text: &'t str) -> Reader<'t> {
        Reader { file, text, faults: Vec::new(), others: Vec::new(), regexes: 0, untold: None }
    }

    /// The file's text.
    #[must_use]
    pub fn text(&self) -> &'t str {
        self.text
    }

    /// The line of a place, from 1.
    #[must_use]
    pub fn line(&self, span: Span) -> usize {
        let (_, text, span) = self.place(span);
        text.bytes().take(span.start).filter(|b| *b == b'\n').count() + 1
    }

    /// Lets nodes of another file stand in this one's tree: what [`Node::shift`] must move them by, so
    /// that faults name the file they came from.
    pub fn beside(&mut self, file: &'t str, text: &'t str) -> usize {
        let (start, _, last) = self.others.last().copied().unwrap_or((0, self.file, self.text));
        // One more, so that the end of a text is not the beginning of the next.
        let base = start + last.len() + 1;
        self.others.push((base, file, text));
        base
    }

    /// File, text and the place in it.
    #[must_use]
    pub fn place(&self, span: Span) -> (&'t str, &'t str, Span) {
        match self.others.iter().rev().find(|(base, ..)| *base <= span.start) {
            Some((base, file, text)) => (file, text, Span { start: span.start - base, end: span.end - base }),
            None => (self.file, self.text, span),
        }
    }

    /// Whether the file can be used.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        let untold = self.untold.as_ref().is_some_and(|(worst, _)| *worst == Severity::Error);
        !untold && !self.faults.iter().any(Fault::is_error)
    }

    /// All faults in the order of the file, each once.
    #[must_use]
    pub fn into_faults(mut self) -> Vec<Fault> {
        let own = self.file;
        if let Some((worst, _)) = self.untold.take() {
            let message = format!("only the first {MOST_FAULTS} faults of this file are told");
            self.faults.push(Fault::at(own, self.text, Span::default(), worst, "too-large", message));
        }
        self.faults.sort_by(|a, b| (a.file != own, &a.file, a.span).cmp(&(b.file != own, &b.file, b.span)));
        // A value that an alias repeats would be reported at each repetition.
        self.faults.dedup();
        // What is wrong with the text of a faulty reference is no second fault.
        let broken = self.faults.iter().filter(|f| BROKEN.contains(&f.code)).map(|f| (f.file.clone(), f.span));
        let broken: Vec<(String, Span)> = broken.collect();
        let is_broken = |f: &Fault| broken.iter().any(|(file, span)| *file == f.file && *span == f.span);
        self.faults.retain(|f| BROKEN.contains(&f.code) || !is_broken(f));
        self.faults
    }

    /// Reports an error; the returned fault takes a help.
    pub fn error(&mut self, span: Span, code: &'static str, message: impl Into<String>) -> &mut Fault {
        self.report(span, Severity::Error, code, message.into())
    }

    /// Reports an error with what to write instead.
    pub fn error_help(&mut self, span: Span, code: &'static str, message: impl Into<String>, help: impl Into<String>) {
        self.error(span, code, message).help = Some(help.into());
    }

    /// Reports a warning with what to write instead.
    pub fn warning(&mut self, span: Span, code: &'static str, message: impl Into<String>, help: impl Into<String>) {
        self.report(span, Severity::Warning, code, message.into()).help = Some(help.into());
    }

    fn report(&mut self, span: Span, severity: Severity, code: &'static str, message: String) -> &mut Fault {
        let at = self.faults.len();
        let (file, text, span) = self.place(span);
        if at >= MOST_FAULTS {
            let worst = self.untold.take().map_or(severity, |(worst, _)| worst.min(severity));
            let fault = Fault::at("", "", Span::default(), severity, code, message);
            return &mut self.untold.insert((worst, fault)).1;
        }
        self.faults.push(Fault::at(file, text, span, severity, code, message));
        &mut self.faults[at]
    }

    /// Whether one more regular expression may be compiled; reports the first that may not.
    pub fn takes_regex(&mut self, span: Span) -> bool {
        self.regexes += 1;
        if self.regexes == MOST_REGEXES + 1 {
            self.error(span, "too-large", format!("more than {MOST_REGEXES} regular expressions are in this file"));
        }
        self.regexes <= MOST_REGEXES
    }

    /// Reports a key or word of the design that a later release brings.
    pub fn not_yet(&mut self, span: Span, what: &str) {
        self.error_help(span, "not-supported-yet", format!("`{what}` is not supported yet"), "remove it for now");
    }

    /// Reports a value of the wrong sort.
    pub fn mismatch(&mut self, node: &Node, wanted: &str) {
        self.mismatch_help(node, wanted, None);
    }

    /// Reports a value of the wrong sort, with what to write instead where that is known.
    pub fn mismatch_help(&mut self, node: &Node, wanted: &str, help: Option<String>) {
        self.error(node.span, "wrong-type", format!("{wanted} is expected here, not {}", describe(node))).help = help;
    }

    /// A map with known keys; reports the unknown, the missing and those of later releases.
    pub fn map<'n>(&mut self, node: &'n Node, keys: &Keys) -> Option<Map<'n>> {
        let map = self.open_map(node, keys.what)?;
        for entry in map.entries {
            let key = entry.key.as_str();
            if keys.later.contains(&key) {
                self.not_yet(entry.key_span, key);
            } else if !keys.known.contains(&key) {
                let message = format!("{} is no key of {}", quote(key), keys.what);
                let there = keys.known.iter().chain(keys.later).copied();
                self.error_help(entry.key_span, "unknown-key", message, suggest(key, there));
            }
        }
        for key in keys.required {
            if map.entry(key).is_none() {
                let message = format!("`{key}` is missing in {}", keys.what);
                self.error_help(map.span, "missing-key", message, format!("add `{key}: …`"));
            }
        }
        Some(map)
    }

    /// A map whose keys are names that the user chooses.
    pub fn open_map<'n>(&mut self, node: &'n Node, what: &str) -> Option<Map<'n>> {
        if let Kind::Map(entries) = &node.kind {
            return Some(Map { span: node.span, entries });
        }
        self.mismatch(node, &format!("a map ({what})"));
        None
    }

    /// A list; its items may be of any sort.
    pub fn list<'n>(&mut self, node: &'n Node, of: &str) -> Option<&'n [Node]> {
        if let Kind::Seq(items) = &node.kind {
            return Some(items);
        }
        self.mismatch(node, &format!("a list of {of}"));
        if let (Some(text), Some(fault)) = (node.scalar(), self.faults.last_mut()) {
            fault.help = Some(format!("write it as a list: [{}]", text.chars().take(60).collect::<String>()));
        }
        None
    }

    /// A text that is not empty. Numbers and words count as texts.
    pub fn text_of<'n>(&mut self, node: &'n Node, what: &str) -> Option<&'n str> {
        match node.scalar() {
            Some(text) if !text.trim().is_empty() => Some(text),
            _ => {
                self.mismatch(node, what);
                None
            }
        }
    }

    /// A list of texts.
    pub fn texts(&mut self, node: &Node, of: &str) -> Option<Vec<String>> {
        let items = self.list(node, of)?;
        let texts: Vec<String> =
            items.iter().filter_map(|item| self.text_of(item, "a text")).map(str::to_owned).collect();
        (texts.len() == items.len()).then_some(texts)
    }

    /// `true` or `false`, nothing else.
    pub fn bool(&mut self, node: &Node) -> Option<bool> {
        match &node.kind {
            Kind::Scalar { text, quoted: false } if text == "true" => Some(true),
            Kind::Scalar { text, quoted: false } if text == "false" => Some(false),
            _ => {
                let meant = node.scalar().and_then(truth);
                self.mismatch_help(node, "`true` or `false`", meant.map(|truth| format!("write `{truth}`")));
                None
            }
        }
    }

    /// A whole number within bounds, both included.
    pub fn count(&mut self, node: &Node, min: u64, max: u64) -> Option<u64> {
        let digits = match &node.kind {
            Kind::Scalar { text, quoted: false } if text.bytes().all(|b| b.is_ascii_digit()) => text.as_str(),
            _ => "",
        };
        if digits.is_empty() {
            let quoted = node.scalar().filter(|text| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()));
            let help = quoted
                .map(|digits| format!("write it without quotes: {}", digits.chars().take(60).collect::<String>()));
            self.mismatch_help(node, &format!("a whole number from {min} to {max}"), help);
            return None;
        }
        match digits.parse::<u64>() {
            Ok(n) if (min..=max).contains(&n) => Some(n),
            _ => {
                let message = format!("{} is out of bounds", quote(digits));
                self.error_help(node.span, "out-of-bounds", message, format!("write a number from {min} to {max}"));
                None
            }
        }
    }

    /// As [`Reader::count`], for what is kept in 32 bits.
    pub fn count32(&mut self, node: &Node, min: u32, max: u32) -> Option<u32> {
        self.count(node, min.into(), max.into()).and_then(|n| u32::try_from(n).ok())
    }

    /// A number between 0 and 1, both included.
    pub fn share(&mut self, node: &Node) -> Option<f64> {
        let plain = match &node.kind {
            Kind::Scalar { text, quoted: false } => text.parse::<f64>().ok(),
            _ => None,
        };
        let share = plain.filter(|x| (0.0..=1.0).contains(x));
        if share.is_none() {
            self.mismatch(node, "a number from 0 to 1");
        }
        share
    }

    /// One of a few words.
    pub fn word<T: Copy>(&mut self, node: &Node, words: &[(&str, T)]) -> Option<T> {
        let there = words.iter().map(|(word, _)| *word);
        let all: Vec<String> = there.clone().map(|word| format!("`{word}`")).collect();
        let Some(text) = node.scalar() else {
            self.mismatch(node, &format!("one of {}", all.join(", ")));
            return None;
        };
        let found = words.iter().find(|(word, _)| *word == text);
        if found.is_none() {
            let help =
                meant(text, there).map_or("write one of them".to_owned(), |one| format!("did you mean `{one}`?"));
            let message = format!("{} is none of {}", quote(text), all.join(", "));
            self.error_help(node.span, "unknown-word", message, help);
        }
        found.map(|(_, value)| *value)
    }

    /// `version: 1`.
    pub fn version(&mut self, map: &Map) {
        let Some(node) = map.get("version") else { return };
        if !matches!(&node.kind, Kind::Scalar { text, quoted: false } if text == "1") {
            self.error_help(node.span, "version", "this build reads version 1 only", "write `version: 1`");
        }
    }
}

/// What a word means that other readers of YAML take for `true` or `false`.
#[must_use]
pub fn truth(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "y" => Some(true),
        "false" | "no" | "off" | "n" => Some(false),
        _ => None,
    }
}

fn describe(node: &Node) -> String {
    match &node.kind {
        _ if node.is_nothing() => "nothing".to_owned(),
        Kind::Scalar { text, .. } if text.trim().is_empty() => "an empty text".to_owned(),
        Kind::Scalar { text, quoted: true } => format!("the text {}", quote(text)),
        Kind::Scalar { text, .. } => quote(text),
        Kind::Seq(_) => "a list".to_owned(),
        Kind::Map(_) => "a map".to_owned(),
    }
}
