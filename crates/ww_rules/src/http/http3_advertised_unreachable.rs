//! `http3-advertised-unreachable`: Alt-Svc promises HTTP/3 where nobody speaks QUIC.

use crate::rule::rule;
use crate::{Sighting, Sightings, Story, Subject, Walk};
use ww_evidence::transcript::{QuicOutcome, QuicProbe};
use ww_finding::{Owner, Severity, Support};

rule! {
    name: "http3-advertised-unreachable",
    family: "http",
    layer: Udp,
    class: Performance,
    severity: Medium,
    owner: Configuration,
    summary: "Answers promise HTTP/3 with Alt-Svc, and nobody answers QUIC there",
    needs: [Endpoint],
    explains: [],
    page: "http3_advertised_unreachable.md",
    sight: sight,
    say: say,
}

fn sight(walk: &Walk<'_>, sightings: &mut Sightings) {
    for (step, probe) in walk.transcript.quics() {
        let (Some(to), false) = (probe.to, probe.advertised.is_empty()) else {
            continue;
        };
        let answer = match probe.outcome {
            QuicOutcome::Refused => "with ICMP port unreachable".to_owned(),
            QuicOutcome::Silence => format!("nothing in {} tries", probe.tries),
            QuicOutcome::Answered | QuicOutcome::Failed(_) => continue,
        };
        sightings.add(
            Sighting::new(Subject::Step(step.number), to.to_string()).show(walk.at(
                step,
                format!(
                    "{to} over UDP answered {answer} to a QUIC packet; Alt-Svc says {}",
                    probe.advertised
                ),
            )),
        );
    }
}

fn say(walk: &Walk<'_>, sightings: &[Sighting]) -> Story {
    let probe: Option<&QuicProbe> = sightings.first().and_then(|sighting| {
        let subject = *sighting.subjects.first()?;
        walk.transcript
            .quics()
            .find(|(step, _)| Subject::Step(step.number) == subject)
            .map(|(_, probe)| probe)
    });
    let Some((probe, to)) = probe.and_then(|probe| Some((probe, probe.to?))) else {
        return Story::observed("", "");
    };
    let host = &walk.target().host;
    let port = to.port();
    let refuter = "curl --http3-only to the same address, answered";
    if probe.outcome == QuicOutcome::Refused {
        return Story::observed(
            format!("{host} promises HTTP/3 on UDP port {port}, where nobody listens: clients try it in vain before they fall back"),
            refuter,
        )
        .advise(format!("Let the server listen for QUIC (nginx: listen {port} quic; in containers and load balancers, map the port for UDP too), or take the Alt-Svc field out"));
    }
    Story::observed(
        format!("{host} promises HTTP/3 on UDP port {port}, and nothing answers there from here: clients wait before they fall back"),
        refuter,
    )
    .severity(Severity::Low)
    .support(Support::Heuristic)
    .owner(Owner::Unknown)
    .advise(format!("Ask from another network: if QUIC is answered there, this network blocks UDP port {port}, which is its owner's choice"))
    .advise(format!("If it is not, let the firewall and the load balancer before the server pass UDP port {port}, or take the Alt-Svc field out"))
}
