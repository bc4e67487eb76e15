//! Source code as words, numbers and texts with their places: enough to see simple assignments,
//! calls and literals, in JavaScript, TypeScript, Python, Go, Java and Ruby.

use super::names::Names;
use ww_base::{SourceId, SourceSpan};

/// How a language writes comments and texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Language {
    /// JavaScript and TypeScript.
    JavaScript,
    Python,
    Go,
    Java,
    Ruby,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Word,
    Number,
    /// What stands between quotes, as it is written.
    Text,
    Sign,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Token<'t> {
    pub(super) kind: Kind,
    pub(super) text: &'t str,
    pub(super) start: usize,
    pub(super) end: usize,
    /// Whether it is the first of its line.
    pub(super) is_first: bool,
}

/// The tokens of a source.
pub(super) struct Code<'t> {
    pub(super) language: Language,
    source: SourceId,
    text: &'t str,
    tokens: Vec<Token<'t>>,
    /// For each token that opens a bracket, the one that closes it.
    closings: Vec<usize>,
    names: Names<'t>,
}

impl<'t> Code<'t> {
    pub(super) fn new(text: &'t str, source: SourceId, language: Language) -> Code<'t> {
        let tokens = Lexer::new(text, language).tokens();
        let mut code = Code {
            language,
            source,
            text,
            closings: closings(&tokens),
            tokens,
            names: Names::default(),
        };
        code.names = Names::of(&code);
        code
    }

    pub(super) fn len(&self) -> usize {
        self.tokens.len()
    }

    pub(super) fn get(&self, index: usize) -> Option<&Token<'t>> {
        self.tokens.get(index)
    }

