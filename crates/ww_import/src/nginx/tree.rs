//! Directives and blocks of an nginx configuration, each with its place.

use super::lex::{Lexer, Token};
use crate::text::blanks_before;
use ww_base::{Limits, Locus, Order, Partial, Problem, ProblemKind, SourceId, SourceSpan};

/// A word of a directive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// What it says: without quotes and escapes.
    pub text: String,
    /// Where it stands, with its quotes.
    pub at: SourceSpan,
    /// Whether it is quoted.
    pub is_quoted: bool,
}

/// A directive: a name, arguments, and a `;` or a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directive {
    /// Its name.
    pub name: Word,
    /// Its arguments.
    pub args: Vec<Word>,
    /// From its name to its `;` or the `}` of its block.
    pub at: SourceSpan,
    /// Its block.
    pub block: Option<Block>,
}

/// What stands between braces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// Its `{`.
    pub open: SourceSpan,
    /// Its `}`; none where the text ends before.
    pub close: Option<SourceSpan>,
    /// What stands in it; nothing of a block in Lua.
    pub directives: Vec<Directive>,
}

impl Directive {
    /// An argument by its number, from 0.
    pub fn arg(&self, number: usize) -> Option<&str> {
        self.args.get(number).map(|word| word.text.as_str())
    }

    /// From its name to its last argument.
    pub fn head(&self) -> SourceSpan {
        let last = self.args.last().unwrap_or(&self.name);
        SourceSpan {
            end: last.at.end,
            ..self.name.at
        }
    }

    /// Its arguments with blanks between.
    pub fn words(&self) -> String {
        let words: Vec<&str> = self.args.iter().map(|word| &*word.text).collect();
        words.join(" ")
    }

    /// What stands in its block.
    pub fn inner(&self) -> &[Directive] {
        self.block
            .as_ref()
            .map_or(&[], |block| block.directives.as_slice())
    }
}

impl Block {
    /// Where a further directive can be put, and what has to stand before and behind it there so that
    /// it is a line of its own with the indentation of its neighbours; `bytes` is the text that holds
    /// the block.
    pub fn room(&self, bytes: &[u8]) -> (SourceSpan, String, String) {
        let place = SourceSpan {
            start: self.open.end,
            ..self.open
        };
        let own = blanks_before(bytes, self.open.start).1;
        let neighbour = self.directives.first();
        let indentation = neighbour
            .map(|first| blanks_before(bytes, first.at.start))
            .filter(|(stands_alone, _)| *stands_alone)
            .map_or_else(|| format!("{own}    "), |(_, blank)| blank);
        let between = bytes.get(self.open.end as usize..).unwrap_or_default();
        let behind = between.split(|byte| *byte == b'\n').next();
        let behind = behind.unwrap_or_default().trim_ascii();
        let is_alone = behind.is_empty() || behind.starts_with(b"#");
        let end = if is_alone {
            String::new()
        } else {
            format!("\n{own}")
        };
        (place, format!("\n{indentation}"), end)
    }
}

/// Reads the directives of a text.
pub fn parse(source: SourceId, bytes: &[u8], limits: &Limits) -> Partial<Vec<Directive>> {
    let bounded = bytes.get(..limits.text_bytes as usize).unwrap_or(bytes);
    let mut parser = Parser {
        lexer: Lexer::new(source, bounded),
        problems: Vec::new(),
        words: Vec::new(),
        done: Vec::new(),
        open: Vec::new(),
        deepest: limits.document_nesting as usize,
    };
    parser.run();
    if bounded.len() < bytes.len() {
        let message = format!(
            "the text has {} bytes; nothing after the first {} was read",
            bytes.len(),
            bounded.len()
        );
        let end = parser.lexer.end();
        parser.problem(end, ProblemKind::TooLarge, message);
    }
    for (at, message) in std::mem::take(&mut parser.lexer.broken) {
        parser.problem(at, ProblemKind::Malformed, message);
    }
    parser.problems.put_in_order_by(|a, b| a.at.cmp(&b.at));
    Partial {
        value: parser.done,
        problems: parser.problems,
    }
}

