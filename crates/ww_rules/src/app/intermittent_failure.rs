//! `intermittent-failure`: the same question fails now and then.

use super::source_ports::{Hashed, Ports};
use super::trials::{self, Common, Series};
use crate::rule::rule;
use crate::{Sighting, Sightings, Story, Subject, Walk};
use ww_base::chance::{percent, wilson};
use ww_evidence::transcript::{Seen, Service};
use ww_finding::Severity;

rule! {
    name: "intermittent-failure",
    family: "app",
    layer: App,
    class: Connectivity,
    severity: Medium,
    owner: Unknown,
    summary: "The same question to the same endpoint fails now and then",
    needs: [Endpoint],
    explains: [],
    page: "intermittent_failure.md",
    sight: sight,
    say: say,
}

/// From here on it is more than now and then.
const OFTEN: f64 = 0.05;

fn sight(walk: &Walk<'_>, sightings: &mut Sightings) {
    for (step, series) in trials::intermittent(walk) {
        sightings.add(
            Sighting::new(Subject::Step(step.number), step.number.to_string())
                .count(series.failed())
                .show(walk.at(step, series.failures())),
        );
    }
}

fn say(walk: &Walk<'_>, sightings: &[Sighting]) -> Story {
    let Some(series) = seen(walk, sightings) else {
        return Story::observed("", "");
    };
    let (failed, all) = (series.failed(), series.trials.len() as u64);
    let (low, high) = wilson(failed, all);
    let common = series.in_common().into_iter().next();
    let what = series.what;
    let plural = if what.ends_with('y') {
        format!("{}ies", what.trim_end_matches('y'))
    } else {
        format!("{what}s")
    };
    let severity = if series.cleared {
        Severity::Info
    } else if low > OFTEN {
        Severity::High
    } else {
        Severity::Medium
    };
    let mut story = Story::observed(
        format!(
            "{failed} of {all} {plural} to {}:{} failed (95 % interval {}–{} %){}",
            walk.target().host,
            walk.target().port,
            percent(low),
            percent(high),
            said(&series, common.as_ref()),
        ),
        "as many trials from another host, all without a failure: then it lies with this host or its path",
    )
    .severity(severity);
    if let Some(Ports::Decide(hashed)) = &series.ports {
        for advice in by_hash(walk, hashed) {
            story = story.advise(advice);
        }
        return story;
    }
    if common.is_none() && series.burst().is_some() {
        return story.advise(
            "Compare the times of the bursts with deployments, restarts, reloads of certificates, cron jobs and the TTL of the name",
        );
    }
    for advice in advices(common.as_ref()) {
        story = story.advise(advice);
    }
    story
}

/// The series that a group of sightings is about.
fn seen<'w>(walk: &'w Walk<'w>, sightings: &[Sighting]) -> Option<Series<'w>> {
    let subject = *sightings.first()?.subjects.first()?;
    match &walk.step(subject)?.seen {
        Seen::Trials(trials) => Some(Series::of(walk, trials)),
        _ => None,
    }
}

/// The end of the headline: what failures have in common.
fn said(series: &Series<'_>, common: Option<&Common>) -> String {
    let bursts = series.burst().map_or_else(String::new, |burst| {
        format!(
            ", in bursts (the longest {} in a row, from {} to {})",
            burst.count, burst.from, burst.to
        )
    });
    if let Some(Ports::Decide(hashed)) = &series.ports {
        return format!(
            "; the same source ports fail each time ({0} of {0}), others never ({1} of {1} fine): one path, or one backend, behind a hash of addresses and ports",
            hashed.failed, hashed.worked
        );
    }
    let Some(common) = common else {
        let ports = match series.ports {
            Some(Ports::DoNot { failed, trials }) => {
                format!(
                    ", nor does the source port: those that failed did so again {failed} of {trials} times"
                )
            }
            _ => String::new(),
        };
        return format!("{bursts}; nothing that was noted sets the failures apart{ports}");
    };
    let counts = format!(
        "{} of {} there, {} of {} elsewhere",
        common.failed, common.trials, common.others_failed, common.others
    );
    let place = match (common.key.as_str(), common.value.as_str()) {
        ("connection", "reused") => "on connections that had carried a request before".to_owned(),
        ("connection", "new") => "on new connections".to_owned(),
        ("family", family) => format!("over {family}"),
        (key, value) => format!("with {} {value}", key.replace('-', " ")),
    };
    let mostly = if common.others_failed == 0 {
        "only"
    } else {
        "mostly"
    };
    format!("{bursts}, {mostly} {place} ({counts})")
}

/// What to do where something chooses by a hash: the next probe first.
fn by_hash(walk: &Walk<'_>, hashed: &Hashed<'_>) -> [String; 3] {
    let (fails, works) = (hashed.fails.port, hashed.works.port);
    let target = walk.target();
    let to = hashed
        .fails
        .to
        .map_or_else(|| target.host.clone(), |to| to.ip().to_string());
    let over_udp = matches!(target.service, Service::Stun | Service::Dns);
    let how = if over_udp { "-U" } else { "-T" };
    let port = target.port;
    [
        format!("Trace the path from a port that fails and from one that works, and look where they part: traceroute {how} -p {port} --sport={fails} {to}, then --sport={works} (as root)"),
        "If they part, mend or take out that link, tunnel or router of several of equal cost (ECMP, LAG); address translation before it may choose too".to_owned(),
        format!("If they do not, a balancer chooses by a hash (IPVS, kube-proxy, Maglev, anycast): find the backend that gets connections from source port {fails}, and take it out"),
    ]
}

fn advices(common: Option<&Common>) -> Vec<String> {
    match common.map(|common| (common.key.as_str(), common.value.as_str())) {
        Some(("connection", "reused")) => vec![
            "Let clients and proxies give up connections before the server does: their keep-alive time and their number of requests per connection must be the smaller ones".to_owned(),
        ],
        Some(("connection", "new")) => vec![
            "Look at what happens once per connection: the load balancer's choice, limits of connections, the accept queue, the TLS handshake".to_owned(),
        ],
        Some(("family", family)) => vec![format!(
            "Mend the path over {family}, or take its addresses out of the name until it works"
        )],
        Some(("source-port", _)) => vec![
            "Look for one broken link among several of equal cost: routers choose by addresses and ports".to_owned(),
        ],
        Some((key, value)) => vec![format!(
            "Look at what stands behind {} {value}",
            key.replace('-', " ")
        )],
        None => vec![
            "Repeat with more trials (--repeat): what sets failures apart shows only when there are several".to_owned(),
            "Count failures on the server and on each proxy over the same minutes; where they are missing lies the fault before it".to_owned(),
        ],
    }
}
