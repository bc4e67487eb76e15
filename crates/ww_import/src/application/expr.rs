//! Expressions of sources as far as their text tells what they are: constants, texts put together,
//! variables of the environment with what stands for them where they are not set.
//!
//! What else an expression holds stays open. A unit's variables are put in when it is known which
//! unit starts the source.

use super::code::{Code, Kind, Language, number};
use ww_base::Sourced;
use ww_model::service::Unit;

/// What stands in a text for a part that is not known.
pub(super) const OPEN: char = '\u{FFFD}';

/// How deep expressions are followed through names and brackets.
const DEPTH: u32 = 12;

/// How many parts of an expression are looked at.
const STEPS: u32 = 300;

/// How many tokens an expression may have.
const LONGEST: usize = 2000;

/// An expression.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Expr {
    Text(String),
    Number(f64),
    /// A variable of the environment.
    Variable(String),
    /// Texts one after the other.
    Joined(Vec<Expr>),
    /// One of two.
    Choice(Box<Choice>),
    /// What the text does not tell.
    Open,
}

/// One of two expressions, by a test.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Choice {
    test: Test,
    then: Expr,
    otherwise: Expr,
}

#[derive(Clone, Debug, PartialEq)]
enum Test {
    /// Whether a variable is set.
    IsSet(String),
    /// Whether two are the same.
    Same(Expr, Expr),
}

/// What is known of the variables of an environment.
pub(super) struct Environment<'u> {
    /// None where it is not known what starts the source: then nothing is set.
    pub(super) unit: Option<&'u Unit>,
}

/// The value of a variable.
enum Variable<'u> {
    Set(&'u str),
    NotSet,
    Unknown,
}

impl Environment<'_> {
    fn get(&self, name: &str) -> Variable<'_> {
        let Some(unit) = self.unit else {
            return Variable::NotSet;
        };
        let is_it = |(known, _): &&(String, Sourced<String>)| known == name;
        let value = unit.environment.iter().find(is_it);
        match value.map(|(_, value)| value.value.as_str()) {
            Some(value) if value.contains('$') => Variable::Unknown,
            Some(value) => Variable::Set(value),
            None if unit.hidden_variables.iter().any(|known| known == name) => Variable::Unknown,
            None => Variable::NotSet,
        }
    }
}

impl Expr {
    /// The expression from one token to another.
    pub(super) fn of(code: &Code<'_>, first: usize, last: usize) -> Expr {
        let mut reader = Reader { code, steps: STEPS };
        reader.expression(first, last, DEPTH)
    }

    /// Whether anything of it is known.
    pub(super) fn is_open(&self) -> bool {
        match self {
            Expr::Open => true,
            Expr::Joined(parts) => parts.iter().all(Expr::is_open),
            Expr::Choice(choice) => choice.then.is_open() && choice.otherwise.is_open(),
            _ => false,
        }
    }

    /// What it is in an environment: a text, with [`OPEN`] for parts that are not known; none when
    /// nothing is.
    pub(super) fn text(&self, environment: &Environment<'_>) -> Option<String> {
        match self {
            Expr::Text(text) => Some(text.clone()),
            Expr::Number(number) => Some(number.to_string()),
            Expr::Variable(name) => match environment.get(name) {
                Variable::Set(value) => Some(value.to_owned()),
                Variable::NotSet | Variable::Unknown => None,
            },
            Expr::Joined(parts) => {
                let texts = parts.iter().map(|part| part.text(environment));
                let open = || OPEN.to_string();
                Some(texts.map(|text| text.unwrap_or_else(open)).collect())
            }
            Expr::Choice(choice) => choice.taken(environment)?.text(environment),
            Expr::Open => None,
        }
    }
}

impl Choice {
    fn taken(&self, environment: &Environment<'_>) -> Option<&Expr> {
        let holds = match &self.test {
            Test::IsSet(name) => match environment.get(name) {
                Variable::Set(_) => true,
                Variable::NotSet => false,
                Variable::Unknown => return None,
            },
            Test::Same(one, other) => {
                let (one, other) = (one.text(environment)?, other.text(environment)?);
                if one.contains(OPEN) || other.contains(OPEN) {
                    return None;
                }
                one == other
            }
        };
        Some(if holds { &self.then } else { &self.otherwise })
    }
}

struct Reader<'c, 't> {
    code: &'c Code<'t>,
    steps: u32,
}

