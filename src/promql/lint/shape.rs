//! Which labels the elements of a vector can have, as far as the expression shows it.

use super::metrics;
use super::tree::Node;
use crate::promql::labels::METRIC_NAME;
use crate::promql::matcher::{Comparison, Matcher};
use crate::promql::syntax::{Aggregate, Binary, Call, Cardinality, Class, Expr, Grouping, Kind, Operator};
use crate::syntax::Span;
use std::collections::{BTreeMap, BTreeSet};

/// How many facts of a kind are kept of a part. A chain of operators would hold those of its first part as
/// often as it is long; one who writes more labels than this goes without some findings.
const MOST_FACTS: usize = 64;

/// Why no element has a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lost {
    /// It never had: another metric's label, or a vector without labels.
    Never,
    /// This part dropped it.
    Dropped(Span),
}

/// What is certain about the labels of every element.
#[derive(Clone, Debug, Default)]
pub(super) struct Shape {
    /// The only labels that there can be, and why no others.
    only: Option<(BTreeSet<String>, Lost)>,
    /// Labels that there cannot be.
    gone: BTreeMap<String, Lost>,
    /// Of each set at least one label is there.
    some: Vec<BTreeSet<String>>,
    /// What the labels' values satisfy.
    held: Vec<Matcher>,
}

impl Shape {
    fn bare(why: Lost) -> Shape {
        Shape { only: Some((BTreeSet::new(), why)), ..Shape::default() }
    }

    fn selected(matchers: &[Matcher]) -> Shape {
        let held: Vec<Matcher> = matchers.iter().filter(|one| one.name() != METRIC_NAME).cloned().collect();
        let mut shape = Shape { held, ..Shape::default() };
        if let Some((own, others)) = metric(matchers).and_then(metrics::labels) {
            // Who selects by a label knows that there is one.
            let asked = |label: &&str| shape.held.iter().any(|one| one.name() == *label);
            shape.gone =
                others.into_iter().filter(|label| !asked(label)).map(|l| (l.to_owned(), Lost::Never)).collect();
            shape.some.extend((!own.is_empty()).then(|| own.into_iter().map(str::to_owned).collect()));
        }
        shape
    }

    /// Itself without what is too much to keep for every part.
    pub fn bounded(mut self) -> Shape {
        self.only = self.only.filter(|(names, _)| names.len() <= MOST_FACTS);
        while self.gone.len() > MOST_FACTS {
            self.gone.pop_last();
        }
        self.some.retain(|group| group.len() <= MOST_FACTS);
        self.some.truncate(MOST_FACTS);
        self.held.truncate(MOST_FACTS);
        self
    }

    /// Why no element has a label, when none has.
    pub fn lost(&self, label: &str) -> Option<Lost> {
        if label == METRIC_NAME {
            return None;
        }
        let outside = self.only.as_ref().filter(|(names, _)| !names.contains(label)).map(|(_, why)| *why);
        self.gone.get(label).copied().or(outside)
    }

    /// The only labels that there can be, when that is known.
    pub fn only(&self) -> Option<&BTreeSet<String>> {
        self.only.as_ref().map(|(names, _)| names)
    }

    /// The sets of labels of which at least one is there.
    pub fn some(&self) -> impl Iterator<Item = BTreeSet<String>> {
        let there = self.held.iter().filter(|one| !one.accepts("")).map(|one| BTreeSet::from([one.name().to_owned()]));
        self.some.iter().cloned().chain(there)
    }

    /// The value that a label has in every element, empty when no element has it.
    pub fn value(&self, label: &str) -> Option<&str> {
        if self.lost(label).is_some() {
            return Some("");
        }
        let equal = |one: &&Matcher| one.name() == label && one.comparison() == Comparison::Equal;
        self.held.iter().find(equal).map(Matcher::value)
    }

    /// What a label's values satisfy.
    pub fn held(&self) -> &[Matcher] {
        &self.held
    }

    fn grouped(&self, grouping: &Grouping, span: Span) -> Shape {
        let mut shape = self.clone();
        let keeps = |label: &str| match grouping {
            Grouping::Only(names) => names.iter().any(|name| name == label),
            Grouping::Without(names) => !names.iter().any(|name| name == label),
        };
        shape.held.retain(|one| keeps(one.name()));
        shape.some.retain(|group| group.iter().all(|label| keeps(label)));
        match grouping {
            Grouping::Only(names) => {
                let before: Vec<(String, Lost)> =
                    names.iter().filter_map(|name| Some((name.clone(), self.lost(name)?))).collect();
                shape.gone.extend(before);
                shape.only = Some((names.iter().cloned().collect(), Lost::Dropped(span)));
            }
            Grouping::Without(names) => {
                for name in names.iter().filter(|name| self.lost(name).is_none()) {
                    shape.gone.insert(name.clone(), Lost::Dropped(span));
                }
            }
        }
        shape
    }

    /// With a label set anew, to a value when that is certain.
    fn with(&self, label: &str, value: Option<&str>) -> Shape {
        let mut shape = self.clone();
        shape.gone.remove(label);
        if let Some((names, _)) = &mut shape.only {
            names.insert(label.to_owned());
        }
        shape.held.retain(|one| one.name() != label);
        shape.some.retain(|group| !group.contains(label));
        shape.held.extend(value.and_then(|value| Matcher::new(label, Comparison::Equal, value).ok()));
        shape
    }

