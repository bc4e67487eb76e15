//! Sets of connections to one destination: ports of each protocol.

use std::collections::HashMap;
use std::fmt;

use ww_model::Ranges;
use ww_model::kube::Protocol;

/// The highest port.
const LAST_PORT: u128 = 65_535;

/// A set of connections, by protocol and port at the destination.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Connections {
    /// TCP ports, from 1.
    pub tcp: Ranges,
    /// UDP ports, from 1.
    pub udp: Ranges,
    /// SCTP ports, from 1.
    pub sctp: Ranges,
    /// Everything that is none of the three. Policies leave it to the network plug-in; it follows
    /// the rules that restrict no port.
    pub other: bool,
}

impl Connections {
    /// No connection.
    pub fn none() -> Connections {
        Connections {
            tcp: Ranges::none(),
            udp: Ranges::none(),
            sctp: Ranges::none(),
            other: false,
        }
    }

    /// Every connection.
    pub fn all() -> Connections {
        let ports = Ranges::span(1, LAST_PORT);
        Connections {
            tcp: ports.clone(),
            udp: ports.clone(),
            sctp: ports,
            other: true,
        }
    }

    /// The ports of one protocol.
    pub fn of(protocol: Protocol, ports: &Ranges) -> Connections {
        let mut set = Connections::none();
        *set.ports_mut(protocol) = ports.and(&Ranges::span(1, LAST_PORT));
        set
    }

    /// Every port of one protocol.
    pub fn all_of(protocol: Protocol) -> Connections {
        Connections::of(protocol, &Ranges::span(1, LAST_PORT))
    }

    /// One port.
    pub fn one(protocol: Protocol, port: u16) -> Connections {
        Connections::of(protocol, &Ranges::one(u128::from(port)))
    }

    /// The ports of a protocol.
    pub fn ports(&self, protocol: Protocol) -> &Ranges {
        match protocol {
            Protocol::Tcp => &self.tcp,
            Protocol::Udp => &self.udp,
            Protocol::Sctp => &self.sctp,
        }
    }