    /// The word at a place; none for anything else.
    pub(super) fn word(&self, index: usize) -> Option<&'t str> {
        let token = self.tokens.get(index)?;
        (token.kind == Kind::Word).then_some(token.text)
    }

    /// Whether this sign or word stands at a place.
    pub(super) fn is(&self, index: usize, text: &str) -> bool {
        let token = self.tokens.get(index);
        token.is_some_and(|it| it.text == text && matches!(it.kind, Kind::Sign | Kind::Word))
    }

    /// Whether these signs and words stand one after the other from a place on.
    pub(super) fn are(&self, index: usize, texts: &[&str]) -> bool {
        let mut texts = texts.iter().zip(index..);
        texts.all(|(text, index)| self.is(index, text))
    }

    /// From the beginning of one token to the end of another.
    pub(super) fn span(&self, first: usize, last: usize) -> SourceSpan {
        let start = self.tokens.get(first).map_or(0, |token| token.start);
        let end = self.tokens.get(last).map_or(start, |token| token.end);
        SourceSpan {
            source: self.source,
            start: start as u32,
            end: end.max(start) as u32,
        }
    }

    /// The token that closes the bracket at a place; the last one when none does.
    pub(super) fn closing(&self, open: usize) -> usize {
        let last = self.tokens.len().saturating_sub(1);
        self.closings.get(open).copied().unwrap_or(last)
    }

    /// How far a token stands from the beginning of its line, in bytes.
    pub(super) fn column(&self, index: usize) -> usize {
        let start = self.get(index).map_or(0, |token| token.start);
        let before = self.text.get(..start).unwrap_or_default();
        start - before.rfind('\n').map_or(0, |end| end + 1)
    }

    /// The sign that a text begins with, by which languages tell texts with values put in.
    pub(super) fn quote(&self, index: usize) -> Option<char> {
        let start = self.get(index)?.start;
        self.text.get(start..)?.chars().next()
    }

    /// The last token of a line of Python, which goes on inside brackets.
    pub(super) fn end_of_line(&self, from: usize) -> usize {
        let mut index = from;
        loop {
            if self.opens(index) {
                index = self.closing(index).max(index);
            }
            match self.get(index + 1) {
                Some(next) if !next.is_first => index += 1,
                _ => return index,
            }
        }
    }

    /// The first place that fits, outside of brackets, from one token to another.
    pub(super) fn at_top(
        &self,
        first: usize,
        last: usize,
        fits: impl Fn(usize) -> bool,
    ) -> Option<usize> {
        let mut index = first;
        while index <= last {
            if fits(index) {
                return Some(index);
            }
            index = if self.opens(index) {
                self.closing(index).max(index) + 1
            } else {
                index + 1
            };
        }
        None
    }

    pub(super) fn opens(&self, index: usize) -> bool {
        ["(", "[", "{"].iter().any(|sign| self.is(index, sign))
    }

    /// The named parts directly inside a bracket (`name: value`, `name = value`): name, the token of
    /// the name, the first and the last token of the value.
    pub(super) fn fields(&self, open: usize) -> Vec<(&'t str, usize, usize, usize)> {
        let close = self.closing(open);
        let mut fields = Vec::new();
        let mut index = open + 1;
        while index < close {
            let end = self.end_of_part(index, close);
            let sign = self.is(index + 1, ":") || self.is(index + 1, "=");
            if let (true, Some(name)) = (sign && index + 2 < end, self.word(index)) {
                fields.push((name, index, index + 2, end - 1));
            }
            index = end + 1;
        }
        fields
    }

    /// Where the part of a list that begins at a place ends: its comma, or the closing bracket.
    pub(super) fn end_of_part(&self, from: usize, close: usize) -> usize {
        let mut index = from;
        while index < close {
            match self.get(index).map(|token| (token.kind, token.text)) {
                Some((Kind::Sign, ",")) => return index,
                Some((Kind::Sign, "(" | "[" | "{")) => index = self.closing(index) + 1,
                _ => index += 1,
            }
        }
        close
    }

    /// The last token of what stands behind an assignment.
    pub(super) fn end_of_statement(&self, from: usize) -> usize {
        let mut index = from;
        loop {
            if self.opens(index) {
                index = self.closing(index).max(index);
            }
            let Some(token) = self.get(index + 1) else {
                return index;
            };
            let begins = match self.language {
                Language::Java => false,
                Language::JavaScript => token.kind == Kind::Word,
                Language::Python | Language::Go | Language::Ruby => true,
            };
            let is_end =
                matches!(token.text, ";" | ")" | "]" | "}" | ",") && token.kind == Kind::Sign;
            if (token.is_first && begins) || is_end {
                return index;
            }
            index += 1;
        }
    }

    /// What a name was set to that is used at a place, when that was done once: the first and the
    /// last token.
    pub(super) fn constant(&self, name: &str, at: usize) -> Option<(usize, usize)> {
        let first = self.names.value(name, at)?;
        Some((first, self.end_of_statement(first)))
    }

    /// The text that these tokens are: quoted, or a constant that is.
    pub(super) fn quoted(&self, first: usize, last: usize) -> Option<&'t str> {
        let token = self.get(first).filter(|_| first == last)?;
        match token.kind {
            Kind::Text => Some(token.text),
            Kind::Word => {
                let (first, last) = self.constant(token.text, first)?;
                let token = self.get(first).filter(|_| first == last)?;
                (token.kind == Kind::Text).then_some(token.text)
            }
            _ => None,
        }
    }

    /// The product of numbers that these tokens are, and the nanoseconds of the unit of time among
    /// them (Go's `time.Second`); constants are looked up.
    pub(super) fn product(&self, first: usize, last: usize) -> Option<(f64, Option<i64>)> {
        self.product_of(first, last, 4)
    }

    fn product_of(&self, first: usize, last: usize, depth: u32) -> Option<(f64, Option<i64>)> {
        let mut product = 1.0;
        let mut unit = None;
        let mut index = first;
        while index <= last {
            let token = self.get(index)?;
            match token.kind {
                Kind::Number => product *= number(token.text)?,
                Kind::Word if token.text == "time" && self.is(index + 1, ".") => {
                    unit = Some(unit_of_go(self.word(index + 2)?)?);
                    index += 2;
                }
                Kind::Word => {
                    let (from, to) = self.constant(token.text, index)?;
                    let (factor, its_unit) = self.product_of(from, to, depth.checked_sub(1)?)?;
                    product *= factor;
                    unit = unit.or(its_unit);
                }
                _ => return None,
            }
            index += 1;
            if index <= last {
                if !self.is(index, "*") {
                    return None;
                }
                index += 1;
            }
        }
        (first <= last).then_some((product, unit))
    }
}

