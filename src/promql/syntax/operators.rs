//! The binary operators, as data.

/// How tight `*` binds, and a sign before its operand.
pub(super) const TIGHT_AS_TIMES: u8 = 5;

/// What kind of operator it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Computes a number; the result loses the metric's name.
    Arithmetic,
    /// Filters, or yields 0 or 1 with `bool`.
    Comparison,
    /// Works on whole vectors.
    Set,
}

/// A binary operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `/`
    Divide,
    /// `%`
    Modulo,
    /// `^`
    Power,
    /// `atan2`
    Atan2,
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `>`
    Greater,
    /// `<`
    Less,
    /// `>=`
    GreaterOrEqual,
    /// `<=`
    LessOrEqual,
    /// `and`
    And,
    /// `or`
    Or,
    /// `unless`
    Unless,
}

/// How each is written, how tight it binds, what it is.
const TABLE: [(Operator, &str, u8, Class); 16] = [
    (Operator::Or, "or", 1, Class::Set),
    (Operator::And, "and", 2, Class::Set),
    (Operator::Unless, "unless", 2, Class::Set),
    (Operator::Equal, "==", 3, Class::Comparison),
    (Operator::NotEqual, "!=", 3, Class::Comparison),
    (Operator::Greater, ">", 3, Class::Comparison),
    (Operator::Less, "<", 3, Class::Comparison),
    (Operator::GreaterOrEqual, ">=", 3, Class::Comparison),
    (Operator::LessOrEqual, "<=", 3, Class::Comparison),
    (Operator::Add, "+", 4, Class::Arithmetic),
    (Operator::Subtract, "-", 4, Class::Arithmetic),
    (Operator::Multiply, "*", TIGHT_AS_TIMES, Class::Arithmetic),
    (Operator::Divide, "/", TIGHT_AS_TIMES, Class::Arithmetic),
    (Operator::Modulo, "%", TIGHT_AS_TIMES, Class::Arithmetic),
    (Operator::Atan2, "atan2", TIGHT_AS_TIMES, Class::Arithmetic),
    (Operator::Power, "^", 6, Class::Arithmetic),
];

impl Operator {
    fn row(self) -> &'static (Operator, &'static str, u8, Class) {
        // Every operator has its row: a test counts them.
        TABLE.iter().find(|row| row.0 == self).unwrap_or(&TABLE[0])
    }

    /// The operator written so; words in any case.
    pub(super) fn written(text: &str) -> Option<Operator> {
        TABLE.iter().find(|row| row.1.eq_ignore_ascii_case(text)).map(|row| row.0)
    }

    /// As it is written.
    #[must_use]
    pub fn symbol(self) -> &'static str {
        self.row().1
    }

    /// What kind of operator it is.
    #[must_use]
    pub fn class(self) -> Class {
        self.row().3
    }

    /// How tight it binds.
    pub(super) fn tightness(self) -> u8 {
        self.row().2
    }

    /// How tight the right side must bind to belong to it: only `^` groups from the right.
    pub(super) fn right_tightness(self) -> u8 {
        if self == Operator::Power { self.tightness() } else { self.tightness() + 1 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operator_has_its_row() {
        for (operator, symbol, ..) in TABLE {
            assert_eq!((operator.symbol(), Operator::written(symbol)), (symbol, Some(operator)));
        }
        assert_eq!(TABLE.map(|row| row.0 as usize).iter().max(), Some(&(TABLE.len() - 1)));
    }
}
