//! Calls that a program makes again by itself: a call inside `try` inside a loop that is counted.

use super::code::Code;
use super::written::Attempts;
use ww_base::{Order, Span};
use ww_model::service::RetryOn;

/// What an exception that is caught stands for.
const CAUGHT: &[(&str, &[RetryOn])] = &[
    ("BaseException", ALL),
    ("Exception", ALL),
    ("RequestException", ALL),
    ("HTTPError", ALL),
    ("ConnectionError", &[RetryOn::Connect, RetryOn::Reset]),
    ("Timeout", &[RetryOn::Timeout]),
    ("ReadTimeout", &[RetryOn::Timeout]),
    ("TimeoutException", &[RetryOn::Timeout]),
];

const ALL: &[RetryOn] = &[RetryOn::Connect, RetryOn::Reset, RetryOn::Timeout];

/// How many tokens a loop is looked for in, before a call and behind it.
const MOST: usize = 4000;

/// The loop of Python in which a call is tried again, as far as it is one: `for … in range(n)` with
/// `try` around the call, an `except` that goes on, and a way out when it succeeds.
pub(super) fn of_python(code: &Code<'_>, call: usize) -> Option<Attempts> {
    let lines = around(code, call);
    let tried = lines.iter().position(|line| code.is(*line, "try"))?;
    let looped = lines.iter().skip(tried).copied();
    let looped = looped
        .into_iter()
        .find(|line| code.is(*line, "for") || code.is(*line, "while"))?;
    let tried = *lines.get(tried)?;
    let end = end_of_part(code, looped);
    let (caught, goes_on) = caught(code, tried, end)?;
    if !goes_on || !leaves(code, looped, end, tried) {
        return None;
    }
    let last = code.end_of_line(looped);
    let count = code
        .at_top(looped, last, |at| code.are(at, &["range", "("]))
        .and_then(|at| {
            let close = code.closing(at + 1);
            code.product(at + 2, close.checked_sub(1)?)
        });
    let count = count.map(|(count, _)| count);
    let count = count.filter(|count| count.fract() == 0.0 && (1.0..1000.0).contains(count));
    Some(Attempts {
        at: code.span(looped, last),
        count: count.map(|count| count as u64),
        on: caught,
        pause: pause(code, looped, end),
    })
}

/// The first tokens of the lines that a token is inside of by indentation, innermost first, up to
/// the function.
fn around(code: &Code<'_>, from: usize) -> Vec<usize> {
    let mut lines = Vec::new();
    let mut least: Option<usize> = None;
    for index in (from.saturating_sub(MOST)..=from).rev() {
        if code.get(index).is_none_or(|token| !token.is_first) {
            continue;
        }
        let column = code.column(index);
        if least.is_none_or(|least| column < least) {
            // The line of the call itself is not around it.
            if least.is_some() {
                lines.push(index);
            }
            least = Some(column);
        }
        let is_function = ["def", "class", "async"]
            .iter()
            .any(|it| code.is(index, it));
        if column == 0 || (is_function && lines.last() == Some(&index)) {
            break;
        }
    }
    lines
}

/// The last token of what a line begins: up to the next line that is not further in.
fn end_of_part(code: &Code<'_>, first: usize) -> usize {
    let column = code.column(first);
    let outside = |index: &usize| {
        let is_first = code.get(*index).is_some_and(|token| token.is_first);
        is_first && code.column(*index) <= column
    };
    let end = code.len().min(first + MOST);
    let next = (first + 1..end).find(outside);
    next.unwrap_or(end).saturating_sub(1)
}

/// What the clauses behind `try` catch, and whether the loop goes on behind them.
fn caught(code: &Code<'_>, tried: usize, end: usize) -> Option<(Option<Vec<RetryOn>>, bool)> {
    let column = code.column(tried);
    let mut on = Vec::new();
    let mut is_known = true;
    let mut goes_on = false;
    for index in end_of_part(code, tried) + 1..=end {
        let is_clause = code.is(index, "except")
            && code.get(index).is_some_and(|token| token.is_first)
            && code.column(index) == column;
        if !is_clause {
            let is_next = code.get(index).is_some_and(|token| token.is_first)
                && code.column(index) <= column
                && !code.is(index, "else")
                && !code.is(index, "finally");
            if is_next {
                break;
            }
            continue;
        }
        let clause_end = end_of_part(code, index);
        if ends(code, index, clause_end) {
            continue;
        }
        goes_on = true;
        let names = (index + 1..=code.end_of_line(index)).filter_map(|at| code.word(at));
        let names: Vec<&str> = names.collect();
        if names.is_empty() {
            on.extend_from_slice(ALL);
        }
        let known = CAUGHT.iter().filter(|(name, _)| names.contains(name));
        let before = on.len();
        known.for_each(|(_, events)| on.extend_from_slice(events));
        is_known &= on.len() > before;
    }
    on.put_in_order_by_key(|event| format!("{event:?}"));
    on.dedup();
    goes_on.then_some((is_known.then_some(on), goes_on))
}

/// Whether a clause always leaves the loop: a statement directly inside it does.
fn ends(code: &Code<'_>, clause: usize, end: usize) -> bool {
    let inside = (clause + 1..=end).find(|index| is_first(code, *index));
    let Some(inside) = inside else {
        // `except Timeout: raise` on one line.
        return (clause..=end).any(|index| is_way_out(code, index));
    };
    let column = code.column(inside);
    (inside..=end).any(|index| {
        is_first(code, index) && code.column(index) == column && is_way_out(code, index)
    })
}

fn is_first(code: &Code<'_>, index: usize) -> bool {
    code.get(index).is_some_and(|token| token.is_first)
}

fn is_way_out(code: &Code<'_>, index: usize) -> bool {
    ["return", "raise", "break"]
        .iter()
        .any(|word| code.is(index, word))
}

/// Whether the loop ends when the call succeeds: something leaves it that no `except` does.
fn leaves(code: &Code<'_>, looped: usize, end: usize, tried: usize) -> bool {
    let column = code.column(tried);
    let mut is_caught = false;
    for index in looped + 1..=end {
        if is_first(code, index) && code.column(index) <= column {
            is_caught = code.is(index, "except");
        }
        let leaves = code.is(index, "return") || code.is(index, "break");
        if leaves && !is_caught {
            return true;
        }
    }
    false
}

/// The pause between tries: none when it sleeps nowhere; not known when that is no plain number.
fn pause(code: &Code<'_>, looped: usize, end: usize) -> Option<Span> {
    let mut sleeps = (looped..=end).filter(|at| code.are(*at, &["sleep", "("]));
    let Some(sleep) = sleeps.next() else {
        return Some(Span::ZERO);
    };
    let close = code.closing(sleep + 1);
    let (seconds, _) = code.product(sleep + 2, close.checked_sub(1)?)?;
    let is_plain = sleeps.next().is_none() && (0.0..86_400.0).contains(&seconds);
    is_plain.then_some(Span((seconds * 1e9) as i64))
}
