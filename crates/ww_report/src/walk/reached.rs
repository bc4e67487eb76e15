//! How far a walk came: which layers that the target has were reached, and which were not.

use super::layers::{Stage, is_due, lines};
use crate::words::listed;
use ww_evidence::transcript::{
    ConnectOutcome, GreetingOutcome, HelloReply, LookupOutcome, PeerReply, Service, TlsOutcome,
    Transcript, WebSocketOutcome,
};
use ww_finding::{Finding, Severity};

/// Where a walk ended before its target did, in words: `connect 0 of 1 open · failed, so that tls and http were not
/// reached`. None when it came through every layer, or when a finding tells why it did not.
pub(crate) fn shortfall(transcript: &Transcript, findings: &[Finding]) -> Option<String> {
    let lines = lines(transcript, findings);
    let due = lines
        .iter()
        .filter(|line| is_due(line.stage, &transcript.head.target));
    let mut short = due.filter(|line| !is_through(transcript, line.stage));
    let first = short.next()?;
    let is_told = |finding: &&Finding| {
        finding.severity >= Severity::Medium
            && Stage::of_finding(finding, transcript) <= first.stage
            && super::layers::is_of_walk(finding, transcript)
    };
    if findings.iter().any(|finding| is_told(&finding)) {
        return None;
    }
    let rest: Vec<&str> = short.map(|line| line.stage.word()).collect();
    let rest = match rest.as_slice() {
        [] => String::new(),
        [one] => format!(", so that {one} was not reached"),
        all => format!(", so that {} were not reached", listed(all, 5)),
    };
    Some(format!("{}: {}{rest}", first.stage.word(), first.says))
}

/// Whether a layer let the walk through.
fn is_through(transcript: &Transcript, stage: Stage) -> bool {
    match stage {
        Stage::Names => {
            let found = |outcome: &LookupOutcome| match outcome {
                LookupOutcome::Answered(answer) => !answer.records.is_empty(),
                _ => false,
            };
            // Where there are connections, somebody named the addresses.
            transcript.connects().next().is_some()
                || transcript.stuns().next().is_some()
                || transcript
                    .lookups()
                    .any(|(_, lookup)| found(&lookup.outcome))
        }
        Stage::Connection => transcript
            .connects()
            .any(|(_, connect)| connect.outcome == ConnectOutcome::Open && !connect.control),
        Stage::Tls => {
            let mut handshakes = transcript.handshakes();
            handshakes.any(|(_, seen)| seen.outcome == TlsOutcome::Done)
                || transcript
                    .hellos()
                    .any(|(_, seen)| seen.reply == HelloReply::Accepted)
        }
        Stage::Http => transcript
            .exchanges()
            .any(|(_, exchange)| exchange.reply().is_some()),
        Stage::Application => speaks(transcript),
    }
}

/// Whether what is spoken beyond was heard.
fn speaks(transcript: &Transcript) -> bool {
    match transcript.head.target.service {
        Service::Grpc | Service::Grpcs => transcript
            .grpc_calls()
            .any(|(_, call)| call.reply == PeerReply::Fine),
        Service::Ws | Service::Wss => transcript
            .websockets()
            .any(|(_, call)| call.outcome == WebSocketOutcome::Open),
        Service::Stun => transcript
            .stuns()
            .any(|(_, binding)| binding.reply == PeerReply::Fine),
        _ => transcript.greetings().any(|(_, greeting)| {
            matches!(
                greeting.outcome,
                GreetingOutcome::Fine | GreetingOutcome::Denied(_)
            )
        }),
    }
}
