//! Which questions a walk chose to tell causes apart, what it cannot tell from where it was made, and what would.

use crate::words::{count_of, listed};
use std::net::SocketAddr;
use ww_evidence::transcript::{Chosen, Step, Transcript};
use ww_reason::{Case, Confidence, Control, cases};

/// Places that are named in a line.
const PLACES: usize = 3;

/// Causes that are named in a line.
const CAUSES: usize = 4;

/// Causes that a choice names.
const APART: usize = 2;

/// A line for each choice of the walk: what was asked, between which causes, and what was expected of it.
pub(crate) fn choices(transcript: &Transcript) -> Vec<String> {
    let mut choices: Vec<(&Chosen, Vec<&Step>)> = Vec::new();
    for step in &transcript.steps {
        let Some(chosen) = &step.chosen else { continue };
        match choices.iter_mut().find(|(known, _)| *known == chosen) {
            Some((_, steps)) => steps.push(step),
            None => choices.push((chosen, vec![step])),
        }
    }
    choices
        .into_iter()
        .map(|(chosen, steps)| choice(chosen, &steps))
        .collect()
}

/// `other ports (steps 4 and 5), as nothing answers the SYN (step 3): between A, B and 3 more. 0.9 of 2.6 bits expected
/// for 4 packets and 900 ms; took 2.00 s`.
fn choice(chosen: &Chosen, steps: &[&Step]) -> String {
    let controls: Vec<&str> = chosen.controls.iter().map(String::as_str).collect();
    let numbers: Vec<String> = steps.iter().map(|step| step.number.to_string()).collect();
    let numbers: Vec<&str> = numbers.iter().map(String::as_str).collect();
    let causes: Vec<&str> = chosen.causes.iter().map(String::as_str).collect();
    let begin = steps.iter().map(|step| step.began).min();
    let end = steps.iter().map(|step| step.began + step.took).max();
    let took = end.unwrap_or_default() - begin.unwrap_or_default();
    let packets = match chosen.packets {
        0 => String::new(),
        some => format!("{} and ", count_of(u64::from(some), "packet")),
    };
    format!(
        "{} ({} {}), as {} (step {}): {}; {:.1} of {:.1} bits expected for {packets}{}, took {took}",
        listed(&controls, CAUSES),
        if steps.len() == 1 { "step" } else { "steps" },
        listed(&numbers, CAUSES),
        chosen.symptom,
        chosen.raised_by,
        listed(&causes, APART),
        chosen.bits,
        chosen.open,
        chosen.expected,
    )
}

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

/// `nothing answers the SYN – A, or B; C would tell; not asked: D`.
fn says(case: &Case) -> Option<String> {
    let answer = case.answer();
    let tells = match answer.would_tell(case.symptom)? {
        // The controls alone do.
        "" => String::new(),
        who => format!("; {who} would tell"),
    };
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
        "{} – {causes}{tells}{unasked}",
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
    fn where_controls_alone_would_tell_nobody_else_is_named() {
        let strange = r#"{"step":"http","to":"192.0.2.1:80","outcome":{"not-http":"x"}}"#;
        assert_eq!(
            lines(&[strange]),
            [
                "192.0.2.1:80: what answers is not HTTP – the port wants TLS, or another protocol is spoken there; not asked: TLS"
            ]
        );
    }

    #[test]
    fn what_was_asked_side_by_side_is_one_choice() {
        let chosen = r#""chosen":{"symptom":"nothing answers the SYN","raised-by":1,"controls":["other ports"],"causes":["a filter drops it","the host is down","a queue is full"],"bits":0.94,"open":1.58,"packets":4,"expected":900}"#;
        let port = |port: u16, began: u32| {
            format!(
                r#"{{"step":"connect","control":true,"to":"192.0.2.1:{port}","began":{began},"took":2000,{chosen}}}"#
            )
        };
        let head = r#"{"target":{"host":"lab.example","port":80,"service":"http"}}"#;
        let silent = r#"{"step":"connect","to":"192.0.2.1:80","took":5000}"#;
        let text = [head, silent, &port(443, 5_000), &port(22, 5_050)].join("\n");
        let transcript = read_transcript(&text).expect("a transcript");
        assert_eq!(
            choices(&transcript),
            [
                "other ports (steps 2 and 3), as nothing answers the SYN (step 1): a filter drops it, the host is down and 1 more; 0.9 of 1.6 bits expected for 4 packets and 900 ms, took 2.05 s"
            ]
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
