//! From tokens to the template, with the checks that Go makes when it reads one.

use super::Fault;
use super::ast::{Branch, Command, Node, Pipe, Term, TermKind};
use super::functions::is_function;
use super::lex::{Lexed, Token, tokens};
use std::collections::BTreeMap;

/// How deep actions and parentheses may be nested.
const MOST_NESTED: usize = 30;

/// A template that was read.
#[derive(Clone, Debug, Default)]
pub struct Template {
    pub(super) body: Vec<Node>,
    pub(super) defined: BTreeMap<String, Vec<Node>>,
}

/// How a list of nodes ended.
enum Ended {
    End,
    /// `{{else}}`; `with` or `if` may follow it.
    Else,
    Text,
}

/// Reads a template; `variables` are set beforehand, each with its `$`.
pub(super) fn parse(text: &str, variables: &[&str]) -> Result<Template, Fault> {
    let mut variables: Vec<String> = variables.iter().map(|name| (*name).to_owned()).collect();
    variables.push("$".to_owned());
    let mut parser = Parser { tokens: tokens(text)?, at: 0, variables, defined: BTreeMap::new(), depth: 0, loops: 0 };
    let (body, ended) = parser.nodes()?;
    match ended {
        Ended::Text => Ok(Template { body, defined: parser.defined }),
        Ended::End => Err(parser.fault("unexpected {{end}}")),
        Ended::Else => Err(parser.fault("unexpected {{else}}")),
    }
}

struct Parser {
    tokens: Vec<Lexed>,
    at: usize,
    /// Those in scope.
    variables: Vec<String>,
    defined: BTreeMap<String, Vec<Node>>,
    depth: usize,
    /// How many ranges are around.
    loops: usize,
}

impl Parser {
    fn peek(&self) -> &Lexed {
        // The last token is always `End`, and nothing steps behind it.
        &self.tokens[self.at.min(self.tokens.len() - 1)]
    }

    fn next(&mut self) -> Lexed {
        let token = self.peek().clone();
        self.at = (self.at + 1).min(self.tokens.len() - 1);
        token
    }

    /// A fault at the token that was taken last.
    fn fault(&self, message: impl Into<String>) -> Fault {
        Fault::new(self.tokens[self.at.saturating_sub(1)].at, message)
    }

    fn deeper(&mut self) -> Result<(), Fault> {
        self.depth += 1;
        let fault = || self.fault(format!("nested more than {MOST_NESTED} deep"));
        if self.depth > MOST_NESTED { Err(fault()) } else { Ok(()) }
    }

    /// Nodes up to `{{end}}`, `{{else}}` or the end of the text.
    fn nodes(&mut self) -> Result<(Vec<Node>, Ended), Fault> {
        self.deeper()?;
        let mut nodes = Vec::new();
        let ended = loop {
            match &self.peek().token {
                Token::Text(text) => {
                    nodes.push(Node::Text(text.clone()));
                    self.next();
                }
                Token::End => break Ended::Text,
                _ => match self.action(&mut nodes)? {
                    None => {}
                    Some(ended) => break ended,
                },
            }
        };
        self.depth -= 1;
        Ok((nodes, ended))
    }

    fn action(&mut self, nodes: &mut Vec<Node>) -> Result<Option<Ended>, Fault> {
        let Token::Word(word) = self.peek().token.clone() else {
            nodes.push(Node::Action(self.pipe("command", 1)?));
            self.close("command")?;
            return Ok(None);
        };
        if !matches!(
            word.as_str(),
            "if" | "with" | "range" | "end" | "else" | "define" | "block" | "template" | "break" | "continue"
        ) {
            nodes.push(Node::Action(self.pipe("command", 1)?));
            self.close("command")?;
            return Ok(None);
        }
        self.next();
        match word.as_str() {
            "end" => {
                self.close("end")?;
                return Ok(Some(Ended::End));
            }
            "else" => return Ok(Some(Ended::Else)),
            "if" => nodes.push(Node::If(self.branch("if")?)),
            "with" => nodes.push(Node::With(self.branch("with")?)),
            "range" => nodes.push(Node::Range(self.branch("range")?)),
            "define" | "block" => self.definition(word == "block", nodes)?,
            "template" => {
                let at = self.peek().at;
                let (name, pipe) = self.named("template clause")?;
                nodes.push(Node::Template(name, pipe, at));
            }
            _ if self.loops == 0 => return Err(self.fault(format!("{{{{{word}}}}} outside {{{{range}}}}"))),
            _ => {
                self.close(&word)?;
                nodes.push(if word == "break" { Node::Break } else { Node::Continue });
            }
        }
        Ok(None)
    }

