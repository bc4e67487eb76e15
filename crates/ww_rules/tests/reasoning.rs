//! The table of symptoms and the rules name the same causes.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use ww_base::Limits;
use ww_evidence::transcript::read_transcript;
use ww_finding::Support;
use ww_reason::{Symptom, entry};
use ww_rules::{RULES, find, judge};

#[test]
fn every_cause_is_a_rule_over_live_endpoints() {
    for &symptom in Symptom::ALL {
        for cause in entry(symptom).causes {
            let rule = find(cause.rule);
            assert!(
                rule.is_some_and(|rule| rule.probe.is_some()),
                "{symptom:?}: {}",
                cause.rule
            );
        }
    }
}

#[test]
fn every_rule_over_live_endpoints_is_a_cause() {
    let mut rules = 0;
    for rule in RULES.iter().filter(|rule| rule.probe.is_some()) {
        rules += 1;
        let mut causes = Symptom::ALL
            .iter()
            .flat_map(|&symptom| entry(symptom).causes);
        assert!(
            causes.any(|cause| cause.rule == rule.meta.name),
            "{} is the cause of no symptom",
            rule.meta.name
        );
    }
    assert!(rules > 50, "{rules}");
}

/// How sure the finding of a rule is.
fn support(rule: &str, lines: &[&str]) -> Option<Support> {
    let head = r#"{"target":{"host":"192.0.2.1","port":80,"service":"http"}}"#;
    let text = [&[head], lines].concat().join("\n");
    let transcript = read_transcript(&text).expect("a transcript");
    let (findings, _) = judge(&[], &[transcript], &Limits::default());
    let mut found = findings.iter().filter(|finding| finding.rule == rule);
    found.next().map(|finding| finding.support)
}

#[test]
fn controls_decide_how_sure_a_finding_is() {
    let rejected = r#"{"step":"connect","to":"192.0.2.1:80","outcome":"host-unreachable","icmp":{"kind":3,"code":13,"from":"192.0.2.9"}}"#;
    let silent = r#"{"step":"connect","to":"192.0.2.1:80","outcome":"timed-out","took":5000}"#;
    let other = r#"{"step":"connect","control":true,"to":"192.0.2.1:443","outcome":"open"}"#;
    let dead = r#"{"step":"connect","control":true,"to":"192.0.2.1:443","outcome":"timed-out"}"#;
    let path =
        r#"{"step":"path","to":"192.0.2.1:80","hops":[{"ttl":1,"from":"192.0.2.9"},{"ttl":2}]}"#;
    let local = r#"{"step":"local","to":"192.0.2.1:80"}"#;
    // Who forbids it names himself, and the other port tells how much.
    let rule = "icmp-rejected";
    assert_eq!(support(rule, &[rejected, other]), Some(Support::Proved));
    assert_eq!(support(rule, &[rejected]), Some(Support::Observed));
    // Silence of one port may be a full queue as well as a filter; that of a host is no queue.
    let rule = "syn-unanswered";
    assert_eq!(
        support(rule, &[silent, other, path, local]),
        Some(Support::Heuristic)
    );
    assert_eq!(
        support(rule, &[silent, dead, path, local]),
        Some(Support::Observed)
    );
}
