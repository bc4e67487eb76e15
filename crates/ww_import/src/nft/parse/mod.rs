//! nftables text into commands.
//!
//! The language is read as nft 1.0 reads it, a little more forgiving about line ends. A rule that
//! cannot be read becomes a problem and an unknown, and reading goes on behind it.

mod command;
mod expression;
mod keys;
mod object;
mod statement;
mod table;

use super::ast::{Command, Expr, ExprKind};
use super::lex::{Lexer, Token, TokenKind};
use super::source::Texts;
use crate::text::Problems;
use std::collections::BTreeMap;
use ww_base::{Limits, ProblemKind, SourceSpan};

/// What a text says.
#[derive(Debug, Default)]
pub(super) struct Parsed<'a> {
    pub(super) commands: Vec<Command<'a>>,
    /// Values of variables, by number.
    pub(super) definitions: Vec<Expr<'a>>,
}

/// Reads all commands.
pub(super) fn parse<'a>(
    texts: &'a Texts<'_>,
    limits: &Limits,
    problems: &mut Problems,
) -> Parsed<'a> {
    let mut parser = Parser::new(texts, limits, problems);
    parser.commands();
    parser.parsed
}

/// Why something could not be read.
#[derive(Debug)]
struct Broken {
    at: SourceSpan,
    kind: ProblemKind,
    message: String,
}

type Read<T> = Result<T, Broken>;

/// Where reading stands: enough to go back to.
#[derive(Clone, Copy)]
struct Position<'a> {
    lexer: Lexer<'a>,
    ahead: Option<Token<'a>>,
    before: SourceSpan,
}

struct Parser<'a, 'p> {
    texts: &'a Texts<'a>,
    limits: &'p Limits,
    problems: &'p mut Problems,
    parsed: Parsed<'a>,
    /// The text being read.
    text: usize,
    position: Position<'a>,
    /// Texts to go on with, after their `include`.
    waiting: Vec<(usize, Position<'a>)>,
    /// Definitions by name, those of the innermost block last.
    scopes: Vec<BTreeMap<&'a str, u32>>,
    /// For each definition, how deep its value nests.
    depths: Vec<u32>,
    /// Nesting of the expression being read, and the most it has reached.
    depth: u32,
    deepest: u32,
    /// Rules that may still be read; nothing once that was too few.
    rules_left: Option<u32>,
    elements_left: u32,
    /// Whether braces were found that are never closed: then a broken statement ends with its line.
    unbalanced: bool,
}

impl<'a, 'p> Parser<'a, 'p> {
    fn new(texts: &'a Texts<'_>, limits: &'p Limits, problems: &'p mut Problems) -> Self {
        let (source, bytes): (_, &'a [u8]) = texts
            .texts
            .first()
            .map_or((ww_base::SourceId(0), &[]), |text| {
                (text.source, &text.bytes)
            });
        Parser {
            texts,
            limits,
            problems,
            parsed: Parsed::default(),
            text: 0,
            position: Position {
                lexer: Lexer::new(source, bytes),
                ahead: None,
                before: SourceSpan {
                    source,
                    start: 0,
                    end: 0,
                },
            },
            waiting: Vec::new(),
            scopes: vec![BTreeMap::new()],
            depths: Vec::new(),
            depth: 0,
            deepest: 0,
            rules_left: Some(limits.filter_rules),
            elements_left: limits.set_entries,
            unbalanced: false,
        }
    }

    /// The next token, left where it is.
    fn peek(&mut self) -> Token<'a> {
        if let Some(token) = self.position.ahead {
            return token;
        }
        let token = self.position.lexer.token();
        self.position.ahead = Some(token);
        token
    }

    fn next(&mut self) -> Token<'a> {
        let token = self.peek();
        self.position.ahead = None;
        self.position.before = token.at;
        token
    }

