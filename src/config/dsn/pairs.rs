//! `key=value` pairs: values with blanks stand in `'`, and `\` escapes inside and outside of them.

use super::Params;

/// Reads them.
///
/// # Errors
/// Says what is wrong and never repeats a value.
pub fn read(text: &str) -> Result<Params, String> {
    let mut params = Params::default();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        // What stands before a missing `=` may be a stray half of a password: it is not repeated.
        let (key, after) = rest
            .split_once('=')
            .filter(|(key, _)| !key.trim_end().contains(char::is_whitespace))
            .ok_or("a connection string is a postgresql:// URL or key=value pairs; an `=` is missing")?;
        let (value, after) = value(after.trim_start())?;
        params.put(key.trim_end(), value)?;
        rest = after.trim_start();
    }
    Ok(params)
}

fn value(text: &str) -> Result<(String, &str), String> {
    let quoted = text.starts_with('\'');
    let mut out = String::new();
    let mut chars = text.char_indices().skip(usize::from(quoted));
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => out.extend(chars.next().map(|(_, c)| c)),
            '\'' if quoted => return Ok((out, &text[at + 1..])),
            c if !quoted && c.is_whitespace() => return Ok((out, &text[at..])),
            c => out.push(c),
        }
    }
    if quoted { Err("a quoted value in the connection string is not closed".to_owned()) } else { Ok((out, "")) }
}
