//! Lines with comments taken off and `repeat` blocks unrolled.

use super::TextError;
use super::words::parse_span;

/// More steps than any page needs; a runaway `repeat` ends here.
const MOST_STEPS: usize = 100_000;

/// The counters of nested blocks, outermost first.
const COUNTERS: [&str; 2] = ["n", "m"];

/// One thing to do, and the line that asks for it.
pub(super) struct Step {
    pub(super) line: usize,
    pub(super) act: Act,
}

/// What to do.
pub(super) enum Act {
    /// Play this line.
    Line { code: String, finds: bool },
    /// A `repeat` block begins: remember the clock.
    EnterRepeat,
    /// An iteration begins, so many nanoseconds after its block when the block says `every`.
    Iteration(Option<i64>),
    /// The innermost block is over.
    LeaveRepeat,
}

/// A line of the text without its comment.
#[derive(Clone)]
struct Line {
    number: usize,
    code: String,
    finds: bool,
}

impl Line {
    fn error(&self, message: impl Into<String>) -> TextError {
        TextError {
            line: self.number,
            message: message.into(),
        }
    }
}

/// Unrolls a text.
pub(super) fn flatten(text: &str) -> Result<Vec<Step>, TextError> {
    let lines: Vec<Line> = text
        .lines()
        .enumerate()
        .map(|(index, raw)| strip_comment(index + 1, raw))
        .collect();
    let mut steps = Vec::new();
    unroll(&lines, 0, &mut steps)?;
    Ok(steps)
}

/// Cuts the comment off a line, unless the `#` stands in a quoted text.
fn strip_comment(number: usize, raw: &str) -> Line {
    let (mut quoted, mut escaped) = (false, false);
    let at = raw.char_indices().find_map(|(at, letter)| {
        let ends = letter == '#' && !quoted;
        quoted ^= letter == '"' && !escaped;
        escaped = letter == '\\' && !escaped;
        ends.then_some(at)
    });
    let (code, comment) = at
        .and_then(|at| raw.split_at_checked(at))
        .unwrap_or((raw, ""));
    let first_word = comment
        .trim_start_matches('#')
        .split(|letter: char| !letter.is_alphanumeric())
        .find(|word| !word.is_empty());
    Line {
        number,
        code: code.trim().to_owned(),
        finds: first_word == Some("finds"),
    }
}

fn unroll(lines: &[Line], depth: usize, steps: &mut Vec<Step>) -> Result<(), TextError> {
    let mut rest = lines;
    while let Some((line, after)) = rest.split_first() {
        rest = after;
        if let Some(head) = line.code.strip_prefix("repeat ") {
            let (body, after) = split_block(line, after)?;
            rest = after;
            repeat(line, head, body, depth, steps)?;
        } else if line.code == "}" {
            return Err(line.error("`}` closes nothing"));
        } else if !line.code.is_empty() {
            push(
                steps,
                line,
                Act::Line {
                    code: line.code.clone(),
                    finds: line.finds,
                },
            )?;
        } else if line.finds {
            return Err(line.error("`# finds` marks the frame of its own line; this line has none"));
        }
    }
    Ok(())
}

fn push(steps: &mut Vec<Step>, line: &Line, act: Act) -> Result<(), TextError> {
    if steps.len() >= MOST_STEPS {
        return Err(line.error(format!("more than {MOST_STEPS} lines after unrolling")));
    }
    steps.push(Step {
        line: line.number,
        act,
    });
    Ok(())
}

/// The lines up to the `}` that closes the block opened by `head`, and those after it.
fn split_block<'a>(head: &Line, lines: &'a [Line]) -> Result<(&'a [Line], &'a [Line]), TextError> {
    let mut open = 1_usize;
    for (index, line) in lines.iter().enumerate() {
        if line.code.starts_with("repeat ") {
            open += 1;
        } else if line.code == "}" {
            open -= 1;
        }
        if open == 0
            && let Some((body, rest)) = lines.split_at_checked(index)
        {
            return Ok((body, rest.get(1..).unwrap_or_default()));
        }
    }
    Err(head.error("this `repeat` is never closed with a `}` on a line of its own"))
}

