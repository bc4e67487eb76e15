//! Named sets of addresses, ports and interfaces that rules refer to, as Linux's ipset keeps them.

use std::collections::BTreeMap;
use ww_base::SourceSpan;
use ww_model::Ranges;
use ww_model::filter::{Condition, Family, Field, NamePattern, Way};
use ww_model::packet::protocol;

/// Sets by name.
pub type NamedSets = BTreeMap<String, NamedSet>;

/// Which end of a packet is looked up in a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// Source address and port, or the interface it came in on.
    Source,
    /// Destination address and port, or the interface it leaves by.
    Destination,
}

/// One named set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedSet {
    /// Where it is created.
    pub at: SourceSpan,
    /// The family of its addresses; a packet of the other family is in no such set. Absent where
    /// the set has no addresses of its own.
    pub family: Option<Family>,
    /// How many sides a rule has to name at least.
    pub parts: usize,
    /// Whether more may be in it than is listed: its entries come and go by timeout, or some of
    /// them could not be read.
    pub open: bool,
    /// What is in it.
    pub contents: Contents,
}

/// What is in a set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Contents {
    /// Entries, each with as many values as the set has parts.
    Entries(Vec<Entry>),
    /// Other sets, by name; a packet is in it when it is in one of them.
    Sets(Vec<String>),
    /// Something that the model has no field for; in words.
    NotModelled(String),
}

/// An entry of a set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// One value for each part.
    pub values: Vec<Value>,
    /// Whether what fits it is *not* in the set; of several entries that fit, the one with the
    /// longest prefixes decides.
    pub except: bool,
    /// Whether it goes away by itself.
    pub expires: bool,
}

/// A part of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Addresses, both ends included, with the prefix length that ranks the entry.
    Addresses {
        /// The first.
        first: u128,
        /// The last.
        last: u128,
        /// The prefix length; the full width for single addresses and ranges.
        length: u32,
    },
    /// A protocol and its ports, both ends included; of a protocol without ports, the protocol.
    Ports {
        /// The protocol number.
        protocol: u8,
        /// The first port; type × 256 + code of ICMP.
        first: u16,
        /// The last port.
        last: u16,
    },
    /// Ports of TCP and UDP alike (`bitmap:port`).
    AnyPorts(u16, u16),
    /// The packet mark after masking.
    Mark {
        /// Its value.
        value: u32,
        /// The bits that count.
        mask: u32,
    },
    /// An interface.
    Interface(NamePattern),
    /// Something that the model has no field for: a link address, a port of a bridge.
    NotModelled,
}

/// What can be said of membership without run-time state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Membership {
    /// Exactly this.
    Is(Condition),
    /// At least this; entries that are not listed may add to it.
    AtLeast(Condition),
    /// This and something that is not modelled, in words.
    And(Condition, String),
    /// Nothing.
    Unknown,
}

impl NamedSet {
    /// The condition that a packet of this family is in the set, when its sides are these.
    ///
    /// `sets` are those that a set of sets refers to.
    pub fn membership(&self, sides: &[Side], family: Family, sets: &NamedSets) -> Membership {
        self.nested_membership(sides, family, sets, true)
    }

    fn nested_membership(
        &self,
        sides: &[Side],
        family: Family,
        sets: &NamedSets,
        may_nest: bool,
    ) -> Membership {
        let other_family = self.family.is_some_and(|own| own != family);
        if other_family || sides.len() < self.parts {
            return Membership::Is(never());
        }
        match &self.contents {
            Contents::Entries(entries) => self.of_entries(entries, sides, family),
            Contents::NotModelled(words) => Membership::And(always(), words.clone()),
            Contents::Sets(names) if may_nest => {
                let members = names.iter().filter_map(|name| sets.get(name));
                let all = members.map(|set| set.nested_membership(sides, family, sets, false));
                either(all, self.open)
            }
            Contents::Sets(_) => Membership::Is(never()),
        }
    }