/// For each token that opens a bracket the one that closes it, whatever its kind; the last one when
/// none does.
fn closings(tokens: &[Token<'_>]) -> Vec<usize> {
    let mut closings = vec![tokens.len().saturating_sub(1); tokens.len()];
    let mut open = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        match (token.kind, token.text) {
            (Kind::Sign, "(" | "[" | "{") => open.push(index),
            (Kind::Sign, ")" | "]" | "}") => {
                let closing = open.pop().and_then(|it: usize| closings.get_mut(it));
                if let Some(closing) = closing {
                    *closing = index;
                }
            }
            _ => {}
        }
    }
    closings
}

pub(super) fn number(text: &str) -> Option<f64> {
    let text = text.trim_end_matches(['L', 'l', 'n']);
    text.replace('_', "").parse().ok()
}

fn unit_of_go(name: &str) -> Option<i64> {
    Some(match name {
        "Nanosecond" => 1,
        "Microsecond" => 1_000,
        "Millisecond" => 1_000_000,
        "Second" => 1_000_000_000,
        "Minute" => 60_000_000_000,
        "Hour" => 3_600_000_000_000,
        _ => return None,
    })
}

/// Cuts a source into tokens.
struct Lexer<'t> {
    text: &'t str,
    language: Language,
    at: usize,
    tokens: Vec<Token<'t>>,
    is_first: bool,
}

impl<'t> Lexer<'t> {
    fn new(text: &'t str, language: Language) -> Lexer<'t> {
        Lexer {
            text,
            language,
            at: 0,
            tokens: Vec::new(),
            is_first: true,
        }
    }

    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn tokens(mut self) -> Vec<Token<'t>> {
        while let Some(letter) = self.rest().chars().next() {
            if letter == '\n' {
                self.is_first = true;
                self.at += 1;
            } else if letter.is_whitespace() {
                self.at += letter.len_utf8();
            } else if !self.comment() && !self.quoted(letter) && !self.pattern(letter) {
                self.plain(letter);
            }
        }
        self.tokens
    }

    fn push(&mut self, kind: Kind, text: &'t str, start: usize, end: usize) {
        self.tokens.push(Token {
            kind,
            text,
            start,
            end,
            is_first: self.is_first,
        });
        self.is_first = false;
        self.at = end;
    }

    /// Steps over a comment.
    fn comment(&mut self) -> bool {
        let rest = self.rest();
        let has_hash = matches!(self.language, Language::Python | Language::Ruby);
        if (has_hash && rest.starts_with('#')) || (!has_hash && rest.starts_with("//")) {
            self.at += rest.find('\n').unwrap_or(rest.len());
            return true;
        }
        if !has_hash && rest.starts_with("/*") {
            self.at += rest.find("*/").map_or(rest.len(), |end| end + 2);
            return true;
        }
        false
    }

    fn quoted(&mut self, letter: char) -> bool {
        let rest = self.rest();
        let start = self.at;
        let triple = ["\"\"\"", "'''"].into_iter().find(|quote| {
            (self.language == Language::Python
                || (self.language == Language::Java && *quote == "\"\"\""))
                && rest.starts_with(quote)
        });
        if let Some(quote) = triple {
            let inside = rest.get(3..).unwrap_or_default();
            let length = inside.find(quote).unwrap_or(inside.len());
            let end = (start + 6 + length).min(self.text.len());
            self.push(
                Kind::Text,
                inside.get(..length).unwrap_or_default(),
                start,
                end,
            );
            return true;
        }
        let has_backticks = matches!(self.language, Language::JavaScript | Language::Go);
        let is_quote = matches!(letter, '"' | '\'') || (letter == '`' && has_backticks);
        if !is_quote {
            return false;
        }
        let escapes = !(letter == '`' && self.language == Language::Go);
        let inside = rest.get(1..).unwrap_or_default();
        let length = length_of_text(inside, letter, escapes);
        let end = (start + 1 + length + 1).min(self.text.len());
        let end = if inside
            .get(length..)
            .is_some_and(|rest| rest.starts_with(letter))
        {
            end
        } else {
            start + 1 + length
        };
        self.push(
            Kind::Text,
            inside.get(..length).unwrap_or_default(),
            start,
            end,
        );
        true
    }

