//! Walks a template and writes what it says, within limits.

use super::ast::{Branch, Command, Node, Pipe, Term, TermKind};
use super::calls::{self, Host, MOST_BYTES};
use super::value::{Data, Value};
use super::{Fault, Query, Template};
use std::sync::Arc;

/// Steps that one template may take: nodes and function calls.
const MOST_STEPS: usize = 50_000;
/// What a number of a range counts as.
const ENTRY_BYTES: usize = 64;
/// After so many of them the caller is asked whether to stop.
const STOP_EVERY: usize = 256;
/// How deep `{{template}}` may call.
const MOST_CALLS: usize = 20;

pub(super) fn expand(
    template: &Template,
    (name, text): (&str, &str),
    data: Data,
    query: &Query,
    stop: &dyn Fn() -> bool,
) -> Result<String, Fault> {
    let data = Arc::new(data);
    let root = Value::Data(data.clone());
    let variables = vec![
        ("$".to_owned(), root.clone()),
        ("$labels".to_owned(), Value::Labels(data.labels.clone())),
        ("$externalLabels".to_owned(), Value::Labels(data.external_labels.clone())),
        ("$externalURL".to_owned(), Value::Text(data.external_url.clone())),
        ("$value".to_owned(), Value::Float(data.value)),
    ];
    let host = Host::new(query, &data.external_url, stop);
    let mut run = Run { template, text, name, host, variables, out: String::new(), steps: 0, calls: 0 };
    run.nodes(&template.body, &root)?;
    run.step(0)?;
    Ok(run.out)
}

/// Whether the loop around goes on.
#[derive(Clone, Copy, PartialEq)]
enum Flow {
    On,
    Break,
    Continue,
}

struct Run<'a> {
    template: &'a Template,
    text: &'a str,
    name: &'a str,
    host: Host<'a>,
    variables: Vec<(String, Value)>,
    out: String,
    steps: usize,
    calls: usize,
}

