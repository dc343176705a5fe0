//! Texts from outside, made harmless and short for Slack.

/// Characters that split a mention without showing: `@here` in a query must wake nobody.
const JOINER: char = '\u{2060}';
const MENTIONS: [&str; 4] = ["here", "channel", "everyone", "group"];

/// Escapes what Slack reads as markup (`&`, `<`, `>`), takes control characters away and splits mentions.
pub(super) fn safe(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (at, c) in text.char_indices() {
        match escaped(c) {
            Some(entity) => out.push_str(entity),
            None if c == '\n' || !dropped(c) => out.push(c),
            None => out.push(' '),
        }
        if c == '@' && mention_follows(&text[at + 1..]) {
            out.push(JOINER);
        }
    }
    out
}

/// The text made safe, in at most `room` characters; what is longer ends with `tail` (already safe).
pub(super) fn fit(text: &str, room: usize, tail: &str) -> String {
    let text = text.trim();
    // Whatever fits has at most `room` characters, so the rest need not be looked at.
    let start = text.char_indices().nth(room + 1).map_or(text, |(end, _)| &text[..end]);
    let whole = safe(start);
    if start.len() == text.len() && cost(&whole) <= room {
        return if whole.trim().is_empty() { "(empty)".to_owned() } else { whole };
    }
    let room = room.saturating_sub(cost(tail));
    let mut used = 0;
    let mut end = 0;
    while let Some(piece) = next_piece(&whole[end..]) {
        used += cost(piece);
        if used > room {
            break;
        }
        end += piece.len();
    }
    format!("{}{tail}", &whole[..end])
}

/// What a text counts for: UTF-16 units of its JSON form, the strictest of the readings of Slack's limits.
pub(super) fn cost(text: &str) -> usize {
    let one = |c: char| match c {
        '"' | '\\' | '\n' => 2,
        c => c.len_utf16(),
    };
    text.chars().map(one).sum()
}

/// One character, or one whole entity: half of `&amp;` would be shown as such.
fn next_piece(text: &str) -> Option<&str> {
    let first = text.chars().next()?;
    let entity = ["&amp;", "&lt;", "&gt;"].into_iter().find(|e| text.starts_with(e));
    Some(entity.unwrap_or(&text[..first.len_utf8()]))
}

fn escaped(c: char) -> Option<&'static str> {
    match c {
        '&' => Some("&amp;"),
        '<' => Some("&lt;"),
        '>' => Some("&gt;"),
        _ => None,
    }
}

/// Control characters, and those that turn the reading direction: they can hide what a query does.
fn dropped(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

fn mention_follows(rest: &str) -> bool {
    MENTIONS.iter().any(|word| rest.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word)))
}
