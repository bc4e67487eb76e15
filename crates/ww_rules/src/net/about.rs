//! What an ICMP error is about: the flow it quotes, and what became of that flow.

use crate::{Subject, View};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use ww_evidence::{Endpoint, HopProbe, IcmpError, IcmpMeaning, Quoted, SideId, TcpFlow, UdpFlow};
use ww_finding::Exhibit;

/// IP protocol numbers.
pub(super) const TCP: u8 = 6;
pub(super) const UDP: u8 = 17;

/// Hop limits below this are no host's default.
const LOW_TTL: u8 = 32;

/// Errors of a capture, joined with the flows they quote and the probes that provoked them.
pub(super) struct Errors<'a> {
    view: &'a View<'a>,
    streams: BTreeMap<u32, u32>,
    datagrams: BTreeMap<(Endpoint, Endpoint), u32>,
    probes: BTreeMap<(IpAddr, IpAddr), Vec<&'a HopProbe>>,
}

/// What became of the flow after the error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fate {
    /// The other end answered later.
    Worked,
    /// Cannot be told.
    Unknown,
    /// The other end was never heard.
    Failed,
}

impl<'a> Errors<'a> {
    pub(super) fn of(view: &'a View<'a>) -> Errors<'a> {
        let mut errors = Errors {
            view,
            streams: BTreeMap::new(),
            datagrams: BTreeMap::new(),
            probes: BTreeMap::new(),
        };
        if view.capture.icmp.is_empty() {
            return errors;
        }
        let streams: BTreeSet<u32> = view.capture.icmp.iter().filter_map(|e| e.stream).collect();
        let pairs: BTreeSet<(Endpoint, Endpoint)> = view
            .capture
            .icmp
            .iter()
            .filter_map(|error| error.quoted.filter(|quoted| quoted.protocol == UDP))
            .map(|quoted| pair(quoted.src, quoted.dst))
            .collect();
        for (index, flow) in view.capture.tcp.iter().enumerate() {
            if streams.contains(&flow.stream) {
                errors.streams.insert(flow.stream, index as u32);
            }
        }
        for (index, flow) in view.capture.udp.iter().enumerate() {
            let pair = pair(flow.client, flow.server);
            if pairs.contains(&pair) {
                errors.datagrams.insert(pair, index as u32);
            }
        }
        for probe in &view.capture.probes {
            errors
                .probes
                .entry((probe.src, probe.dst))
                .or_default()
                .push(probe);
        }
        errors
    }

    /// Every error that quotes a packet, with its subject.
    pub(super) fn quoting(&self) -> impl Iterator<Item = (Subject, &'a IcmpError, Quoted)> {
        let errors = self.view.capture.icmp.iter().enumerate();
        errors
            .filter_map(|(index, error)| Some((Subject::Icmp(index as u32), error, error.quoted?)))
    }

    /// The connection that the error is about.
    pub(super) fn tcp(&self, error: &IcmpError) -> Option<(Subject, &'a TcpFlow)> {
        let &index = self.streams.get(&error.stream?)?;
        Some((
            Subject::Tcp(index),
            self.view.capture.tcp.get(index as usize)?,
        ))
    }

    /// The datagram flow that the error is about.
    pub(super) fn udp(&self, quoted: &Quoted) -> Option<(Subject, &'a UdpFlow)> {
        if quoted.protocol != UDP {
            return None;
        }
        let &index = self.datagrams.get(&pair(quoted.src, quoted.dst))?;
        Some((
            Subject::Udp(index),
            self.view.capture.udp.get(index as usize)?,
        ))
    }

    /// The error and the flow it is about.
    pub(super) fn subjects(
        &self,
        icmp: Subject,
        error: &IcmpError,
        quoted: &Quoted,
    ) -> Vec<Subject> {
        let tcp = self.tcp(error).map(|(subject, _)| subject);
        let udp = self.udp(quoted).map(|(subject, _)| subject);
        [Some(icmp), tcp, udp].into_iter().flatten().collect()
    }

    /// The quoted packet is one of a traceroute.
    pub(super) fn is_traced(&self, quoted: &Quoted) -> bool {
        self.probed(quoted).any(HopProbe::is_traceroute)
    }

    /// The quoted packet had a host's usual hop limit when it passed the capture point; none when
    /// such a packet was not seen.
    pub(super) fn had_usual_ttl(&self, error: &IcmpError, quoted: &Quoted) -> Option<bool> {
        if let Some((_, flow)) = self.tcp(error) {
            let side = if flow.client == quoted.src {
                SideId::Client
            } else {
                SideId::Server
            };
            let ttl = flow.side(side).ttl;
            return (ttl.packets > 0).then_some(ttl.min >= LOW_TTL);
        }
        let mut same = self
            .probed(quoted)
            .filter(|probe| probe.protocol == quoted.protocol);
        match (same.next(), self.udp(quoted)) {
            (Some(probe), _) => Some(probe.ttl_min >= LOW_TTL),
            (None, Some(_)) => Some(true),
            (None, None) => None,
        }
    }

    /// What became of the flow.
    pub(super) fn fate(&self, error: &IcmpError, quoted: &Quoted) -> Fate {
        if let Some((_, flow)) = self.tcp(error) {
            let peer = if flow.client == quoted.src {
                SideId::Server
            } else {
                SideId::Client
            };
            let side = flow.side(peer);
            let heard_after = [side.last_data, side.fin]
                .into_iter()
                .flatten()
                .any(|mark| mark.frame > error.first.frame);
            return match (heard_after, flow.handshake.complete()) {
                (true, _) => Fate::Worked,
                (false, true) => Fate::Unknown,
                (false, false) => Fate::Failed,
            };
        }
        match self.udp(quoted) {
            Some((_, flow)) if answered(flow, quoted.src) => Fate::Worked,
            Some(_) => Fate::Failed,
            None => Fate::Unknown,
        }
    }

    fn probed(&self, quoted: &Quoted) -> impl Iterator<Item = &'a HopProbe> {
        let probes = self.probes.get(&(quoted.src.addr, quoted.dst.addr));
        probes.into_iter().flatten().copied()
    }
}