    /// What is certain of either.
    fn or(&self, other: &Shape) -> Shape {
        let only = match (&self.only, &other.only) {
            (Some((one, why)), Some((two, _))) => Some((one.union(two).cloned().collect(), *why)),
            _ => None,
        };
        let labels = self.gone.keys().chain(other.gone.keys()).chain(self.only().into_iter().flatten());
        let labels = labels.chain(other.only().into_iter().flatten());
        let both = labels.filter_map(|label| Some((label.clone(), self.lost(label).and(other.lost(label))?)));
        let held = self.held.iter().filter(|one| other.held.contains(one)).cloned();
        let some = self.some.iter().filter(|one| other.some.contains(one)).cloned();
        Shape { only, gone: both.collect(), some: some.collect(), held: held.collect() }
    }
}

/// The name of the metric that a selector takes, when it takes one.
pub(super) fn metric(matchers: &[Matcher]) -> Option<&str> {
    let named = |one: &&Matcher| one.name() == METRIC_NAME && one.comparison() == Comparison::Equal;
    matchers.iter().find(named).map(Matcher::value)
}

/// What is certain about the labels of an expression's elements.
pub(super) fn of(expr: &Expr, parts: &[Node]) -> Shape {
    let first = || parts.first().map(|part| part.shape.clone()).unwrap_or_default();
    match &expr.kind {
        Kind::Number(_) | Kind::Text(_) => Shape::bare(Lost::Never),
        Kind::Selector(selector) | Kind::Range(selector, _) => Shape::selected(&selector.matchers),
        Kind::Subquery(_) | Kind::Negate(_) | Kind::Paren(_) => first(),
        Kind::Call(call) => of_call(call, expr, parts),
        Kind::Aggregate(aggregate) => of_aggregate(aggregate, expr.span, parts),
        Kind::Binary(binary) => match parts {
            [left, right] => of_binary(binary, left, right),
            _ => Shape::default(),
        },
    }
}

fn of_call(call: &Call, expr: &Expr, parts: &[Node]) -> Shape {
    let text = |at: usize| match call.args.get(at).map(|arg| &arg.bare().kind) {
        Some(Kind::Text(text)) => text.as_str(),
        _ => "",
    };
    let vector = parts.iter().find(|part| part.expr.yields() != crate::promql::ValueType::Scalar);
    let of = vector.map_or_else(|| Shape::bare(Lost::Never), |part| part.shape.clone());
    match call.function.name {
        "label_replace" => {
            let constant = !text(2).contains('$') && !text(2).is_empty();
            let always = constant && [".*", "(.*)"].contains(&text(4)) || (text(3).is_empty() && text(4).is_empty());
            of.with(text(1), always.then(|| text(2)))
        }
        "label_join" => of.with(text(1), None),
        "histogram_quantile" | "histogram_fraction" => of.grouped(&Grouping::Without(vec!["le".to_owned()]), expr.span),
        "absent" | "absent_over_time" => {
            let equal: Vec<Matcher> = of.held.into_iter().filter(|one| one.comparison() == Comparison::Equal).collect();
            let names = equal.iter().map(|one| one.name().to_owned()).collect();
            Shape { only: Some((names, Lost::Dropped(expr.span))), ..Shape::default() }
        }
        "scalar" => Shape::bare(Lost::Never),
        _ => of,
    }
}

fn of_aggregate(aggregate: &Aggregate, span: Span, parts: &[Node]) -> Shape {
    let of = parts.last().map(|part| part.shape.clone()).unwrap_or_default();
    match (aggregate.aggregation.name, aggregate.param.as_ref().map(|param| &param.bare().kind)) {
        ("topk" | "bottomk" | "limitk" | "limit_ratio", _) => of,
        ("count_values", Some(Kind::Text(label))) => of.grouped(&aggregate.grouping, span).with(label, None),
        _ => of.grouped(&aggregate.grouping, span),
    }
}

fn of_binary(binary: &Binary, left: &Node, right: &Node) -> Shape {
    use crate::promql::ValueType::Scalar;
    let matching = &binary.matching;
    match (binary.operator, binary.operator.class(), matching.cardinality) {
        _ if right.expr.yields() == Scalar => left.shape.clone(),
        _ if left.expr.yields() == Scalar => right.shape.clone(),
        (Operator::Or, ..) => left.shape.or(&right.shape),
        (_, Class::Set, _) => left.shape.clone(),
        (_, _, Cardinality::ManyToOne) => included(&left.shape, &right.shape, &matching.include),
        (_, _, Cardinality::OneToMany) => included(&right.shape, &left.shape, &matching.include),
        _ => {
            let span = Span { start: left.expr.span.start, end: right.expr.span.end };
            left.shape.grouped(&matching.labels, span)
        }
    }
}

/// The labels of the side of many, some of them taken over from the side of one.
fn included(many: &Shape, one: &Shape, include: &[String]) -> Shape {
    include.iter().fold(many.clone(), |shape, label| {
        let mut shape = shape.with(label, one.value(label));
        shape.gone.extend(one.lost(label).map(|why| (label.clone(), why)));
        shape
    })
}