/// A block that is being read: its directive, whose block is still empty, and the directives that
/// stand before it.
struct Open {
    directive: Directive,
    before: Vec<Directive>,
}

struct Parser<'a> {
    lexer: Lexer<'a>,
    problems: Vec<Problem>,
    /// Words of the directive that is being read.
    words: Vec<Word>,
    /// Directives of the block that is being read.
    done: Vec<Directive>,
    /// Blocks that are being read, the outermost first.
    open: Vec<Open>,
    deepest: usize,
}

impl Parser<'_> {
    fn problem(&mut self, at: SourceSpan, kind: ProblemKind, message: impl Into<String>) {
        self.problems.push(Problem {
            at: Locus::Text(at),
            kind,
            message: message.into(),
        });
    }

    fn malformed(&mut self, at: SourceSpan, message: impl Into<String>) {
        self.problem(at, ProblemKind::Malformed, message);
    }

    fn run(&mut self) {
        while let Some(token) = self.lexer.next() {
            match token {
                Token::Word(word) => self.words.push(word),
                Token::End(at) => match self.directive(at) {
                    Some(directive) => self.done.push(directive),
                    None => self.malformed(at, "a `;` without a directive before it; remove it"),
                },
                Token::Open(at) => self.open(at),
                Token::Close(at) => self.close(at),
            }
        }
        self.unfinished();
        while let Some(open) = self.open.last() {
            let at = open.directive.head();
            let message = format!(
                "the block of `{}` is not closed; add a `}}`",
                open.directive.name.text
            );
            self.malformed(at, message);
            let end = self.lexer.end();
            self.leave(end, None);
        }
    }

    /// The words that were read as a directive that ends here.
    fn directive(&mut self, end: SourceSpan) -> Option<Directive> {
        let mut words = std::mem::take(&mut self.words).into_iter();
        let name = words.next()?;
        Some(Directive {
            at: SourceSpan {
                end: end.end,
                ..name.at
            },
            name,
            args: words.collect(),
            block: None,
        })
    }

    /// Words without a `;` before a brace or the end of the text.
    fn unfinished(&mut self) {
        let Some(last) = self.words.last().map(|word| word.at) else {
            return;
        };
        if let Some(directive) = self.directive(last) {
            let message = format!("`{}` does not end; add a `;`", directive.name.text);
            self.malformed(directive.at, message);
            self.done.push(directive);
        }
    }

    fn open(&mut self, at: SourceSpan) {
        let mut directive = self.directive(at).unwrap_or_else(|| {
            self.malformed(at, "a block without a name before it; write what it is");
            Directive {
                name: Word {
                    text: String::new(),
                    at,
                    is_quoted: false,
                },
                args: Vec::new(),
                at,
                block: None,
            }
        });
        directive.block = Some(Block {
            open: at,
            close: None,
            directives: Vec::new(),
        });
        let in_lua = directive.name.text.ends_with("_by_lua_block");
        if self.open.len() >= self.deepest {
            self.problem(
                at,
                ProblemKind::TooLarge,
                "blocks stand too deep inside one another; nothing from here on was read",
            );
            self.lexer.stop();
        }
        self.open.push(Open {
            directive,
            before: std::mem::take(&mut self.done),
        });
        if in_lua {
            match self.lexer.skip_lua() {
                Some(close) => self.leave(close, Some(close)),
                None => self.lexer.stop(),
            }
        }
    }

    fn close(&mut self, at: SourceSpan) {
        self.unfinished();
        if self.open.is_empty() {
            self.malformed(at, "a `}` without a block that it could close; remove it");
        }
        self.leave(at, Some(at));
    }

    /// Ends the innermost block.
    fn leave(&mut self, end: SourceSpan, close: Option<SourceSpan>) {
        let Some(Open {
            mut directive,
            before,
        }) = self.open.pop()
        else {
            return;
        };
        let inner = std::mem::replace(&mut self.done, before);
        directive.at.end = end.end;
        if let Some(block) = &mut directive.block {
            block.directives = inner;
            block.close = close;
        }
        self.done.push(directive);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(text: &str) -> (Vec<Directive>, Vec<String>) {
        let parsed = parse(SourceId(0), text.as_bytes(), &Limits::default());
        let problems = parsed.problems.into_iter();
        let told = problems.map(|problem| problem.message).collect();
        (parsed.value, told)
    }

    /// Every directive on one line, with `{…}` for blocks.
    fn shown(directives: &[Directive]) -> String {
        let one = |directive: &Directive| {
            let mut words = vec![directive.name.text.clone()];
            words.extend(directive.args.iter().map(|word| word.text.clone()));
            let inner = directive.block.as_ref();
            let block = inner.map(|block| format!("{{{}}}", shown(&block.directives)));
            words.join("|") + &block.unwrap_or_default()
        };
        let all: Vec<String> = directives.iter().map(one).collect();
        all.join(" ")
    }

    #[test]
    fn words_are_divided_as_nginx_does() {
        let cases = [
            ("a b\tc;\r\nd;", "a|b|c d"),
            ("a \"b c\" 'd\\'e' \"f\\ng\";", "a|b c|d'e|f\ng"),
            ("# x;\na b#c; # d", "a|b#c"),
            ("a ${b}c $d {e f;}", "a|${b}c|$d{e|f}"),
            ("a x\\;y \\\"z;", "a|x\\;y|\"z"),
            ("if ($a = \"b\") { c; }", "if|($a|=|b|){c}"),
            ("\u{feff}a{}", "a{}"),
            ("a 'ü';", "a|ü"),
            ("a;;", "a"),
        ];
        for (text, expected) in cases {
            assert_eq!(shown(&tree(text).0), expected, "{text}");
        }
    }

    #[test]
    fn lua_is_passed_over() {
        let text = "a { content_by_lua_block { x = { \"}\" } -- }\n } b; }";
        let (directives, problems) = tree(text);
        assert_eq!(shown(&directives), "a{content_by_lua_block{} b}");
        assert_eq!(problems, [""; 0]);
    }

    #[test]
    fn what_is_broken_is_said_and_the_rest_is_read() {
        let cases = [
            ("a b }", "a|b", 2),
            ("a { b c }", "a{b|c}", 1),
            ("a { b;", "a{b}", 1),
            ("a 'b;", "a|b;", 2),
            ("{ a; } b;", "{a} b", 1),
            ("; a;", "a", 1),
            ("a \"b\"c;", "a|b|c", 1),
            ("x_by_lua_block { ", "x_by_lua_block{}", 1),
        ];
        for (text, expected, count) in cases {
            let (directives, problems) = tree(text);
            assert_eq!(shown(&directives), expected, "{text}");
            assert_eq!(problems.len(), count, "{text}: {problems:?}");
        }
    }

    #[test]
    fn nesting_is_bounded() {
        let limits = Limits {
            document_nesting: 3,
            ..Limits::default()
        };
        let parsed = parse(SourceId(0), b"a{a{a{a{a{a{", &limits);
        let kinds: Vec<ProblemKind> = parsed.problems.iter().map(|one| one.kind).collect();
        assert!(kinds.contains(&ProblemKind::TooLarge));
        assert_eq!(shown(&parsed.value), "a{a{a{a{}}}}");
    }

    #[test]
    fn a_directive_is_put_on_a_line_of_its_own() {
        let put = |text: &str| {
            let (directives, _) = tree(text);
            let block = directives[0].block.as_ref().unwrap();
            let (at, before, after) = block.room(text.as_bytes());
            let mut text = text.to_owned();
            text.insert_str(at.start as usize, &format!("{before}x 1;{after}"));
            text
        };
        assert_eq!(put("  a {\n\tb;\n  }"), "  a {\n\tx 1;\n\tb;\n  }");
        assert_eq!(put("a { # c\n  b;\n}"), "a {\n  x 1; # c\n  b;\n}");
        assert_eq!(put("  a {}"), "  a {\n      x 1;\n  }");
        assert_eq!(put("a { b; }"), "a {\n    x 1;\n b; }");
    }
}
