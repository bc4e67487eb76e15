//! What the connections of a capture tell together of one host or one service.

use crate::roster::Roster;
use crate::{Sighting, Subject, View};
use std::net::IpAddr;
use ww_base::Span;
use ww_evidence::{Endpoint, SideId, TcpFlow};

/// Hop limits that differ by at most this are one host behind changing routes.
const SAME_HOST_HOPS: u8 = 2;

/// Hop limits that systems begin with.
const DEFAULTS: [u8; 2] = [64, 128];

/// The hop limits of a host's packets are clearly several: more than one machine sends from its address (NAT).
pub(super) fn are_several(view: &View<'_>, addr: IpAddr) -> bool {
    let host = view.roster().host(addr);
    host.is_some_and(|(_, host)| host.ttl.max.abs_diff(host.ttl.min) > SAME_HOST_HOPS)
}

/// The hop limit of all packets of a host, when it is always the same and `ttl` is clearly
/// another one.
pub(super) fn contradicting(view: &View<'_>, addr: IpAddr, ttl: u8) -> Option<u8> {
    let (_, host) = view.roster().host(addr)?;
    let usual = host.ttl.constant(3)?;
    is_foreign(usual, ttl).then_some(usual)
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
    let known = view.roster().host(host);
    known.is_some_and(|(_, host)| host.is_near)
}

/// The connections to every service.
#[derive(Debug)]
pub(crate) struct Services {
    /// In order of the service, and of appearance.
    subjects: Vec<Subject>,
    /// Where those of each service begin, and where the last end.
    begins: Vec<u32>,
}

impl Services {
    fn of(roster: &Roster) -> Services {
        let mut begins = vec![0; roster.services.listed().len() + 1];
        for (_, row) in roster.connections() {
            if let Some(count) = begins.get_mut(row.service as usize + 1) {
                *count += 1;
            }
        }
        let mut sum = 0;
        for begin in &mut begins {
            sum += *begin;
            *begin = sum;
        }
        let mut subjects = vec![Subject::Capture; sum as usize];
        let mut free = begins.clone();
        for (subject, row) in roster.connections() {
            let Some(place) = free.get_mut(row.service as usize) else {
                continue;
            };
            if let Some(slot) = subjects.get_mut(*place as usize) {
                *slot = subject;
            }
            *place += 1;
        }
        Services { subjects, begins }
    }

    fn connections(&self, service: u32) -> &[Subject] {
        let at = service as usize;
        match self.begins.get(at..at + 2) {
            Some(&[from, to]) => self.subjects.get(from as usize..to as usize),
            _ => None,
        }
        .unwrap_or_default()
    }
}

/// Connections to one service.
pub(super) fn to<'v, 'a>(
    view: &'v View<'a>,
    server: Endpoint,
) -> impl Iterator<Item = &'a TcpFlow> + use<'v, 'a> {
    let roster = view.roster();
    let services = view.shared.services.get_or_init(|| Services::of(roster));
    let subjects = match roster.services.find(server) {
        Some((service, _)) => services.connections(service),
        None => &[],
    };
    subjects.iter().filter_map(|&subject| view.flow(subject))
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