    fn close(&mut self, context: &str) -> Result<(), Fault> {
        let token = self.next();
        if token.token == Token::Close { Ok(()) } else { unexpected(&token, context) }
    }

    fn branch(&mut self, word: &str) -> Result<Branch, Fault> {
        let scope = self.variables.len();
        let looping = usize::from(word == "range");
        let pipe = self.pipe(word, looping + 1)?;
        self.close(word)?;
        self.loops += looping;
        let (body, ended) = self.nodes()?;
        self.loops -= looping;
        let otherwise = match ended {
            Ended::End => Vec::new(),
            Ended::Text => return Err(self.fault(format!("unexpected EOF: {{{{{word}}}}} has no {{{{end}}}}"))),
            Ended::Else => self.otherwise(word)?,
        };
        self.variables.truncate(scope);
        Ok(Branch { pipe, body, otherwise })
    }

    /// Behind `{{else`, its `}}` not yet taken.
    fn otherwise(&mut self, word: &str) -> Result<Vec<Node>, Fault> {
        let again = matches!(&self.peek().token, Token::Word(next) if next == word && (word == "if" || word == "with"));
        if again {
            self.next();
            self.deeper()?;
            let branch = self.branch(word)?;
            self.depth -= 1;
            return Ok(vec![if word == "if" { Node::If(branch) } else { Node::With(branch) }]);
        }
        self.close("else")?;
        match self.nodes()? {
            (nodes, Ended::End) => Ok(nodes),
            (_, Ended::Else) => Err(self.fault("expected end; found {{else}}")),
            (_, Ended::Text) => Err(self.fault(format!("unexpected EOF: {{{{{word}}}}} has no {{{{end}}}}"))),
        }
    }

    /// `"name"` and perhaps a pipeline, up to `}}`.
    fn named(&mut self, context: &str) -> Result<(String, Option<Pipe>), Fault> {
        let token = self.next();
        let Token::Quoted(name) = token.token else { return unexpected(&token, context) };
        if self.peek().token == Token::Close {
            self.next();
            return Ok((name, None));
        }
        let pipe = self.pipe(context, 1)?;
        self.close(context)?;
        Ok((name, Some(pipe)))
    }

    fn definition(&mut self, block: bool, nodes: &mut Vec<Node>) -> Result<(), Fault> {
        let at = self.peek().at;
        let (name, pipe) = self.named("define clause")?;
        if block {
            nodes.push(Node::Template(name.clone(), pipe, at));
        } else if pipe.is_some() || self.depth > 1 {
            return Err(Fault::new(at, "a {{define}} has a name only and stands outside of all other actions"));
        }
        // A template that is called sees no variables of its caller.
        let variables = std::mem::replace(&mut self.variables, vec!["$".to_owned()]);
        let loops = std::mem::take(&mut self.loops);
        let (body, ended) = self.nodes()?;
        (self.variables, self.loops) = (variables, loops);
        if !matches!(ended, Ended::End) {
            return Err(Fault::new(at, "unexpected EOF: {{define}} has no {{end}}"));
        }
        self.defined.insert(name, body);
        Ok(())
    }

    fn pipe(&mut self, context: &str, most: usize) -> Result<Pipe, Fault> {
        let (declared, assigns) = self.declarations(context, most)?;
        let mut commands = vec![self.command(context)?];
        while self.peek().token == Token::Sign("|") {
            self.next();
            let command = self.command(context)?;
            let callable = |term: &Term| match term.kind {
                TermKind::Function(_) | TermKind::Variable(_) | TermKind::Pipe(_) => true,
                TermKind::Dot => !term.fields.is_empty(),
                _ => false,
            };
            if !command.terms.first().is_some_and(callable) {
                return Err(self.fault(format!("non executable command in pipeline stage {}", commands.len() + 1)));
            }
            commands.push(command);
        }
        // The new variables are not known in their own pipeline.
        if !assigns {
            self.variables.extend(declared.iter().cloned());
        }
        Ok(Pipe { variables: declared, assigns, commands })
    }

