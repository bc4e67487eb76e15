//! The report for a terminal: the verdict first, then what is wrong, then what could not be said.

use crate::json::finding_id;
use crate::sheet::{Sheet, Tone, printable};
use crate::verdict::absent;
use crate::words::{bytes, count_of, listed, times};
use crate::{Sources, Style, source_name, walk};
use std::collections::BTreeSet;
use ww_base::{FrameRange, Gap, Locus, Problem, SourceId, Span};
use ww_finding::{Class, Consultation, Exhibit, Finding, Input, InputKind, Outcome, Severity};

/// Exhibits shown per finding; JSON has all.
const EXHIBITS: usize = 3;
/// Rules named per gap.
const RULES: usize = 4;
/// A longer label has a line of its own.
const LABEL: usize = 32;
/// Depth of what belongs to a finding.
const INDENT: usize = 4;

/// The report as text.
pub fn render(consultation: &Consultation, sources: &Sources<'_>, style: Style) -> String {
    let mut sheet = Sheet::new(style);
    inputs(&mut sheet, consultation, sources);
    sheet.gap();
    sheet.paragraph(0, Tone::Bold, &consultation.verdict);
    for transcript in sources.walks() {
        walk::render(&mut sheet, transcript, &consultation.findings);
    }
    all_findings(&mut sheet, &consultation.findings, sources);
    not_judged(&mut sheet, consultation);
    not_read(&mut sheet, &consultation.problems, sources);
    if !consultation.findings.is_empty() {
        sheet.gap();
        sheet.paragraph(
            0,
            Tone::Dim,
            "More about a finding: wirewise explain NAME. All exhibits and fixes: --format json.",
        );
    }
    sheet.finish()
}

/// The findings alone, as in the report: what the pages of rules show.
pub fn findings(findings: &[Finding], sources: &Sources<'_>, style: Style) -> String {
    let mut sheet = Sheet::new(style);
    all_findings(&mut sheet, findings, sources);
    sheet.finish()
}

/// Findings that cost something in full, then a line each for the rest.
fn all_findings(sheet: &mut Sheet, findings: &[Finding], sources: &Sources<'_>) {
    let mut also = Vec::new();
    let mut about_capture = Vec::new();
    for (id, finding) in (1..).map(finding_id).zip(findings) {
        match (finding.severity, finding.class) {
            (Severity::Info, Class::Capture) => about_capture.push((id, finding)),
            (Severity::Info, _) => also.push((id, finding)),
            _ => {
                sheet.gap();
                full(sheet, &id, finding, sources);
            }
        }
    }
    remarks(sheet, "Also seen", &also);
    remarks(sheet, "About the capture", &about_capture);
}

fn remarks(sheet: &mut Sheet, title: &str, findings: &[(String, &Finding)]) {
    if !findings.is_empty() {
        section(sheet, title);
    }
    for (id, finding) in findings {
        remark(sheet, id, finding);
    }
}

/// One line per input.
fn inputs(sheet: &mut Sheet, consultation: &Consultation, sources: &Sources<'_>) {
    for (source, input) in (0..).map(SourceId).zip(&consultation.inputs) {
        let walk = sources.walks().iter().find(|walk| walk.source == source);
        if let Some(walk) = walk {
            let line = format!("{}: {}", source_name(&input.path), walk::summary(walk));
            sheet.paragraph(0, Tone::Dim, &line);
            continue;
        }
        let what = match input.kind {
            InputKind::Capture => count_of(input.frames, "frame"),
            kind => kind.word().to_owned(),
        };
        let size = format!(
            "{}: {what}, {}",
            source_name(&input.path),
            bytes(input.bytes)
        );
        sheet.paragraph(0, Tone::Dim, &size);
    }
}

fn section(sheet: &mut Sheet, title: &str) {
    sheet.gap();
    sheet.paragraph(0, Tone::Bold, title);
}

