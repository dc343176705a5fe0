//! An expression with what is known about each part.

use super::bounds::{self, Bounds};
use super::shape::{self, Shape};
use super::text::Text;
use crate::promql::syntax::{Expr, Kind, Operator};

/// A part of an expression and what is known about it.
pub(super) struct Node<'a> {
    /// The part.
    pub expr: &'a Expr,
    /// Which labels it can have.
    pub shape: Shape,
    /// Between which numbers its values lie.
    pub bounds: Bounds,
    /// The parts right below, in the order of [`Expr::parts`].
    pub parts: Vec<Node<'a>>,
    /// Whether something else is taken when it yields nothing: a side of an `or`.
    pub optional: bool,
}

impl<'a> Node<'a> {
    /// Annotates an expression and all its parts.
    pub fn new(expr: &'a Expr, text: &Text) -> Node<'a> {
        Node::below(expr, text, false)
    }

    /// As deep as the parser lets an expression be.
    fn below(expr: &'a Expr, text: &Text, optional: bool) -> Node<'a> {
        let inside = optional || matches!(&expr.kind, Kind::Binary(binary) if binary.operator == Operator::Or);
        let parts: Vec<Node> = expr.parts().into_iter().map(|part| Node::below(part, text, inside)).collect();
        let shape = shape::of(expr, &parts).bounded();
        let bounds = bounds::of(expr, &parts, text);
        Node { expr, shape, bounds, parts, optional }
    }

    /// Itself without the parentheses around it.
    pub fn bare(&self) -> &Node<'a> {
        let mut node = self;
        while let (Kind::Paren(_), Some(inside)) = (&node.expr.kind, node.parts.first()) {
            node = inside;
        }
        node
    }

    /// Calls `look` with itself and all parts.
    pub fn each(&self, look: &mut dyn FnMut(&Node)) {
        look(self);
        self.parts.iter().for_each(|part| part.each(look));
    }
}
