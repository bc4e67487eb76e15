//! The same cause at a live endpoint: small segments come through, larger ones do not.

use crate::tcp::attempts::attempts;
use crate::{Sighting, Sightings, Story, Subject, Walk};
use std::net::SocketAddr;
use ww_evidence::transcript::{
    ConnectOutcome, HelloReply, HttpOutcome, Seen, SegmentSizes, Step, TlsOutcome, address_of,
};

/// IP and TCP headers without options, bytes (RFC 6691).
const HEADERS: [u16; 2] = [40, 60];

pub(super) fn sight(walk: &Walk<'_>, sightings: &mut Sightings) {
    for (step, sizes) in walk.transcript.segment_sizes() {
        let (Some(to), Some(usable), Some(fails)) = (sizes.to, sizes.usable, too_large(sizes))
        else {
            continue;
        };
        let whose = if sizes.from_server {
            "segments"
        } else {
            "segments of ours"
        };
        let mut sighting = Sighting::new(
            Subject::Step(step.number),
            format!("{} {}", sizes.from_server, to.ip()),
        )
        .show(walk.at(
            step,
            format!("{whose} of up to {usable} bytes pass, of {fails} bytes they do not"),
        ));
        for stalled in stalled(walk, to) {
            sighting.subjects.push(Subject::Step(stalled.number));
            sighting.lost = sighting.lost.max(stalled.took);
        }
        sightings.add(sighting);
    }
}

/// The smallest size that did not come through.
fn too_large(sizes: &SegmentSizes) -> Option<u16> {
    let usable = sizes.usable?;
    sizes
        .tries
        .iter()
        .filter(|one| !one.works && one.mss > usable)
        .map(|one| one.mss)
        .min()
}

/// Questions over open connections to an address that got no answer.
fn stalled<'a>(walk: &Walk<'a>, to: SocketAddr) -> Vec<&'a Step> {
    walk.transcript
        .steps
        .iter()
        .filter(|step| address_of(&step.seen) == Some(to))
        .filter(|step| match &step.seen {
            Seen::Handshake(one) => one.outcome == TlsOutcome::TimedOut,
            Seen::Hello(one) => one.reply == HelloReply::Silence,
            Seen::Http(one) => one.outcome == HttpOutcome::TimedOut,
            _ => false,
        })
        .collect()
}

pub(super) fn say(walk: &Walk<'_>, sightings: &[Sighting]) -> Story {
    let mut cases = walk.transcript.segment_sizes().filter_map(|(step, sizes)| {
        let named = sightings
            .iter()
            .any(|one| one.subjects.contains(&Subject::Step(step.number)));
        Some((sizes, sizes.to?, sizes.usable?)).filter(|_| named)
    });
    let Some((sizes, to, usable)) = cases.next() else {
        return Story::observed("full-size packets vanish", "one that arrives");
    };
    let [v4, v6] = HEADERS;
    let headers = if to.is_ipv4() { v4 } else { v6 };
    let mtu = usable.saturating_add(headers);
    let here = attempts(walk)
        .find(|attempt| attempt.to == to && attempt.connect.outcome == ConnectOutcome::Open)
        .and_then(|attempt| attempt.connect.from)
        .map_or_else(|| "this host".to_owned(), |from| from.ip().to_string());
    let between = if sizes.from_server {
        format!("from {} to {here}", to.ip())
    } else {
        format!("from {here} to {}", to.ip())
    };
    let sender = if sizes.from_server {
        "the server"
    } else {
        "this host"
    };
    Story::observed(
        format!(
            "Full-size packets {between} vanish without a word: segments of up to {usable} bytes pass (MTU {mtu}), larger ones do not"
        ),
        format!("a ping of full size with the Don't Fragment bit (ping -M do -s 1472) from {sender} that passes the same path"),
    )
    .advise("Let ICMP \"fragmentation needed\" (type 3 code 4) and ICMPv6 \"packet too big\" (type 2) pass every firewall on the path")
    .advise(format!(
        "Clamp the MSS to {usable} where the small link begins: nft add rule … tcp flags syn tcp option maxseg size set rt mtu (iptables: -j TCPMSS --clamp-mss-to-pmtu)"
    ))
    .advise(format!("As a net below it, net.ipv4.tcp_mtu_probing=1 on {sender}"))
}
