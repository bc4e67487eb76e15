//! Who takes part in the connections of a capture, by number, and what rules sift connections by.
//!
//! The evidence of a connection is large, and most rules look at few connections. What they choose them by lies here
//! side by side.

use crate::Subject;
use crate::shared::{Tally, host as number};
use std::net::IpAddr;
use std::ops::{BitAnd, BitOr, Not};
use ww_evidence::{Capture, Endpoint, Side, SideId, SynOptions, TcpFlow, TtlUse, Vantage};

/// Something that a connection shows, and that some rules look for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trait {
    /// Something went wrong: it has symptoms.
    Troubled = 1,
    /// Both sides agreed, and the client sent data.
    Used = 2,
    /// What a side repeated was answered at last: data, or its SYN.
    StoodStill = 4,
    /// What a side repeated, or sent last, was never answered.
    Unanswered = 8,
    /// It was opened in one round trip, without repetitions.
    Opened = 16,
}

/// TCP options that matter for speed, one bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Offer(u8);

impl Offer {
    /// Window scaling.
    pub(crate) const WINDOW_SCALING: Offer = Offer(1);
    /// Selective acknowledgements.
    pub(crate) const SACK: Offer = Offer(2);
    /// Timestamps.
    pub(crate) const TIMESTAMPS: Offer = Offer(4);
    /// All of them.
    pub(crate) const ALL: Offer = Offer(7);

    fn of(options: SynOptions) -> Offer {
        let bit = |offered: bool, one: Offer| if offered { one } else { Offer::default() };
        bit(options.window_scale.is_some(), Offer::WINDOW_SCALING)
            | bit(options.sack_permitted, Offer::SACK)
            | bit(options.timestamps, Offer::TIMESTAMPS)
    }

    /// It has all of these.
    pub(crate) fn has(self, these: Offer) -> bool {
        self & these == these
    }

    /// It has none.
    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl BitOr for Offer {
    type Output = Offer;

    fn bitor(self, other: Offer) -> Offer {
        Offer(self.0 | other.0)
    }
}

impl BitAnd for Offer {
    type Output = Offer;

    fn bitand(self, other: Offer) -> Offer {
        Offer(self.0 & other.0)
    }
}

impl Not for Offer {
    type Output = Offer;

    fn not(self) -> Offer {
        Offer(!self.0 & Offer::ALL.0)
    }
}

/// What a side of a connection sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part {
    /// Anything at all.
    pub(crate) sent: bool,
    /// What its SYN or SYN-ACK offers, where that was seen.
    pub(crate) offers: Option<Offer>,
}

impl Part {
    fn of(side: &Side) -> Part {
        Part {
            sent: side.frames > 0,
            offers: side.options.map(Offer::of),
        }
    }
}

/// A connection in brief.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    /// The number of the client's host.
    pub(crate) client: u32,
    /// The number of the server's host.
    pub(crate) server: u32,
    /// The number of the service.
    pub(crate) service: u32,
    /// What the client sent.
    pub(crate) by_client: Part,
    /// What the server sent.
    pub(crate) by_server: Part,
    traits: u8,
}

impl Row {
    /// The number of a side's host.
    pub(crate) fn host(&self, side: SideId) -> u32 {
        match side {
            SideId::Client => self.client,
            SideId::Server => self.server,
        }
    }

    /// What a side sent.
    pub(crate) fn part(&self, side: SideId) -> Part {
        match side {
            SideId::Client => self.by_client,
            SideId::Server => self.by_server,
        }
    }

    /// The connection shows this.
    pub(crate) fn is(&self, one: Trait) -> bool {
        self.traits & one as u8 != 0
    }
}

/// What connections show of a host.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Host {
    /// The hop limits of its packets, resets excluded.
    pub(crate) ttl: TtlUse,
    /// The capture was taken beside it.
    pub(crate) is_near: bool,
}

impl Host {
    fn note_ttl(&mut self, ttl: TtlUse) {
        let known = &mut self.ttl;
        match (known.packets, ttl.packets) {
            (_, 0) => {}
            (0, _) => *known = ttl,
            _ => {
                known.packets = known.packets.saturating_add(ttl.packets);
                known.min = known.min.min(ttl.min);
                known.max = known.max.max(ttl.max);
            }
        }
    }
}

/// What connections show of a service.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Service {
    /// It sent something on one of them: took it, or refused it.
    pub(crate) answers: bool,
}

/// The connections of a capture, and who takes part in them.
#[derive(Debug)]
pub(crate) struct Roster {
    /// All hosts, by their numbers.
    pub(crate) hosts: Tally<u128, Host>,
    /// All services, by their numbers.
    pub(crate) services: Tally<Endpoint, Service>,
    rows: Vec<Row>,
}

impl Roster {
    /// Of a capture.
    pub(crate) fn of(capture: &Capture) -> Roster {
        let mut roster = Roster {
            hosts: Tally::new(),
            services: Tally::new(),
            rows: Vec::with_capacity(capture.tcp.len()),
        };
        for flow in &capture.tcp {
            roster.add(flow);
        }
        roster
    }

    fn add(&mut self, flow: &TcpFlow) {
        let (client, host) = self.hosts.placed(number(flow.client.addr));
        host.note_ttl(flow.sent_by_client.ttl);
        let (server, host) = self.hosts.placed(number(flow.server.addr));
        host.note_ttl(flow.sent_by_server.ttl);
        host.is_near |= flow.vantage == Vantage::Server;
        let by_server = Part::of(&flow.sent_by_server);
        let (service, known) = self.services.placed(flow.server);
        known.answers |= by_server.sent;
        self.rows.push(Row {
            client,
            server,
            service,
            by_client: Part::of(&flow.sent_by_client),
            by_server,
            traits: traits(flow),
        });
    }

    /// Every connection with its subject.
    pub(crate) fn connections(&self) -> impl Iterator<Item = (Subject, &Row)> {
        (0..).map(Subject::Tcp).zip(&self.rows)
    }

    /// The connection that a subject names.
    pub(crate) fn connection(&self, subject: Subject) -> Option<&Row> {
        match subject {
            Subject::Tcp(index) => self.rows.get(index as usize),
            _ => None,
        }
    }

    /// The number of a host, and what connections show of it.
    pub(crate) fn host(&self, addr: IpAddr) -> Option<(u32, &Host)> {
        self.hosts.find(number(addr))
    }
}

fn traits(flow: &TcpFlow) -> u8 {
    let sides = [&flow.sent_by_client, &flow.sent_by_server];
    let handshake = &flow.handshake;
    let syn_repeated = handshake.syn.is_some_and(|syn| syn.count > 1);
    let open = handshake.syn_ack.is_some();
    let stood_still = sides.iter().any(|side| !side.standstills.is_empty());
    let in_vain = sides.iter().any(|side| side.unacked_end.is_some());
    let shown = [
        (Trait::Troubled, !flow.symptoms.is_empty()),
        (
            Trait::Used,
            handshake.complete() && flow.sent_by_client.bytes > 0,
        ),
        (Trait::StoodStill, stood_still || syn_repeated && open),
        (
            Trait::Unanswered,
            in_vain || flow.idle_break.is_some() || syn_repeated && !open,
        ),
        (Trait::Opened, handshake.round_trip().is_some()),
    ];
    let shown = shown.into_iter().filter(|(_, shown)| *shown);
    shown.fold(0, |traits, (one, _)| traits | one as u8)
}
