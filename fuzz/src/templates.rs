//! A template of an alert: read and expanded, its queries answered from the small store.

use super::deadline;
use super::promql::{NOW, SAMPLES, store};
use pgmedic::promql::{Engine, Store, Value, parse};
use pgmedic::rules::template::{self, Data, Element, Texts};
use std::sync::LazyLock;

static STORE: LazyLock<Store> = LazyLock::new(store);

/// No template may write more.
const MOST: usize = 64 * 1024;

fn element(labels: &pgmedic::promql::Labels, value: f64) -> Element {
    let texts = labels.iter().map(|(name, value)| (name.to_string(), value.to_string()));
    Element { labels: Texts::new(texts.collect()), value }
}

/// Reads and expands.
pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let template = match template::parse(text) {
        Ok(template) => template,
        Err(fault) => {
            assert!(fault.at <= text.len() && !fault.told(text, "t").is_empty(), "a fault lies within the text");
            return;
        }
    };
    let stop = deadline();
    let engine = Engine { samples: SAMPLES, ..Engine::default() };
    let query = |text: &str| {
        let expr = parse(text).map_err(|error| error.message)?;
        match engine.instant(&expr, &*STORE, NOW, &stop).map_err(|error| error.to_string())? {
            Value::Vector(found) => Ok(found.iter().map(|(labels, value)| element(labels, *value)).collect()),
            _ => Err("no vector".to_owned()),
        }
    };
    let labels = Texts::new([("job".to_owned(), "j".to_owned()), ("instance".to_owned(), "h:1".to_owned())].into());
    let about = Data {
        labels: labels.clone(),
        external_labels: labels,
        external_url: "http://h/p".to_owned(),
        value: 12_345.678,
    };
    if let Ok(said) = template.expand(("t", text), about, &query, &stop) {
        assert!(said.len() <= MOST, "{} bytes were written", said.len());
    }
}
