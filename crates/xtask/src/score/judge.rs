//! Compares what was said of a capture with what is true of it.

use std::path::PathBuf;
use ww_lab::scenario::Class;

/// A capture and what is true of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Case {
    /// Name for the table.
    pub(super) name: String,
    /// The capture.
    pub(super) file: PathBuf,
    /// The kind of answer it asks for.
    pub(super) class: Class,
    /// Rules of which one must come first, or be there for an artefact.
    pub(super) expected: Vec<String>,
    /// Rules that would be wrong.
    pub(super) never: Vec<String>,
    /// Who is at fault, when that is known in the words of the report.
    pub(super) owner: Option<String>,
}

/// A finding of the report, as far as the score looks at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) rule: String,
    pub(super) class: String,
    pub(super) severity: String,
    pub(super) owner: String,
}

impl Said {
    /// Whether anybody is told about it: `info` is for those who ask.
    fn matters(&self) -> bool {
        self.severity != "info"
    }

    fn is_cause(&self) -> bool {
        self.matters() && self.class != "capture"
    }
}

/// The judgement of one case.
#[derive(Debug)]
pub(super) struct Judged {
    pub(super) case: Case,
    /// Every finding that matters, in the order of the report.
    pub(super) said: Vec<Said>,
    /// Whether the answer is exact.
    pub(super) exact: bool,
    /// Findings that name a cause where there is none.
    pub(super) false_causes: usize,
    /// Forbidden rules that were said.
    pub(super) forbidden: Vec<String>,
    /// Whether the first cause names the right owner; `None` when there is no cause or no known owner.
    pub(super) owner_right: Option<bool>,
}

/// Judges the findings of one report.
pub(super) fn judge(case: &Case, findings: &[Said]) -> Judged {
    let said: Vec<Said> = findings
        .iter()
        .filter(|said| said.matters())
        .cloned()
        .collect();
    let causes: Vec<&Said> = said.iter().filter(|said| said.is_cause()).collect();
    let expects = |said: &Said| case.expected.contains(&said.rule);
    let forbidden: Vec<String> = said
        .iter()
        .filter(|said| case.never.contains(&said.rule))
        .map(|said| said.rule.clone())
        .collect();
    let false_causes = match case.class {
        Class::Fault => 0,
        Class::Clean => said.len(),
        Class::Artefact => causes.len(),
    };
    let exact = match case.class {
        Class::Fault => causes.first().is_some_and(|said| expects(said)) && forbidden.is_empty(),
        Class::Clean => said.is_empty(),
        // That a capture is damaged may be said as quietly as one likes, but it must be said.
        Class::Artefact => causes.is_empty() && findings.iter().any(expects),
    };
    let owner_right = match (case.class, &case.owner, causes.first()) {
        // To leave open whose side it is on is no wrong answer.
        (Class::Fault, Some(owner), Some(cause)) if cause.owner != "unknown" => {
            Some(*owner == cause.owner)
        }
        _ => None,
    };
    Judged {
        case: case.clone(),
        exact,
        false_causes,
        forbidden,
        owner_right,
        said,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn case(class: Class, expected: &[&str]) -> Case {
        Case {
            name: "case".into(),
            file: "case.pcap".into(),
            class,
            expected: expected.iter().map(|rule| (*rule).to_owned()).collect(),
            never: vec!["packet-reordering".into()],
            owner: Some("network".into()),
        }
    }

    fn said(rule: &str, class: &str, severity: &str) -> Said {
        Said {
            rule: rule.into(),
            class: class.into(),
            severity: severity.into(),
            owner: "network".into(),
        }
    }

    #[test]
    fn a_fault_is_exact_when_its_rule_is_the_first_cause() {
        let fault = case(Class::Fault, &["packet-loss"]);
        let loss = said("packet-loss", "performance", "medium");
        let stall = said("zero-window-stall", "performance", "medium");
        let snap = said("truncated-capture", "capture", "high");
        assert!(judge(&fault, &[snap, loss.clone(), stall.clone()]).exact);
        assert!(!judge(&fault, &[stall, loss.clone()]).exact);
        assert!(!judge(&fault, &[]).exact);
        assert_eq!(judge(&fault, &[loss]).owner_right, Some(true));
    }

    #[test]
    fn a_forbidden_rule_spoils_an_exact_answer() {
        let fault = case(Class::Fault, &["packet-loss"]);
        let loss = said("packet-loss", "performance", "medium");
        let late = said("packet-reordering", "performance", "low");
        assert!(!judge(&fault, &[loss.clone(), late]).exact);
        assert!(
            judge(
                &fault,
                &[loss, said("packet-reordering", "performance", "info")]
            )
            .exact
        );
    }

    #[test]
    fn a_clean_capture_bears_no_finding_and_an_artefact_its_own() {
        let clean = case(Class::Clean, &[]);
        let snap = said("truncated-capture", "capture", "low");
        assert!(judge(&clean, &[said("packet-loss", "performance", "info")]).exact);
        assert_eq!(judge(&clean, std::slice::from_ref(&snap)).false_causes, 1);
        let artefact = case(Class::Artefact, &["truncated-capture"]);
        assert!(judge(&artefact, std::slice::from_ref(&snap)).exact);
        assert!(judge(&artefact, &[said("truncated-capture", "capture", "info")]).exact);
        assert!(!judge(&artefact, &[]).exact);
        assert_eq!(
            judge(
                &artefact,
                &[snap, said("packet-loss", "performance", "low")]
            )
            .false_causes,
            1
        );
    }
}
