//! What pages cannot show: what interfaces declare, and ranks of severity.

use crate::consult;
use ww_base::{Limits, Span};
use ww_evidence::{Backstep, Capture, InterfaceDrops};
use ww_finding::{Finding, Severity};

fn found(capture: Capture, rule: &str) -> Vec<Finding> {
    let (findings, _) = consult(&[capture], &Limits::default());
    findings
        .into_iter()
        .filter(|finding| finding.rule == rule)
        .collect()
}

#[test]
fn drops_that_the_interface_declares_are_told() {
    let mut capture = Capture {
        frames: 1000,
        ..Capture::default()
    };
    capture.quality.drops = vec![InterfaceDrops {
        interface: "eth0".to_owned(),
        by_interface: 7,
        by_system: 13,
        received: 1020,
    }];
    let findings = found(capture, "capture-dropped-packets");
    assert_eq!(findings.len(), 1);
    assert_eq!(
        (findings[0].severity, findings[0].count),
        (Severity::Low, 20)
    );
    assert!(
        findings[0].headline.contains("20 dropped packets"),
        "{}",
        findings[0].headline
    );
    assert!(findings[0].exhibits[0].says.contains("eth0"));
}

#[test]
fn an_interface_without_drops_says_nothing() {
    let mut capture = Capture {
        frames: 1000,
        ..Capture::default()
    };
    capture.quality.drops = vec![InterfaceDrops::default()];
    assert!(found(capture, "capture-dropped-packets").is_empty());
}

#[test]
fn steps_of_the_clock_weigh_by_size_and_number() {
    let severity = |count, worst| {
        let mut capture = Capture {
            frames: 1000,
            ..Capture::default()
        };
        capture.quality.backsteps = Backstep {
            count,
            worst,
            first_frame: 2,
            worst_frame: 3,
        };
        found(capture, "clock-goes-backwards")[0].severity
    };
    assert_eq!(severity(1, Span::from_millis(2)), Severity::Low);
    assert_eq!(severity(1, Span::from_micros(500)), Severity::Info);
    assert_eq!(severity(100, Span::from_micros(500)), Severity::Low);
    assert_eq!(severity(400, Span::from_micros(5)), Severity::Info);
}