    /// Steps over a pattern of JavaScript (`/…/`), which stands where a value may begin.
    fn pattern(&mut self, letter: char) -> bool {
        if letter != '/' || self.language != Language::JavaScript {
            return false;
        }
        let begins_value = self
            .tokens
            .last()
            .is_none_or(|last| last.kind == Kind::Sign && !matches!(last.text, ")" | "]" | "}"));
        let line = self.rest().lines().next().unwrap_or_default();
        let inside = line.get(1..).unwrap_or_default();
        let length = length_of_text(inside, '/', true);
        if !begins_value || length >= inside.len() {
            return false;
        }
        self.at += length + 2;
        true
    }

    fn plain(&mut self, letter: char) {
        let rest = self.rest();
        let start = self.at;
        let is_word = |letter: char| letter.is_alphanumeric() || letter == '_' || letter == '$';
        let (kind, length) = if letter.is_ascii_digit() {
            let part = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '_');
            (
                Kind::Number,
                rest.find(|it| !part(it)).unwrap_or(rest.len()),
            )
        } else if is_word(letter) {
            (
                Kind::Word,
                rest.find(|it| !is_word(it)).unwrap_or(rest.len()),
            )
        } else {
            (Kind::Sign, letter.len_utf8())
        };
        self.push(
            kind,
            rest.get(..length).unwrap_or_default(),
            start,
            start + length,
        );
    }
}

/// How long a text is up to its closing quote; a plain one ends with its line.
fn length_of_text(inside: &str, quote: char, escapes: bool) -> usize {
    let mut letters = inside.char_indices();
    while let Some((at, letter)) = letters.next() {
        if letter == quote || (letter == '\n' && quote != '`') {
            return at;
        }
        if letter == '\\' && escapes {
            letters.next();
        }
    }
    inside.len()
}

#[cfg(test)]
mod tests {
    use super::{Code, Language};
    use ww_base::SourceId;

    fn words(text: &str, language: Language) -> Vec<String> {
        let code = Code::new(text, SourceId(0), language);
        let all = (0..code.len()).filter_map(|index| code.get(index));
        all.map(|token| token.text.to_owned()).collect()
    }

    #[test]
    fn comments_and_texts_are_told_from_code() {
        let text = "a = 'x // y' // z\n/* b = */ c = /[\"]/g; d = `e\nf`";
        let wanted = ["a", "=", "x // y", "c", "=", "g", ";", "d", "=", "e\nf"];
        assert_eq!(words(text, Language::JavaScript), wanted);
        let text = "a = \"\"\"x\n# y\"\"\" # z\nb = 'it\\'s'";
        let wanted = ["a", "=", "x\n# y", "b", "=", "it\\'s"];
        assert_eq!(words(text, Language::Python), wanted);
    }

    #[test]
    fn products_of_constants_are_worked_out() {
        let text =
            "const second = 1000;\nconst idle = 65 * second;\nx.keep = idle\nlet y = 1; y = 2";
        let code = Code::new(text, SourceId(0), Language::JavaScript);
        let (first, last) = code.constant("idle", 0).unwrap();
        assert_eq!(code.product(first, last), Some((65_000.0, None)));
        assert_eq!(code.constant("y", 0), None);
        let text = "s := &http.Server{ReadTimeout: 5 * time.Second, Addr: a()}";
        let code = Code::new(text, SourceId(0), Language::Go);
        let open = (0..code.len()).find(|index| code.is(*index, "{")).unwrap();
        let fields = code.fields(open);
        let (name, _, first, last) = fields[0];
        assert_eq!((name, fields.len()), ("ReadTimeout", 2));
        let second = Some(1_000_000_000);
        assert_eq!(code.product(first, last), Some((5.0, second)));
    }
}
