//! `arp-conflict`: two network cards claim one address.

use crate::rule::rule;
use crate::{Sighting, Sightings, Story, Subject, View};
use std::collections::BTreeMap;
use std::net::IpAddr;
use ww_base::Span;
use ww_evidence::ArpClaim;
use ww_finding::{Owner, Severity};

rule! {
    name: "arp-conflict",
    family: "net",
    layer: Link,
    class: Connectivity,
    severity: High,
    owner: Configuration,
    summary: "Two hardware addresses claim one IP address in turn; packets go now to one, now to the other",
    needs: [Arp],
    explains: ["handshake-retransmitted", "syn-unanswered"],
    page: "arp_conflict.md",
    detect: detect,
    tell: tell,
}

/// A fail-over and the return are two changes; more are a quarrel.
const QUARREL: u32 = 3;

/// Two cards that answer the same request answer it this close together.
const SAME_REQUEST: Span = Span::from_millis(500);

/// A card that claims so many addresses is a router that answers for others (proxy ARP).
const PROXIED: usize = 8;

fn detect(view: &View<'_>, sightings: &mut Sightings) {
    let mut addresses: BTreeMap<IpAddr, Vec<&ArpClaim>> = BTreeMap::new();
    let mut held: BTreeMap<[u8; 6], usize> = BTreeMap::new();
    for claim in &view.capture.arp {
        addresses.entry(claim.ip).or_default().push(claim);
        *held.entry(claim.mac).or_default() += 1;
    }
    for (ip, claims) in addresses {
        if !quarrels(&claims) {
            continue;
        }
        let proxy = claims
            .iter()
            .find(|claim| held.get(&claim.mac).is_some_and(|&many| many >= PROXIED));
        let group = match proxy {
            Some(claim) => format!("proxy {}", mac_words(claim.mac)),
            None => ip.to_string(),
        };
        let changes: u32 = claims.iter().map(|claim| claim.takeovers).sum();
        let mut sighting = Sighting::new(Subject::Capture, group).count(u64::from(changes));
        for claim in claims {
            sighting = sighting.show(view.frames(
                claim.first.frame(),
                claim.last.frame(),
                filter(ip),
                format!(
                    "{} claims {ip} ({} claims, {} of them unasked)",
                    mac_words(claim.mac),
                    claim.count,
                    claim.unsolicited
                ),
            ));
        }
        sighting.subjects.extend(
            view.flows()
                .filter(|(_, flow)| flow.client.addr == ip || flow.server.addr == ip)
                .map(|(subject, _)| subject),
        );
        sightings.add(sighting);
    }
}

fn tell(view: &View<'_>, group: &[Sighting]) -> Story {
    let key = group.first().map_or("", |sighting| sighting.group.as_str());
    let changes: u64 = group.iter().map(|sighting| sighting.count).sum();
    if let Some(mac) = key.strip_prefix("proxy ") {
        return Story::observed(
            format!("{mac} answers for many addresses, {} of which their own hosts claim too: proxy ARP", group.len()),
            "hosts that lose packets for these addresses: then it is a conflict",
        )
        .severity(Severity::Info)
        .owner(Owner::Network)
        .advise("Switch proxy ARP off on that router where it is not needed (net.ipv4.conf.DEV.proxy_arp=0)");
    }
    let claimants: Vec<String> = view
        .capture
        .arp
        .iter()
        .filter(|claim| claim.ip.to_string() == key)
        .map(|claim| mac_words(claim.mac))
        .collect();
    let often = if changes == 1 {
        "both answered the same request".to_owned()
    } else {
        format!("the address changed hands {changes} times")
    };
    Story::observed(
        format!("{key} is claimed by {}: {often}", claimants.join(" and ")),
        "both hardware addresses on one machine (two cards in one network, or a bond that balances by ARP)",
    )
    .advise("Look up both hardware addresses on the switch (show mac address-table) and give one of the hosts another address")
    .advise("If one of them has no business there, treat it as spoofing: enable dynamic ARP inspection or RA guard on the switch")
    .advise("If both are cards of one Linux host: net.ipv4.conf.all.arp_ignore=1 and arp_announce=2")
}

/// The address goes to and fro. A single change is a fail-over or a replaced card; virtual routers
/// change by design.
fn quarrels(claims: &[&ArpClaim]) -> bool {
    if claims.len() < 2 || claims.iter().any(|claim| is_virtual(claim.mac)) {
        return false;
    }
    let changes: u32 = claims.iter().map(|claim| claim.takeovers).sum();
    changes >= QUARREL || answer_one_request(claims)
}

/// Two cards answered, asked, within half a second.
fn answer_one_request(claims: &[&ArpClaim]) -> bool {
    let asked = |claim: &ArpClaim| claim.count > claim.unsolicited;
    claims.iter().any(|a| {
        claims.iter().any(|b| {
            let apart = b.first.at - a.last.at;
            a.mac != b.mac && asked(a) && asked(b) && apart >= Span::ZERO && apart < SAME_REQUEST
        })
    })
}

/// Addresses of VRRP (RFC 9568), HSRP and GLBP groups.
fn is_virtual(mac: [u8; 6]) -> bool {
    matches!(
        mac,
        [0, 0, 0x5e, 0, 1 | 2, _]
            | [0, 0, 0x0c, 7, 0xac, _]
            | [0, 0, 0x0c, 0x9f, 0xf0..=0xff, _]
            | [0, 7, 0xb4, ..]
    )
}

fn mac_words(mac: [u8; 6]) -> String {
    mac.map(|byte| format!("{byte:02x}")).join(":")
}

fn filter(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => format!("arp.src.proto_ipv4 == {ip}"),
        IpAddr::V6(ip) => {
            format!(
                "icmpv6.nd.na.target_address == {ip} || (icmpv6.type == 135 && ipv6.src == {ip})"
            )
        }
    }
}
