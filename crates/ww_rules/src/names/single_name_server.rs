//! `single-name-server`: a host asks one name server only.

use crate::declared::at;
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use std::net::IpAddr;
use ww_base::Locus;
use ww_finding::Support;

rule! {
    name: "single-name-server",
    family: "names",
    layer: Dns,
    class: Connectivity,
    severity: Low,
    owner: Configuration,
    summary: "A host asks one name server only: while that one rests, no name can be looked up",
    needs: [Hosts],
    explains: [],
    page: "single_name_server.md",
    check: check,
}

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    for host in &declared.model.services.hosts {
        let Some(resolver) = &host.resolver else {
            continue;
        };
        let [server] = resolver.servers.as_slice() else {
            continue;
        };
        let Ok(address) = server.value.parse::<IpAddr>() else {
            continue;
        };
        let Locus::Text(place) = server.at else {
            continue;
        };
        if !has_others_behind(address) {
            reports.add(
                Story::proved(
                    format!(
                        "{} names {address} only: while that server restarts or its network is cut, no \
                         name can be looked up",
                        host.path
                    ),
                    format!("an address {address} that several servers answer for (anycast, VRRP)"),
                )
                .support(Support::Declared)
                .show(at(place, "the only name server"))
                .advise("Name a second server that fails independently, with `options timeout:1 attempts:2`"),
            );
        }
    }
}

/// Whether an address is one behind which others stand as a rule: a resolver of the host itself or of
/// the link, as clouds and node caches have it, or a virtual address of a cluster.
fn has_others_behind(address: IpAddr) -> bool {
    /// The servers that public resolvers announce from everywhere, and that of Azure for its networks.
    const ANYCAST: [&str; 8] = [
        "1.1.1.1",
        "1.0.0.1",
        "8.8.8.8",
        "8.8.4.4",
        "9.9.9.9",
        "168.63.129.16",
        "2606:4700:4700::1111",
        "2001:4860:4860::8888",
    ];
    let is_known = ANYCAST.iter().any(|known| known.parse() == Ok(address));
    match address {
        IpAddr::V4(four) => {
            let [first, second, _, last] = four.octets();
            // Usual ranges of Services (kubeadm 10.96.0.0/12, k3s 10.43.0.0/16), and the second
            // address of a network, which is the resolver of AWS there.
            let is_cluster = first == 10 && matches!(second, 43 | 96..=111);
            is_known || four.is_loopback() || four.is_link_local() || is_cluster || last == 2
        }
        IpAddr::V6(six) => is_known || six.is_loopback() || six.is_unicast_link_local(),
    }
}
