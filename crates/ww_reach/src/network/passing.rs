//! All packets of a flow through one device.

use std::net::IpAddr;
use std::rc::Rc;

use ww_model::filter::{Field, Hook};
use ww_model::packet::{CtState, protocol};
use ww_model::{Device, Ranges};
use ww_packetset::{LevelId, Set};

use super::explorer::{Arrival, Begun, Explorer, Intricate, Place, Work};
use super::header::Header;
use super::links::Port;
use super::neighbours::Next;
use super::trip::Spot;
use super::ways::Way;
use crate::device::reply;
use crate::symbolic::{Allowed, Becomes, Change, Known, Passage, Version, routed};

/// How packets come to a device's filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Opening<'a> {
    hook: Hook,
    came_in: Option<&'a str>,
    out: Option<&'a str>,
    state: CtState,
    is_reply: bool,
}

/// Packets of a flow that a device treats as one connection, or as none.
struct Kind {
    state: CtState,
    of: Option<Begun>,
    packets: Allowed,
}

/// Packets that a device lets pass.
struct Passed<'p> {
    /// As they came.
    came: Header,
    of: Option<Begun>,
    state: CtState,
    /// As the filter saw them.
    seen: Header,
    passage: &'p Passage,
    packets: Allowed,
}

impl<'a> Explorer<'_, 'a, '_> {
    /// Takes a flow through a device, as [`super::trip`] takes one packet.
    pub(super) fn pass(
        &mut self,
        work: &mut Work<'a>,
        place: &Place<'a>,
        packets: Allowed,
    ) -> Result<(), Intricate> {
        let node = match place.spot {
            Spot::From(node) | Spot::At(Port { node, .. }) => node,
        };
        let Some(device) = self.network.device(node) else {
            return Ok(());
        };
        let packets = self.accepted(device, node, place, packets)?;
        for kind in self.kinds(node, place, packets)? {
            if kind.packets.may.is_empty() {
                continue;
            }
            let seen = match kind.of {
                Some(begun) => place.header.to(begun.came.reply()),
                None => place.header,
            };
            self.filter(work, place, node, &kind, seen)?;
        }
        Ok(())
    }

    /// Without what Linux throws away on sight, and unsure where replies would not leave by the
    /// interface that the packets come in on.
    fn accepted(
        &mut self,
        device: &'a Device,
        node: usize,
        place: &Place<'a>,
        packets: Allowed,
    ) -> Result<Allowed, Intricate> {
        let Spot::At(port) = place.spot else {
            return Ok(packets);
        };
        let bad = self.martians(device)?;
        let bad = self.sent(exactly(bad), place.header)?;
        let good = self.but(packets, bad)?;
        if self.universe.version() == Version::V6 {
            return Ok(good);
        }
        let expected = self.expected_at(node, port.interface)?;
        let sure = self.within(good, exactly(expected), place.header)?;
        Ok(Allowed {
            must: sure.must,
            may: good.may,
        })
    }

    /// Headers that no packet from outside may have; see [`super::trip`].
    fn martians(&mut self, device: &Device) -> Result<Set, Intricate> {
        let is_v6 = self.universe.version() == Version::V6;
        let blocks = |texts: &[&str]| {
            let parsed = texts.iter().filter_map(|text| text.parse().ok());
            Ranges::of(parsed.map(|prefix: ww_model::net::Prefix| prefix.range()))
        };
        let (sources, destinations) = if is_v6 {
            (
                blocks(&["::/128", "ff00::/8", "::1/128"]),
                blocks(&["::1/128", "::/128"]),
            )
        } else {
            (
                blocks(&[
                    "0.0.0.0/8",
                    "255.255.255.255/32",
                    "224.0.0.0/4",
                    "127.0.0.0/8",
                ]),
                blocks(&["127.0.0.0/8", "0.0.0.0/32"]),
            )
        };
        let own = super::neighbours::owned_by(device, self.universe.version());
        let field = self.universe.address_field(true);
        let sources = self.universe.numbers(field, &sources.or(&own))?;
        let field = self.universe.address_field(false);
        let destinations = self.universe.numbers(field, &destinations)?;
        Ok(self.universe.space.or(sources, destinations)?)
    }

    /// What connection tracking makes of the packets.
    fn kinds(
        &mut self,
        node: usize,
        place: &Place<'a>,
        packets: Allowed,
    ) -> Result<Vec<Kind>, Intricate> {
        let Some(known) = &place.known else {
            return Ok(vec![Kind {
                state: CtState::New,
                of: None,
                packets,
            }]);
        };
        let mut kinds = Vec::new();
        let mut rest = packets;
        for begun in known.iter().filter(|begun| begun.node == node) {
            let same = self.alike(begun.left.reply(), place.header)?;
            let part = self.both(rest, same)?;
            rest = self.but(rest, same)?;
            kinds.push(Kind {
                state: CtState::Established,
                of: Some(*begun),
                packets: part,
            });
        }
        let answers = [
            protocol::TCP,
            protocol::ICMP,
            protocol::ICMPV6,
            protocol::SCTP,
        ];
        let answers = Ranges::of(answers.map(|number| (number.into(), number.into())));
        let answers = self.universe.numbers(Field::Protocol, &answers)?;
        let invalid = self.both(rest, exactly(answers))?;
        let begins = self.but(rest, exactly(answers))?;
        for (state, packets) in [(CtState::Invalid, invalid), (CtState::New, begins)] {
            kinds.push(Kind {
                state,
                of: None,
                packets,
            });
        }
        Ok(kinds)
    }

