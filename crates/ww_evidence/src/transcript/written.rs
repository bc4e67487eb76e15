//! The written form: NDJSON, with times as people read them.

use super::{Head, Step, Transcript};
use serde_json::Value;
use std::fmt;
use ww_base::json_escaped;

/// A line that is no part of a transcript.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadTranscriptError {
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1; 0 when not known.
    pub column: usize,
    /// What is wrong with it.
    pub why: String,
}

impl fmt::Display for ReadTranscriptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "line {}, column {}: {}",
            self.line, self.column, self.why
        )
    }
}

impl std::error::Error for ReadTranscriptError {}

/// Reads a transcript: the head on the first line, a step on each further one. Empty lines are skipped;
/// steps without a number are numbered in order.
///
/// # Errors
///
/// The first line that cannot be read.
pub fn read_transcript(text: &str) -> Result<Transcript, ReadTranscriptError> {
    let mut transcript = Transcript::default();
    let mut headed = false;
    for (index, line) in text.lines().enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        let told = |error: &serde_json::Error| ReadTranscriptError {
            line: index + 1,
            column: error.column(),
            why: error.to_string(),
        };
        if headed {
            let mut step: Step = serde_json::from_str(line).map_err(|error| told(&error))?;
            if step.number == 0 {
                step.number = transcript.steps.len() as u32 + 1;
            }
            transcript.steps.push(step);
        } else {
            transcript.head = serde_json::from_str(line).map_err(|error| told(&error))?;
            headed = true;
        }
    }
    Ok(transcript)
}

/// The line of a head, without its line end.
pub fn write_head(head: &Head) -> String {
    line(serde_json::to_value(head))
}

/// The line of a step, without its line end.
pub fn write_step(step: &Step) -> String {
    line(serde_json::to_value(step))
}

/// What says nothing is left out: what is not known, and empty texts and lists. An answer of "no" says something; where
/// it is a default as well, its field leaves it out itself.
fn line(value: serde_json::Result<Value>) -> String {
    let mut value = value.unwrap_or_default();
    leave_out(&mut value);
    json_escaped(value.to_string())
}

fn leave_out(value: &mut Value) {
    if let Value::Object(fields) = value {
        for (_, field) in fields.iter_mut() {
            leave_out(field);
        }
        // A variant with what it holds, which is another than none.
        if fields.len() == 1 {
            return;
        }
        fields.retain(|_, field| match field {
            Value::Null => false,
            Value::String(text) => !text.is_empty(),
            Value::Array(list) => !list.is_empty(),
            Value::Object(fields) => !fields.is_empty(),
            _ => true,
        });
    } else if let Value::Array(list) = value {
        list.iter_mut().for_each(leave_out);
    }
}

