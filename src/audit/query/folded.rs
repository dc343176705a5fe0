//! The folded state of a log that nobody writes now: what a plan without a daemon has to count in.

use super::{QueryError, logged};
use crate::audit::fold::Fold;
use crate::audit::lines::Forward;
use crate::decide::state::State;
use std::path::Path;

/// Reads the last segment, which begins with what was folded before it. A torn or damaged line ends the
/// reading: what it would have said is `verify`'s business.
///
/// # Errors
/// No log, or files that cannot be read.
pub fn state(data_dir: &Path) -> Result<State, QueryError> {
    let layout = logged(data_dir)?;
    let mut fold: Option<Fold> = None;
    // A segment that was begun and holds nothing yet leaves the one before it as the last.
    for first in layout.segments()?.into_iter().rev() {
        let mut lines = Forward::open(&layout.segment(first))?;
        while let Some(line) = lines.next()?.filter(|line| line.complete) {
            if fold.is_none() {
                fold = Fold::resume(first, &line.bytes).ok();
            }
            let pushed = fold.as_mut().is_some_and(|fold| fold.push(&line.bytes).is_ok());
            if !pushed {
                break;
            }
        }
        if fold.is_some() {
            break;
        }
    }
    Ok(fold.map(|f| f.state).unwrap_or_default())
}