    /// Routes the packets, and asks the filter.
    fn filter(
        &mut self,
        work: &mut Work<'a>,
        place: &Place<'a>,
        node: usize,
        kind: &Kind,
        seen: Header,
    ) -> Result<(), Intricate> {
        let came_in = Self::came_in(place.spot);
        let ways = self.ways(node, came_in, false)?;
        for (headers, way) in ways.iter() {
            let part = self.within(kind.packets, exactly(*headers), seen)?;
            if part.may.is_empty() {
                continue;
            }
            let is_own = came_in.is_empty();
            let opening = Opening {
                hook: match way {
                    _ if is_own => Hook::Output,
                    Way::Here => Hook::Input,
                    _ => Hook::Forward,
                },
                came_in: (!is_own).then_some(came_in),
                out: match way {
                    Way::Out(interface, _) => Some(interface),
                    Way::Here if is_own => Some("lo"),
                    _ => None,
                },
                state: kind.state,
                is_reply: place.known.is_some(),
            };
            for passage in self.passages(node, opening)?.iter() {
                let through = self.within(part, passage.packets, seen)?;
                if through.may.is_empty() {
                    continue;
                }
                let passed = Passed {
                    came: place.header,
                    of: kind.of,
                    state: kind.state,
                    seen,
                    passage,
                    packets: through,
                };
                self.routed_again(work, place, node, *way, &passed)?;
            }
        }
        Ok(())
    }

    /// What a device lets pass that comes to it so.
    fn passages(
        &mut self,
        node: usize,
        opening: Opening<'a>,
    ) -> Result<Rc<Vec<Passage>>, Intricate> {
        if let Some(done) = self.openings.get(&(node, opening)) {
            return Ok(Rc::clone(done));
        }
        let function = self.function(node, opening.hook)?;
        let known = Known {
            iif: opening.came_in,
            oif: opening.out,
            state: opening.state,
        };
        let mut passages = self.universe.passages(&function, known)?;
        if opening.is_reply {
            for passage in &mut passages {
                passage.packets = Allowed {
                    must: self.of_replies(passage.packets.must)?,
                    may: self.of_replies(passage.packets.may)?,
                };
            }
        }
        let passages = Rc::new(passages);
        self.openings.insert((node, opening), Rc::clone(&passages));
        Ok(passages)
    }

    fn function(
        &mut self,
        node: usize,
        hook: Hook,
    ) -> Result<Rc<crate::symbolic::Function>, Intricate> {
        if let Some(done) = self.functions.get(&(node, hook)) {
            return Ok(Rc::clone(done));
        }
        let stack = self.network.nodes.get(node);
        let stack = stack.and_then(|one| one.stack.as_ref());
        let function = self.universe.compile(self.first + node, stack, hook)?;
        let function = Rc::new(function);
        self.functions.insert((node, hook), Rc::clone(&function));
        Ok(function)
    }

    /// The headers whose packets are in the set with the flags and types that replies have.
    fn of_replies(&mut self, set: Set) -> Result<Set, Intricate> {
        let kinds = reply::kinds(self.universe)?;
        let code = self.universe.numbers(Field::IcmpCode, &Ranges::one(0))?;
        let icmp = [protocol::ICMP, protocol::ICMPV6];
        let icmp = Ranges::of(icmp.map(|number| (number.into(), number.into())));
        let others = self.universe.numbers(Field::Protocol, &icmp.not(255))?;
        let code = self.universe.space.or(code, others)?;
        let kinds = self.universe.space.and(kinds, code)?;
        let set = self.universe.space.and(set, kinds)?;
        let own: Vec<LevelId> = [Field::TcpFlags, Field::IcmpType, Field::IcmpCode]
            .into_iter()
            .flat_map(|field| self.universe.levels(field))
            .collect();
        Ok(self.universe.space.exists(set, &own)?)
    }

