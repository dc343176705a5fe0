//! From text to values: a tree of YAML nodes that know their place, and readers that walk it and
//! report every fault of a file at once.
//!
//! Nothing here derives `Deserialize`: serde stops at the first fault, and a bare word where a variant
//! with a value is expected swallows the next list item without a word (docs/decisions).

pub mod cron;
pub mod fault;
pub mod node;
pub mod parse;
mod protected;
pub mod read;
pub mod reference;
pub mod render;
pub mod rules;
pub mod schema;
mod selectors;
pub mod values;

pub use fault::{Fault, Place, Severity, Span};
pub use node::{Entry, Kind, Node};
pub use parse::parse;
pub use read::{Keys, Map, Reader, truth};
pub use reference::Reference;
pub use render::render;
pub use selectors::RESPECTS;
