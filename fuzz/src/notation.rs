//! The notation of series: the first line names a series, the rest are its values.

use pgmedic::promql::syntax::notation;

/// Reads both.
pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (series, values) = text.split_once('\n').unwrap_or((text, text));
    for (text, error) in [(series, notation::series(series).err()), (values, notation::values(values).err())] {
        if let Some(error) = error {
            assert!(text.get(error.span.start..error.span.end).is_some(), "a fault lies within the text");
        }
    }
}