/// The other end of the flow sent something to `asker`.
pub(super) fn answered(flow: &UdpFlow, asker: Endpoint) -> bool {
    let [from_client, from_server] = flow.datagrams;
    if flow.client == asker {
        from_server > 0
    } else {
        from_client > 0
    }
}

/// The error's first frame, with a filter for all errors of that kind by that sender.
pub(super) fn show(view: &View<'_>, error: &IcmpError, says: impl Into<String>) -> Exhibit {
    let (icmp, ip) = if error.v6 {
        ("icmpv6", "ipv6")
    } else {
        ("icmp", "ip")
    };
    let filter = format!(
        "{icmp}.type == {} && {icmp}.code == {} && {ip}.src == {}",
        error.kind, error.code, error.from
    );
    view.frames(error.first.frame, error.first.frame, filter, says)
}

/// `TCP 10.0.0.5:40000 to 10.0.0.1:80`; without ports where there are none.
pub(super) fn flow_words(quoted: &Quoted) -> String {
    match quoted.protocol {
        TCP => format!("TCP {} to {}", quoted.src, quoted.dst),
        UDP => format!("UDP {} to {}", quoted.src, quoted.dst),
        1 | 58 => format!("ICMP {} to {}", quoted.src.addr, quoted.dst.addr),
        other => format!(
            "IP protocol {other}, {} to {}",
            quoted.src.addr, quoted.dst.addr
        ),
    }
}

/// What the error says, in words.
pub(super) fn reason(meaning: IcmpMeaning) -> &'static str {
    match meaning {
        IcmpMeaning::NetUnreachable => "network unreachable",
        IcmpMeaning::HostUnreachable => "host unreachable",
        IcmpMeaning::ProtocolUnreachable => "protocol unreachable",
        IcmpMeaning::PortUnreachable => "port unreachable",
        IcmpMeaning::TooBig => "packet too big",
        IcmpMeaning::Prohibited => "administratively prohibited",
        IcmpMeaning::TimeExceeded => "hop limit exceeded on the way",
        IcmpMeaning::ReassemblyTimeExceeded => "fragments missing",
        IcmpMeaning::Redirect => "redirect",
        IcmpMeaning::Other => "error",
    }
}

/// `10.0.0.1`, or `3 destinations`.
pub(super) fn some<T: Ord + std::fmt::Display>(
    items: impl Iterator<Item = T>,
    plural: &str,
) -> String {
    let items: BTreeSet<T> = items.collect();
    match (items.first(), items.len()) {
        (Some(only), 1) => only.to_string(),
        (_, many) => format!("{many} {plural}"),
    }
}

fn pair(a: Endpoint, b: Endpoint) -> (Endpoint, Endpoint) {
    (a.min(b), a.max(b))
}