impl Reader<'_, '_> {
    fn expression(&mut self, first: usize, last: usize, depth: u32) -> Expr {
        let (Some(depth), Some(steps)) = (depth.checked_sub(1), self.steps.checked_sub(1)) else {
            return Expr::Open;
        };
        self.steps = steps;
        let code = self.code;
        if first > last || last >= code.len() || last - first > LONGEST {
            return Expr::Open;
        }
        if code.is(first, "(") && code.closing(first) == last {
            return self.expression(first + 1, last.saturating_sub(1), depth);
        }
        let choice = match code.language {
            Language::Python => self.python_choice(first, last, depth),
            Language::Java | Language::JavaScript => self.choice(first, last, depth),
            Language::Go | Language::Ruby => None,
        };
        if let Some(choice) = choice {
            return choice;
        }
        if code.language == Language::JavaScript
            && let Some(at) = code.at_top(first, last, |at| {
                code.are(at, &["|", "|"]) || code.are(at, &["?", "?"])
            })
        {
            return self.or(first, at, last, depth);
        }
        if let Some(plus) = code.at_top(first, last, |at| code.is(at, "+")) {
            return self.sum(first, plus, last, depth);
        }
        self.operand(first, last, depth)
    }

    /// `A if TEST else B`.
    fn python_choice(&mut self, first: usize, last: usize, depth: u32) -> Option<Expr> {
        let code = self.code;
        let test = code.at_top(first, last, |at| code.is(at, "if"))?;
        let other = code.at_top(test, last, |at| code.is(at, "else"))?;
        let then = (first, test.checked_sub(1)?);
        Some(self.chosen((test + 1, other - 1), then, (other + 1, last), depth))
    }

    /// `TEST ? A : B`.
    fn choice(&mut self, first: usize, last: usize, depth: u32) -> Option<Expr> {
        let code = self.code;
        let is_mark = |at: usize| {
            let pair = code.is(at + 1, "?") || code.is(at + 1, ".");
            code.is(at, "?") && !pair && !(at > first && code.is(at - 1, "?"))
        };
        let mark = code.at_top(first, last, is_mark)?;
        let colon = code.at_top(mark, last, |at| code.is(at, ":"))?;
        let test = (first, mark.checked_sub(1)?);
        Some(self.chosen(test, (mark + 1, colon - 1), (colon + 1, last), depth))
    }

    fn chosen(
        &mut self,
        test: (usize, usize),
        then: (usize, usize),
        otherwise: (usize, usize),
        depth: u32,
    ) -> Expr {
        let then = self.expression(then.0, then.1, depth);
        let otherwise = self.expression(otherwise.0, otherwise.1, depth);
        let Some((test, is_turned)) = self.test(test.0, test.1, depth) else {
            return Expr::Open;
        };
        let (then, otherwise) = if is_turned {
            (otherwise, then)
        } else {
            (then, otherwise)
        };
        Expr::Choice(Box::new(Choice {
            test,
            then,
            otherwise,
        }))
    }

    /// A test, and whether it is the other way round.
    fn test(&mut self, first: usize, last: usize, depth: u32) -> Option<(Test, bool)> {
        let code = self.code;
        if code.is(first, "(") && code.closing(first) == last {
            return self.test(first + 1, last.checked_sub(1)?, depth.checked_sub(1)?);
        }
        if let Some((expr, word)) = self.equals_call(first, last, depth) {
            return Some((Test::Same(expr, word), false));
        }
        let is_sign =
            |at: usize| code.is(at, "is") || code.are(at, &["=", "="]) || code.are(at, &["!", "="]);
        let sign = code.at_top(first, last, is_sign)?;
        let mut is_turned = code.is(sign, "!") || code.are(sign, &["is", "not"]);
        let mut behind = sign + if code.are(sign, &["is"]) { 1 } else { 2 };
        behind += usize::from(code.is(behind, "not") || code.is(behind, "="));
        let one = self.expression(first, sign.checked_sub(1)?, depth);
        let nothing = ["None", "null", "undefined"];
        if behind == last && nothing.iter().any(|word| code.is(behind, word)) {
            let Expr::Variable(name) = one else {
                return None;
            };
            is_turned = !is_turned;
            return Some((Test::IsSet(name), is_turned));
        }
        let other = self.expression(behind, last, depth);
        (!one.is_open() && !other.is_open()).then_some((Test::Same(one, other), is_turned))
    }

    /// `x.equals("y")`.
    fn equals_call(&mut self, first: usize, last: usize, depth: u32) -> Option<(Expr, Expr)> {
        let code = self.code;
        let call = code.at_top(first, last, |at| code.are(at, &[".", "equals", "("]))?;
        if code.closing(call + 2) != last {
            return None;
        }
        let one = self.expression(first, call.checked_sub(1)?, depth);
        let other = self.expression(call + 3, last.checked_sub(1)?, depth);
        (!one.is_open() && !other.is_open()).then_some((one, other))
    }

