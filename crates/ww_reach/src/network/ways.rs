//! Where a device sends all packets.

use std::net::IpAddr;
use std::rc::Rc;

use ww_base::Order;
use ww_model::filter::{Family, Field};
use ww_model::net::{Choice, Route, RouteKind, RoutingRule, RuleAction, Stack, TableId};
use ww_model::packet::protocol;
use ww_model::{Device, Ranges};
use ww_packetset::{Map, NONE, Set, Terminal};

use super::explorer::{Explorer, Intricate};
use super::route;
use crate::symbolic::Version;

/// Where packets are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Way<'a> {
    /// They are for the device itself.
    Here,
    /// Out by this interface, to this router or else to their destination.
    Out(&'a str, Option<IpAddr>),
    /// Nowhere.
    Nowhere,
    /// It cannot be told.
    Unclear,
}

/// Whose ways: those of packets of a device that come in by an interface, and have a mark that is not
/// known or none.
pub(super) type WaysOf<'a> = (usize, &'a str, bool);

/// A route that says to look on; no device has so many routes and rules.
const LOOK_ON: Terminal = (1 << 31) - 1;

impl<'a> Explorer<'_, 'a, '_> {
    /// Headers by the way that packets with them are sent, each header once; `came_in` is empty for
    /// packets of the device itself. What is marked goes an unclear way where a rule asks for marks.
    pub(super) fn ways(
        &mut self,
        node: usize,
        came_in: &'a str,
        marked: bool,
    ) -> Result<Rc<Vec<(Set, Way<'a>)>>, Intricate> {
        let key = (node, came_in, marked);
        if let Some(done) = self.ways.get(&key) {
            return Ok(Rc::clone(done));
        }
        let ways = match self.network.device(node) {
            Some(device) => self.ways_of(device, came_in, marked)?,
            None => Vec::new(),
        };
        let ways = Rc::new(ways);
        self.ways.insert(key, Rc::clone(&ways));
        Ok(ways)
    }

    /// Headers of packets that come in where replies to them would leave.
    pub(super) fn expected_at(
        &mut self,
        node: usize,
        interface: &'a str,
    ) -> Result<Set, Intricate> {
        let mut back = self.universe.space.none();
        for (headers, way) in self.ways(node, "", false)?.iter() {
            if matches!(way, Way::Out(out, _) if *out == interface) {
                back = self.universe.space.or(back, *headers)?;
            }
        }
        self.addresses_turned(back)
    }

    fn ways_of(
        &mut self,
        device: &'a Device,
        came_in: &str,
        marked: bool,
    ) -> Result<Vec<(Set, Way<'a>)>, Intricate> {
        let stack = &device.stack;
        let decisions = self.decisions(stack, came_in, 0)?;
        let mut unclear = self.universe.space.none();
        for (mark, _) in stack.rules.iter().filter_map(|rule| rule.mark) {
            if marked {
                let otherwise = self.decisions(stack, came_in, mark)?;
                let differ = self.universe.space.differ(decisions, otherwise)?;
                unclear = self.universe.space.or(unclear, differ)?;
            }
        }
        let mut rest = self.universe.space.not(unclear)?;
        let mut ways = vec![(unclear, Way::Unclear)];
        let routes = stack.routes.len();
        for (decision, headers) in self.universe.space.regions(decisions)? {
            let here = self.universe.space.and(headers, rest)?;
            rest = self.universe.space.minus(rest, headers)?;
            let number = decision as usize - 1;
            if let Some(route) = stack.routes.get(number) {
                self.by_route(device, route, here, &mut ways)?;
                continue;
            }
            let rule = stack.rules.get(number - routes);
            let is_known = rule.is_some_and(|rule| rule.not_modelled.is_none());
            let way = if is_known { Way::Nowhere } else { Way::Unclear };
            ways.push((here, way));
        }
        ways.push((rest, Way::Nowhere));
        self.joined(ways)
    }