    fn peek_word(&mut self) -> Option<&'a str> {
        match self.peek().kind {
            TokenKind::Word(word) => Some(word),
            _ => None,
        }
    }

    fn is_mark(&mut self, mark: &str) -> bool {
        matches!(self.peek().kind, TokenKind::Mark(found) if found == mark)
    }

    /// Takes the mark when it comes next.
    fn take_mark(&mut self, mark: &str) -> bool {
        let found = self.is_mark(mark);
        if found {
            self.next();
        }
        found
    }

    /// Takes the word when it comes next.
    fn take_word(&mut self, word: &str) -> bool {
        let found = self.peek_word() == Some(word);
        if found {
            self.next();
        }
        found
    }

    /// Takes the first of the words that comes next.
    fn take_one_of(&mut self, words: &[&str]) -> bool {
        words.iter().any(|word| self.take_word(word))
    }

    fn expect_mark(&mut self, mark: &str) -> Read<()> {
        if self.take_mark(mark) {
            Ok(())
        } else {
            Err(self.expected(&format!("`{mark}`")))
        }
    }

    /// A name: a word, or a quoted one.
    fn name(&mut self) -> Read<&'a str> {
        match self.peek().kind {
            TokenKind::Word(name) | TokenKind::Quoted(name) => {
                self.next();
                Ok(name)
            }
            _ => Err(self.expected("a name")),
        }
    }

    fn number(&mut self) -> Read<u64> {
        let number = self.peek_word().and_then(crate::text::number);
        match number {
            Some(number) => {
                self.next();
                Ok(number)
            }
            None => Err(self.expected("a number")),
        }
    }

    fn skip_newlines(&mut self) {
        while self.peek().kind == TokenKind::Newline {
            self.next();
        }
    }

    /// The span from a start to the last token taken.
    fn since(&self, start: SourceSpan) -> SourceSpan {
        SourceSpan {
            end: self.position.before.end.max(start.end),
            ..start
        }
    }

    fn broken(at: SourceSpan, message: impl Into<String>) -> Broken {
        Broken {
            at,
            kind: ProblemKind::Malformed,
            message: message.into(),
        }
    }

    /// The complaint that something else was expected here.
    fn expected(&mut self, what: &str) -> Broken {
        let token = self.peek();
        let found = match token.kind {
            TokenKind::Word(word) => format!("`{}`", shown(word)),
            TokenKind::Quoted(text) => format!("\"{}\"", shown(text)),
            TokenKind::Mark(mark) => format!("`{mark}`"),
            TokenKind::Newline => "the end of the line".to_owned(),
            TokenKind::End => "the end of the text".to_owned(),
            TokenKind::Stray => "a byte that has no place here".to_owned(),
        };
        Self::broken(token.at, format!("expected {what}, found {found}"))
    }

    fn tell(&mut self, broken: Broken) {
        self.problems.add(broken.at, broken.kind, broken.message);
    }

    /// Whether a statement ends here: at a line's end, `;`, `}` or the end.
    fn at_end_of_statement(&mut self) -> bool {
        matches!(
            self.peek().kind,
            TokenKind::Newline | TokenKind::End | TokenKind::Mark(";" | "}")
        )
    }

    fn expect_end_of_statement(&mut self) -> Read<()> {
        if self.at_end_of_statement() {
            Ok(())
        } else {
            Err(self.expected("the end of the statement"))
        }
    }

    /// Skips the rest of a statement that began at `start`, braces and all.
    fn skip_statement(&mut self, start: Position<'a>) {
        let broke_at = self.position;
        if !self.unbalanced {
            self.position = start;
            if self.skip_balanced() {
                if self.position.lexer.position() < broke_at.lexer.position() {
                    self.position = broke_at;
                    self.skip_line();
                }
                return;
            }
            self.unbalanced = true;
        }
        self.position = broke_at;
        self.skip_line();
    }

    /// Skips to the end of a statement outside of braces; false when the text ends inside them.
    fn skip_balanced(&mut self) -> bool {
        let mut open = 0_u32;
        loop {
            match self.peek().kind {
                TokenKind::End => return open == 0,
                TokenKind::Newline | TokenKind::Mark(";" | "}") if open == 0 => return true,
                TokenKind::Mark("{") => open += 1,
                TokenKind::Mark("}") => open -= 1,
                _ => {}
            }
            self.next();
        }
    }

    fn skip_line(&mut self) {
        while !matches!(self.peek().kind, TokenKind::Newline | TokenKind::End) {
            self.next();
        }
    }

    /// Goes one level deeper into an expression.
    fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Read<T>) -> Read<T> {
        if self.depth >= self.limits.expression_nesting {
            return Err(Broken {
                at: self.peek().at,
                kind: ProblemKind::TooLarge,
                message: format!("expressions nest more than {} deep", self.depth),
            });
        }
        self.depth += 1;
        self.deepest = self.deepest.max(self.depth);
        let result = read(self);
        self.depth -= 1;
        result
    }

    /// `$name`, the `$` already taken.
    fn variable(&mut self) -> Read<Expr<'a>> {
        let start = self.position.before;
        let name = self.name()?;
        let at = self.since(start);
        let found = self.scopes.iter().rev().find_map(|scope| scope.get(name));
        let Some(number) = found.copied() else {
            return Err(Broken {
                at,
                kind: ProblemKind::Undefined,
                message: format!("the variable `{}` is not defined", shown(name)),
            });
        };
        let depth = self.depths.get(number as usize).copied().unwrap_or(0) + self.depth;
        if depth >= self.limits.expression_nesting {
            return Err(Broken {
                at,
                kind: ProblemKind::TooLarge,
                message: format!("expressions nest more than {depth} deep"),
            });
        }
        self.deepest = self.deepest.max(depth + 1);
        Ok(Expr {
            at,
            kind: ExprKind::Variable(number),
        })
    }

    /// `define NAME = VALUE` and its like, the first word already taken.
    fn define(&mut self, kind: &str) -> Read<()> {
        let name = self.name()?;
        if kind == "undefine" {
            if let Some(scope) = self.scopes.last_mut() {
                scope.remove(name);
            }
            return Ok(());
        }
        self.expect_mark("=")?;
        self.deepest = 0;
        let value = self.initializer()?;
        let number = self.parsed.definitions.len() as u32;
        self.parsed.definitions.push(value);
        self.depths.push(self.deepest);
        if let Some(scope) = self.scopes.last_mut() {
            scope.insert(name, number);
        }
        Ok(())
    }

    /// `include "NAME"`, the word already taken: goes on with the files of that name.
    fn include(&mut self) -> Read<()> {
        let token = self.next();
        let TokenKind::Quoted(_) = token.kind else {
            return Err(Self::broken(token.at, "expected the name of a file"));
        };
        self.expect_end_of_statement()?;
        let place = (self.text, token.at.start);
        let files = self.texts.included.get(&place).map(Vec::as_slice);
        if files.is_some_and(|files| !files.is_empty()) {
            self.waiting.push((self.text, self.position));
        }
        for (order, index) in files.unwrap_or_default().iter().rev().enumerate() {
            let Some(text) = self.texts.texts.get(*index) else {
                continue;
            };
            let start = Position {
                lexer: Lexer::new(text.source, &text.bytes),
                ahead: None,
                before: token.at,
            };
            if order + 1 == files.map_or(0, <[usize]>::len) {
                (self.text, self.position) = (*index, start);
            } else {
                self.waiting.push((*index, start));
            }
        }
        Ok(())
    }

    /// Whether the text really ends here; goes back to the one that included it where it does not.
    fn at_end_of_texts(&mut self) -> bool {
        while self.peek().kind == TokenKind::End {
            match self.waiting.pop() {
                Some((text, position)) => (self.text, self.position) = (text, position),
                None => return true,
            }
        }
        false
    }
}

/// A word of the input, short enough for a message.
fn shown(word: &str) -> String {
    const LONGEST: usize = 40;
    match word.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", word.get(..end).unwrap_or_default()),
        None => word.to_owned(),
    }
}