    fn of_entries(&self, entries: &[Entry], sides: &[Side], family: Family) -> Membership {
        let with_exceptions = entries.iter().any(|entry| entry.except);
        if self.open && with_exceptions {
            return Membership::Unknown;
        }
        let lasting: Vec<&Entry> = entries.iter().filter(|entry| !entry.expires).collect();
        let foreign = lasting
            .iter()
            .any(|entry| entry.values.contains(&Value::NotModelled));
        if foreign && with_exceptions {
            return Membership::Unknown;
        }
        let condition = first_match(lasting, sides, family);
        match (self.open, foreign) {
            (true, true) => Membership::Unknown,
            (true, false) => Membership::AtLeast(condition),
            (false, true) => Membership::And(condition, "a link address or bridge port".into()),
            (false, false) => Membership::Is(condition),
        }
    }
}

/// The union of what is known of several sets.
fn either(members: impl Iterator<Item = Membership>, mut open: bool) -> Membership {
    let mut sure = Vec::new();
    for member in members {
        match member {
            Membership::Is(condition) => sure.push(condition),
            Membership::AtLeast(condition) => {
                sure.push(condition);
                open = true;
            }
            Membership::And(..) | Membership::Unknown => open = true,
        }
    }
    let condition = if sure.len() == 1 {
        sure.pop().unwrap_or_else(never)
    } else {
        Condition::Any(sure)
    };
    if open {
        Membership::AtLeast(condition)
    } else {
        Membership::Is(condition)
    }
}

fn always() -> Condition {
    Condition::All(Vec::new())
}

fn never() -> Condition {
    Condition::Any(Vec::new())
}

/// The entries with the longest prefixes decide; runs of equal decision become one condition.
fn first_match(mut entries: Vec<&Entry>, sides: &[Side], family: Family) -> Condition {
    entries.sort_by_key(|entry| specificity(entry));
    entries
        .chunk_by(|one, next| one.except == next.except)
        .fold(never(), |wider, run| {
            let here = union_of(run, sides, family);
            match (run.first().is_some_and(|entry| entry.except), wider, here) {
                (_, wider, Condition::Any(none)) if none.is_empty() => wider,
                (false, Condition::Any(none), here) if none.is_empty() => here,
                (false, Condition::In(field, a), Condition::In(_, b)) => {
                    Condition::In(field, a.or(&b))
                }
                (true, Condition::In(field, a), Condition::In(_, b)) => {
                    Condition::In(field, a.minus(&b))
                }
                (false, wider, here) => Condition::Any(vec![here, wider]),
                (true, wider, here) => Condition::All(vec![Condition::Not(Box::new(here)), wider]),
            }
        })
}

/// The prefix lengths of an entry, in the order in which the kernel compares them.
fn specificity(entry: &Entry) -> [u32; 2] {
    let mut lengths = entry.values.iter().filter_map(|value| match value {
        Value::Addresses { length, .. } => Some(*length),
        _ => None,
    });
    [lengths.next().unwrap_or(0), lengths.next().unwrap_or(0)]
}

/// Boxes with equal sides but the first are one box.
#[derive(Default)]
struct Boxes(BTreeMap<Vec<Ranges>, Vec<(u128, u128)>>);

/// The condition that one of the entries fits.
fn union_of(entries: &[&Entry], sides: &[Side], family: Family) -> Condition {
    let mut groups: BTreeMap<(Vec<Condition>, Vec<Field>), Boxes> = BTreeMap::new();
    for entry in entries {
        let mut fields = Vec::new();
        let mut sets = Vec::new();
        let mut beside = Vec::new();
        for (value, side) in entry.values.iter().zip(sides) {
            for test in tests(value, *side, family) {
                match test {
                    Condition::In(field, set) => {
                        fields.push(field);
                        sets.push(set);
                    }
                    other => beside.push(other),
                }
            }
        }
        let first = if sets.is_empty() {
            Ranges::none()
        } else {
            sets.remove(0)
        };
        let boxes = groups.entry((beside, fields)).or_default();
        boxes.0.entry(sets).or_default().extend(first.iter());
    }
    let mut any: Vec<Condition> = groups
        .into_iter()
        .map(|((mut beside, fields), boxes)| {
            beside.extend(boxes.condition(fields));
            one_or_all(beside)
        })
        .collect();
    if any.len() == 1 {
        any.pop().unwrap_or_else(never)
    } else {
        Condition::Any(any)
    }
}

