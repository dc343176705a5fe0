//! What a template says.

/// A stretch of a template.
#[derive(Clone, Debug)]
pub(super) enum Node {
    /// Stands as it is.
    Text(String),
    /// `{{…}}`
    Action(Pipe),
    /// `{{if}}`
    If(Branch),
    /// `{{with}}`
    With(Branch),
    /// `{{range}}`
    Range(Branch),
    /// `{{template "name" …}}`, and `{{block}}`, which also defines it.
    Template(String, Option<Pipe>, usize),
    /// `{{break}}`
    Break,
    /// `{{continue}}`
    Continue,
}

/// A condition or a list to go through, and what depends on it.
#[derive(Clone, Debug)]
pub(super) struct Branch {
    pub pipe: Pipe,
    pub body: Vec<Node>,
    pub otherwise: Vec<Node>,
}

/// Commands of which each gets the result of the one before as its last argument.
#[derive(Clone, Debug)]
pub(super) struct Pipe {
    /// `$x :=`, in a range up to two.
    pub variables: Vec<String>,
    /// `=` instead of `:=`.
    pub assigns: bool,
    pub commands: Vec<Command>,
}

/// Words that stand together: a function and its arguments, or one value.
#[derive(Clone, Debug)]
pub(super) struct Command {
    /// At least one.
    pub terms: Vec<Term>,
    /// Bytes of the template.
    pub from: usize,
    pub until: usize,
}

/// One word of a command.
#[derive(Clone, Debug)]
pub(super) struct Term {
    pub kind: TermKind,
    /// `.A.B` behind it.
    pub fields: Vec<String>,
    /// Byte of the template where it begins.
    pub at: usize,
}

/// What a word is.
#[derive(Clone, Debug)]
pub(super) enum TermKind {
    /// `.`, with fields `.A.B`.
    Dot,
    Nil,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    /// `$x`
    Variable(String),
    /// A function's name.
    Function(String),
    /// `(…)`
    Pipe(Box<Pipe>),
}
