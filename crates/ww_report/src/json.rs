//! The JSON report, `schema_version` 1, published as `docs/report.schema.json`.
//!
//! These structs are the wire format; the core types may change without it. Fields are written in
//! this order. New fields may be added within a version; none is renamed or removed.

use crate::Sources;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use ww_base::{Gap, Locus, Problem, ProblemKind, SourceSpan, Span, json_escaped};
use ww_evidence::transcript::{Transcript, write_head, write_step};
use ww_finding::{Consultation, Edit, Exhibit, Finding, Fix, Input};
use ww_reason::{Case, cases};

/// The version of the format.
pub const SCHEMA_VERSION: u32 = 1;

/// The report as indented JSON, ending with a newline.
///
/// # Errors
/// When a value cannot be serialised, which no value of these types can cause.
pub fn render(consultation: &Consultation, sources: &Sources<'_>) -> serde_json::Result<String> {
    document(&Report::new(consultation, sources))
}

/// Any document of the wire format as indented JSON, ending with a newline.
pub(crate) fn document(value: &impl Serialize) -> serde_json::Result<String> {
    let mut text = json_escaped(serde_json::to_string_pretty(value)?);
    text.push('\n');
    Ok(text)
}

/// The whole report.
#[derive(Debug, Serialize)]
pub struct Report<'a> {
    schema_version: u32,
    tool: Tool,
    inputs: Vec<InputEntry<'a>>,
    verdict: &'a str,
    findings: Vec<FindingEntry<'a>>,
    not_checked: Vec<NotChecked<'a>>,
    problems: Vec<ProblemEntry<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    walks: Vec<WalkEntry<'a>>,
}

/// What a live endpoint answered: the lines of a recorded walk, as values.
#[derive(Debug, Serialize)]
struct WalkEntry<'a> {
    path: &'a str,
    head: Value,
    steps: Vec<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reasoning: Vec<ReasoningEntry>,
}

/// A symptom of a walk, and what its controls leave of its causes.
#[derive(Debug, Serialize)]
struct ReasoningEntry {
    symptom: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<SocketAddr>,
    step: u32,
    readings: BTreeMap<&'static str, &'static str>,
    confidence: &'static str,
    causes: Vec<CauseEntry>,
    #[serde(skip_serializing_if = "Option::is_none")]
    would_tell: Option<&'static str>,
}

/// A cause that a symptom may have.
#[derive(Debug, Serialize)]
struct CauseEntry {
    rule: &'static str,
    says: &'static str,
    kind: &'static str,
}

impl ReasoningEntry {
    fn new(case: &Case) -> ReasoningEntry {
        let answer = case.answer();
        ReasoningEntry {
            symptom: case.symptom.word(),
            at: case.at,
            step: case.step,
            readings: case
                .readings
                .iter()
                .map(|(control, reading)| (control.word(), reading.word()))
                .collect(),
            confidence: answer.confidence.word(),
            causes: answer
                .causes
                .iter()
                .map(|cause| CauseEntry {
                    rule: cause.rule,
                    says: cause.says,
                    kind: cause.kind.word(),
                })
                .collect(),
            would_tell: answer.would_tell(case.symptom),
        }
    }
}

impl<'a> WalkEntry<'a> {
    fn new(walk: &Transcript, sources: &Sources<'a>) -> WalkEntry<'a> {
        let value = |line: &str| serde_json::from_str(line).unwrap_or_default();
        WalkEntry {
            path: sources.path(walk.source),
            head: value(&write_head(&walk.head)),
            steps: walk
                .steps
                .iter()
                .map(|step| value(&write_step(step)))
                .collect(),
            reasoning: cases(&walk.head.target, &walk.steps)
                .iter()
                .map(ReasoningEntry::new)
                .collect(),
        }
    }
}

/// What wrote the document.
#[derive(Debug, Serialize)]
pub(crate) struct Tool {
    pub(crate) name: &'static str,
    pub(crate) version: &'static str,
}

impl Tool {
    pub(crate) const THIS: Tool = Tool {
        name: "wirewise",
        version: env!("CARGO_PKG_VERSION"),
    };
}

/// One input.
#[derive(Debug, Serialize)]
pub(crate) struct InputEntry<'a> {
    path: &'a str,
    kind: &'static str,
    bytes: u64,
    frames: u64,
}

