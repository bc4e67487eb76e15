//! What `wirewise diagnose` and `wirewise flows` do with the bytes of a capture.

use std::io::Read;
use ww_base::{Limits, SourceId};
use ww_finding::{Consultation, Input, InputKind, Outcome};
use ww_report::{Sources, Style, Traffic};

/// What became of an input.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// No report, for this reason.
    Refused(String),
    /// A report.
    Report {
        frames: u64,
        findings: usize,
        problems: Vec<String>,
        text: String,
        json: String,
    },
}

/// Everything the program does, with its default limits.
///
/// # Panics
///
/// When a rule panicked (the engine makes a gap of that), or a report is longer than the limits
/// allow.
pub(crate) fn diagnose<'r>(input: Box<dyn Read + 'r>) -> Told {
    let limits = Limits::default();
    let analysis = match ww_capture::analyse(input, SourceId(0), &limits, &mut |_| {}) {
        Ok(analysis) => analysis,
        Err(error) => return Told::Refused(error.to_string()),
    };
    let inputs = vec![Input {
        path: "bad.pcap".to_owned(),
        kind: InputKind::Capture,
        bytes: analysis.bytes,
        frames: analysis.capture.frames,
    }];
    let captures = [analysis.capture];
    let (findings, outcomes) = ww_rules::consult(&captures, &limits);
    let gaps = captures[0].gaps.clone();
    let traffic = Traffic::of(&captures);
    let consultation = Consultation {
        verdict: ww_report::verdict(&findings, &outcomes, &gaps, &traffic),
        inputs,
        findings,
        outcomes,
        gaps,
        problems: analysis.problems,
    };
    check(&consultation, &limits);
    let sources = Sources::new(&consultation.inputs);
    assert!(!ww_report::flows::table(&captures, &sources).is_empty());
    Told::Report {
        frames: captures[0].frames,
        findings: consultation.findings.len(),
        problems: consultation
            .problems
            .iter()
            .map(|problem| problem.message.clone())
            .collect(),
        text: ww_report::text::render(&consultation, &sources, Style::default()),
        json: ww_report::json::render(&consultation, &sources).expect("a report is JSON"),
    }
}

fn check(consultation: &Consultation, limits: &Limits) {
    assert!(!consultation.verdict.is_empty());
    for (rule, outcome) in &consultation.outcomes {
        if let Outcome::Found { findings, .. } = outcome {
            let most = limits.findings_per_rule as usize;
            assert!(*findings <= most, "{rule}: {findings}");
        }
        let mut gaps = outcome.gaps().iter();
        let broken = gaps.find(|gap| gap.missing.contains("internal error"));
        assert_eq!(broken, None, "{rule}");
    }
    for finding in &consultation.findings {
        assert!(finding.exhibits.len() <= limits.exhibits_per_finding as usize);
        assert!(!finding.headline.is_empty(), "{}", finding.rule);
    }
}

impl Told {
    /// Frames, problems and findings of a report.
    ///
    /// # Panics
    ///
    /// When there is none.
    pub(crate) fn report(&self) -> (u64, &[String], usize) {
        match self {
            Told::Report {
                frames,
                problems,
                findings,
                ..
            } => (*frames, problems, *findings),
            Told::Refused(reason) => panic!("refused: {reason}"),
        }
    }

    /// Bytes of both reports.
    pub(crate) fn size(&self) -> usize {
        match self {
            Told::Report { text, json, .. } => text.len() + json.len(),
            Told::Refused(reason) => reason.len(),
        }
    }
}