/// Unrolls `repeat COUNT [every SPAN] { body }`.
fn repeat(
    line: &Line,
    head: &str,
    body: &[Line],
    depth: usize,
    steps: &mut Vec<Step>,
) -> Result<(), TextError> {
    let usage = "write `repeat COUNT {` or `repeat COUNT every SPAN {`";
    let words: Vec<&str> = head.split_whitespace().collect();
    let (count, every) = match words.as_slice() {
        [count, "{"] => (count, None),
        [count, "every", span, "{"] => (
            count,
            Some(parse_span(span).map_err(|message| line.error(message))?),
        ),
        _ => return Err(line.error(usage)),
    };
    let count: i64 = count.parse().map_err(|_| line.error(usage))?;
    let counter = COUNTERS
        .get(depth)
        .ok_or_else(|| line.error("`repeat` blocks nest two deep at most"))?;
    push(steps, line, Act::EnterRepeat)?;
    for n in 1..=count {
        push(
            steps,
            line,
            Act::Iteration(every.map(|span| span.saturating_mul(n - 1))),
        )?;
        let body = body
            .iter()
            .map(|line| substitute(line, counter, n))
            .collect::<Result<Vec<_>, _>>()?;
        unroll(&body, depth + 1, steps)?;
    }
    push(steps, line, Act::LeaveRepeat)
}

/// Puts the counter's value into the `{…}` sums that mention it, such as `{n}` or `{40000+n}`.
fn substitute(line: &Line, counter: &str, value: i64) -> Result<Line, TextError> {
    let mut code = String::new();
    let mut rest = line.code.as_str();
    while let Some((before, from)) = rest.split_once('{') {
        code.push_str(before);
        let sum = from
            .split_once('}')
            .and_then(|(sum, after)| Some((evaluate(sum, counter, value)?, after)));
        if let Some((number, after)) = sum {
            if number < 0 {
                return Err(line.error(format!("a sum in braces comes to {number} here")));
            }
            code.push_str(&number.to_string());
            rest = after;
        } else {
            code.push('{');
            rest = from;
        }
    }
    code.push_str(rest);
    Ok(Line {
        code,
        ..line.clone()
    })
}

/// The value of a sum of numbers and the counter; nothing when it is no such sum.
fn evaluate(sum: &str, counter: &str, value: i64) -> Option<i64> {
    let mut total = 0_i64;
    let mut mentions_counter = false;
    for signed in sum.replace('-', "+-").split('+') {
        let (sign, term) = signed
            .trim()
            .strip_prefix('-')
            .map_or((1, signed), |term| (-1, term));
        let term = term.trim();
        let amount = if term == counter {
            mentions_counter = true;
            value
        } else {
            term.parse::<i64>().ok()?
        };
        total = total.checked_add(sign * amount)?;
    }
    mentions_counter.then_some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(text: &str) -> Vec<String> {
        flatten(text)
            .unwrap()
            .into_iter()
            .filter_map(|step| match step.act {
                Act::Line { code, .. } => Some(code),
                _ => None,
            })
            .collect()
    }

    #[test]
    fn blocks_are_unrolled_with_their_counters() {
        let text = "repeat 2 every 1s {\n a {n} {10-n}\n repeat 2 {\n  b {n}{m}\n }\n}\nc";
        assert_eq!(
            codes(text),
            ["a 1 9", "b 11", "b 12", "a 2 8", "b 21", "b 22", "c"]
        );
    }

    #[test]
    fn comments_end_lines_but_not_quoted_texts() {
        assert_eq!(codes(r##"a "x#\"#" # b"##), [r##"a "x#\"#""##]);
        assert!(strip_comment(1, "a # finds: the reset").finds);
        assert!(!strip_comment(1, "a # findsomething").finds);
    }

    #[test]
    fn unbalanced_blocks_and_orphan_marks_are_refused() {
        let error = |text| flatten(text).err().unwrap();
        assert_eq!(error("a\nrepeat 2 {\nb").line, 2);
        assert_eq!(error("a\n}").line, 2);
        assert_eq!(error("a\n\n# finds").line, 3);
        assert!(error("repeat two {\n}").message.contains("repeat COUNT"));
    }
}
