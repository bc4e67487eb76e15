//! What a walk cannot tell from where it was made, and what would.

use crate::words::listed;
use std::net::SocketAddr;
use ww_evidence::transcript::Transcript;
use ww_reason::{Case, Confidence, Control, cases};

/// Places that are named in a line.
const PLACES: usize = 3;

/// Causes that are named in a line.
const CAUSES: usize = 4;

/// A line for each symptom whose causes the walk could not tell apart.
pub(crate) fn open_questions(transcript: &Transcript) -> Vec<String> {
    let cases = cases(&transcript.head.target, &transcript.steps);
    let mut lines: Vec<(String, Vec<SocketAddr>)> = Vec::new();
    for case in &cases {
        let Some(says) = says(case) else { continue };
        match lines.iter_mut().find(|(known, _)| *known == says) {
            Some((_, places)) => places.extend(case.at),
            None => lines.push((says, case.at.into_iter().collect())),
        }
    }
    lines
        .into_iter()
        .map(|(says, places)| {
            let places: Vec<String> = places.iter().map(SocketAddr::to_string).collect();
            let places: Vec<&str> = places.iter().map(String::as_str).collect();
            match listed(&places, PLACES) {
                none if none.is_empty() => says,
                places => format!("{places}: {says}"),
            }
        })
        .collect()
}

/// `nothing answers the SYN, as A, or B; C would tell`.
fn says(case: &Case) -> Option<String> {
    let answer = case.answer();
    let would_tell = answer.would_tell(case.symptom)?;
    let causes: Vec<&str> = answer.causes.iter().map(|cause| cause.says).collect();
    let causes = match answer.confidence {
        Confidence::Contradictory => "it comes and goes, or there are two causes".to_owned(),
        _ => causes.get(..CAUSES).unwrap_or(&causes).join(", or "),
    };
    // What this host knows of itself was looked up, or does not matter.
    let is_own = |control: &Control| {
        matches!(
            control,
            Control::OwnPorts | Control::OwnQueue | Control::OwnTable
        )
    };
    let unasked: Vec<&str> = answer
        .open
        .iter()
        .filter(|control| !is_own(control))
        .map(|control| control.word())
        .collect();
    let unasked = if unasked.is_empty() {
        String::new()
    } else {
        format!("; not asked: {}", listed(&unasked, CAUSES))
    };
    Some(format!(
        "{} – {causes}; {would_tell} would tell{unasked}",
        case.symptom.word()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ww_evidence::transcript::read_transcript;

    fn lines(steps: &[&str]) -> Vec<String> {
        let head = r#"{"target":{"host":"lab.example","port":80,"service":"http"}}"#;
        let text = [&[head], steps].concat().join("\n");
        open_questions(&read_transcript(&text).expect("a transcript"))
    }

    #[test]
    fn what_cannot_be_told_is_said_once_for_all_places() {
        let steps = [
            r#"{"step":"connect","to":"192.0.2.1:80","outcome":"refused"}"#,
            r#"{"step":"connect","to":"192.0.2.2:80","outcome":"refused"}"#,
            r#"{"step":"connect","to":"192.0.2.1:443","control":true,"outcome":"open"}"#,
            r#"{"step":"connect","to":"192.0.2.2:443","control":true,"outcome":"open"}"#,
        ];
        assert_eq!(
            lines(&steps),
            [
                "192.0.2.1:80 and 192.0.2.2:80: a reset answers the SYN – nothing listens on the port, or a filter answers for the port with resets; ss -ltn on the server (does something listen on the port?) would tell"
            ]
        );
        let unasked = lines(&steps[..1]);
        assert!(
            unasked[0].ends_with("; not asked: other services"),
            "{unasked:?}"
        );
    }

    #[test]
    fn what_is_told_is_no_question() {
        let rejected = r#"{"step":"connect","to":"192.0.2.1:80","outcome":"refused","icmp":{"kind":3,"code":13,"from":"192.0.2.9"}}"#;
        let other =
            r#"{"step":"connect","to":"192.0.2.1:443","control":true,"outcome":"timed-out"}"#;
        assert!(lines(&[rejected, other]).is_empty());
        assert_eq!(lines(&[rejected]).len(), 1);
        assert!(lines(&[r#"{"step":"connect","to":"192.0.2.1:80","outcome":"open"}"#]).is_empty());
    }
}