fn one_or_all(mut conditions: Vec<Condition>) -> Condition {
    if conditions.len() == 1 {
        conditions.pop().unwrap_or_else(always)
    } else {
        Condition::All(conditions)
    }
}

impl Boxes {
    fn condition(self, fields: Vec<Field>) -> Option<Condition> {
        let single = fields.first().filter(|_| fields.len() == 1).copied();
        match single {
            Some(field) => {
                let all = self.0.into_values().flatten();
                Some(Condition::In(field, Ranges::of(all)))
            }
            None if fields.is_empty() => None,
            None => Some(Condition::Tuple {
                fields,
                boxes: self
                    .0
                    .into_iter()
                    .map(|(mut rest, first)| {
                        rest.insert(0, Ranges::of(first));
                        rest
                    })
                    .collect(),
            }),
        }
    }
}

/// What a value asks of the packet.
fn tests(value: &Value, side: Side, family: Family) -> Vec<Condition> {
    let numbers = |field, first: u16, last: u16| {
        Condition::In(field, Ranges::span(first.into(), last.into()))
    };
    match value {
        Value::Addresses { first, last, .. } => {
            let field = match (side, family) {
                (Side::Source, Family::Ip4) => Field::Src4,
                (Side::Destination, Family::Ip4) => Field::Dst4,
                (Side::Source, _) => Field::Src6,
                (Side::Destination, _) => Field::Dst6,
            };
            vec![Condition::In(field, Ranges::span(*first, *last))]
        }
        Value::Ports {
            protocol: protocol @ (protocol::ICMP | protocol::ICMPV6),
            first,
            ..
        } => {
            let (kind, code) = match *protocol {
                protocol::ICMP => (Field::IcmpType, Field::IcmpCode),
                _ => (Field::Icmp6Type, Field::Icmp6Code),
            };
            vec![
                Condition::In(kind, Ranges::one(u128::from(first >> 8))),
                Condition::In(code, Ranges::one(u128::from(first & 0xff))),
            ]
        }
        Value::Ports {
            protocol,
            first,
            last,
        } => {
            let transport = Condition::In(Field::Protocol, Ranges::one((*protocol).into()));
            if has_ports_in_sets(*protocol) {
                vec![transport, numbers(port(side), *first, *last)]
            } else {
                vec![transport]
            }
        }
        Value::AnyPorts(first, last) => {
            let both = [protocol::TCP, protocol::UDP].map(|one| (one.into(), one.into()));
            vec![
                Condition::In(Field::Protocol, Ranges::of(both)),
                numbers(port(side), *first, *last),
            ]
        }
        Value::Mark { value, mask } => {
            let within = Ranges::one((*value).into());
            if *mask == u32::MAX {
                vec![Condition::In(Field::Mark, within)]
            } else {
                vec![Condition::Masked {
                    field: Field::Mark,
                    mask: (*mask).into(),
                    within,
                }]
            }
        }
        Value::Interface(pattern) => {
            let way = match side {
                Side::Source => Way::In,
                Side::Destination => Way::Out,
            };
            vec![Condition::Interface(way, pattern.clone())]
        }
        Value::NotModelled => Vec::new(),
    }
}

fn port(side: Side) -> Field {
    match side {
        Side::Source => Field::SrcPort,
        Side::Destination => Field::DstPort,
    }
}

/// The protocols whose ports the kernel reads when it looks a packet up in a set; of others it
/// looks up the protocol alone.
pub(crate) fn has_ports_in_sets(number: u8) -> bool {
    matches!(
        number,
        protocol::TCP | protocol::UDP | protocol::SCTP | protocol::UDPLITE
    )
}
