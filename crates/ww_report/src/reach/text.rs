//! Answers as text for a terminal.

use crate::sheet::{Sheet, Tone};
use crate::words::count_of;
use crate::{Sources, Style};
use ww_base::{Gap, Locus, SourceSpan};
use ww_reach::answer::{Answer, Change, Group, Reachability, Shadowed, Step, Traffic};

/// Boxes and members shown per answer; JSON has all.
const SHOWN: usize = 12;

/// A box in one line: `shop/api → shop/db tcp 5432`.
pub(crate) fn in_words(traffic: &Traffic) -> String {
    let value = |name: &str| {
        let field = traffic.fields.iter().find(|(field, _)| *field == name);
        field.map(|(_, values)| some_of(values))
    };
    let mut words = vec![
        value("src").unwrap_or_else(|| "any".to_owned()),
        "→".to_owned(),
        value("dst").unwrap_or_else(|| "any".to_owned()),
    ];
    words.extend(value("proto"));
    words.extend(value("dport"));
    for (field, values) in &traffic.fields {
        if !["src", "dst", "proto", "dport"].contains(field) {
            words.push(format!("{field} {}", some_of(values)));
        }
    }
    words.join(" ")
}

fn some_of(values: &[String]) -> String {
    const MOST: usize = 4;
    let shown = values.get(..MOST).unwrap_or(values).join(", ");
    match values.len().saturating_sub(MOST) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// The answer to `can`, for a terminal.
pub fn answer(question: &str, answer: &Answer, sources: &Sources<'_>, style: Style) -> String {
    let mut sheet = Sheet::new(style);
    let says = match answer.verdict {
        Reachability::Reachable => "can reach it",
        Reachability::Blocked => "cannot reach it",
        Reachability::Partly => "can reach it in part",
        Reachability::May => "may reach it, depending on what happens at run time",
        Reachability::Unknown => "cannot be told from these files",
    };
    sheet.hanging(
        &[(0, tone(answer.verdict), answer.verdict.word())],
        answer.verdict.word().len() + 2,
        Tone::Bold,
        &format!("{question}: {says}"),
    );
    if answer.verdict != Reachability::Reachable {
        boxes(&mut sheet, "What gets through", &answer.allowed);
    }
    boxes(
        &mut sheet,
        "What gets there, and gets no reply back",
        &answer.unanswered,
    );
    if let Some(witness) = &answer.witness {
        sheet.gap();
        sheet.paragraph(0, Tone::Bold, &format!("For example {}", in_words(witness)));
    }
    steps(&mut sheet, &answer.steps, sources);
    gaps(&mut sheet, &answer.gaps);
    sheet.finish()
}

fn tone(verdict: Reachability) -> Tone {
    match verdict {
        Reachability::Reachable => Tone::Cyan,
        Reachability::Blocked => Tone::Red,
        _ => Tone::Yellow,
    }
}

fn boxes(sheet: &mut Sheet, title: &str, boxes: &[Traffic]) {
    if boxes.is_empty() {
        return;
    }
    sheet.gap();
    sheet.paragraph(0, Tone::Bold, title);
    for traffic in boxes.iter().take(SHOWN) {
        sheet.hanging(&[(2, Tone::Dim, "-")], 4, Tone::Plain, &in_words(traffic));
    }
    if boxes.len() > SHOWN {
        let more = format!("and {} more (--format json has all)", boxes.len() - SHOWN);
        sheet.paragraph(4, Tone::Dim, &more);
    }
}

/// The steps, each with its line.
fn steps(sheet: &mut Sheet, steps: &[Step], sources: &Sources<'_>) {
    for step in steps {
        let text = format!("{} ({})", step.says, place(&step.at, sources));
        sheet.hanging(&[(2, Tone::Dim, "-")], 4, Tone::Plain, &text);
    }
}

/// `rules.v4:12`.
pub(super) fn place_of_span(span: SourceSpan, sources: &Sources<'_>) -> String {
    let path = sources.short_name(span.source);
    match sources.range(span) {
        Some(range) => format!("{path}:{}", range.line),
        None => path,
    }
}

fn place(at: &Locus, sources: &Sources<'_>) -> String {
    match at {
        Locus::Text(span) => place_of_span(*span, sources),
        Locus::Whole(source) => sources.short_name(*source),
        Locus::Assumed { by } => by.clone(),
        _ => String::new(),
    }
}

fn gaps(sheet: &mut Sheet, gaps: &[Gap]) {
    if gaps.is_empty() {
        return;
    }
    sheet.gap();
    sheet.paragraph(0, Tone::Bold, "Not known");
    for gap in gaps {
        let text = format!("{}. To learn it: {}", gap.missing, gap.how_to_learn);
        sheet.hanging(&[(2, Tone::Dim, "-")], 4, Tone::Plain, &text);
    }
}

/// The answer to `who`, for a terminal.
pub fn who(question: &str, groups: &[Group], sources: &Sources<'_>, style: Style) -> String {
    let mut sheet = Sheet::new(style);
    let members: usize = groups.iter().map(|group| group.members.len()).sum();
    let verdict = match members {
        0 => format!("{question}: nobody can reach it"),
        _ => format!("{question}: {}", count_of(members as u64, "source")),
    };
    sheet.paragraph(0, Tone::Bold, &verdict);
    for group in groups {
        sheet.gap();
        sheet.paragraph(0, Tone::Bold, &some_members(&group.members));
        for traffic in group.allowed.iter().take(SHOWN) {
            let without_source = Traffic {
                fields: traffic
                    .fields
                    .iter()
                    .filter(|(field, _)| *field != "src")
                    .cloned()
                    .collect(),
            };
            let words = in_words(&without_source).replacen("any → ", "→ ", 1);
            sheet.hanging(&[(2, Tone::Dim, "-")], 4, Tone::Plain, &words);
        }
        steps(&mut sheet, &group.steps, sources);
    }
    sheet.finish()
}

pub(crate) fn some_members(members: &[String]) -> String {
    let shown = members.get(..SHOWN).unwrap_or(members).join(", ");
    match members.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// What a change opens and closes, for a terminal.
pub fn diff(changes: &[Change], sources: &Sources<'_>, style: Style) -> String {
    let mut sheet = Sheet::new(style);
    let opened = changes.iter().filter(|change| change.opened).count() as u64;
    let closed = changes.len() as u64 - opened;
    let verdict = match (opened, closed) {
        (0, 0) => "Nothing opens and nothing closes: every packet fares as before".to_owned(),
        _ => format!(
            "{} opened, {} closed",
            count_of(opened, "flow"),
            count_of(closed, "flow")
        ),
    };
    sheet.paragraph(0, Tone::Bold, &verdict);
    for change in changes {
        let (word, tone) = if change.opened {
            ("opened", Tone::Red)
        } else {
            ("closed", Tone::Cyan)
        };
        sheet.gap();
        sheet.hanging(&[(0, tone, word)], 8, Tone::Bold, &in_words(&change.flow));
        let witness = change.witness.as_ref().map(in_words);
        if let Some(witness) = witness.filter(|witness| *witness != in_words(&change.flow)) {
            sheet.paragraph(2, Tone::Plain, &format!("for example {witness}"));
        }
        for (when, decided) in [("before", &change.before), ("now", &change.after)] {
            if !decided.is_empty() {
                sheet.paragraph(2, Tone::Dim, when);
                steps(&mut sheet, decided, sources);
            }
        }
    }
    sheet.finish()
}

/// Rules that never decide, for a terminal.
pub fn shadowed(rules: &[Shadowed], sources: &Sources<'_>, style: Style) -> String {
    let mut sheet = Sheet::new(style);
    let verdict = match rules.len() as u64 {
        0 => "Every rule decides about some packet".to_owned(),
        1 => "1 rule never decides".to_owned(),
        many => format!("{} never decide", count_of(many, "rule")),
    };
    sheet.paragraph(0, Tone::Bold, &verdict);
    for Shadowed { rule, covered_by } in rules {
        sheet.gap();
        let title = format!("{}  {}", place(&rule.at, sources), rule.says);
        sheet.paragraph(0, Tone::Yellow, &title);
        if covered_by.is_empty() {
            sheet.paragraph(
                2,
                Tone::Plain,
                "no packet can fit its conditions when it gets there",
            );
        } else {
            sheet.paragraph(2, Tone::Dim, "its packets are decided by");
            steps(&mut sheet, covered_by, sources);
        }
    }
    sheet.finish()
}

/// Whether two states are equivalent, for a terminal.
pub fn equivalent(change: Option<&Change>, sources: &Sources<'_>, style: Style) -> String {
    let mut sheet = Sheet::new(style);
    let Some(change) = change else {
        sheet.paragraph(0, Tone::Bold, "Equivalent: every packet fares alike");
        return sheet.finish();
    };
    sheet.paragraph(0, Tone::Bold, "Not equivalent");
    sheet.gap();
    let example = format!("For example {}", in_words(&change.flow));
    sheet.paragraph(0, Tone::Bold, &example);
    for (which, decided) in [("first", &change.before), ("second", &change.after)] {
        sheet.paragraph(2, Tone::Dim, which);
        steps(&mut sheet, decided, sources);
    }
    sheet.finish()
}
