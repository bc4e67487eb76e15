//! What the connections of a capture tell together of one host or one service.

use rustc_hash::FxHashMap;
use std::net::IpAddr;
use ww_base::Span;
use ww_evidence::{Endpoint, SideId, TcpFlow, TtlUse, Vantage};

use crate::shared::host;
use crate::{Sighting, Subject, View};

/// Hop limits that differ by at most this are one host behind changing routes.
const SAME_HOST_HOPS: u8 = 2;

/// Hop limits that systems begin with.
const DEFAULTS: [u8; 2] = [64, 128];

/// The hop limits of every host's packets, resets excluded.
#[derive(Debug)]
pub(crate) struct HopLimits(FxHashMap<u128, TtlUse>);

impl HopLimits {
    /// Those of a capture.
    pub(super) fn of<'v>(view: &'v View<'_>) -> &'v HopLimits {
        view.shared
            .hop_limits
            .get_or_init(|| HopLimits::collect(view))
    }

    fn collect(view: &View<'_>) -> HopLimits {
        let mut hosts: FxHashMap<u128, TtlUse> = FxHashMap::default();
        for flow in &view.capture.tcp {
            for side in [SideId::Client, SideId::Server] {
                let ttl = flow.side(side).ttl;
                if ttl.packets == 0 {
                    continue;
                }
                let known = hosts
                    .entry(host(flow.endpoint(side).addr))
                    .or_insert(TtlUse { packets: 0, ..ttl });
                known.packets = known.packets.saturating_add(ttl.packets);
                known.min = known.min.min(ttl.min);
                known.max = known.max.max(ttl.max);
            }
        }
        HopLimits(hosts)
    }

    /// The hop limits of a host's packets are clearly several: more than one machine sends from its address (NAT).
    pub(super) fn are_several(&self, addr: IpAddr) -> bool {
        self.0
            .get(&host(addr))
            .is_some_and(|ttl| ttl.max.abs_diff(ttl.min) > SAME_HOST_HOPS)
    }

    /// The hop limit of all packets of a host, when it is always the same and `ttl` is clearly
    /// another one.
    pub(super) fn contradicting(&self, addr: IpAddr, ttl: u8) -> Option<u8> {
        let usual = self.0.get(&host(addr))?.constant(3)?;
        is_foreign(usual, ttl).then_some(usual)
    }
}

/// A packet with hop limit `ttl` does not come from the host whose packets have `usual`.
///
/// A program may choose the hop limit of what it sends: 1, as BGP does so that nothing leaves the link, or
/// 255, so that the receiver sees that nothing has come from beyond (RFC 5082). Resets that the system sends
/// without a program have its default all the same.
fn is_foreign(usual: u8, ttl: u8) -> bool {
    let chosen = usual == 1 || (usual == u8::MAX && DEFAULTS.contains(&ttl));
    !chosen && usual.abs_diff(ttl) > SAME_HOST_HOPS
}

/// The hop limit that a side's packets have, when it is constant and its reset has clearly another.
pub(super) fn foreign_reset(flow: &TcpFlow, by: SideId) -> Option<(u8, u8)> {
    let side = flow.side(by);
    let ttl = side.reset.as_ref()?.ttl;
    let usual = side.ttl.constant(3)?;
    is_foreign(usual, ttl).then_some((usual, ttl))
}

/// The capture was taken at this host: other connections of it show so.
pub(super) fn taken_at_server(view: &View<'_>, host: IpAddr) -> bool {
    view.shared
        .taken_at
        .get_or_init(|| {
            view.flows()
                .filter(|(_, flow)| flow.vantage == Vantage::Server)
                .map(|(_, flow)| flow.server.addr)
                .collect()
        })
        .contains(&host)
}

/// Connections to one service.
pub(super) fn to<'v, 'a>(
    view: &'v View<'a>,
    server: Endpoint,
) -> impl Iterator<Item = &'a TcpFlow> + use<'v, 'a> {
    let services = view.shared.services.get_or_init(|| services(view));
    let subjects = services.get(&server).map_or(&[][..], Vec::as_slice);
    subjects.iter().filter_map(|&subject| view.flow(subject))
}

/// The connections to every service, in order of appearance.
fn services(view: &View<'_>) -> FxHashMap<Endpoint, Vec<Subject>> {
    let mut services: FxHashMap<Endpoint, Vec<Subject>> = FxHashMap::default();
    for (subject, flow) in view.flows() {
        services.entry(flow.server).or_default().push(subject);
    }
    services
}

/// The connections that sightings are about.
pub(super) fn seen<'a>(view: &View<'a>, sightings: &[Sighting]) -> Vec<&'a TcpFlow> {
    sightings
        .iter()
        .flat_map(|sighting| &sighting.subjects)
        .filter_map(|&subject| view.flow(subject))
        .collect()
}

/// `1 connection`, `3 connections`.
pub(super) fn count(n: usize, noun: &str) -> String {
    if n == 1 {
        format!("1 {noun}")
    } else {
        format!("{n} {noun}s")
    }
}

/// The middle one; zero of none.
pub(super) fn median(mut spans: Vec<Span>) -> Span {
    spans.sort_unstable();
    spans.get(spans.len() / 2).copied().unwrap_or(Span::ZERO)
}
