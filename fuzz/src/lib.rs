//! What the fuzz targets share.

pub mod declared;
pub mod frames;
pub mod zones;

use ww_base::{Limits, SourceId};
use ww_finding::{Consultation, Input, InputKind};
use ww_report::{Sources, Style, Traffic};

/// Bounds that small inputs can cross, so that what happens there is fuzzed too.
pub fn tight_limits() -> Limits {
    Limits {
        interfaces: 8,
        notes: 8,
        flows: 6,
        segments_per_direction: 24,
        segments: 64,
        holes_per_direction: 4,
        fragment_sets: 4,
        fragment_bytes: 4096,
        network_events: 16,
        tunnel_depth: 3,
        dns_pending: 8,
        dns_transactions: 12,
        frames_per_symptom: 2,
        exhibits_per_finding: 3,
        findings_per_rule: 2,
        ..Limits::default()
    }
}

/// Everything that `wirewise diagnose` and `wirewise flows` do with the bytes of a capture.
pub fn diagnose(bytes: &[u8], limits: &Limits) {
    let Ok(analysis) = ww_capture::analyse(Box::new(bytes), SourceId(0), limits, &mut |_| {})
    else {
        return;
    };
    let inputs = vec![Input {
        path: "fuzz.pcap".to_owned(),
        kind: InputKind::Capture,
        bytes: analysis.bytes,
        frames: analysis.capture.frames,
    }];
    let captures = [analysis.capture];
    let (findings, outcomes) = ww_rules::consult(&captures, limits);
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
    let sources = Sources::new(&consultation.inputs);
    let text = ww_report::text::render(&consultation, &sources, Style::default());
    assert!(text.contains(&consultation.inputs[0].path));
    let json = ww_report::json::render(&consultation, &sources).expect("a report is JSON");
    assert!(json.starts_with('{'));
    let table = ww_report::flows::table(&captures, &sources);
    assert!(table.lines().count() <= captures[0].tcp.len() + 4);
}