    /// `A || B`, which is B where the variable A is not set.
    fn or(&mut self, first: usize, sign: usize, last: usize, depth: u32) -> Expr {
        let one = self.expression(first, sign.saturating_sub(1), depth);
        let other = self.expression(sign + 2, last, depth);
        match &one {
            Expr::Variable(name) => {
                let test = Test::IsSet(name.clone());
                Expr::Choice(Box::new(Choice {
                    test,
                    then: one,
                    otherwise: other,
                }))
            }
            _ => Expr::Open,
        }
    }

    /// Texts with `+` between; a sum of numbers is not worked out.
    fn sum(&mut self, first: usize, plus: usize, last: usize, depth: u32) -> Expr {
        let code = self.code;
        let mut parts = Vec::new();
        let (mut from, mut to) = (first, Some(plus));
        while let Some(plus) = to {
            parts.push(self.expression(from, plus.saturating_sub(1), depth));
            from = plus + 1;
            to = code.at_top(from, last, |at| code.is(at, "+"));
        }
        parts.push(self.expression(from, last, depth));
        if parts.iter().all(|part| matches!(part, Expr::Number(_))) {
            return Expr::Open;
        }
        Expr::Joined(parts)
    }

    /// What is neither chosen nor put together.
    fn operand(&mut self, first: usize, last: usize, depth: u32) -> Expr {
        let code = self.code;
        if let Some(found) = self.call(first, last, depth) {
            return found;
        }
        let Some(token) = code.get(first) else {
            return Expr::Open;
        };
        match token.kind {
            Kind::Text if first == last => self.text(first, depth),
            Kind::Word if first == last => match code.constant(token.text, first) {
                Some((from, to)) => self.expression(from, to, depth),
                None => Expr::Open,
            },
            // `f"…"` of Python.
            Kind::Word if first + 1 == last && code.language == Language::Python => {
                let is_filled = matches!(token.text, "f" | "F");
                let text = code
                    .get(last)
                    .filter(|it| it.kind == Kind::Text && is_filled);
                text.map_or(Expr::Open, |text| self.filled(text.text, last, "{", depth))
            }
            Kind::Number => match code.product(first, last) {
                Some((number, None)) => Expr::Number(number),
                _ => Expr::Open,
            },
            Kind::Word => self.entry(first, last, depth),
            _ => Expr::Open,
        }
    }

    fn text(&mut self, index: usize, depth: u32) -> Expr {
        let code = self.code;
        let text = code.get(index).map_or("", |token| token.text);
        if code.quote(index) == Some('`') && code.language == Language::JavaScript {
            return self.filled(text, index, "${", depth);
        }
        Expr::Text(text.to_owned())
    }

