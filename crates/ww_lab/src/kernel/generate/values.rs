//! Values for tests, with their edges.

use super::super::router::{INTERFACES, is_ordinary};
use super::{Edge, Part};
use crate::rng::Rng;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use ww_model::packet::protocol;

/// A source of random values that remembers the edges of what it gave.
#[derive(Debug)]
pub(super) struct Draw<'a> {
    pub(super) rng: &'a mut Rng,
    pub(super) v6: bool,
    pub(super) edges: Vec<Edge>,
    /// Addresses given before; some are given again, so that one rule meets what another makes.
    recent: Vec<IpAddr>,
    /// Marks given before, likewise.
    recent_marks: Vec<(u32, u32)>,
}

impl<'a> Draw<'a> {
    pub(super) fn new(rng: &'a mut Rng, v6: bool) -> Draw<'a> {
        Draw {
            rng,
            v6,
            edges: Vec::new(),
            recent: Vec::new(),
            recent_marks: Vec::new(),
        }
    }

    /// One of a list; the first of an empty one is the default.
    pub(super) fn one<T: Copy + Default>(&mut self, list: &[T]) -> T {
        let index = self.rng.below(list.len() as u64) as usize;
        list.get(index).copied().unwrap_or_default()
    }

    /// True once in `n`.
    pub(super) fn once_in(&mut self, n: u64) -> bool {
        self.rng.below(n) == 0
    }

    /// A number from the first to the last.
    pub(super) fn between(&mut self, first: u64, last: u64) -> u64 {
        first + self.rng.below(last - first + 1)
    }

    pub(super) fn edge(&mut self, part: Part, values: impl IntoIterator<Item = u128>) {
        let values = values.into_iter().collect();
        self.edges.push(Edge { part, values });
    }

    /// The first and last of an inclusive range, their neighbours, and something in between.
    pub(super) fn range_edges(&mut self, part: Part, first: u128, last: u128) {
        let middle = first + (last - first) / 2;
        let values = [
            first,
            last,
            middle,
            first.saturating_sub(1),
            last.saturating_add(1),
            first,
            last,
        ];
        self.edge(part, values);
    }

    /// An address that packets may come from and go to. Most are drawn from a few neighbourhoods.
    pub(super) fn address(&mut self) -> IpAddr {
        if self.once_in(3)
            && let Some(address) = self
                .recent
                .get(self.rng.below(self.recent.len() as u64) as usize)
        {
            return *address;
        }
        loop {
            let address = self.any_address();
            if is_ordinary(address) {
                self.recent.push(address);
                return address;
            }
        }
    }

    fn any_address(&mut self) -> IpAddr {
        let random = self.rng.next_u64();
        let crowded = !self.once_in(4);
        if self.v6 {
            let start = self.one(&[
                0x2001_0db8_u32,
                0x2a00_1450,
                0x3001_0000,
                0x3ffe_0001,
                0xfd00_0001,
            ]);
            let rest = if crowded {
                u128::from(random & 0x0003_0000_0000_0107)
            } else {
                u128::from(random) << 32 | u128::from(random >> 7)
            };
            Ipv6Addr::from_bits(u128::from(start) << 96 | (rest & (u128::MAX >> 32))).into()
        } else if crowded {
            let start = self.one(&[
                0x0a00_0000_u32,
                0x4000_0000,
                0xac10_0000,
                0xc0a8_0000,
                0xcb00_7100,
            ]);
            Ipv4Addr::from_bits(start | random as u32 & 0x0003_0117).into()
        } else {
            Ipv4Addr::from_bits(random as u32).into()
        }
    }

    /// A prefix: its text, first and last address.
    pub(super) fn prefix(&mut self) -> (String, u128, u128) {
        let address = self.address();
        let width = if self.v6 { 128 } else { 32 };
        let length = match self.rng.below(4) {
            0 => width,
            1 => width - self.between(1, 8),
            2 => self.between(8, 24),
            _ => self.between(1, width),
        };
        let number = number(address);
        let hosts = if length == 0 {
            u128::MAX
        } else {
            (1_u128 << (width - length)) - 1
        };
        let hosts = if self.v6 {
            hosts
        } else {
            hosts & u128::from(u32::MAX)
        };
        let (first, last) = (number & !hosts, number | hosts);
        let text = if length == width && self.once_in(2) {
            address.to_string()
        } else {
            format!("{}/{length}", self.text(first))
        };
        (text, first, last)
    }

    /// A range of addresses that is no prefix as a rule.
    pub(super) fn address_range(&mut self) -> (u128, u128) {
        let first = number(self.address());
        let most = if self.v6 {
            u128::MAX
        } else {
            u128::from(u32::MAX)
        };
        let length = u128::from(self.between(0, 300));
        (first, first.saturating_add(length).min(most))
    }

    /// An address as text.
    pub(super) fn text(&self, number: u128) -> String {
        if self.v6 {
            Ipv6Addr::from_bits(number).to_string()
        } else {
            Ipv4Addr::from_bits(number as u32).to_string()
        }
    }

    /// A range of ports, first and last.
    pub(super) fn ports(&mut self) -> (u16, u16) {
        const KNOWN: [u16; 10] = [22, 25, 53, 80, 123, 443, 1024, 5432, 8080, 65_535];
        let first = match self.rng.below(3) {
            0 => self.rng.next_u64() as u16,
            _ => self.one(&KNOWN),
        };
        if self.once_in(2) {
            (first, first)
        } else {
            (first, first.saturating_add(self.rng.below(200) as u16))
        }
    }

    /// A protocol number; mostly one with ports.
    pub(super) fn protocol(&mut self) -> u8 {
        let icmp = if self.v6 {
            protocol::ICMPV6
        } else {
            protocol::ICMP
        };
        match self.rng.below(12) {
            0..6 => protocol::TCP,
            6..9 => protocol::UDP,
            9 => icmp,
            10 => self.one(&[protocol::SCTP, protocol::UDPLITE]),
            _ => 50,
        }
    }

    /// An ICMP type and a code.
    pub(super) fn icmp(&mut self) -> (u8, u8) {
        let kind = if self.v6 {
            self.one(&[128_u8, 129, 1, 3, 144, 139, 200])
        } else {
            self.one(&[8_u8, 0, 3, 11, 13, 17, 30])
        };
        (kind, self.one(&[0_u8, 1, 3, 13]))
    }

    /// An interface, by its place.
    pub(super) fn interface(&mut self) -> usize {
        self.rng.below(INTERFACES.len() as u64) as usize
    }

    /// A pattern of interface names without its wildcard, and whether it has one.
    pub(super) fn interface_pattern(&mut self) -> (String, bool) {
        let name = INTERFACES
            .get(self.interface())
            .copied()
            .unwrap_or_default();
        match self.rng.below(3) {
            0 => (
                name.chars().take(self.between(1, 3) as usize).collect(),
                true,
            ),
            _ => (name.to_owned(), false),
        }
    }

    /// TCP flags: often those of a packet that begins a connection.
    pub(super) fn flags(&mut self) -> u8 {
        match self.rng.below(4) {
            0 => self.rng.next_u64() as u8,
            1 => self.one(&[0_u8, 1, 4, 0x11, 0x14, 0x18, 0x29, 0x12]),
            2 => 0x10,
            _ => 2,
        }
    }

    /// A mark and a mask; few bits are ever used, so that rules meet.
    pub(super) fn mark(&mut self) -> (u32, u32) {
        if !self.once_in(3)
            && let Some(mark) = self
                .recent_marks
                .get(self.rng.below(self.recent_marks.len() as u64) as usize)
        {
            return *mark;
        }
        let mask = self.one(&[u32::MAX, u32::MAX, 0xff, 0x6, 0x1]);
        let mark = (self.rng.below(8) as u32 & mask, mask);
        self.recent_marks.push(mark);
        mark
    }
}

/// An address as a number.
pub(super) fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => v4.to_bits().into(),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}
