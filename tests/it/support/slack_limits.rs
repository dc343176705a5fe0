//! Slack's documented rules for incoming webhooks, checked strictly: what Slack would quietly cut
//! or refuse is an error here, and so is what it would ignore.

use serde_json::{Map, Value as Json};

const MOST_BLOCKS: usize = 50;
const ALL_BLOCKS: usize = 13_000;
const FALLBACK: usize = 4_000;

/// Whether Slack would take the payload as it stands.
///
/// # Errors
/// Slack's word for the fault and where it is.
pub fn check(payload: &Json) -> Result<(), String> {
    let payload = object(payload, "payload")?;
    known(payload, &["text", "blocks", "unfurl_links", "unfurl_media", "mrkdwn"], "payload")?;
    let text = payload.get("text").and_then(Json::as_str).ok_or("no_text: text is the fallback and must be there")?;
    length(text, 1, FALLBACK, "text")?;
    let Some(blocks) = payload.get("blocks") else { return Ok(()) };
    let blocks = blocks.as_array().ok_or("invalid_blocks_format: blocks is no list")?;
    if blocks.is_empty() || blocks.len() > MOST_BLOCKS {
        return Err(format!("invalid_blocks: {} blocks, 1 to {MOST_BLOCKS} allowed", blocks.len()));
    }
    let all: usize = blocks.iter().map(|b| b.to_string().encode_utf16().count()).sum();
    if all > ALL_BLOCKS {
        return Err(format!("msg_blocks_too_long: all blocks have {all} characters, limit {ALL_BLOCKS}"));
    }
    blocks.iter().enumerate().try_for_each(|(i, b)| block(b, &format!("blocks[{i}]")))
}

/// What a person would read, without markup.
pub fn plain_text(payload: &Json) -> String {
    let mut lines = Vec::new();
    let blocks = payload.get("blocks").and_then(Json::as_array);
    for block in blocks.into_iter().flatten() {
        let own = block.pointer("/text/text").and_then(Json::as_str);
        let listed = |key: &str| block.get(key).and_then(Json::as_array).cloned().unwrap_or_default();
        let parts = [listed("elements"), listed("fields")].concat();
        let parts: Vec<&str> = parts.iter().filter_map(|e| e.get("text").and_then(Json::as_str)).collect();
        lines.extend(own.map(str::to_owned));
        lines.extend((!parts.is_empty()).then(|| parts.join(" | ")));
    }
    if lines.is_empty() {
        lines.extend(payload.get("text").and_then(Json::as_str).map(str::to_owned));
    }
    lines.join("\n").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

fn block(block: &Json, at: &str) -> Result<(), String> {
    let block = object(block, at)?;
    match block.get("type").and_then(Json::as_str) {
        Some("header") => {
            known(block, &["type", "block_id", "text"], at)?;
            text(block.get("text"), &["plain_text"], 150, &format!("{at}.text"))
        }
        Some("section") => section(block, at),
        Some("context") => {
            known(block, &["type", "block_id", "elements"], at)?;
            let elements = list(block.get("elements"), 10, &format!("{at}.elements"))?;
            each(elements, &format!("{at}.elements"), |e, at| text(Some(e), &["plain_text", "mrkdwn"], 3_000, at))
        }
        Some("divider") => known(block, &["type", "block_id"], at),
        other => Err(format!("invalid_blocks: {at} has the type {other:?}")),
    }
}

fn section(block: &Map<String, Json>, at: &str) -> Result<(), String> {
    known(block, &["type", "block_id", "text", "fields"], at)?;
    if !block.contains_key("text") && !block.contains_key("fields") {
        return Err(format!("invalid_blocks: {at} has neither text nor fields"));
    }
    if block.contains_key("text") {
        text(block.get("text"), &["plain_text", "mrkdwn"], 3_000, &format!("{at}.text"))?;
    }
    let Some(fields) = block.get("fields") else { return Ok(()) };
    let at = format!("{at}.fields");
    each(list(Some(fields), 10, &at)?, &at, |f, at| text(Some(f), &["plain_text", "mrkdwn"], 2_000, at))
}

fn text(text: Option<&Json>, kinds: &[&str], most: usize, at: &str) -> Result<(), String> {
    let text = object(text.unwrap_or(&Json::Null), at)?;
    let kind = text.get("type").and_then(Json::as_str).unwrap_or_default();
    if !kinds.contains(&kind) {
        return Err(format!("invalid_blocks: {at} has the type {kind:?}, allowed {kinds:?}"));
    }
    let flag = if kind == "plain_text" { "emoji" } else { "verbatim" };
    known(text, &["type", "text", flag], at)?;
    if text.get(flag).is_some_and(|v| !v.is_boolean()) {
        return Err(format!("invalid_blocks: {at}.{flag} is no boolean"));
    }
    let words = text.get("text").and_then(Json::as_str).ok_or_else(|| format!("invalid_blocks: {at} has no text"))?;
    length(words, 1, most, at)
}

fn each(list: &[Json], at: &str, check: impl Fn(&Json, &str) -> Result<(), String>) -> Result<(), String> {
    list.iter().enumerate().try_for_each(|(i, item)| check(item, &format!("{at}[{i}]")))
}

fn object<'a>(value: &'a Json, at: &str) -> Result<&'a Map<String, Json>, String> {
    value.as_object().ok_or_else(|| format!("invalid_payload: {at} is no object"))
}

fn list<'a>(value: Option<&'a Json>, most: usize, at: &str) -> Result<&'a [Json], String> {
    let list = value.and_then(Json::as_array).ok_or_else(|| format!("invalid_blocks: {at} is no list"))?;
    let sound = (1..=most).contains(&list.len());
    if sound { Ok(list) } else { Err(format!("invalid_blocks: {at} has {} items, 1 to {most} allowed", list.len())) }
}

fn known(object: &Map<String, Json>, keys: &[&str], at: &str) -> Result<(), String> {
    let unknown = object.keys().find(|k| !keys.contains(&k.as_str()));
    unknown.map_or(Ok(()), |key| Err(format!("invalid_blocks: {at} has the unknown key {key:?}")))
}

fn length(text: &str, least: usize, most: usize, at: &str) -> Result<(), String> {
    let n = text.encode_utf16().count();
    let sound = (least..=most).contains(&n) && !text.trim().is_empty();
    if sound { Ok(()) } else { Err(format!("invalid_blocks: {at} has {n} characters, {least} to {most} allowed")) }
}
