//! What the network watchers see in real captures; every figure was read in tshark.
//!
//! Needs a collection of captures, named by `WIREWISE_CORPORA`.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a test against files, told by the environment; helpers are not in a test function"
)]

use std::fs::File;
use ww_base::{Limits, SourceId};
use ww_evidence::{Capture, IcmpMeaning};

/// What a capture of the collection shows, or `None` after saying loudly that nothing was checked.
fn capture(name: &str) -> Option<Capture> {
    let Some(corpora) = std::env::var_os("WIREWISE_CORPORA") else {
        eprintln!("NOT CHECKED: WIREWISE_CORPORA is not set, {name} was not read");
        return None;
    };
    let path = std::path::PathBuf::from(corpora)
        .join("captures")
        .join(name);
    let file = File::open(&path).unwrap();
    let analysis =
        ww_capture::analyse(Box::new(file), SourceId(0), &Limits::default(), &mut |_| {}).unwrap();
    Some(analysis.capture)
}

#[test]
fn a_traceroute_is_known_by_its_probes() {
    let Some(capture) = capture("files/sanders-icmp_traceroute.pcapng") else {
        return;
    };
    let expired = capture
        .icmp
        .iter()
        .filter(|error| error.meaning == IcmpMeaning::TimeExceeded);
    assert_eq!(expired.map(|error| error.count).sum::<u32>(), 24);
    let probes: Vec<_> = capture
        .probes
        .iter()
        .filter(|probe| probe.is_traceroute())
        .collect();
    assert_eq!(probes.len(), 1);
    assert_eq!(probes[0].dst.to_string(), "4.2.2.1");
    assert_eq!((probes[0].ttl_min, probes[0].count), (1, 27));
    assert!(capture.loops.is_empty());
}

#[test]
fn an_unreachable_network_is_joined_with_its_connection() {
    let Some(capture) = capture("lab/s26_no_route_icmp.pcap") else {
        return;
    };
    assert_eq!(capture.icmp.len(), 1);
    let error = &capture.icmp[0];
    assert_eq!(error.meaning, IcmpMeaning::NetUnreachable);
    assert_eq!(
        (error.from.to_string().as_str(), error.stream),
        ("10.77.0.1", Some(0))
    );
    assert_eq!(error.quoted.unwrap().dst.to_string(), "10.99.0.9:80");
}

#[test]
fn address_claims_are_counted_by_hardware_address() {
    let Some(capture) = capture("files/sanders-arppoison.pcapng") else {
        return;
    };
    let claims: Vec<_> = capture
        .arp
        .iter()
        .map(|claim| {
            (
                claim.ip.to_string(),
                claim.mac[5],
                claim.first.frame(),
                claim.takeovers,
            )
        })
        .collect();
    let expected = [
        ("172.16.0.1", 0xee, 54, 0),
        ("172.16.0.107", 0xf0, 55, 0),
        ("172.16.0.105", 0xee, 165, 0),
    ];
    let expected = expected.map(|(ip, mac, frame, taken)| (ip.to_owned(), mac, frame, taken));
    assert_eq!(claims, expected);
    assert_eq!(capture.arp_packets, 4);
}

#[test]
fn whole_fragments_are_no_loss() {
    for name in [
        "files/sanders-ip_frag_source.pcapng",
        "files/sanders-ipv6_fragments.pcapng",
    ] {
        let Some(capture) = capture(name) else { return };
        assert!(capture.fragmented > 0, "{name}");
        assert!(capture.fragment_losses.is_empty(), "{name}");
    }
}

#[test]
fn datagrams_are_counted_in_both_directions() {
    let Some(capture) = capture("files/zeek-mdns.pcap") else {
        return;
    };
    let datagrams: u64 = capture.udp.iter().flat_map(|flow| flow.datagrams).sum();
    assert_eq!((capture.udp.len(), datagrams), (2, 18));
    let Some(capture) = self::capture("lab/s14_dns_mix.pcap") else {
        return;
    };
    let flows: Vec<_> = capture
        .udp
        .iter()
        .map(|flow| (flow.server.port, flow.datagrams))
        .collect();
    assert_eq!(flows.len(), 6);
    assert_eq!(
        flows.iter().filter(|(_, sent)| sent[1] == 0).count(),
        3,
        "{flows:?}"
    );
}
