//! How the series of two vectors find each other.

use super::aggregate::grouped;
use super::binary::{apply, truth};
use super::block::SAME_LABELS;
use super::{ABSENT, Block, Error, Run, is_absent};
use crate::promql::labels::{Labels, METRIC_NAME};
use crate::promql::syntax::{Binary, Cardinality, Class, Grouping, Operator};
use crate::syntax::Span;
use std::collections::BTreeMap;

const SEVERAL: &str = "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)";
const NOT_UNIQUE: &str = "multiple matches for labels: grouping labels must ensure unique matches";

/// Both sides of an operator.
pub(super) struct Sides<'a> {
    pub left: &'a Block,
    pub right: &'a Block,
}

/// The rows of both sides that may match: those with the same values of the matching labels.
#[derive(Default)]
struct Group {
    left: Vec<usize>,
    right: Vec<usize>,
}

impl Group {
    /// The rows of the side of many and of the side of one.
    fn sides(&self, swapped: bool) -> (&[usize], &[usize]) {
        if swapped { (&self.right, &self.left) } else { (&self.left, &self.right) }
    }
}

fn groups(sides: &Sides, labels: &Grouping) -> (Vec<Group>, Vec<usize>) {
    let mut known: BTreeMap<Labels, usize> = BTreeMap::new();
    let mut groups: Vec<Group> = Vec::new();
    let mut of = |row: &Labels| {
        *known.entry(grouped(row, labels)).or_insert_with(|| {
            groups.push(Group::default());
            groups.len() - 1
        })
    };
    let left: Vec<usize> = sides.left.rows.iter().map(&mut of).collect();
    let right: Vec<usize> = sides.right.rows.iter().map(&mut of).collect();
    for (row, group) in left.iter().enumerate() {
        groups[*group].left.push(row);
    }
    for (row, group) in right.iter().enumerate() {
        groups[*group].right.push(row);
    }
    (groups, left)
}

/// At which steps any row has a number.
fn present(block: &Block, rows: impl Iterator<Item = usize>) -> Vec<bool> {
    let mut there = vec![false; block.steps];
    for row in rows {
        for (there, value) in there.iter_mut().zip(block.row(row)) {
            *there |= !is_absent(*value);
        }
    }
    there
}

/// `and`, `or`, `unless`.
pub(super) fn set_operation(binary: &Binary, left: &Block, right: &Block) -> Block {
    let (groups, group_of_left) = groups(&Sides { left, right }, &binary.matching.labels);
    let mut result = Block::new(left.steps);
    match binary.operator {
        Operator::Or => {
            for (labels, cells) in left.iter() {
                result.push(labels.clone(), cells.iter().copied());
            }
            let mut cells_of: Vec<Vec<f64>> = vec![Vec::new(); right.rows.len()];
            for group in &groups {
                let taken = present(left, group.left.iter().copied());
                for row in &group.right {
                    let cells = right.row(*row).iter().zip(&taken);
                    cells_of[*row] = cells.map(|(value, taken)| if *taken { ABSENT } else { *value }).collect();
                }
            }
            for (labels, cells) in right.rows.iter().zip(cells_of) {
                result.push(labels.clone(), cells);
            }
        }
        operator => {
            let wanted = operator == Operator::And;
            let partner: Vec<Vec<bool>> =
                groups.iter().map(|group| present(right, group.right.iter().copied())).collect();
            for ((labels, cells), group) in left.iter().zip(group_of_left) {
                let cells = cells.iter().zip(&partner[group]);
                result.push(labels.clone(), cells.map(|(value, there)| if *there == wanted { *value } else { ABSENT }));
            }
        }
    }
    result
}

/// Arithmetic and comparisons between two vectors.
pub(super) fn match_vectors(run: &mut Run, binary: &Binary, sides: &Sides, span: Span) -> Result<Block, Error> {
    let swapped = binary.matching.cardinality == Cardinality::OneToMany;
    let (many, one) = if swapped { (sides.right, sides.left) } else { (sides.left, sides.right) };
    let (groups, _) = groups(sides, &binary.matching.labels);
    let all_many = present(many, 0..many.rows.len());
    let (rows, group_of, result) = (BTreeMap::new(), Vec::new(), Block::new(many.steps));
    let mut joined = Joined { run, binary, many, one, swapped, span, rows, group_of, result };
    // As in Prometheus, several partners in any group are told before anything else.
    for (_, one_rows) in groups.iter().map(|group| group.sides(swapped)).filter(|(_, one_rows)| one_rows.len() > 1) {
        joined.partners(one_rows, &all_many)?;
    }
    for (at, group) in groups.iter().enumerate() {
        let (many_rows, one_rows) = group.sides(swapped);
        let partners = joined.partners(one_rows, &all_many)?;
        joined.join(at, many_rows, &partners)?;
    }
    Ok(joined.result.compact())
}

