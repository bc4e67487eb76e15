//! All packets at once, from device to device.
//!
//! A *flow* is a set of first packets of connections, at one place, all of them translated in the same
//! way so far. The set is always told by the packets as they were sent, so that what a device far down
//! the way does, also with the reply, is asked of the packets at the beginning. A work-list takes flows
//! from device to device until none is left. The meaning is that of [`super::trip`], packet by packet;
//! tests hold the two together.

use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;

use ww_model::filter::{Field, Hook};
use ww_packetset::{LevelId, Set, TooLarge};

use super::Network;
use super::header::Header;
use super::links::Port;
use super::neighbours::Beside;
use super::passing::Opening;
use super::trip::Spot;
use super::ways::{Way, WaysOf};
use crate::device::reply;
use crate::symbolic::{Allowed, Becomes, Function, Universe};

/// Flows that are followed for one question.
const FLOWS: usize = 20_000;

/// Why there is no exact answer for all packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Intricate {
    Diagram(TooLarge),
    Replies,
    Flows,
    Bits,
}

impl fmt::Display for Intricate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Intricate::Diagram(bound) => write!(f, "{bound}"),
            Intricate::Replies => f.write_str("the replies are of too many kinds"),
            Intricate::Flows => write!(f, "more than {FLOWS} ways from device to device"),
            Intricate::Bits => f.write_str("rules look at single bits of addresses or ports"),
        }
    }
}

impl From<TooLarge> for Intricate {
    fn from(bound: TooLarge) -> Intricate {
        Intricate::Diagram(bound)
    }
}

/// A connection as a device remembers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Begun {
    pub(super) node: usize,
    pub(super) came: Header,
    pub(super) left: Header,
}

/// Where packets are, how they were translated, and what has seen them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place<'a> {
    /// How many places they have been to; first of all, so that the work-list takes short ways first.
    pub(super) hops: usize,
    pub(super) been: Vec<(Spot<'a>, Header)>,
    pub(super) spot: Spot<'a>,
    pub(super) header: Header,
    /// Connections that devices have begun to remember.
    pub(super) begun: Vec<Begun>,
    /// Replies: what devices remember.
    pub(super) known: Option<Rc<Vec<Begun>>>,
}

/// Where a flow ends without being lost.
#[derive(Clone, Debug)]
pub(super) struct Arrival<'a> {
    pub(super) spot: Spot<'a>,
    pub(super) header: Header,
    pub(super) begun: Vec<Begun>,
    pub(super) packets: Allowed,
}

/// All that becomes of flows.
#[derive(Debug)]
pub(super) struct Work<'a> {
    open: BTreeMap<Place<'a>, Allowed>,
    pub(super) arrived: Vec<Arrival<'a>>,
    /// Packets of which it cannot be told where they go.
    pub(super) unclear: Set,
}

/// What becomes of some packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reached {
    /// Packets that have a way to begin.
    pub(super) asked: Set,
    /// Those that arrive and whose reply does, whatever is not known; and those that may.
    pub(super) allowed: Allowed,
}

/// Follows all packets through a network.
pub(super) struct Explorer<'n, 'a, 'u> {
    pub(super) network: &'n Network<'a>,
    pub(super) universe: &'u mut Universe<'a>,
    /// The place of the network's first rule set among those of the universe.
    pub(super) first: usize,
    /// The levels of both addresses, and those that change places in a reply.
    pub(super) addresses: (LevelId, LevelId),
    pairs: [(LevelId, LevelId); 3],
    pub(super) functions: BTreeMap<(usize, Hook), Rc<Function>>,
    pub(super) openings: BTreeMap<(usize, Opening<'a>), Rc<Vec<crate::symbolic::Passage>>>,
    pub(super) ways: BTreeMap<WaysOf<'a>, Rc<Vec<(Set, Way<'a>)>>>,
    pub(super) beside: Rc<Beside<'a>>,
    turned: BTreeMap<Set, Set>,
    steps: usize,
}

