//! The report for a terminal: the verdict first, then what is wrong, then what could not be said.

use crate::json::finding_id;
use crate::sheet::{Sheet, Tone, printable};
use crate::verdict::absent;
use crate::words::{bytes, count_of, listed, times};
use crate::{Sources, Style, source_name, walk};
use std::collections::{BTreeMap, BTreeSet};
use ww_base::{FrameRange, Gap, Locus, Problem, SourceId, Span};
use ww_finding::{Class, Consultation, Exhibit, Finding, Input, InputKind, Severity};

/// Exhibits shown per finding; JSON has all.
const EXHIBITS: usize = 3;
/// Findings of one rule over captures that are told in full; the next have a line each.
const FULL: usize = 3;
/// Findings of one rule over captures that have a line each; of the rest the number is told.
const LINES: usize = 3;
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
    all_findings(&mut sheet, &consultation.findings, sources, style);
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
    all_findings(&mut sheet, findings, sources, style);
    sheet.finish()
}

/// Findings that cost something in full, then a line each for the rest. A capture of many hosts may show the same
/// trouble between dozens of them: then the worst stand for the others.
fn all_findings(sheet: &mut Sheet, findings: &[Finding], sources: &Sources<'_>, style: Style) {
    let mut told: BTreeMap<&str, usize> = BTreeMap::new();
    let (mut more, mut also, mut about_capture) = (Vec::new(), Vec::new(), Vec::new());
    for (id, finding) in (1..).map(finding_id).zip(findings) {
        let list = match (finding.severity, finding.class) {
            (Severity::Info, Class::Capture) => &mut about_capture,
            (Severity::Info, _) => &mut also,
            _ => {
                let told = told.entry(finding.rule).or_default();
                *told += 1;
                if *told <= FULL || !folds(finding, style) {
                    sheet.gap();
                    full(sheet, &id, finding, sources);
                    continue;
                }
                &mut more
            }
        };
        list.push((id, finding));
    }
    remarks(sheet, "More of the same", &more, style);
    remarks(sheet, "Also seen", &also, style);
    remarks(sheet, "About the capture", &about_capture, style);
}

/// Whether others may stand for it. A place in a file never goes unsaid.
fn folds(finding: &Finding, style: Style) -> bool {
    let first = finding.exhibits.first();
    !style.every_finding && first.is_some_and(|exhibit| matches!(exhibit.at, Locus::Frames(_)))
}

/// A line each, rule by rule; of what a rule found beyond a few the number.
fn remarks(sheet: &mut Sheet, title: &str, findings: &[(String, &Finding)], style: Style) {
    let mut of_rules: Vec<(&str, Vec<&(String, &Finding)>)> = Vec::new();
    for one in findings {
        match of_rules.iter_mut().find(|(rule, _)| *rule == one.1.rule) {
            Some((_, of_rule)) => of_rule.push(one),
            None => of_rules.push((one.1.rule, vec![one])),
        }
    }
    if !of_rules.is_empty() {
        section(sheet, title);
    }
    for (rule, of_rule) in of_rules {
        // To tell that there is one more takes a line as well.
        let may_fold = of_rule.len() > LINES + 1;
        let is_told = |(place, one): &(usize, &&(String, &Finding))| {
            *place < LINES || !may_fold || !folds(one.1, style)
        };
        let (told, untold): (Vec<_>, Vec<_>) = of_rule.iter().enumerate().partition(is_told);
        for (_, (id, finding)) in told {
            remark(sheet, id, finding);
        }
        if untold.is_empty() {
            continue;
        }
        let lost: Span = untold.iter().map(|(_, (_, finding))| finding.lost).sum();
        let lost = match lost {
            Span::ZERO => String::new(),
            lost => format!(", {lost} lost"),
        };
        let count = untold.len();
        let text = format!("and {count} more of {rule}{lost}: --rule {rule} tells each");
        sheet.paragraph(INDENT, Tone::Plain, &text);
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
        for gap in outcome.gaps() {
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