impl Run<'_> {
    fn step(&mut self, at: usize) -> Result<(), Fault> {
        self.steps += 1;
        if self.steps > MOST_STEPS {
            return Err(Fault::new(at, format!("the template takes more than {MOST_STEPS} steps")));
        }
        if self.out.len() > MOST_BYTES {
            return Err(Fault::new(at, format!("the template writes more than {MOST_BYTES} bytes")));
        }
        if self.steps.is_multiple_of(STOP_EVERY) {
            self.host.go_on().map_err(|why| Fault::new(at, why))?;
        }
        Ok(())
    }

    /// Counts a value that is copied.
    fn copied(&self, value: Value, at: usize) -> Result<Value, Fault> {
        self.host.work(value.size()).map_err(|why| Fault::new(at, why))?;
        Ok(value)
    }

    fn nodes(&mut self, nodes: &[Node], dot: &Value) -> Result<Flow, Fault> {
        let scope = self.variables.len();
        let mut flow = Flow::On;
        for node in nodes {
            self.step(0)?;
            flow = self.node(node, dot)?;
            if flow != Flow::On {
                break;
            }
        }
        self.variables.truncate(scope);
        Ok(flow)
    }

    fn node(&mut self, node: &Node, dot: &Value) -> Result<Flow, Fault> {
        match node {
            Node::Text(text) => self.out.push_str(text),
            Node::Action(pipe) => {
                let value = self.pipe(pipe, dot)?;
                if pipe.variables.is_empty() {
                    self.out.push_str(&printed(&value));
                }
            }
            Node::If(branch) => return self.branch(branch, dot, false),
            Node::With(branch) => return self.branch(branch, dot, true),
            Node::Range(branch) => return self.range(branch, dot),
            Node::Template(name, pipe, at) => self.call(name, pipe.as_ref(), *at, dot)?,
            Node::Break => return Ok(Flow::Break),
            Node::Continue => return Ok(Flow::Continue),
        }
        Ok(Flow::On)
    }

    fn branch(&mut self, branch: &Branch, dot: &Value, with: bool) -> Result<Flow, Fault> {
        let scope = self.variables.len();
        let value = self.pipe(&branch.pipe, dot)?;
        let flow = if value.truth() {
            self.nodes(&branch.body, if with { &value } else { dot })
        } else {
            self.nodes(&branch.otherwise, dot)
        };
        self.variables.truncate(scope);
        flow
    }

    fn range(&mut self, branch: &Branch, dot: &Value) -> Result<Flow, Fault> {
        let scope = self.variables.len();
        let of = self.pipe(&branch.pipe, dot)?;
        let at = branch.pipe.commands.first().map_or(0, |command| command.from);
        let count = if let Value::Int(count) = of { usize::try_from(count).unwrap_or(0) } else { 0 };
        self.host.work(count.min(MOST_STEPS).saturating_mul(ENTRY_BYTES)).map_err(|why| Fault::new(at, why))?;
        let entries: Vec<(Value, Value)> = match of {
            Value::Vector(vector) => (0..).map(Value::Int).zip(vector.into_iter().map(Value::Element)).collect(),
            Value::Labels(labels) => {
                labels.iter().map(|(name, value)| (Value::Text(name.clone()), Value::Text(value.clone()))).collect()
            }
            Value::Args(args, _) => {
                args.iter().map(|(name, value)| (Value::Text(name.clone()), value.clone())).collect()
            }
            Value::Int(count) => {
                let most = i64::try_from(MOST_STEPS).unwrap_or(i64::MAX);
                (0..count.min(most + 1)).map(|number| (Value::Int(number), Value::Int(number))).collect()
            }
            Value::Nil => Vec::new(),
            other => return Err(Fault::new(at, format!("range can't iterate over {}", other.shown()))),
        };
        let mut flow = Flow::On;
        if entries.is_empty() {
            flow = self.nodes(&branch.otherwise, dot)?;
        }
        for (key, element) in entries {
            self.step(at)?;
            self.bind(&branch.pipe, scope, key, &element);
            match self.nodes(&branch.body, &element)? {
                Flow::Break => break,
                Flow::On | Flow::Continue => {}
            }
        }
        self.variables.truncate(scope);
        Ok(flow)
    }

    /// The variables of a range: the element, or the key and the element.
    fn bind(&mut self, pipe: &Pipe, scope: usize, key: Value, element: &Value) {
        let values = if pipe.variables.len() == 2 { vec![key, element.clone()] } else { vec![element.clone()] };
        if !pipe.assigns {
            self.variables.truncate(scope);
        }
        for (name, value) in pipe.variables.iter().zip(values) {
            self.set(name, value, pipe.assigns);
        }
    }

    fn set(&mut self, name: &str, value: Value, assigns: bool) {
        let known = self.variables.iter_mut().rev().find(|(own, _)| assigns && own == name);
        match known {
            Some((_, old)) => *old = value,
            None => self.variables.push((name.to_owned(), value)),
        }
    }

    fn call(&mut self, name: &str, pipe: Option<&Pipe>, at: usize, dot: &Value) -> Result<(), Fault> {
        let template = self.template;
        let body = if name == self.name { Some(&template.body) } else { template.defined.get(name) };
        let body = body.ok_or_else(|| Fault::new(at, format!("template {name:?} not defined")))?;
        let value = pipe.map_or(Ok(Value::Nil), |pipe| self.pipe(pipe, dot))?;
        self.calls += 1;
        if self.calls > MOST_CALLS {
            return Err(Fault::new(at, format!("templates call each other more than {MOST_CALLS} deep")));
        }
        let callers = std::mem::replace(&mut self.variables, vec![("$".to_owned(), value.clone())]);
        self.nodes(body, &value)?;
        self.variables = callers;
        self.calls -= 1;
        Ok(())
    }

    fn pipe(&mut self, pipe: &Pipe, dot: &Value) -> Result<Value, Fault> {
        let mut last = None;
        for command in &pipe.commands {
            last = Some(self.command(command, dot, last)?);
        }
        let value = last.unwrap_or(Value::Nil);
        // A range sets its variables itself, for each element.
        if let [name] = pipe.variables.as_slice() {
            let from = pipe.commands.first().map_or(0, |command| command.from);
            self.set(name, self.copied(value.clone(), from)?, pipe.assigns);
        }
        Ok(value)
    }

    fn command(&mut self, command: &Command, dot: &Value, last: Option<Value>) -> Result<Value, Fault> {
        let Some((first, rest)) = command.terms.split_first() else { return Ok(Value::Nil) };
        self.step(first.at)?;
        if let TermKind::Function(name) = &first.kind {
            let value = self.function(name, command, rest, dot, last)?;
            return fields(value, &first.fields, first.at);
        }
        if rest.is_empty() && last.is_none() {
            return self.term(first, dot);
        }
        let what = self.text.get(first.at..command.until).unwrap_or_default();
        Err(Fault::new(first.at, format!("can't give argument to non-function {what}")))
    }

    fn function(
        &mut self,
        name: &str,
        command: &Command,
        rest: &[Term],
        dot: &Value,
        last: Option<Value>,
    ) -> Result<Value, Fault> {
        if matches!(name, "and" | "or") {
            return self.until_decided(name == "or", command, rest, dot, last);
        }
        let mut args = Vec::new();
        for term in rest {
            args.push(self.term(term, dot)?);
        }
        args.extend(last);
        calls::call(name, &args, &self.host).map_err(|why| {
            let what = self.text.get(command.from..command.until).unwrap_or_default();
            let message = format!("executing {:?} at <{what}>: {why}", self.name);
            Fault::new(command.from, message)
        })
    }

    /// `and` and `or`: what stands behind the deciding argument is not looked at.
    fn until_decided(
        &mut self,
        decides: bool,
        command: &Command,
        rest: &[Term],
        dot: &Value,
        last: Option<Value>,
    ) -> Result<Value, Fault> {
        let mut value = None;
        for term in rest {
            let one = self.term(term, dot)?;
            if one.truth() == decides {
                return Ok(one);
            }
            value = Some(one);
        }
        let name = if decides { "or" } else { "and" };
        let missing = || Fault::new(command.from, format!("wrong number of args for {name}: want at least 1 got 0"));
        last.or(value).ok_or_else(missing)
    }

    fn term(&mut self, term: &Term, dot: &Value) -> Result<Value, Fault> {
        self.step(term.at)?;
        let value = match &term.kind {
            TermKind::Dot => dot.clone(),
            TermKind::Nil => Value::Nil,
            TermKind::Bool(value) => Value::Bool(*value),
            TermKind::Int(value) => Value::Int(*value),
            TermKind::Float(value) => Value::Float(*value),
            TermKind::Text(text) => Value::Text(text.clone()),
            TermKind::Variable(name) => {
                let found = self.variables.iter().rev().find(|(own, _)| own == name);
                self.copied(found.map_or(Value::Nil, |(_, value)| value.clone()), term.at)?
            }
            TermKind::Pipe(pipe) => self.pipe(pipe, dot)?,
            TermKind::Function(name) => {
                let command = Command { terms: Vec::new(), from: term.at, until: term.at + name.len() };
                self.function(name, &command, &[], dot, None)?
            }
        };
        fields(value, &term.fields, term.at)
    }
}

/// What an action writes: nothing known is `<no value>`.
fn printed(value: &Value) -> String {
    if matches!(value, Value::Nil) { "<no value>".to_owned() } else { value.shown() }
}

fn fields(mut value: Value, names: &[String], at: usize) -> Result<Value, Fault> {
    for name in names {
        value = calls::field(&value, name).map_err(|why| Fault::new(at, why))?;
    }
    Ok(value)
}