impl<'n, 'a, 'u> Explorer<'n, 'a, 'u> {
    /// An explorer of the network whose rule sets are those of the universe from `first` on.
    pub(super) fn new(
        network: &'n Network<'a>,
        universe: &'u mut Universe<'a>,
        first: usize,
    ) -> Result<Explorer<'n, 'a, 'u>, Intricate> {
        let pairs = reply::exchanged(universe).ok_or(Intricate::Bits)?;
        let addresses = pairs.first().copied().ok_or(Intricate::Bits)?;
        let beside = Rc::new(Beside::of(network, universe)?);
        Ok(Explorer {
            network,
            universe,
            first,
            addresses,
            pairs,
            functions: BTreeMap::new(),
            openings: BTreeMap::new(),
            ways: BTreeMap::new(),
            beside,
            turned: BTreeMap::new(),
            steps: 0,
        })
    }

    /// What becomes of these first packets.
    pub(super) fn reached(&mut self, asked: Set) -> Result<Reached, Intricate> {
        let mut reached = Reached {
            asked: self.universe.space.none(),
            allowed: self.nothing(),
        };
        for (packets, starts) in self.entries(asked)? {
            let mut here = Allowed {
                must: packets,
                may: self.universe.space.none(),
            };
            for start in &starts {
                let one = self.from(*start, &starts, packets)?;
                here.must = self.universe.space.and(here.must, one.must)?;
                here.may = self.universe.space.or(here.may, one.may)?;
            }
            reached.asked = self.universe.space.or(reached.asked, packets)?;
            reached.allowed = self.either(reached.allowed, here)?;
        }
        Ok(reached)
    }

    /// What arrives of packets that begin here, and is answered.
    fn from(
        &mut self,
        start: Spot<'a>,
        starts: &[Spot<'a>],
        packets: Set,
    ) -> Result<Allowed, Intricate> {
        let all = Allowed {
            must: packets,
            may: packets,
        };
        let there = self.travel(start, Header::default(), None, all)?;
        let mut answered = self.perhaps(there.unclear);
        for end in there.arrived {
            let known = Rc::new(end.begun.clone());
            for (back, packets) in self.begin_back(&end)? {
                let header = end.header.reply();
                let Some(spot) = back else {
                    let home = self.at_home(start, starts, end.spot, header, packets)?;
                    answered = self.either(answered, home)?;
                    continue;
                };
                let back = self.travel(spot, header, Some(Rc::clone(&known)), packets)?;
                answered = self.either(answered, self.perhaps(back.unclear))?;
                for home in back.arrived {
                    let home = self.at_home(start, starts, home.spot, home.header, home.packets)?;
                    answered = self.either(answered, home)?;
                }
            }
        }
        Ok(answered)
    }

    /// Where replies begin their way back; nothing where they go over the link, past all devices. As
    /// [`Network::back_from`] for one packet.
    fn begin_back(
        &mut self,
        end: &Arrival<'a>,
    ) -> Result<Vec<(Option<Spot<'a>>, Allowed)>, Intricate> {
        let Spot::At(port) = end.spot else {
            return Ok(vec![(Some(end.spot), end.packets)]);
        };
        let reply = end.header.reply();
        let mut rest = end.packets;
        let mut ways = Vec::new();
        for (headers, back) in self.straight_back(port)? {
            let sent = self.sent(
                Allowed {
                    must: headers,
                    may: headers,
                },
                reply,
            )?;
            ways.push((back, self.both(rest, sent)?));
            rest = self.but(rest, sent)?;
        }
        ways.push((Some(end.spot), rest));
        ways.retain(|(_, packets)| !packets.may.is_empty());
        Ok(ways)
    }

    /// The replies that come home: to where the first packet came from, and as it expects them.
    fn at_home(
        &mut self,
        start: Spot<'a>,
        starts: &[Spot<'a>],
        spot: Spot<'a>,
        header: Header,
        packets: Allowed,
    ) -> Result<Allowed, Intricate> {
        let arrives = match (spot, start) {
            (Spot::From(node), Spot::From(first)) => node == first,
            (Spot::At(_), Spot::At(_)) => starts.contains(&spot),
            _ => false,
        };
        if !arrives {
            return Ok(self.nothing());
        }
        let expected = self.alike(header.reply(), Header::default())?;
        Ok(self.both(packets, expected)?)
    }

    /// Takes packets as far as they come.
    fn travel(
        &mut self,
        start: Spot<'a>,
        header: Header,
        known: Option<Rc<Vec<Begun>>>,
        packets: Allowed,
    ) -> Result<Work<'a>, Intricate> {
        let mut work = Work {
            open: BTreeMap::new(),
            arrived: Vec::new(),
            unclear: self.universe.space.none(),
        };
        let place = Place {
            hops: 0,
            been: Vec::new(),
            spot: start,
            header,
            begun: Vec::new(),
            known,
        };
        self.go_on(&mut work, place, packets)?;
        while let Some((place, packets)) = work.open.pop_first() {
            self.steps += 1;
            if self.steps > FLOWS {
                return Err(Intricate::Flows);
            }
            let again = (place.spot, place.header);
            if place.been.contains(&again) {
                // The same packets at the same place: a routing loop, in which they die.
                continue;
            }
            self.pass(&mut work, &place, packets)?;
        }
        Ok(work)
    }

    /// Packets come to a place; those that came there alike go on together.
    pub(super) fn go_on(
        &mut self,
        work: &mut Work<'a>,
        place: Place<'a>,
        packets: Allowed,
    ) -> Result<(), Intricate> {
        if packets.may.is_empty() {
            return Ok(());
        }
        let others = work.open.remove(&place).unwrap_or(self.nothing());
        let together = self.either(others, packets)?;
        work.open.insert(place, together);
        Ok(())
    }

    pub(super) fn nothing(&self) -> Allowed {
        self.perhaps(self.universe.space.none())
    }

    fn perhaps(&self, may: Set) -> Allowed {
        Allowed {
            must: self.universe.space.none(),
            may,
        }
    }

    fn either(&mut self, one: Allowed, other: Allowed) -> Result<Allowed, TooLarge> {
        Ok(Allowed {
            must: self.universe.space.or(one.must, other.must)?,
            may: self.universe.space.or(one.may, other.may)?,
        })
    }

    /// Those of the packets that are in both.
    pub(super) fn both(&mut self, one: Allowed, other: Allowed) -> Result<Allowed, TooLarge> {
        Ok(Allowed {
            must: self.universe.space.and(one.must, other.must)?,
            may: self.universe.space.and(one.may, other.may)?,
        })
    }

    /// Those of the packets that are not in the other.
    pub(super) fn but(&mut self, one: Allowed, other: Allowed) -> Result<Allowed, TooLarge> {
        Ok(Allowed {
            must: self.universe.space.minus(one.must, other.may)?,
            may: self.universe.space.minus(one.may, other.must)?,
        })
    }

    /// Those of the packets whose header is in the set by now.
    pub(super) fn within(
        &mut self,
        packets: Allowed,
        headers: Allowed,
        header: Header,
    ) -> Result<Allowed, Intricate> {
        let sent = self.sent(headers, header)?;
        Ok(self.both(packets, sent)?)
    }

    /// All packets, as they were sent, whose header is in the set by now.
    pub(super) fn sent(&mut self, headers: Allowed, header: Header) -> Result<Allowed, Intricate> {
        let must = self.sent_as(headers.must, header)?.must;
        let may = if headers.may == headers.must && !header.is_drawn() {
            must
        } else {
            self.sent_as(headers.may, header)?.may
        };
        Ok(Allowed { must, may })
    }

    fn sent_as(&mut self, headers: Set, header: Header) -> Result<Allowed, Intricate> {
        let before = self.universe.undone(headers, &header.change())?;
        if !header.turned {
            return Ok(before);
        }
        Ok(Allowed {
            must: self.turned(before.must)?,
            may: self.turned(before.may)?,
        })
    }

    /// The set with sources for destinations.
    fn turned(&mut self, set: Set) -> Result<Set, Intricate> {
        if let Some(done) = self.turned.get(&set) {
            return Ok(*done);
        }
        let turned = reply::exchange(self.universe, set, &self.pairs)?;
        let turned = turned.ok_or(Intricate::Replies)?;
        self.turned.insert(set, turned);
        Ok(turned)
    }

    /// The set with source addresses for destination addresses, and nothing else exchanged.
    pub(super) fn addresses_turned(&mut self, set: Set) -> Result<Set, Intricate> {
        let turned = reply::exchange(self.universe, set, &[self.addresses])?;
        turned.ok_or(Intricate::Replies)
    }

    /// The packets for which two headers are the same.
    pub(super) fn alike(&mut self, one: Header, other: Header) -> Result<Allowed, Intricate> {
        let (src, dst) = (
            self.universe.address_field(true),
            self.universe.address_field(false),
        );
        let mut all = Allowed {
            must: self.universe.space.all(),
            may: self.universe.space.all(),
        };
        for (field, twin, one_is, other_is) in [
            (src, dst, one.src, other.src),
            (dst, src, one.dst, other.dst),
            (Field::SrcPort, Field::DstPort, one.sport, other.sport),
            (Field::DstPort, Field::SrcPort, one.dport, other.dport),
        ] {
            let as_sent = if one.turned { twin } else { field };
            let same = self.same(as_sent, one_is, other_is)?;
            all = self.both(all, same)?;
        }
        Ok(all)
    }

    /// The packets for which a field has become the same in two ways.
    fn same(
        &mut self,
        as_sent: Field,
        one: Option<Becomes>,
        other: Option<Becomes>,
    ) -> Result<Allowed, Intricate> {
        let (all, none) = (self.universe.space.all(), self.universe.space.none());
        let exactly = |set| Allowed {
            must: set,
            may: set,
        };
        if one == other {
            return Ok(exactly(all));
        }
        let (Some(known), rest) = (one.or(other), one.and(other)) else {
            return Ok(exactly(all));
        };
        let (first, last) = ends(known);
        let Some(rest) = rest else {
            let numbers = ww_model::Ranges::span(first, last);
            let inside = self.universe.numbers(as_sent, &numbers)?;
            let must = if first == last { inside } else { none };
            return Ok(Allowed { must, may: inside });
        };
        let (low, high) = ends(rest);
        let overlap = first <= high && low <= last;
        Ok(Allowed {
            must: none,
            may: if overlap { all } else { none },
        })
    }

    /// The interface's name where packets come in, in a spot.
    pub(super) fn came_in(spot: Spot<'a>) -> &'a str {
        match spot {
            Spot::From(_) => "",
            Spot::At(Port { interface, .. }) => interface,
        }
    }
}

fn ends(becomes: Becomes) -> (u128, u128) {
    match becomes {
        Becomes::Is(number) => (number, number),
        Becomes::OneOf(first, last) | Becomes::In(first, last) => (first, last),
    }
}
