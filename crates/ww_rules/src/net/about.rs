//! What an ICMP error is about: the flow it quotes, and what became of that flow.

use crate::{Sighting, Subject, View};
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
pub(super) struct Errors<'v, 'a> {
    view: &'v View<'a>,
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

impl<'v, 'a> Errors<'v, 'a> {
    pub(super) fn of(view: &'v View<'a>) -> Errors<'v, 'a> {
        let mut errors = Errors {
            view,
            streams: BTreeMap::new(),
            datagrams: BTreeMap::new(),
            probes: BTreeMap::new(),
        };
        if view.capture.icmp.is_empty() {
            return errors;
        }
        errors.find_streams();
        errors.find_datagrams();
        for probe in &view.capture.probes {
            errors
                .probes
                .entry((probe.src, probe.dst))
                .or_default()
                .push(probe);
        }
        errors
    }

    fn find_streams(&mut self) {
        let capture = self.view.capture;
        let quoted: BTreeSet<u32> = capture
            .icmp
            .iter()
            .filter_map(|error| error.stream)
            .collect();
        if quoted.is_empty() {
            return;
        }
        for (index, flow) in capture.tcp.iter().enumerate() {
            if quoted.contains(&flow.stream) {
                self.streams.insert(flow.stream, index as u32);
            }
        }
    }

    fn find_datagrams(&mut self) {
        let capture = self.view.capture;
        let quoted: BTreeSet<(Endpoint, Endpoint)> = capture
            .icmp
            .iter()
            .filter_map(|error| error.quoted.filter(|quoted| quoted.protocol == UDP))
            .map(|quoted| pair(quoted.src, quoted.dst))
            .collect();
        // Most flows are ruled out by one look at their ports.
        let mut ports = vec![false; 1 << 16];
        for end in quoted.iter().flat_map(|&(a, b)| [a, b]) {
            if let Some(port) = ports.get_mut(usize::from(end.port)) {
                *port = true;
            }
        }
        let is_quoted = |end: Endpoint| ports.get(usize::from(end.port)) == Some(&true);
        for (index, flow) in capture.udp.iter().enumerate() {
            if is_quoted(flow.client) && is_quoted(flow.server) {
                let pair = pair(flow.client, flow.server);
                if quoted.contains(&pair) {
                    self.datagrams.insert(pair, index as u32);
                }
            }
        }
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

    fn probed(&self, quoted: &Quoted) -> impl Iterator<Item = &'a HopProbe> {
        let probes = self.probes.get(&(quoted.src.addr, quoted.dst.addr));
        probes.into_iter().flatten().copied()
    }
}

/// An error as a sighting tells of it, with the flow it is about.
#[derive(Clone, Copy)]
pub(super) struct Told<'a> {
    pub(super) error: &'a IcmpError,
    pub(super) quoted: Quoted,
    tcp: Option<&'a TcpFlow>,
    udp: Option<&'a UdpFlow>,
}

impl<'a> Told<'a> {
    /// The error that is the first subject of a sighting.
    pub(super) fn of(view: &View<'a>, sighting: &Sighting) -> Option<Told<'a>> {
        let &Subject::Icmp(index) = sighting.subjects.first()? else {
            return None;
        };
        let error = view.capture.icmp.get(index as usize)?;
        let mut told = Told {
            error,
            quoted: error.quoted?,
            tcp: None,
            udp: None,
        };
        for &subject in &sighting.subjects {
            match subject {
                Subject::Tcp(_) => told.tcp = view.flow(subject),
                Subject::Udp(index) => told.udp = view.capture.udp.get(index as usize),
                _ => {}
            }
        }
        Some(told)
    }

    /// All errors that a group of sightings tells of.
    pub(super) fn all(view: &View<'a>, group: &[Sighting]) -> Vec<Told<'a>> {
        group
            .iter()
            .filter_map(|sighting| Told::of(view, sighting))
            .collect()
    }

    /// What became of the flow.
    pub(super) fn fate(&self) -> Fate {
        if let Some(flow) = self.tcp {
            let peer = if flow.client == self.quoted.src {
                SideId::Server
            } else {
                SideId::Client
            };
            let side = flow.side(peer);
            let heard_after = [side.last_data, side.fin]
                .into_iter()
                .flatten()
                .any(|mark| mark.frame() > self.error.first.frame());
            return match (heard_after, flow.handshake.complete()) {
                (true, _) => Fate::Worked,
                (false, true) => Fate::Unknown,
                (false, false) => Fate::Failed,
            };
        }
        match self.udp {
            Some(flow) if answered(flow, self.quoted.src) => Fate::Worked,
            Some(_) => Fate::Failed,
            None => Fate::Unknown,
        }
    }

    /// The rejected datagram is an answer: its receiver had asked from that port before and closed
    /// it.
    pub(super) fn is_late_answer(&self) -> bool {
        self.udp.is_some_and(|flow| is_answer(flow, &self.quoted))
    }
}

/// The datagram goes to the end that spoke first.
pub(super) fn is_answer(flow: &UdpFlow, quoted: &Quoted) -> bool {
    flow.client == quoted.dst
}

/// The other end of the flow sent something to `asker`.
fn answered(flow: &UdpFlow, asker: Endpoint) -> bool {
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
    view.frames(error.first.frame(), error.first.frame(), filter, says)
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

fn pair(a: Endpoint, b: Endpoint) -> (Endpoint, Endpoint) {
    (a.min(b), a.max(b))
}
