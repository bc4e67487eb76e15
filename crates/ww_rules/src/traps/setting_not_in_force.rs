//! `setting-not-in-force`: a live endpoint does not do what its files say.

use crate::rule::rule;
use crate::{Answering, Difference, Differences, Reports, Story};
use ww_finding::Severity;

rule! {
    name: "setting-not-in-force",
    family: "traps",
    layer: App,
    class: Connectivity,
    severity: Medium,
    owner: Configuration,
    summary: "What was measured at an endpoint contradicts the file that configures it: it was not loaded, or something in front answers",
    needs: [Endpoint, Programs],
    explains: [],
    page: "setting_not_in_force.md",
    compare: compare,
}

fn compare(differences: &Differences, reports: &mut Reports) {
    for difference in &differences.settings {
        reports.add(story(difference));
    }
}

fn story(difference: &Difference) -> Story {
    let Difference {
        server,
        does,
        line,
        step,
        ..
    } = difference;
    let (why, severity) = match &difference.answering {
        Answering::Program => (
            "what runs there has not loaded this file, or not this line".to_owned(),
            Severity::Medium,
        ),
        Answering::Unknown => (
            "what runs there has not loaded this file, or something in front of it answers first"
                .to_owned(),
            Severity::Low,
        ),
        Answering::Other(name) => (
            format!("something in front of it answers, which calls itself {name}"),
            Severity::Info,
        ),
    };
    let story = Story::observed(
        format!(
            "{server} {does}, and the files say that {}: {why}",
            line.says
        ),
        "the same measurement on the host itself, past everything in front of it",
    )
    .severity(severity)
    .show(line.clone())
    .show(step.clone());
    match difference.answering {
        Answering::Other(_) => story.advise(
            "Look for this setting in what stands in front: for clients, its value is in force",
        ),
        _ => story
            .advise(loaded(&difference.component))
            .advise("If it is the same, look for what stands in front of it: a load balancer, a CDN, a sidecar"),
    }
}

/// How to see what is loaded.
fn loaded(component: &str) -> &'static str {
    match component {
        "nginx" => {
            "Compare with what nginx reads (`nginx -T`), and load it: nginx -t && nginx -s reload; of several servers on one port, the first one's TLS settings may count for all"
        }
        "haproxy" => {
            "Load it: haproxy -c -f FILE && systemctl reload haproxy; old processes keep their connections until these end"
        }
        "envoy" => "Compare with what Envoy runs: curl -s localhost:9901/config_dump",
        _ => {
            "See with which file and arguments it was started (ps, docker inspect), and start it again"
        }
    }
}
