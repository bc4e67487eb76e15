//! The same cause at a live endpoint: a reset, and no ICMP error that tells of a filter.

use crate::{Sighting, Sightings, Story, Subject, Walk};
use ww_evidence::transcript::ConnectOutcome;

pub(super) fn sight(walk: &Walk<'_>, sightings: &mut Sightings) {
    for (step, connect) in walk.transcript.connects() {
        let Some(to) = connect.to.filter(|_| !connect.control) else {
            continue;
        };
        if connect.outcome == ConnectOutcome::Refused && connect.icmp.is_none() {
            sightings.add(
                Sighting::new(Subject::Step(step.number), to.port().to_string())
                    .show(walk.at(step, format!("{to} answered the SYN with a reset"))),
            );
        }
    }
}

pub(super) fn say(walk: &Walk<'_>, sightings: &[Sighting]) -> Story {
    let target = walk.target();
    let open = walk.open_addresses().len();
    let refused = sightings.len();
    let port = target.port;
    let who = match (refused, open) {
        (1, 0) => format!("{} refuses connections to port {port}", target.host),
        (_, 0) => format!(
            "all {refused} addresses of {} refuse connections to port {port}",
            target.host
        ),
        _ => format!(
            "{refused} of the {} addresses of {} refuse connections to port {port}",
            refused + open,
            target.host
        ),
    };
    Story::observed(
        format!("{who}: nothing listens there, or a filter answers with resets"),
        format!("ss -ltn on the server that shows a listener on port {port} and this address"),
    )
    .advise(format!(
        "On the server, see who listens: ss -ltnp 'sport = :{port}'; start the service, or correct the port"
    ))
    .advise("If it listens on 127.0.0.1 or [::1] only, bind it to the address that clients use")
    .advise("If it does listen, look for a firewall rule with a TCP reset (nft: reject with tcp reset)")
}