struct Joined<'a, 'r> {
    run: &'a mut Run<'r>,
    binary: &'a Binary,
    many: &'a Block,
    one: &'a Block,
    swapped: bool,
    span: Span,
    rows: BTreeMap<Labels, usize>,
    /// Which group wrote last to each row of the result.
    group_of: Vec<usize>,
    result: Block,
}

impl Joined<'_, '_> {
    /// The one row that stands on the side of one at each step.
    fn partners(&self, one_rows: &[usize], all_many: &[bool]) -> Result<Vec<Option<usize>>, Error> {
        let mut partners: Vec<Option<usize>> = vec![None; self.one.steps];
        for row in one_rows {
            for (at, _) in self.one.row(*row).iter().enumerate().filter(|(_, value)| !is_absent(**value)) {
                match partners[at] {
                    // With nothing at all on the other side Prometheus does not look.
                    Some(first) if all_many[at] => return Err(self.duplicate(first, *row)),
                    Some(_) => {}
                    None => partners[at] = Some(*row),
                }
            }
        }
        Ok(partners)
    }

    fn duplicate(&self, first: usize, second: usize) -> Error {
        let (first, second) = (&self.one.rows[first], &self.one.rows[second]);
        let group = match &self.binary.matching.labels {
            Grouping::Only(names) => second.only(names),
            without @ Grouping::Without(_) => grouped(second, without),
        };
        let side = if self.swapped { "left" } else { "right" };
        let message = format!(
            "found duplicate series for the match group {group} on the {side} hand-side of the operation: \
             [{second}, {first}];many-to-many matching not allowed: matching labels must be unique on one side"
        );
        Error::failed(self.span, message)
    }

    /// Puts the rows of many of one group beside their partners.
    fn join(&mut self, group: usize, many_rows: &[usize], partners: &[Option<usize>]) -> Result<(), Error> {
        let mut matched = vec![false; partners.len()];
        for many_row in many_rows {
            self.run.work(partners.len())?;
            let mut place: Option<(usize, usize)> = None;
            for (at, partner) in partners.iter().enumerate() {
                let (value, Some(partner)) = (self.many.row(*many_row)[at], *partner) else { continue };
                let Some(number) = self.number(value, self.one.row(partner)[at]) else { continue };
                if self.one_to_one() && std::mem::replace(&mut matched[at], true) {
                    return Err(Error::failed(self.span, SEVERAL));
                }
                let row = match place {
                    Some((for_partner, row)) if for_partner == partner => row,
                    _ => self.row(group, *many_row, partner)?,
                };
                place = Some((partner, row));
                self.put(group, row, at, number)?;
            }
        }
        Ok(())
    }

    fn one_to_one(&self) -> bool {
        self.binary.matching.cardinality == Cardinality::OneToOne
    }

    /// What comes of a number of many and its partner; nothing when a comparison filters it.
    fn number(&self, many: f64, one: f64) -> Option<f64> {
        if is_absent(many) {
            return None;
        }
        let (left, right) = if self.swapped { (one, many) } else { (many, one) };
        let (number, holds) = apply(self.binary.operator, left, right);
        match (self.binary.operator.class(), self.binary.bool) {
            (Class::Comparison, true) => Some(truth(holds)),
            (Class::Comparison, false) => holds.then_some(number),
            _ => Some(number),
        }
    }

    fn put(&mut self, group: usize, row: usize, at: usize, number: f64) -> Result<(), Error> {
        let cell = &mut self.result.cells[row * self.many.steps + at];
        if !is_absent(*cell) {
            let same_group = self.group_of[row] == group && !self.one_to_one();
            return Err(Error::failed(self.span, if same_group { NOT_UNIQUE } else { SAME_LABELS }));
        }
        *cell = number;
        Ok(())
    }

    /// The result's row for a row of many beside a row of one. With labels taken over from the side of one
    /// there can be many more rows than on either side.
    fn row(&mut self, group: usize, many: usize, one: usize) -> Result<usize, Error> {
        let labels = self.labels(&self.many.rows[many], &self.one.rows[one]);
        if let Some(row) = self.rows.get(&labels) {
            self.group_of[*row] = group;
            return Ok(*row);
        }
        self.run.spend(self.many.steps)?;
        let row = self.result.rows.len();
        self.rows.insert(labels.clone(), row);
        self.result.rows.push(labels);
        self.group_of.push(group);
        self.result.cells.resize((row + 1) * self.many.steps, ABSENT);
        Ok(row)
    }

    fn labels(&self, many: &Labels, one: &Labels) -> Labels {
        let matching = &self.binary.matching;
        let drops_name = self.binary.operator.class() == Class::Arithmetic || self.binary.bool;
        let one_to_one = self.one_to_one();
        let mut labels = many.retaining(|name| {
            let named = match &matching.labels {
                Grouping::Only(names) => names.iter().any(|one| one == name),
                Grouping::Without(names) => !names.iter().any(|one| one == name),
            };
            (named || !one_to_one) && !(drops_name && name == METRIC_NAME)
        });
        for name in &matching.include {
            labels = labels.with(name, one.get(name));
        }
        if self.binary.bool { labels.without_name() } else { labels }
    }
}