    /// `$x :=`, `$x =`, and in a range `$i, $x :=`.
    fn declarations(&mut self, context: &str, most: usize) -> Result<(Vec<String>, bool), Fault> {
        let begin = self.at;
        let mut names = Vec::new();
        while let Token::Variable(name) = &self.peek().token {
            names.push(name.clone());
            self.next();
            match self.peek().token {
                Token::Sign(sign @ (":=" | "=")) => {
                    let assigns = sign == "=";
                    let unknown = names.iter().find(|name| assigns && !self.variables.contains(name));
                    if let Some(name) = unknown {
                        return Err(self.fault(format!("undefined variable \"{name}\"")));
                    }
                    if names.len() > most {
                        return Err(self.fault(format!("too many declarations in {context}")));
                    }
                    self.next();
                    return Ok((names, assigns));
                }
                Token::Sign(",") => drop(self.next()),
                _ => break,
            }
        }
        self.at = begin;
        Ok((Vec::new(), false))
    }

    fn command(&mut self, context: &str) -> Result<Command, Fault> {
        let mut terms = Vec::new();
        let from = self.peek().at;
        let mut until = from;
        loop {
            let token = self.peek().clone();
            let ended = matches!(token.token, Token::Close | Token::End | Token::Sign("|" | ")"));
            if ended && terms.is_empty() {
                return Err(Fault::new(token.at, format!("missing value for {context}")));
            }
            if ended {
                return Ok(Command { terms, from, until });
            }
            let touching = !terms.is_empty() && !token.spaced && !matches!(token.token, Token::Sign("("));
            if touching {
                return unexpected(&token, "operand");
            }
            terms.push(self.operand()?);
            until = self.tokens[self.at.saturating_sub(1)].end;
        }
    }

    fn operand(&mut self) -> Result<Term, Fault> {
        let token = self.next();
        let mut fields = Vec::new();
        let kind = match token.token {
            Token::Dot => TermKind::Dot,
            Token::Field(name) => {
                fields.push(name);
                TermKind::Dot
            }
            Token::Variable(name) if self.variables.contains(&name) => TermKind::Variable(name),
            Token::Variable(name) => return Err(Fault::new(token.at, format!("undefined variable \"{name}\""))),
            Token::Word(word) => match word.as_str() {
                "nil" => TermKind::Nil,
                "true" | "false" => TermKind::Bool(word == "true"),
                _ if is_function(&word) => TermKind::Function(word),
                _ => return Err(Fault::new(token.at, format!("function \"{word}\" not defined"))),
            },
            Token::Quoted(text) => TermKind::Text(text),
            Token::Int(number) => TermKind::Int(number),
            Token::Float(number) => TermKind::Float(number),
            Token::Sign("(") => {
                self.deeper()?;
                let pipe = self.pipe("parenthesized pipeline", 1)?;
                self.depth -= 1;
                let close = self.next();
                if close.token != Token::Sign(")") {
                    return Err(Fault::new(token.at, "unclosed left paren"));
                }
                TermKind::Pipe(Box::new(pipe))
            }
            _ => return unexpected(&token, "operand"),
        };
        while let Lexed { token: Token::Field(name), spaced: false, .. } = self.peek() {
            fields.push(name.clone());
            self.next();
        }
        let chained = matches!(kind, TermKind::Dot | TermKind::Variable(_) | TermKind::Pipe(_) | TermKind::Function(_));
        if !fields.is_empty() && !chained {
            return Err(Fault::new(token.at, format!("unexpected . after term \"{}\"", fields.join("."))));
        }
        Ok(Term { kind, fields, at: token.at })
    }
}

fn unexpected<T>(token: &Lexed, context: &str) -> Result<T, Fault> {
    Err(Fault::new(token.at, format!("unexpected {} in {context}", named(&token.token))))
}

fn named(token: &Token) -> String {
    match token {
        Token::Text(_) => "text".to_owned(),
        Token::Close => "\"}}\"".to_owned(),
        Token::Dot => "<.>".to_owned(),
        Token::Field(name) => format!("<.{name}>"),
        Token::Variable(name) | Token::Word(name) => format!("<{name}>"),
        Token::Quoted(text) => format!("{text:?}"),
        Token::Int(number) => format!("<{number}>"),
        Token::Float(number) => format!("<{number}>"),
        Token::Sign(sign) => format!("\"{sign}\""),
        Token::End => "EOF".to_owned(),
    }
}
