//! The reference pages of finders and actions, in Markdown, from the catalogue alone.

use super::catalogue::{ActionSpec, Catalogue, FinderSpec, Param, ParamType};

const GENERATED: &str = "<!-- Generated from the registries: PGMEDIC_BLESS=1 cargo test --test it tidy -->";

/// The page of all finders.
#[must_use]
pub fn finders(catalogue: &Catalogue) -> String {
    let mut page = format!(
        "# Finders\n\n{GENERATED}\n\nA finder is a read-only query that lists candidates of one kind, the worst first. \
         It stands under `find`; its name alone means its defaults.\n"
    );
    for finder in catalogue.finders {
        page.push_str(&one_finder(finder));
    }
    page
}

/// The page of all actions.
#[must_use]
pub fn actions(catalogue: &Catalogue) -> String {
    let mut page = format!(
        "# Actions\n\n{GENERATED}\n\nAn action does one thing to a candidate of its kind. It stands under `do`, alone or \
         with its arguments; every action understands `mode`, which lowers what this one step may do.\n"
    );
    for action in catalogue.actions {
        page.push_str(&one_action(action));
    }
    page
}

fn one_finder(finder: &FinderSpec) -> String {
    let FinderSpec { name, kind, about, params } = finder;
    format!("\n## `{name}`\n\n{about}\n\nLists: {}.\n{}", kind.word(), table(params))
}

fn one_action(action: &ActionSpec) -> String {
    let ActionSpec { name, kind, class, about, params, danger } = action;
    let head = format!("\n## `{name}`\n\n{about}\n\nDone to: {}. Class: {}.\n", kind.word(), class.word());
    let danger = if danger.is_empty() { String::new() } else { format!("\n{danger}\n") };
    format!("{head}{danger}{}", table(params))
}

fn table(params: &[Param]) -> String {
    if params.is_empty() {
        return String::new();
    }
    let rows: String = params.iter().map(row).collect();
    format!("\n| parameter | takes | default | |\n|---|---|---|---|\n{rows}")
}

fn row(param: &Param) -> String {
    let default = match (param.default, param.required) {
        (Some(default), _) => format!("`{default}`"),
        (None, true) => "must be written".to_owned(),
        (None, false) => String::new(),
    };
    // A `|` would end the cell.
    let about = param.about.replace('|', "\\|");
    format!("| `{}` | {} | {default} | {about} |\n", param.name, takes(param.ty))
}

fn takes(ty: ParamType) -> String {
    match ty {
        ParamType::Duration => "a duration".to_owned(),
        ParamType::Count { min, max: u64::MAX } => format!("a whole number from {min}"),
        ParamType::Count { min, max } => format!("a whole number, {min} to {max}"),
        ParamType::Share => "a number, 0 to 1".to_owned(),
        ParamType::Word(words) => one_of(words),
        ParamType::Selector(respects) => format!("patterns over {}", respects.join(", ")),
        ParamType::Overrides { respects, params } => {
            format!("a list of `{{match: …, …}}` over {}, for {}", respects.join(", "), params.join(", "))
        }
    }
}

fn one_of(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    quoted.join(" or ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Class, Kind};

    static FINDER: FinderSpec = FinderSpec {
        name: "long_queries",
        kind: Kind::Backend,
        about: "Queries that run too long.",
        params: &[
            Param {
                name: "longer_than",
                ty: ParamType::Duration,
                default: Some("5m"),
                required: false,
                about: "Running longer counts.",
            },
            Param {
                name: "order_by",
                ty: ParamType::Word(&["age", "size"]),
                default: None,
                required: true,
                about: "a | b",
            },
        ],
    };
    static ACTION: ActionSpec = ActionSpec {
        name: "analyze",
        kind: Kind::Table,
        class: Class::Maintenance,
        about: "Refreshes statistics.",
        params: &[],
        danger: "Reads a sample of the table.",
    };

    static FINDERS: [&FinderSpec; 1] = [&FINDER];
    static ACTIONS: [&ActionSpec; 1] = [&ACTION];

    #[test]
    fn pages_say_what_is_listed_done_and_taken() {
        let catalogue = Catalogue { finders: &FINDERS, actions: &ACTIONS, conditions: false };
        let page = finders(&catalogue);
        let (_, listed) = page.split_once("\n## ").unwrap();
        insta::assert_snapshot!(listed, @r"
        `long_queries`

        Queries that run too long.

        Lists: backend.

        | parameter | takes | default | |
        |---|---|---|---|
        | `longer_than` | a duration | `5m` | Running longer counts. |
        | `order_by` | `age` or `size` | must be written | a \| b |
        ");
        let page = actions(&catalogue);
        let (_, done) = page.split_once("\n## ").unwrap();
        insta::assert_snapshot!(done, @r"
        `analyze`

        Refreshes statistics.

        Done to: table. Class: maintenance.

        Reads a sample of the table.
        ");
    }
}