    /// Where packets go that were translated or marked: they are routed as they are then.
    fn routed_again(
        &mut self,
        work: &mut Work<'a>,
        place: &Place<'a>,
        node: usize,
        before: Way<'a>,
        passed: &Passed<'_>,
    ) -> Result<(), Intricate> {
        let Passage { change, marked, .. } = passed.passage;
        let moved = Change::of([None, change.dst], [None, change.dport]);
        if moved.is_none() && !marked {
            return self.leave(work, place, node, before, passed, passed.packets);
        }
        let came_in = Self::came_in(place.spot);
        let ways = self.ways(node, came_in, *marked)?;
        for (headers, way) in ways.iter() {
            let there = self.universe.undone(*headers, &moved)?;
            let part = self.within(passed.packets, there, passed.seen)?;
            if part.may.is_empty() {
                continue;
            }
            let Way::Out(interface, _) = way else {
                self.leave(work, place, node, *way, passed, part)?;
                continue;
            };
            let clear = self.seen_to_leave_by(node, interface, &moved)?;
            let clear = self.sent(clear, passed.seen)?;
            let unclear = self.but(part, clear)?;
            let clear = self.both(part, clear)?;
            work.unclear = self.universe.space.or(work.unclear, unclear.may)?;
            self.leave(work, place, node, *way, passed, clear)?;
        }
        Ok(())
    }

    /// Headers whose packets, changed so, leave by the interface by which the filter saw them leave.
    fn seen_to_leave_by(
        &mut self,
        node: usize,
        interface: &str,
        moved: &Change,
    ) -> Result<Allowed, Intricate> {
        let field = self.universe.address_field(false);
        let version = self.universe.version();
        let stack = self.network.nodes.get(node);
        let stack = stack.and_then(|one| one.stack.as_ref());
        let seen = stack.into_iter().flat_map(|stack| routed(version, stack));
        let seen = seen
            .filter(|(_, _, name)| *name == Some(interface))
            .fold(Ranges::none(), |all, (addresses, ..)| all.or(&addresses));
        let seen = self.universe.numbers(field, &seen)?;
        let seen = self.universe.undone(seen, moved)?;
        let unmoved = match moved.dst {
            None => self.universe.space.all(),
            Some(Becomes::Is(number)) => self.universe.numbers(field, &Ranges::one(number))?,
            Some(_) => self.universe.space.none(),
        };
        Ok(Allowed {
            must: self.universe.space.or(seen.must, unmoved)?,
            may: self.universe.space.or(seen.may, unmoved)?,
        })
    }

    /// Packets leave the device, or are taken by it.
    fn leave(
        &mut self,
        work: &mut Work<'a>,
        place: &Place<'a>,
        node: usize,
        way: Way<'a>,
        passed: &Passed<'_>,
        packets: Allowed,
    ) -> Result<(), Intricate> {
        let changed = passed.seen.changed(&passed.passage.change);
        let left = match passed.of {
            Some(begun) => changed.from(begun.came.reply()),
            None => changed,
        };
        if way == Way::Nowhere {
            return Ok(());
        }
        if left.is_anyones() {
            work.unclear = self.universe.space.or(work.unclear, packets.may)?;
            return Ok(());
        }
        let mut begun = place.begun.clone();
        if passed.state == CtState::New {
            begun.push(Begun {
                node,
                came: passed.came,
                left,
            });
        }
        match way {
            Way::Nowhere => {}
            Way::Unclear => {
                work.unclear = self.universe.space.or(work.unclear, packets.may)?;
            }
            Way::Here => work.arrived.push(Arrival {
                spot: Spot::From(node),
                header: left,
                begun,
                packets,
            }),
            Way::Out(interface, gateway) => {
                let out = Port { node, interface };
                let known = self.network.interface(out);
                if known.is_none_or(|known| known.up) {
                    self.cross(work, place, (out, gateway), (left, begun), packets)?;
                }
            }
        }
        Ok(())
    }

    /// Packets go over a link.
    fn cross(
        &mut self,
        work: &mut Work<'a>,
        place: &Place<'a>,
        (out, gateway): (Port<'a>, Option<IpAddr>),
        (header, begun): (Header, Vec<Begun>),
        packets: Allowed,
    ) -> Result<(), Intricate> {
        for (headers, next) in self.next(out, gateway)? {
            let part = self.within(packets, exactly(headers), header)?;
            if part.may.is_empty() {
                continue;
            }
            match next {
                Next::Refused => {}
                Next::Unclear => {
                    work.unclear = self.universe.space.or(work.unclear, part.may)?;
                }
                Next::Outside => work.arrived.push(Arrival {
                    spot: Spot::At(out),
                    header,
                    begun: begun.clone(),
                    packets: part,
                }),
                Next::Device(port) => {
                    let mut been = place.been.clone();
                    been.push((place.spot, place.header));
                    let there = Place {
                        hops: place.hops + 1,
                        been,
                        spot: Spot::At(port),
                        header,
                        begun: begun.clone(),
                        known: place.known.clone(),
                    };
                    self.go_on(work, there, part)?;
                }
            }
        }
        Ok(())
    }
}

pub(super) fn exactly(set: Set) -> Allowed {
    Allowed {
        must: set,
        may: set,
    }
}
