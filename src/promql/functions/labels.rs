//! Functions that make labels of labels.

use super::{Body, Function};
use crate::promql::eval::{Block, Computed, Error, Run, Steps};
use crate::promql::regex;
use crate::promql::syntax::{Call, Expr, Kind};
use crate::promql::value::ValueType::{Text, Vector};

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
    let mut block = run.vector(vector, steps)?;
    for labels in &mut block.rows {
        let from = labels.get(text(source)).to_owned();
        if let Some(found) = regex.captures(&from) {
            let mut value = String::new();
            found.expand(text(replacement), &mut value);
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
        let values: Vec<&str> = sources.iter().map(|source| labels.get(text(source))).collect();
        let joined = values.join(text(separator));
        *labels = labels.with(text(target), joined);
    }
    block.distinct(vector.span).map(Computed::Vector)
}