    /// A text with names in braces.
    fn filled(&mut self, text: &str, at: usize, begin: &str, depth: u32) -> Expr {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, behind)) = rest.split_once(begin) {
            parts.push(Expr::Text(before.to_owned()));
            let Some((name, after)) = behind.split_once('}') else {
                return Expr::Open;
            };
            let name = name.trim();
            let variable = name.strip_prefix("process.env.");
            parts.push(match (variable, self.code.constant(name, at)) {
                (Some(variable), _) => Expr::Variable(variable.to_owned()),
                (None, Some((from, to))) => self.expression(from, to, depth),
                (None, None) => Expr::Open,
            });
            rest = after;
        }
        parts.push(Expr::Text(rest.to_owned()));
        Expr::Joined(parts)
    }

    /// Calls and places that name a variable of the environment, convert, or fill in a form.
    fn call(&mut self, first: usize, last: usize, depth: u32) -> Option<Expr> {
        let code = self.code;
        let variable = |at: usize| {
            let token = code.get(at).filter(|token| token.kind == Kind::Text);
            token.map(|token| token.text.to_owned())
        };
        if code.are(first, &["process", ".", "env", "."]) && first + 4 == last {
            return Some(Expr::Variable(code.word(last)?.to_owned()));
        }
        if code.are(first, &["os", ".", "environ", "["]) && first + 5 == last {
            return Some(Expr::Variable(variable(first + 4)?));
        }
        let readers: [&[&str]; 6] = [
            &["os", ".", "environ", ".", "get", "("],
            &["os", ".", "getenv", "("],
            &["os", ".", "Getenv", "("],
            &["getenv", "("],
            &["System", ".", "getenv", "("],
            &["System", ".", "getenv", "(", ")", ".", "getOrDefault", "("],
        ];
        // The longer way to write it goes first.
        let reads = readers.iter().rev().find(|words| {
            let open = first + words.len() - 1;
            code.are(first, words) && code.closing(open) == last
        });
        if let Some(words) = reads {
            return self.variable(first + words.len(), last, depth);
        }
        let converts = ["int", "float", "str", "parseInt", "Number", "String"];
        let of_class = ["parseInt", "valueOf", "parseLong", "toString"];
        if converts.iter().any(|word| code.is(first, word)) && code.is(first + 1, "(") {
            return self.argument(first + 1, last, depth);
        }
        let is_class = ["Integer", "Long", "String", "Boolean"]
            .iter()
            .any(|word| code.is(first, word));
        if is_class && of_class.iter().any(|word| code.is(first + 2, word)) {
            return self.argument(first + 3, last, depth);
        }
        self.form(first, last, depth)
    }

    /// The only argument of a conversion.
    fn argument(&mut self, open: usize, last: usize, depth: u32) -> Option<Expr> {
        let code = self.code;
        if !code.is(open, "(") || code.closing(open) != last {
            return None;
        }
        let end = code.end_of_part(open + 1, last);
        Some(self.expression(open + 1, end.checked_sub(1)?, depth))
    }

    /// A variable, and what is there in its place when it is not set.
    fn variable(&mut self, first: usize, close: usize, depth: u32) -> Option<Expr> {
        let code = self.code;
        let token = code.get(first).filter(|token| token.kind == Kind::Text)?;
        let name = token.text.to_owned();
        let comma = code.end_of_part(first, close);
        if comma == close {
            return Some(Expr::Variable(name));
        }
        let otherwise = self.expression(comma + 1, close.checked_sub(1)?, depth);
        Some(Expr::Choice(Box::new(Choice {
            test: Test::IsSet(name.clone()),
            then: Expr::Variable(name),
            otherwise,
        })))
    }

    /// A form with values: `"…{0}…".format(…)`, `String.format("…%s…", …)`.
    fn form(&mut self, first: usize, last: usize, depth: u32) -> Option<Expr> {
        let code = self.code;
        let (form, open, from) = match code.language {
            Language::Python if code.are(first + 1, &[".", "format", "("]) => {
                (first, first + 3, first + 4)
            }
            Language::Java if code.are(first, &["String", ".", "format", "("]) => {
                (first + 4, first + 3, first + 6)
            }
            Language::Java if code.are(first + 1, &[".", "formatted", "("]) => {
                (first, first + 3, first + 4)
            }
            _ => return None,
        };
        let text = code
            .get(form)
            .filter(|token| token.kind == Kind::Text)?
            .text;
        if code.closing(open) != last {
            return None;
        }
        let mut values = Vec::new();
        let mut at = from;
        while at < last {
            let end = code.end_of_part(at, last);
            values.push(self.expression(at, end.saturating_sub(1), depth));
            at = end + 1;
        }
        let parts = match code.language {
            Language::Python => braces(text, &values),
            _ => percents(text, &values),
        };
        Some(Expr::Joined(parts?))
    }

    /// An entry of a literal: `name["key"]`.
    fn entry(&mut self, first: usize, last: usize, depth: u32) -> Expr {
        let code = self.code;
        let key = code.get(first + 2).filter(|token| token.kind == Kind::Text);
        let is_entry = code.is(first + 1, "[") && first + 3 == last && code.is(last, "]");
        let (Some(key), true) = (key, is_entry) else {
            return Expr::Open;
        };
        let name = code.word(first).unwrap_or_default();
        let Some((open, close)) = code.constant(name, first) else {
            return Expr::Open;
        };
        if !code.is(open, "{") || code.closing(open) != close {
            return Expr::Open;
        }
        let mut at = open + 1;
        while at < close.min(open + LONGEST) {
            let end = code.end_of_part(at, close);
            let token = code.get(at).filter(|_| code.is(at + 1, ":"));
            if token.is_some_and(|token| token.text == key.text) {
                return self.expression(at + 2, end.saturating_sub(1), depth);
            }
            at = end + 1;
        }
        Expr::Open
    }
}

/// The parts of a form of Python; none when it is not a simple one.
fn braces(text: &str, values: &[Expr]) -> Option<Vec<Expr>> {
    let mut parts = Vec::new();
    let mut rest = text;
    let mut next = 0;
    while let Some((before, behind)) = rest.split_once('{') {
        let (place, after) = behind.split_once('}')?;
        parts.push(Expr::Text(before.to_owned()));
        let index = if place.is_empty() {
            next
        } else {
            place.parse().ok()?
        };
        next += 1;
        parts.push(values.get(index)?.clone());
        rest = after;
    }
    parts.push(Expr::Text(rest.to_owned()));
    Some(parts)
}

/// The parts of a form of Java; none when it is not a simple one.
fn percents(text: &str, values: &[Expr]) -> Option<Vec<Expr>> {
    let mut parts = Vec::new();
    let mut values = values.iter();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('%') {
        parts.push(Expr::Text(before.to_owned()));
        rest = behind.strip_prefix(['s', 'd'])?;
        parts.push(values.next()?.clone());
    }
    parts.push(Expr::Text(rest.to_owned()));
    Some(parts)
}

/// The number that a text is.
pub(super) fn number_of(text: &str) -> Option<f64> {
    number(text.trim())
}