impl<'a> InputEntry<'a> {
    pub(crate) fn all(inputs: &'a [Input]) -> Vec<InputEntry<'a>> {
        let entry = |input: &'a Input| InputEntry {
            path: &input.path,
            kind: input.kind.word(),
            bytes: input.bytes,
            frames: input.frames,
        };
        inputs.iter().map(entry).collect()
    }
}

#[derive(Debug, Serialize)]
struct FindingEntry<'a> {
    id: String,
    rule: &'a str,
    layer: &'static str,
    class: &'static str,
    severity: &'static str,
    support: &'static str,
    owner: &'static str,
    headline: &'a str,
    count: u64,
    lost_ms: f64,
    exhibits: Vec<ExhibitEntry<'a>>,
    refuter: &'a str,
    fixes: Vec<FixEntry<'a>>,
}

#[derive(Debug, Serialize)]
struct ExhibitEntry<'a> {
    locus: Place<'a>,
    says: &'a str,
}

#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Place<'a> {
    Frames {
        path: &'a str,
        first: u64,
        last: u64,
        filter: &'a str,
    },
    Text {
        path: &'a str,
        line: u32,
        column: u32,
        end_line: u32,
        end_column: u32,
    },
    Probe {
        path: &'a str,
        step: u32,
    },
    Whole {
        path: &'a str,
    },
    Assumed {
        by: &'a str,
    },
}

#[derive(Debug, Serialize)]
struct FixEntry<'a> {
    title: &'a str,
    safety: &'static str,
    edits: Vec<EditEntry<'a>>,
}

#[derive(Debug, Serialize)]
struct EditEntry<'a> {
    path: &'a str,
    line: u32,
    column: u32,
    end_line: u32,
    end_column: u32,
    replace_with: &'a str,
}

/// A rule that could not be checked; `rule` is null for what no rule could judge.
#[derive(Debug, Serialize)]
struct NotChecked<'a> {
    rule: Option<&'a str>,
    gaps: Vec<GapEntry<'a>>,
}

#[derive(Debug, Serialize)]
pub(crate) struct GapEntry<'a> {
    missing: &'a str,
    how_to_learn: &'a str,
}

#[derive(Debug, Serialize)]
pub(crate) struct ProblemEntry<'a> {
    path: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    frame: Option<u64>,
    kind: &'static str,
    message: &'a str,
}

impl<'a> Report<'a> {
    /// The report of a consultation.
    pub fn new(consultation: &'a Consultation, sources: &Sources<'a>) -> Report<'a> {
        Report {
            schema_version: SCHEMA_VERSION,
            tool: Tool::THIS,
            inputs: InputEntry::all(&consultation.inputs),
            verdict: &consultation.verdict,
            findings: (1..)
                .zip(&consultation.findings)
                .map(|(number, finding)| FindingEntry::new(number, finding, sources))
                .collect(),
            not_checked: not_checked(consultation),
            problems: ProblemEntry::all(&consultation.problems, sources),
            walks: sources
                .walks()
                .iter()
                .map(|walk| WalkEntry::new(walk, sources))
                .collect(),
        }
    }
}

impl<'a> FindingEntry<'a> {
    fn new(number: usize, finding: &'a Finding, sources: &Sources<'a>) -> FindingEntry<'a> {
        FindingEntry {
            id: finding_id(number),
            rule: finding.rule,
            layer: finding.layer.word(),
            class: finding.class.word(),
            severity: finding.severity.word(),
            support: finding.support.word(),
            owner: finding.owner.word(),
            headline: &finding.headline,
            count: finding.count,
            lost_ms: millis(finding.lost),
            exhibits: finding
                .exhibits
                .iter()
                .map(|exhibit| ExhibitEntry::new(exhibit, sources))
                .collect(),
            refuter: &finding.refuter,
            fixes: finding
                .fixes
                .iter()
                .map(|fix| FixEntry::new(fix, sources))
                .collect(),
        }
    }
}

/// What a finding is called within one report: `F1` is the first.
pub(crate) fn finding_id(number: usize) -> String {
    format!("F{number}")
}

/// Milliseconds, to the microsecond.
pub(crate) fn millis(span: Span) -> f64 {
    (span.0 as f64 / 1e3).round() / 1e3
}

