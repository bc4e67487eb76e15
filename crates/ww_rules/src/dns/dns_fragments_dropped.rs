//! `dns-fragments-dropped`: answers that need fragments do not arrive, smaller ones do.

use super::servers::{Server, answer, named, resolvers};
use crate::rule::rule;
use crate::{Sighting, Sightings, Story, Subject, Walk};
use ww_base::Gap;
use ww_evidence::transcript::{DnsVia, Lookup, LookupOutcome, Step};
use ww_finding::Owner;

rule! {
    name: "dns-fragments-dropped",
    family: "dns",
    layer: Dns,
    class: Connectivity,
    severity: Medium,
    owner: Middlebox,
    summary: "Large answers of a name server are lost, because their fragments are dropped on the way",
    needs: [Endpoint],
    explains: ["dns-unanswered", "dns-slow"],
    page: "dns_fragments_dropped.md",
    sight: sight,
    say: say,
}

/// What a path takes whole, less than the MTU of 1280 that every IPv6 path has (DNS flag day 2020).
const WHOLE: u16 = 1232;

/// Larger answers are cut into fragments on Ethernet.
const FRAGMENTED: u32 = 1452;

fn sight(walk: &Walk<'_>, sightings: &mut Sightings) {
    for server in resolvers(walk) {
        for kind in server.kinds() {
            let silent: Vec<(&Step, &Lookup)> = server
                .asked(kind)
                .filter(|(_, lookup)| is_lost(lookup))
                .collect();
            let (Some(&(first, _)), Some((small, says))) = (silent.first(), small(&server, kind))
            else {
                continue;
            };
            // One datagram may be lost by chance; the same question put again is lost by its size.
            if silent.len() < 2 {
                sightings.gap(Gap::new(
                    format!(
                        "whether {} lost a large answer by its size or by chance",
                        named(server.at)
                    ),
                    "the same walk again",
                ));
                continue;
            }
            let mut sighting = Sighting::new(Subject::Capture, named(server.at))
                .lost(first.took)
                .show(walk.at(
                    first,
                    format!(
                        "{kind} asked with answers of up to 4096 bytes: nothing came in {}",
                        first.took
                    ),
                ));
            sighting.subjects = silent
                .iter()
                .map(|(step, _)| Subject::Step(step.number))
                .collect();
            sightings.add(sighting.show(walk.at(small, says)));
        }
    }
}

/// A question that allows a fragmented answer, and nothing came.
fn is_lost(lookup: &Lookup) -> bool {
    matches!(lookup.via, DnsVia::Udp(_))
        && lookup.edns_size.is_some_and(|size| size > WHOLE)
        && lookup.outcome == LookupOutcome::TimedOut
}

/// An answer that came where less was allowed, and shows that the whole is large.
fn small<'a>(server: &Server<'a>, kind: &str) -> Option<(&'a Step, String)> {
    server.asked(kind).find_map(|(step, lookup)| {
        let said = answer(lookup)?;
        match lookup.via {
            DnsVia::Udp(_)
                if said.truncated && lookup.edns_size.is_none_or(|size| size <= WHOLE) =>
            {
                let size = lookup.edns_size.unwrap_or(512);
                Some((
                    step,
                    format!("asked for at most {size} bytes: it comes, cut short"),
                ))
            }
            DnsVia::Tcp(_) if said.bytes > FRAGMENTED => Some((
                step,
                format!("over TCP: it comes, with {} bytes", said.bytes),
            )),
            _ => None,
        }
    })
}

fn say(walk: &Walk<'_>, sightings: &[Sighting]) -> Story {
    let host = &walk.target().host;
    let at = sightings
        .first()
        .map_or("", |sighting| sighting.group.as_str());
    let over_tcp = resolvers(walk)
        .iter()
        .filter(|server| named(server.at) == at)
        .flat_map(|server| &server.lookups)
        .any(|(_, lookup)| matches!(lookup.via, DnsVia::Tcp(_)) && answer(lookup).is_some());
    let end = if over_tcp {
        "; over TCP it comes whole"
    } else {
        ""
    };
    Story::observed(
        format!("large answers of {at} for {host} do not arrive, smaller ones do: fragments of UDP are dropped on the way{end}"),
        "a capture on this host that shows fragments of the answer (ip.flags.mf == 1 || ip.frag_offset > 0)",
    )
    .owner(Owner::Middlebox)
    .advise("Let the server send at most 1232 bytes over UDP (BIND max-udp-size 1232, unbound max-udp-size: 1232): it says then that the rest is to be fetched over TCP")
    .advise("Or let fragments pass on every filter between the server and this host")
}
