//! `local-ports-exhausted`: this host has no port left for a connection.

use super::attempts::{Failure, failures, local_state, shows};
use crate::rule::rule;
use crate::{Sighting, Sightings, Story, Subject, Walk};

rule! {
    name: "local-ports-exhausted",
    family: "tcp",
    layer: Tcp,
    class: Connectivity,
    severity: High,
    owner: Client,
    summary: "This host has no local port left for another connection to the server",
    needs: [Endpoint],
    explains: ["syn-unanswered"],
    page: "local_ports_exhausted.md",
    sight: sight,
    say: say,
}

fn sight(walk: &Walk<'_>, sightings: &mut Sightings) {
    for (attempt, failure) in failures(walk) {
        if failure == Failure::NoLocalPort {
            let mut sighting = Sighting::new(Subject::Step(attempt.step.number), "")
                .show(walk.at(attempt.step, shows(&attempt, failure)));
            if let Some((step, state)) = local_state(walk, attempt.to) {
                sighting = sighting.show(walk.at(
                    step,
                    format!(
                        "{} connections to {}, {} of them in TIME-WAIT",
                        state.to_target, attempt.to, state.time_wait
                    ),
                ));
            }
            sightings.add(sighting);
        }
    }
}

fn say(walk: &Walk<'_>, _sightings: &[Sighting]) -> Story {
    let Some((attempt, _)) = failures(walk)
        .into_iter()
        .find(|(_, failure)| *failure == Failure::NoLocalPort)
    else {
        return Story::observed("no local port is left", "a connection that opens");
    };
    let to = attempt.to;
    let figures = local_state(walk, to).and_then(|(_, state)| {
        let (first, last) = state.port_range?;
        let ports = u32::from(last.saturating_sub(first)) + 1;
        Some((state, first, last, ports))
    });
    let used = figures.map_or_else(String::new, |(state, first, last, ports)| {
        format!(
            ": {} connections to it hold the {ports} ports from {first} to {last}, {} of them in TIME-WAIT",
            state.to_target, state.time_wait
        )
    });
    let waits = figures.is_some_and(|(state, ..)| state.time_wait * 2 > state.to_target);
    let story = Story::observed(
        format!("This host has no local port left for a connection to {to}{used}"),
        format!(
            "ss -tan dst {} that shows far fewer connections than there are ports",
            to.ip()
        ),
    );
    let story = if waits {
        story.advise("Keep connections and use them again: HTTP keep-alive, a connection pool; each one that this host closes holds its port for 60 s")
    } else {
        story.advise(format!(
            "See which program holds them: ss -tanp dst {}; it may forget to close connections",
            to.ip()
        ))
    };
    story
        .advise("Widen the range: sysctl -w net.ipv4.ip_local_port_range='1024 65535', with listeners' ports in net.ipv4.ip_local_reserved_ports")
        .advise("Let outgoing connections take ports in TIME-WAIT: sysctl -w net.ipv4.tcp_tw_reuse=1")
        .advise("Spread over more addresses, of the server or of this host: each pair has its own ports")
}