/// A finding with all that is needed to look it up and mend it.
fn full(sheet: &mut Sheet, id: &str, finding: &Finding, sources: &Sources<'_>) {
    let severity = finding.severity.word().to_uppercase();
    let text_at = INDENT + severity.len() + 2;
    sheet.hanging(
        &[
            (0, Tone::Dim, id),
            (INDENT, tone(finding.severity), &severity),
        ],
        text_at,
        Tone::Bold,
        &finding.headline,
    );
    sheet.paragraph(text_at, Tone::Plain, &figures(finding));

    let rows = rows(finding, sources);
    let widths = rows.iter().map(|(label, _)| label.chars().count());
    let value_at = INDENT + widths.filter(|width| *width <= LABEL).max().unwrap_or(0) + 2;
    for (label, value) in &rows {
        if label.chars().count() > LABEL {
            sheet.row(&[(INDENT, Tone::Dim, label)]);
            sheet.paragraph(value_at, Tone::Plain, value);
        } else {
            sheet.hanging(&[(INDENT, Tone::Dim, label)], value_at, Tone::Plain, value);
        }
    }
}

fn tone(severity: Severity) -> Tone {
    match severity {
        Severity::Critical => Tone::Alarm,
        Severity::High => Tone::Red,
        Severity::Medium => Tone::Yellow,
        Severity::Low => Tone::Cyan,
        Severity::Info => Tone::Dim,
    }
}

/// `3 times · 412 ms lost · server · idle-connection-reset`.
pub(crate) fn figures(finding: &Finding) -> String {
    let mut parts = vec![times(finding.count)];
    if finding.lost > Span::ZERO {
        parts.push(format!("{} lost", finding.lost));
    }
    parts.push(format!("owner: {}", finding.owner));
    parts.push(finding.rule.to_owned());
    parts.join(" · ")
}

/// The labelled lines under a finding.
fn rows(finding: &Finding, sources: &Sources<'_>) -> Vec<(String, String)> {
    let shown = finding
        .exhibits
        .get(..EXHIBITS)
        .unwrap_or(&finding.exhibits);
    let mut rows: Vec<(String, String)> = shown
        .iter()
        .map(|exhibit| (place(&exhibit.at, sources), exhibit.says.clone()))
        .collect();
    let hidden = finding.exhibits.len() - shown.len();
    if hidden > 0 {
        rows.push((String::new(), format!("and {hidden} more")));
    }
    if let Some(filter) = filter(shown) {
        rows.push(("Wireshark".to_owned(), filter));
    }
    if let Some(command) = command(shown, sources) {
        rows.push(("Again".to_owned(), command.to_owned()));
    }
    if let Some(fix) = finding.fixes.first() {
        rows.push(("Next".to_owned(), fix.title.clone()));
    }
    if !finding.refuter.is_empty() {
        rows.push(("Refuted by".to_owned(), finding.refuter.clone()));
    }
    rows
}

/// Where an exhibit is; the path only where there are several.
pub(crate) fn place(locus: &Locus, sources: &Sources<'_>) -> String {
    let several = sources.inputs().len() > 1;
    let within = |source, what: String| {
        if several {
            format!("{} {what}", sources.short_name(source))
        } else {
            what
        }
    };
    match locus {
        Locus::Frames(range) => within(range.source, frames(range)),
        Locus::Text(span) => {
            let path = sources.short_name(span.source);
            match sources.range(*span) {
                Some(range) => format!("{path}:{}", range.line),
                None => path,
            }
        }
        Locus::Probe { source, step } => within(*source, format!("step {step}")),
        Locus::Whole(source) => within(*source, "all of it".to_owned()),
        Locus::Assumed { by } => printable(by).into_owned(),
    }
}

/// The command that repeats the first of these steps that has one.
pub(crate) fn command<'s>(exhibits: &[Exhibit], sources: &Sources<'s>) -> Option<&'s str> {
    exhibits.iter().find_map(|exhibit| match exhibit.at {
        Locus::Probe { source, step } => sources.command(source, step),
        _ => None,
    })
}

fn frames(range: &FrameRange) -> String {
    if range.first == range.last {
        format!("frame {}", range.first)
    } else {
        format!("frames {}–{}", range.first, range.last)
    }
}

