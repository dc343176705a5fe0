//! Functions that make labels of labels.

use super::{Body, Function};
use crate::promql::eval::{Block, Computed, Error, Run, Steps};
use crate::promql::regex;
use crate::promql::syntax::{Call, Expr, Kind};
use crate::promql::value::ValueType::{Text, Vector};

/// Bytes that a label may have that an expression makes: calls within calls could double it each time.
const MOST_BYTES: usize = 16 * 1024;

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new(
        "label_replace",
        &[Vector, Text, Text, Text, Text],
        Body::Whole(label_replace),
        "Sets a label to what a regular expression finds in another.",
    ),
    Function {
        repeats: true,
        ..Function::new(
            "label_join",
            &[Vector, Text, Text, Text],
            Body::Whole(label_join),
            "Sets a label to the values of others with a separator between them.",
        )
    },
];

/// The text that an argument is; the parser lets only texts stand there.
fn text(arg: &Expr) -> &str {
    match &arg.bare().kind {
        Kind::Text(text) => text,
        _ => "",
    }
}

/// Counts a new label, before it is made.
fn pay(run: &mut Run, bytes: usize, call: &Call, at: &Expr) -> Result<(), Error> {
    if bytes > MOST_BYTES {
        let name = call.function.name;
        return Err(Error::failed(at.span, format!("{name}() would make a label of more than {MOST_BYTES} bytes")));
    }
    run.spend_label(bytes)
}

fn nothing(steps: &Steps) -> Computed {
    Computed::Vector(Block::new(steps.count))
}

fn label_replace(run: &mut Run, call: &Call, steps: &Steps) -> Result<Computed, Error> {
    let [vector, target, replacement, source, pattern] = call.args.as_slice() else { return Ok(nothing(steps)) };
    let failed = |why: String| Error::failed(pattern.span, format!("{why} in label_replace(): {}", text(pattern)));
    let regex = regex::compile(text(pattern)).map_err(|why| failed(format!("invalid regular expression ({why})")))?;
    let named = text(target);
    if named.is_empty() {
        return Err(Error::failed(target.span, "invalid destination label name in label_replace(): "));
    }
    run.work_on_regex()?;
    let mut block = run.vector(vector, steps)?;
    let references = text(replacement).matches('$').count();
    for labels in &mut block.rows {
        let from = labels.get(text(source)).to_owned();
        run.work(1 + from.len())?;
        if let Some(found) = regex.captures(&from) {
            let longest = text(replacement).len() + references * from.len();
            pay(run, longest, call, replacement)?;
            let mut value = String::new();
            regex::expand(&found, text(replacement), &mut value);
            *labels = labels.with(named, value);
        }
    }
    block.distinct(vector.span).map(Computed::Vector)
}

fn label_join(run: &mut Run, call: &Call, steps: &Steps) -> Result<Computed, Error> {
    let [vector, target, separator, sources @ ..] = call.args.as_slice() else { return Ok(nothing(steps)) };
    for (arg, what) in sources.iter().map(|arg| (arg, "source")).chain([(target, "destination")]) {
        if text(arg).is_empty() {
            return Err(Error::failed(arg.span, format!("invalid {what} label name in label_join(): ")));
        }
    }
    let mut block = run.vector(vector, steps)?;
    for labels in &mut block.rows {
        let longest = sources.iter().map(|source| labels.get(text(source)).len() + text(separator).len()).sum();
        pay(run, longest, call, target)?;
        let values: Vec<&str> = sources.iter().map(|source| labels.get(text(source))).collect();
        let joined = values.join(text(separator));
        *labels = labels.with(text(target), joined);
    }
    block.distinct(vector.span).map(Computed::Vector)
}