    /// Each way once.
    fn joined(&mut self, mut ways: Vec<(Set, Way<'a>)>) -> Result<Vec<(Set, Way<'a>)>, Intricate> {
        ways.retain(|(headers, _)| !headers.is_empty());
        ways.put_in_order_by_key(|(_, way)| *way);
        let mut joined = Vec::new();
        for group in ways.chunk_by(|one, other| one.1 == other.1) {
            let sets: Vec<Set> = group.iter().map(|(headers, _)| *headers).collect();
            if let Some((_, way)) = group.first() {
                joined.push((self.universe.space.or_all(&sets)?, *way));
            }
        }
        Ok(joined)
    }

    fn by_route(
        &mut self,
        device: &'a Device,
        route: &'a Route,
        headers: Set,
        ways: &mut Vec<(Set, Way<'a>)>,
    ) -> Result<(), Intricate> {
        let way = match (route.kind, route.hops.as_slice()) {
            (RouteKind::Local, _) => Way::Here,
            (RouteKind::Blackhole | RouteKind::Unreachable | RouteKind::Prohibit, _) => {
                Way::Nowhere
            }
            (RouteKind::Unicast, [hop]) => match (&hop.interface, hop.gateway) {
                (Some(interface), gateway) => Way::Out(interface, gateway),
                (None, Some(gateway)) => match route::link_of(device, gateway) {
                    Some(interface) => Way::Out(interface, Some(gateway)),
                    None => Way::Unclear,
                },
                (None, None) => return self.by_links(device, headers, ways),
            },
            _ => Way::Unclear,
        };
        ways.push((headers, way));
        Ok(())
    }

    /// A route that names neither router nor interface: the first interface with a network of the
    /// destination is taken.
    fn by_links(
        &mut self,
        device: &'a Device,
        headers: Set,
        ways: &mut Vec<(Set, Way<'a>)>,
    ) -> Result<(), Intricate> {
        let is_v4 = self.universe.version() == Version::V4;
        let field = self.universe.address_field(false);
        let mut rest = headers;
        for interface in &device.stack.interfaces {
            let networks = interface.addresses.iter().map(|own| own.network);
            let networks = networks.filter(|network| network.is_ip4() == is_v4);
            let networks = Ranges::of(networks.map(|network| network.range()));
            let there = self.universe.numbers(field, &networks)?;
            let here = self.universe.space.and(rest, there)?;
            rest = self.universe.space.minus(rest, there)?;
            ways.push((here, Way::Out(&interface.name, None)));
        }
        ways.push((rest, Way::Unclear));
        Ok(())
    }

    /// What [`Stack::decide`] says of every header: a route by its place counted from 1, then a rule
    /// in the same way, or nothing.
    fn decisions(&mut self, stack: &Stack, came_in: &str, mark: u32) -> Result<Map, Intricate> {
        let family = match self.universe.version() {
            Version::V4 => Family::Ip4,
            Version::V6 => Family::Ip6,
        };
        let came_in = if came_in.is_empty() { "lo" } else { came_in };
        let choices = stack.choices(family);
        // From the last on: what is decided from each place on.
        let mut from = vec![self.universe.space.constant(NONE)?];
        for (place, (_, choice)) in choices.iter().enumerate().rev() {
            let next = from
                .last()
                .copied()
                .unwrap_or(self.universe.space.constant(NONE)?);
            let here = match choice {
                Choice::First(table) => {
                    let found = self.lookup(stack, *table, None)?;
                    self.universe.space.first(found, next)?
                }
                Choice::Rule(rule) => {
                    let fits = self.fitting(rule, came_in, mark)?;
                    let inside = match (&rule.not_modelled, rule.action) {
                        (None, RuleAction::Nothing) => next,
                        (
                            None,
                            RuleAction::Table {
                                table,
                                suppress_length,
                            },
                        ) => {
                            let found = self.lookup(stack, table, suppress_length)?;
                            self.universe.space.first(found, next)?
                        }
                        (None, RuleAction::Goto(target)) => {
                            let later = choices.partition_point(|(own, _)| *own < target);
                            let later = later.max(place + 1);
                            from.get(choices.len() - later).copied().unwrap_or(next)
                        }
                        _ => {
                            let number = stack.rules.iter().position(|one| one == *rule);
                            let number = stack.routes.len() + number.unwrap_or_default() + 1;
                            self.universe.space.constant(number as Terminal)?
                        }
                    };
                    self.universe.space.choose(fits, inside, next)?
                }
            };
            from.push(here);
        }
        Ok(from
            .last()
            .copied()
            .unwrap_or(self.universe.space.constant(NONE)?))
    }

    /// The route of one table, by its place among all routes counted from 1.
    fn lookup(
        &mut self,
        stack: &Stack,
        table: TableId,
        suppress_length: Option<u8>,
    ) -> Result<Map, Intricate> {
        let is_v4 = self.universe.version() == Version::V4;
        let mut routes: Vec<(&Route, Terminal)> = stack
            .routes
            .iter()
            .zip(1..)
            .filter(|(route, _)| route.table == table && route.destination.is_ip4() == is_v4)
            .map(|(route, number)| {
                let short = suppress_length.is_some_and(|most| route.destination.length() <= most);
                let looks_on = short || route.kind == RouteKind::Throw;
                (route, if looks_on { LOOK_ON } else { number })
            })
            .collect();
        routes.put_in_order_by_key(|(route, _)| {
            let source_length = route.source.map_or(0, |source| source.length());
            let longest_first = u8::MAX - route.destination.length();
            (longest_first, u8::MAX - source_length, route.metric)
        });
        let found = if routes.iter().all(|(route, _)| route.source.is_none()) {
            let entries: Vec<((u128, u128), Terminal)> = routes
                .iter()
                .map(|(route, number)| (route.destination.range(), *number))
                .collect();
            let (destination, _) = self.destination_and_source();
            self.universe.space.narrowest(destination, &entries)?
        } else {
            self.longest_of_both(&routes)?
        };
        Ok(self.universe.space.relabel(
            found,
            |number| {
                if number == LOOK_ON { NONE } else { number }
            },
        )?)
    }

    /// The first of the sorted routes that is for the destination and the source.
    fn longest_of_both(&mut self, routes: &[(&Route, Terminal)]) -> Result<Map, Intricate> {
        let (destination, source) = self.destination_and_source();
        let mut maps = Vec::with_capacity(routes.len());
        for (route, number) in routes {
            let mut sides = vec![(destination, vec![route.destination.range()])];
            sides.extend(route.source.map(|from| (source, vec![from.range()])));
            let headers = self.universe.space.cube(&sides)?;
            let constant = self.universe.space.constant(*number)?;
            maps.push(self.universe.space.keep(constant, headers)?);
        }
        Ok(self.universe.space.first_all(&maps)?)
    }

    /// The headers that a routing rule is for.
    fn fitting(&mut self, rule: &RoutingRule, came_in: &str, mark: u32) -> Result<Set, Intricate> {
        let holds = rule
            .in_interface
            .as_ref()
            .is_none_or(|name| name.fits(came_in))
            && rule.out_interface.is_none()
            && rule
                .mark
                .is_none_or(|(value, mask)| (mark ^ value) & mask == 0);
        let mut fits = if holds {
            self.universe.space.all()
        } else {
            self.universe.space.none()
        };
        let (source, destination) = (
            self.universe.address_field(true),
            self.universe.address_field(false),
        );
        let prefixes = [(source, rule.source), (destination, rule.destination)];
        let mut asked: Vec<(Field, Ranges)> = prefixes
            .into_iter()
            .filter_map(|(field, prefix)| Some((field, Ranges::of([prefix?.range()]))))
            .collect();
        let number = rule.protocol.map(u128::from);
        asked.extend(number.map(|number| (Field::Protocol, Ranges::one(number))));
        for (field, ranges) in asked {
            let set = self.universe.numbers(field, &ranges)?;
            fits = self.universe.space.and(fits, set)?;
        }
        for (field, ports) in [
            (Field::SrcPort, rule.source_ports),
            (Field::DstPort, rule.destination_ports),
        ] {
            if let Some((first, last)) = ports {
                let set = self.ports(field, first, last)?;
                fits = self.universe.space.and(fits, set)?;
            }
        }
        if rule.inverted {
            fits = self.universe.space.not(fits)?;
        }
        Ok(fits)
    }

    /// Headers with a port of the range, where those without ports have 0.
    fn ports(&mut self, field: Field, first: u16, last: u16) -> Result<Set, Intricate> {
        let numbers = Ranges::span(first.into(), last.into());
        let inside = self.universe.numbers(field, &numbers)?;
        let with = protocol::WITH_PORTS.map(|number| (number.into(), number.into()));
        let with = self.universe.numbers(Field::Protocol, &Ranges::of(with))?;
        let inside = self.universe.space.and(inside, with)?;
        if first > 0 {
            return Ok(inside);
        }
        let without = self.universe.space.not(with)?;
        Ok(self.universe.space.or(inside, without)?)
    }

    /// Headers of probes to each address, as devices send them: by the way they go.
    pub(super) fn probes(&mut self, node: usize) -> Result<Vec<(Set, Way<'a>)>, Intricate> {
        let sides = [
            (self.universe.address_field(true), 0),
            (Field::Protocol, u128::from(protocol::TCP)),
            (Field::SrcPort, 0),
            (Field::DstPort, 0),
        ];
        let mut probes = Vec::new();
        for (headers, way) in self.ways(node, "", false)?.iter() {
            let mut map = headers.as_map();
            for (field, number) in sides {
                if let Some(level) = self.universe.level(field) {
                    map = self.universe.space.restrict(map, level, number)?;
                }
            }
            let headers = self.universe.space.select(map, |inside| inside != NONE)?;
            probes.push((headers, *way));
        }
        Ok(probes)
    }
}