impl<'a> ExhibitEntry<'a> {
    fn new(exhibit: &'a Exhibit, sources: &Sources<'a>) -> ExhibitEntry<'a> {
        ExhibitEntry {
            locus: Place::new(&exhibit.at, sources),
            says: &exhibit.says,
        }
    }
}

impl<'a> Place<'a> {
    pub(crate) fn new(locus: &'a Locus, sources: &Sources<'a>) -> Place<'a> {
        match locus {
            Locus::Frames(range) => Place::Frames {
                path: sources.path(range.source),
                first: range.first,
                last: range.last,
                filter: &range.filter,
            },
            Locus::Text(span) => Place::text(*span, sources),
            Locus::Probe { source, step } => Place::Probe {
                path: sources.path(*source),
                step: *step,
            },
            Locus::Whole(source) => Place::Whole {
                path: sources.path(*source),
            },
            Locus::Assumed { by } => Place::Assumed { by },
        }
    }

    /// A range of text; the whole source where its text is not at hand.
    fn text(span: SourceSpan, sources: &Sources<'a>) -> Place<'a> {
        let path = sources.path(span.source);
        match sources.range(span) {
            Some(range) => Place::Text {
                path,
                line: range.line,
                column: range.column,
                end_line: range.end_line,
                end_column: range.end_column,
            },
            None => Place::Whole { path },
        }
    }
}

impl<'a> FixEntry<'a> {
    fn new(fix: &'a Fix, sources: &Sources<'a>) -> FixEntry<'a> {
        FixEntry {
            title: &fix.title,
            safety: fix.safety.word(),
            edits: fix
                .edits
                .iter()
                .filter_map(|edit| EditEntry::new(edit, sources))
                .collect(),
        }
    }
}

impl<'a> EditEntry<'a> {
    /// None when the edited text is not at hand: an edit without its place is of no use.
    fn new(edit: &'a Edit, sources: &Sources<'a>) -> Option<EditEntry<'a>> {
        let range = sources.range(edit.span)?;
        Some(EditEntry {
            path: sources.path(edit.span.source),
            line: range.line,
            column: range.column,
            end_line: range.end_line,
            end_column: range.end_column,
            replace_with: &edit.replace_with,
        })
    }
}

/// Rules with gaps in the order of the catalogue, after what concerns the consultation as a whole.
fn not_checked(consultation: &Consultation) -> Vec<NotChecked<'_>> {
    let overall = (!consultation.gaps.is_empty()).then(|| NotChecked {
        rule: None,
        gaps: consultation.gaps.iter().map(GapEntry::new).collect(),
    });
    let of_rules = consultation
        .outcomes
        .iter()
        .filter(|(_, outcome)| !outcome.gaps().is_empty())
        .map(|(rule, outcome)| NotChecked {
            rule: Some(rule),
            gaps: outcome.gaps().iter().map(GapEntry::new).collect(),
        });
    overall.into_iter().chain(of_rules).collect()
}

impl<'a> GapEntry<'a> {
    pub(crate) fn new(gap: &'a Gap) -> GapEntry<'a> {
        GapEntry {
            missing: &gap.missing,
            how_to_learn: &gap.how_to_learn,
        }
    }
}

impl<'a> ProblemEntry<'a> {
    pub(crate) fn all(problems: &'a [Problem], sources: &Sources<'a>) -> Vec<ProblemEntry<'a>> {
        problems
            .iter()
            .map(|problem| ProblemEntry::new(problem, sources))
            .collect()
    }

    fn new(problem: &'a Problem, sources: &Sources<'a>) -> ProblemEntry<'a> {
        let (path, line, frame) = match &problem.at {
            Locus::Frames(range) => (sources.path(range.source), None, Some(range.first)),
            Locus::Text(span) => (
                sources.path(span.source),
                sources.range(*span).map(|range| range.line),
                None,
            ),
            Locus::Probe { source, .. } | Locus::Whole(source) => {
                (sources.path(*source), None, None)
            }
            Locus::Assumed { by } => (by.as_str(), None, None),
        };
        ProblemEntry {
            path,
            line,
            frame,
            kind: problem_word(problem.kind),
            message: &problem.message,
        }
    }
}

fn problem_word(kind: ProblemKind) -> &'static str {
    match kind {
        ProblemKind::Malformed => "malformed",
        ProblemKind::Undefined => "undefined",
        ProblemKind::Unsupported => "unsupported",
        ProblemKind::TooLarge => "too_large",
    }
}