macro_rules! times {
    ($($(#[$doc:meta])* $module:ident: $type:ty, $number:ty, $to:expr, $from:expr;)+) => {
        $($(#[$doc])*
        pub(super) mod $module {
            #[expect(unused_imports, reason = "each form needs one of them")]
            use ww_base::{Moment, Span};

            pub(in crate::transcript) fn serialize<S: serde::Serializer>(
                value: &$type,
                serializer: S,
            ) -> Result<S::Ok, S::Error> {
                let to: fn(&$type) -> $number = $to;
                serde::Serialize::serialize(&to(value), serializer)
            }

            pub(in crate::transcript) fn deserialize<'de, D: serde::Deserializer<'de>>(
                deserializer: D,
            ) -> Result<$type, D::Error> {
                let from: fn($number) -> $type = $from;
                serde::Deserialize::deserialize(deserializer).map(from)
            }
        })+
    };
}

times! {
    /// Milliseconds, to the microsecond.
    ms: Span, f64, |span| super::to_ms(*span), super::from_ms;
    /// The same, or nothing.
    optional_ms: Option<Span>, Option<f64>, |span| span.map(super::to_ms), |ms| ms.map(super::from_ms);
    /// Several.
    each_ms: Vec<Span>, Vec<f64>, |spans| spans.iter().copied().map(super::to_ms).collect(), |ms| ms.into_iter().map(super::from_ms).collect();
    /// Seconds since 1970-01-01 00:00 UTC.
    unix_seconds: Moment, i64, |at| at.0.div_euclid(1_000_000_000), |seconds| Moment(seconds.saturating_mul(1_000_000_000));
    /// The same, or nothing.
    optional_unix_seconds: Option<Moment>, Option<i64>, |at| at.map(|at| at.0.div_euclid(1_000_000_000)), |seconds| seconds.map(|seconds| Moment(seconds.saturating_mul(1_000_000_000)));
}

fn to_ms(span: ww_base::Span) -> f64 {
    (span.0 / 1_000) as f64 / 1_000.0
}

fn from_ms(ms: f64) -> ww_base::Span {
    ww_base::Span((ms * 1e6).round() as i64)
}

#[cfg(test)]
mod tests {
    use super::super::{
        Chosen, ClientCertificateDemand, Connect, ConnectOutcome, Greeting, GreetingOutcome, Seen,
        Service, Suites, TlsHandshake, TlsOutcome, TlsSurvey,
    };
    use super::*;
    use ww_base::{Moment, Span};

    #[test]
    fn what_is_written_reads_back() {
        let head = Head {
            began: Moment(1_700_000_000_000_000_000),
            syn_repeats: vec![Span::from_secs(1), Span::from_millis(2_500)],
            ..Head::default()
        };
        let step = Step {
            number: 1,
            began: Span::from_micros(1_500),
            took: Span::from_millis(41),
            why: String::new(),
            chosen: Some(Chosen {
                symptom: "nothing answers the SYN".to_owned(),
                raised_by: 1,
                controls: vec!["other ports".to_owned()],
                bits: 0.25,
                expected: Span::from_millis(900),
                ..Chosen::default()
            }),
            command: "nc -vz 192.0.2.1 443".to_owned(),
            seen: Seen::Connect(Connect {
                to: "192.0.2.1:443".parse().ok(),
                outcome: ConnectOutcome::Refused,
                ..Connect::default()
            }),
        };
        let text = format!("{}\n{}\n", write_head(&head), write_step(&step));
        let read = read_transcript(&text).expect("what was written");
        assert_eq!(read.head, head);
        assert_eq!(read.steps, [step]);
        assert!(text.contains(r#""took":41.0"#), "{text}");
        assert!(!text.contains("null"), "{text}");
    }

    #[test]
    fn an_answer_of_no_is_no_missing_answer() {
        let greeting = Greeting {
            service: Service::Smtp,
            outcome: GreetingOutcome::Fine,
            offers_tls: Some(false),
            ..Greeting::default()
        };
        let handshake = TlsHandshake {
            outcome: TlsOutcome::NotTls(String::new()),
            client_certificate: Some(ClientCertificateDemand::default()),
            ..TlsHandshake::default()
        };
        let survey = TlsSurvey {
            versions: vec![Suites {
                version: "TLS 1.2".to_owned(),
                suites: Vec::new(),
                server_order: Some(false),
            }],
            ..TlsSurvey::default()
        };
        let said = [
            Seen::Greeting(greeting),
            Seen::Handshake(handshake),
            Seen::TlsSurvey(survey),
        ];
        let lines: Vec<String> = said.iter().map(|seen| write_step(&step(seen))).collect();
        let text = format!("{{}}\n{}\n", lines.join("\n"));
        let read = read_transcript(&text).expect("what was written");
        let back: Vec<Seen> = read.steps.into_iter().map(|step| step.seen).collect();
        assert_eq!(back, said);
        assert!(!text.contains("quic"), "{text}");
    }

    fn step(seen: &Seen) -> Step {
        Step {
            number: 1,
            began: Span::ZERO,
            took: Span::ZERO,
            why: String::new(),
            chosen: None,
            command: String::new(),
            seen: seen.clone(),
        }
    }

    #[test]
    fn a_line_leaves_out_what_it_likes() {
        let read = read_transcript(
            "{\"target\":{\"host\":\"a.example\",\"port\":443}}\n\n{\"step\":\"connect\",\"to\":\"192.0.2.1:443\",\"outcome\":\"open\",\"took\":1.5}\n",
        )
        .expect("a transcript");
        let (step, connect) = read.connects().next().expect("a step");
        assert_eq!(step.number, 1);
        assert_eq!(step.took, Span::from_micros(1_500));
        assert_eq!(connect.outcome, ConnectOutcome::Open);
    }

    #[test]
    fn a_wrong_line_is_named() {
        let error = read_transcript("{}\n{\"step\":\"conect\"}").expect_err("no such step");
        assert_eq!(error.line, 2);
        assert!(error.why.contains("conect"), "{error}");
    }
}
