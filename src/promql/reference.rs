//! The reference page of functions, aggregations and differences, in Markdown, from the registries.

use super::{aggregations, functions};

const GENERATED: &str = "<!-- Generated from the registries: PGMEDIC_BLESS=1 cargo test --test it tidy -->";

/// The page of all that an expression can call.
#[must_use]
pub fn page() -> String {
    let mut page = format!(
        "# PromQL\n\n{GENERATED}\n\nExpressions mean what they mean in Prometheus 3. What is not computed is an error when \
         the expression is read, never a wrong number.\n\n## Aggregations\n\n| | |\n|---|---|\n"
    );
    for one in aggregations::all().filter(|one| one.refused().is_none()) {
        page.push_str(&row(&one.usage(), one.about));
    }
    page.push_str("\n## Functions\n\n| | |\n|---|---|\n");
    let mut all: Vec<_> = functions::all().collect();
    all.sort_by_key(|function| function.name);
    for function in all.iter().filter(|function| function.refused().is_none()) {
        page.push_str(&row(&function.usage(), function.about));
    }
    page.push_str("\n## Not computed\n\n| | |\n|---|---|\n");
    for one in aggregations::all() {
        one.refused().into_iter().for_each(|why| page.push_str(&row(one.name, why)));
    }
    for function in all {
        function.refused().into_iter().for_each(|why| page.push_str(&row(function.name, why)));
    }
    page
}

fn row(call: &str, about: &str) -> String {
    format!("| `{call}` | {about} |\n")
}