    fn ports_mut(&mut self, protocol: Protocol) -> &mut Ranges {
        match protocol {
            Protocol::Tcp => &mut self.tcp,
            Protocol::Udp => &mut self.udp,
            Protocol::Sctp => &mut self.sctp,
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.tcp.is_empty() && self.udp.is_empty() && self.sctp.is_empty() && !self.other
    }

    /// Whether every port of TCP, UDP and SCTP is there.
    pub fn is_all_ports(&self) -> bool {
        let all = Ranges::span(1, LAST_PORT);
        self.tcp == all && self.udp == all && self.sctp == all
    }

    /// Whether one port is there.
    pub fn contains(&self, protocol: Protocol, port: u16) -> bool {
        self.ports(protocol).contains(u128::from(port))
    }

    /// Whether every connection of the other is here too.
    pub fn covers(&self, other: &Connections) -> bool {
        other.minus(self).is_empty()
    }

    /// Those in either.
    #[must_use]
    pub fn or(&self, other: &Connections) -> Connections {
        self.merge(other, Ranges::or, self.other || other.other)
    }

    /// Those in both.
    #[must_use]
    pub fn and(&self, other: &Connections) -> Connections {
        self.merge(other, Ranges::and, self.other && other.other)
    }

    /// Those that are not in the other.
    #[must_use]
    pub fn minus(&self, other: &Connections) -> Connections {
        self.merge(other, Ranges::minus, self.other && !other.other)
    }

    fn merge(
        &self,
        with: &Connections,
        ports: fn(&Ranges, &Ranges) -> Ranges,
        other: bool,
    ) -> Connections {
        Connections {
            tcp: ports(&self.tcp, &with.tcp),
            udp: ports(&self.udp, &with.udp),
            sctp: ports(&self.sctp, &with.sctp),
            other,
        }
    }
}

/// `all`, `none`, or the ports by protocol: `TCP 80,443-444 UDP 53`.
impl fmt::Display for Connections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("none");
        }
        if *self == Connections::all() {
            return f.write_str("all");
        }
        let mut gap = "";
        for (name, ports) in [("SCTP", &self.sctp), ("TCP", &self.tcp), ("UDP", &self.udp)] {
            if ports.is_empty() {
                continue;
            }
            write!(f, "{gap}{name} ")?;
            gap = " ";
            let mut comma = "";
            for (first, last) in ports.iter() {
                write!(f, "{comma}{first}")?;
                comma = ",";
                if last > first {
                    write!(f, "-{last}")?;
                }
            }
        }
        if self.other {
            write!(f, "{gap}other protocols")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Connections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A set in an [`Interner`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct ConnId(pub(super) u32);

/// No connection, in every interner.
pub(super) const NONE: ConnId = ConnId(0);
/// Every connection, in every interner.
pub(super) const ALL: ConnId = ConnId(1);

/// Each set once, and what became of two sets before.
#[derive(Clone)]
pub(super) struct Interner {
    sets: Vec<Connections>,
    ids: HashMap<Connections, ConnId>,
    ors: HashMap<(ConnId, ConnId), ConnId>,
    ands: HashMap<(ConnId, ConnId), ConnId>,
    minuses: HashMap<(ConnId, ConnId), ConnId>,
    empty: Connections,
}

impl Interner {
    pub(super) fn new() -> Interner {
        let mut interner = Interner {
            sets: Vec::new(),
            ids: HashMap::new(),
            ors: HashMap::new(),
            ands: HashMap::new(),
            minuses: HashMap::new(),
            empty: Connections::none(),
        };
        interner.id(Connections::none());
        interner.id(Connections::all());
        interner
    }

    pub(super) fn id(&mut self, set: Connections) -> ConnId {
        if let Some(id) = self.ids.get(&set) {
            return *id;
        }
        let id = ConnId(self.sets.len() as u32);
        self.sets.push(set.clone());
        self.ids.insert(set, id);
        id
    }

    pub(super) fn get(&self, id: ConnId) -> &Connections {
        self.sets.get(id.0 as usize).unwrap_or(&self.empty)
    }

    pub(super) fn len(&self) -> usize {
        self.sets.len()
    }

    pub(super) fn or(&mut self, a: ConnId, b: ConnId) -> ConnId {
        if a == b || b == NONE || a == ALL {
            return a;
        }
        if a == NONE || b == ALL {
            return b;
        }
        let key = (a.min(b), a.max(b));
        if let Some(id) = self.ors.get(&key) {
            return *id;
        }
        let id = self.id(self.get(a).or(self.get(b)));
        self.ors.insert(key, id);
        id
    }

    pub(super) fn and(&mut self, a: ConnId, b: ConnId) -> ConnId {
        if a == b || a == NONE || b == ALL {
            return a;
        }
        if b == NONE || a == ALL {
            return b;
        }
        let key = (a.min(b), a.max(b));
        if let Some(id) = self.ands.get(&key) {
            return *id;
        }
        let id = self.id(self.get(a).and(self.get(b)));
        self.ands.insert(key, id);
        id
    }

    pub(super) fn minus(&mut self, a: ConnId, b: ConnId) -> ConnId {
        if b == NONE || a == NONE {
            return a;
        }
        if a == b || b == ALL {
            return NONE;
        }
        if let Some(id) = self.minuses.get(&(a, b)) {
            return *id;
        }
        let id = self.id(self.get(a).minus(self.get(b)));
        self.minuses.insert((a, b), id);
        id
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some() -> [Connections; 5] {
        [
            Connections::none(),
            Connections::all(),
            Connections::one(Protocol::Tcp, 80),
            Connections::of(Protocol::Udp, &Ranges::of([(53, 53), (5000, 6000)])),
            Connections::all_of(Protocol::Sctp),
        ]
    }

    #[test]
    fn the_algebra_of_ids_is_that_of_sets() {
        let mut interner = Interner::new();
        for a in some() {
            for b in some() {
                let (x, y) = (interner.id(a.clone()), interner.id(b.clone()));
                for _ in 0..2 {
                    let (or, and, minus) =
                        (interner.or(x, y), interner.and(x, y), interner.minus(x, y));
                    assert_eq!(*interner.get(or), a.or(&b));
                    assert_eq!(*interner.get(and), a.and(&b));
                    assert_eq!(*interner.get(minus), a.minus(&b));
                }
            }
        }
    }

    #[test]
    fn sets_are_printed_by_protocol() {
        let set = Connections::of(Protocol::Tcp, &Ranges::of([(80, 80), (443, 444)]));
        let set = set.or(&Connections::one(Protocol::Udp, 53));
        assert_eq!(set.to_string(), "TCP 80,443-444 UDP 53");
        assert_eq!(
            (
                Connections::none().to_string(),
                Connections::all().to_string()
            ),
            ("none".into(), "all".into())
        );
        let rest = Connections::all().minus(&Connections::all_of(Protocol::Tcp));
        assert_eq!(rest.to_string(), "SCTP 1-65535 UDP 1-65535 other protocols");
        assert!(rest.contains(Protocol::Udp, 1) && !rest.contains(Protocol::Udp, 0));
    }
}