/// One display filter that selects the frames of all these exhibits.
pub(crate) fn filter(exhibits: &[Exhibit]) -> Option<String> {
    let mut filters: Vec<&str> = Vec::new();
    for exhibit in exhibits {
        if let Locus::Frames(range) = &exhibit.at
            && !range.filter.is_empty()
            && !filters.contains(&range.filter.as_str())
        {
            filters.push(&range.filter);
        }
    }
    match filters.as_slice() {
        [] => None,
        [only] => Some((*only).to_owned()),
        several => Some(
            several
                .iter()
                .map(|filter| grouped(filter))
                .collect::<Vec<_>>()
                .join(" or "),
        ),
    }
}

/// A filter that can stand beside "or".
fn grouped(filter: &str) -> String {
    let is_one_test = filter.split_whitespace().count() <= 3 && !filter.contains(['&', '|', '!']);
    if is_one_test {
        filter.to_owned()
    } else {
        format!("({filter})")
    }
}

/// A finding that costs nothing, in one line.
fn remark(sheet: &mut Sheet, id: &str, finding: &Finding) {
    sheet.hanging(
        &[(0, Tone::Dim, id)],
        INDENT,
        Tone::Plain,
        &format!("{} ({})", finding.headline, finding.rule),
    );
}

/// What could not be judged, gap by gap.
fn not_judged(sheet: &mut Sheet, consultation: &Consultation) {
    let mut gaps: Vec<(&Gap, Vec<&str>)> = consultation
        .gaps
        .iter()
        .map(|gap| (gap, Vec::new()))
        .collect();
    let mut absences: BTreeSet<&str> = BTreeSet::new();
    for (rule, outcome) in &consultation.outcomes {
        let Outcome::NotChecked(of_rule) = outcome else {
            continue;
        };
        for gap in of_rule {
            if absent(&gap.missing).is_some() {
                absences.insert(&gap.missing);
            } else if let Some((_, rules)) = gaps.iter_mut().find(|(known, _)| *known == gap) {
                rules.push(rule);
            } else {
                gaps.push((gap, vec![rule]));
            }
        }
    }
    if gaps.is_empty() && absences.is_empty() {
        return;
    }
    section(sheet, "Not judged");
    for (gap, rules) in gaps {
        let whom = match rules.as_slice() {
            [] => String::new(),
            rules => format!(" — {}", listed(rules, RULES)),
        };
        let text = format!("{}{whom}. To learn it: {}", gap.missing, gap.how_to_learn);
        sheet.hanging(&[(2, Tone::Dim, "-")], INDENT, Tone::Plain, &text);
    }
    if !absences.is_empty() {
        // What stands in a longer phrase of the same list is said by that one: "x" in "x or y".
        let is_said = |one: &&str| {
            let mut others = absences.iter();
            !others.any(|other| other != one && other.split(" or ").any(|part| part == *one))
        };
        let absences: Vec<&str> = absences.iter().copied().filter(is_said).collect();
        let captures = |input: &Input| input.kind == InputKind::Capture;
        let where_not = match consultation.inputs.as_slice() {
            inputs if !inputs.iter().any(captures) => "Not in these files",
            inputs if !inputs.iter().all(captures) => "Neither in the captures nor in the files",
            [_] | [] => "Not in the capture",
            _ => "Not in every capture",
        };
        let text = format!("{where_not}: {}", absences.join(", "));
        sheet.hanging(&[(2, Tone::Dim, "-")], INDENT, Tone::Plain, &text);
    }
}

fn not_read(sheet: &mut Sheet, problems: &[Problem], sources: &Sources<'_>) {
    if problems.is_empty() {
        return;
    }
    section(sheet, "Not read");
    for problem in problems {
        let text = format!(
            "{}: {}",
            problem_place(&problem.at, sources),
            problem.message
        );
        sheet.hanging(&[(2, Tone::Dim, "-")], INDENT, Tone::Plain, &text);
    }
}

/// Where reading failed, always with the path.
fn problem_place(locus: &Locus, sources: &Sources<'_>) -> String {
    match locus {
        Locus::Frames(range) => {
            format!("{}, {}", sources.name(range.source), frames(range))
        }
        Locus::Whole(source) => sources.name(*source),
        _ => place(locus, sources),
    }
}
