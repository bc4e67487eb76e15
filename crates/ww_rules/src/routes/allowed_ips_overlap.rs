//! `allowed-ips-overlap`: two peers of a tunnel claim the same network.

use crate::declared::at;
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use ww_base::SourceSpan;
use ww_model::net::{Peer, Prefix, Tunnel};

rule! {
    name: "allowed-ips-overlap",
    family: "routes",
    layer: Ip,
    class: Connectivity,
    severity: High,
    owner: Configuration,
    summary: "Two WireGuard peers claim the same network: only the last of them gets it",
    needs: [Tunnels],
    explains: [],
    page: "allowed_ips_overlap.md",
    check: check,
}

/// How much of a public key is shown.
const SHOWN: usize = 8;

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let stacks = declared.model.devices.iter().map(|device| &device.stack);
    for tunnel in stacks.flat_map(|stack| &stack.tunnels) {
        for claim in contested(tunnel) {
            reports.add(story(tunnel, &claim));
        }
    }
}

/// A network that two peers claim.
struct Claim<'m> {
    network: Prefix,
    loser: (&'m Peer, SourceSpan),
    winner: (&'m Peer, SourceSpan),
}

/// The networks that a later peer takes from an earlier one. A network inside another is no
/// contest: the longer prefix decides.
fn contested(tunnel: &Tunnel) -> Vec<Claim<'_>> {
    let all: Vec<(&Peer, Prefix, SourceSpan)> = tunnel
        .peers
        .iter()
        .flat_map(|peer| {
            peer.allowed
                .iter()
                .map(move |(network, at)| (peer, *network, *at))
        })
        .collect();
    let mut claims = Vec::new();
    for (place, (peer, network, at)) in all.iter().enumerate() {
        let later = all
            .iter()
            .skip(place + 1)
            .rfind(|(other, same, _)| same == network && other.public_key != peer.public_key);
        if let Some((winner, _, winner_at)) = later {
            claims.push(Claim {
                network: *network,
                loser: (peer, *at),
                winner: (winner, *winner_at),
            });
        }
    }
    claims
}

fn story(tunnel: &Tunnel, claim: &Claim<'_>) -> Story {
    let (loser, loser_at) = claim.loser;
    let (winner, winner_at) = claim.winner;
    let (network, name) = (claim.network, &tunnel.interface);
    Story::proved(
        format!(
            "{network} of tunnel {name} goes to peer {} only: peer {} claims it too, and loses it",
            short(winner),
            short(loser)
        ),
        format!("wg show {name} allowed-ips that lists {network} with peer {}", short(loser)),
    )
    .show(at(loser_at, format!("peer {} claims it first", short(loser))))
    .show(at(winner_at, format!("peer {} takes it", short(winner))))
    .advise("Give each peer the networks behind it and no others; where one is to stand in for another, let a routing daemon move the network between them")
}

/// The beginning of a peer's key, as people tell peers apart.
fn short(peer: &Peer) -> String {
    let shown: String = peer.public_key.chars().take(SHOWN).collect();
    format!("{shown}…")
}
