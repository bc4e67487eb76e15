//! The output of `ipset save`, and lists of `ipset create` and `ipset add` commands (ipset 7).

use crate::address::{self, Block};
use crate::names;
use crate::sets::{Contents, Entry, NamedSet, NamedSets, Value, has_ports_in_sets};
use crate::text::{Line, Problems, Quoting, lines, number_in, words};
use std::borrow::Cow;
use std::collections::BTreeMap;
use ww_base::{Limits, Partial, ProblemKind, SourceId, SourceSpan};
use ww_model::filter::{Family, NamePattern};
use ww_model::packet::protocol;

/// Reads the sets of one text.
pub fn read(source: SourceId, bytes: &[u8], limits: &Limits) -> Partial<NamedSets> {
    let mut problems = Problems::new(source, limits);
    let bytes = problems.bounded(bytes, limits);
    let mut reader = Reader {
        sets: BTreeMap::new(),
        kinds: BTreeMap::new(),
        entries_left: limits.set_entries,
        problems,
    };
    for line in lines(source, bytes) {
        reader.line(&line);
    }
    reader.tell_of_missing_members();
    Partial {
        value: reader.sets,
        problems: reader.problems.finish(),
    }
}

/// What an entry of a set consists of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Address,
    Network,
    Port,
    BarePort,
    Mark,
    Interface,
    Link,
    Set,
}

/// What was said when a set was created.
#[derive(Clone)]
struct Kind {
    parts: Vec<Part>,
    family: Family,
    /// Bits of an address that the set keeps.
    netmask: Option<u128>,
    markmask: u32,
    /// Whether entries go away by themselves.
    expires: bool,
}

struct Reader {
    sets: NamedSets,
    kinds: BTreeMap<String, Kind>,
    entries_left: u32,
    problems: Problems,
}

/// A line that could not be read: what kind of trouble, and its words.
type Trouble = (ProblemKind, String);

fn malformed(message: impl Into<String>) -> Trouble {
    (ProblemKind::Malformed, message.into())
}

impl Reader {
    fn line(&mut self, line: &Line<'_>) {
        let saved = line.text.starts_with("create ") || line.text.starts_with("add ");
        let quoting = if saved { Quoting::Dump } else { Quoting::Shell };
        let (all, open) = words(&line.text, quoting);
        let outcome = if open {
            Err(malformed("a quote is left open"))
        } else {
            self.command(&all, line.at)
        };
        if let Err((kind, message)) = outcome {
            self.problems.add(line.at, kind, message);
        }
    }

    fn command(&mut self, words: &[Cow<'_, str>], at: SourceSpan) -> Result<(), Trouble> {
        let words: Vec<&str> = words
            .iter()
            .map(Cow::as_ref)
            .skip_while(|word| *word == "sudo" || is_program(word))
            .filter(|word| !matches!(*word, "-exist" | "-!"))
            .collect();
        match words.as_slice() {
            [] | ["COMMIT" | "quit", ..] => Ok(()),
            ["create" | "-N" | "--create", name, kind, options @ ..] => {
                self.create(name, kind, options, at)
            }
            ["add" | "-A" | "--add", name, element, options @ ..] => {
                self.add(name, element, options)
            }
            ["flush" | "-F" | "--flush", name] => self.flush(name),
            ["flush" | "-F" | "--flush"] => {
                let names: Vec<String> = self.sets.keys().cloned().collect();
                names.iter().try_for_each(|name| self.flush(name))
            }
            ["destroy" | "-X" | "--destroy", name] => {
                self.sets.remove(*name);
                Ok(())
            }
            ["destroy" | "-X" | "--destroy"] => {
                self.sets.clear();
                Ok(())
            }
            [other, ..] => Err((
                ProblemKind::Unsupported,
                format!("`{other}` is not read as an ipset command; create and add are"),
            )),
        }
    }

    fn create(
        &mut self,
        name: &str,
        kind: &str,
        options: &[&str],
        at: SourceSpan,
    ) -> Result<(), Trouble> {
        let parts = parts(kind).ok_or_else(|| {
            let message = format!("the set type `{kind}` is not known");
            (ProblemKind::Unsupported, message)
        })?;
        let given = |option: &str| {
            let mut pairs = options.windows(2);
            pairs.find_map(|pair| match pair {
                [word, value] if *word == option => Some(*value),
                _ => None,
            })
        };
        let family = match given("family") {
            Some("inet6") => Family::Ip6,
            Some("inet" | "-") | None => Family::Ip4,
            Some(other) => return Err(malformed(format!("`{other}` is not a family of sets"))),
        };
        let netmask = match (given("netmask"), given("bitmask")) {
            (Some(length), _) => Some(netmask(length, family)?),
            (None, Some(mask)) => Some(netmask(mask, family)?),
            (None, None) => None,
        };
        let markmask = given("markmask").and_then(number_in).unwrap_or(u32::MAX);
        let has_addresses = parts
            .iter()
            .any(|part| matches!(part, Part::Address | Part::Network));
        let contents = if parts.contains(&Part::Set) {
            Contents::Sets(Vec::new())
        } else if parts == [Part::Link] {
            Contents::NotModelled(format!("the link addresses in set {name}"))
        } else {
            Contents::Entries(Vec::new())
        };
        let set = NamedSet {
            at,
            family: has_addresses.then_some(family),
            parts: parts.len(),
            open: given("timeout").is_some(),
            contents,
        };
        self.sets.insert(name.to_owned(), set);
        let kind = Kind {
            parts,
            family,
            netmask,
            markmask,
            expires: given("timeout").is_some(),
        };
        self.kinds.insert(name.to_owned(), kind);
        Ok(())
    }

    fn add(&mut self, name: &str, element: &str, options: &[&str]) -> Result<(), Trouble> {
        let undefined = || {
            let message = format!("the set `{name}` was not created before this line");
            (ProblemKind::Undefined, message)
        };
        let set = self.sets.get_mut(name).ok_or_else(undefined)?;
        let kind = self.kinds.get(name).ok_or_else(undefined)?;
        let entry = match (&mut set.contents, self.entries_left.checked_sub(1)) {
            (_, None) => {
                let message = "more entries of sets than are read; this one was not".to_owned();
                Err((ProblemKind::TooLarge, message))
            }
            (Contents::NotModelled(_), _) => return Ok(()),
            (Contents::Sets(members), Some(left)) => {
                self.entries_left = left;
                members.push(element.to_owned());
                return Ok(());
            }
            (Contents::Entries(_), Some(left)) => {
                self.entries_left = left;
                read_entry(element, kind, options)
            }
        };
        match (entry, &mut set.contents) {
            (Ok(entry), Contents::Entries(entries)) => entries.push(entry),
            (Err(trouble), contents) => {
                set.open = true;
                if options.contains(&"nomatch") {
                    *contents = Contents::NotModelled("an entry that could not be read".into());
                }
                return Err(trouble);
            }
            (Ok(_), _) => {}
        }
        Ok(())
    }

    fn flush(&mut self, name: &str) -> Result<(), Trouble> {
        let set = self.sets.get_mut(name).ok_or_else(|| {
            let message = format!("the set `{name}` was not created before this line");
            (ProblemKind::Undefined, message)
        })?;
        match &mut set.contents {
            Contents::Entries(entries) => entries.clear(),
            Contents::Sets(members) => members.clear(),
            Contents::NotModelled(_) => {}
        }
        Ok(())
    }

    /// Sets of sets whose members are not all here may hold more than is known.
    fn tell_of_missing_members(&mut self) {
        let mut open = Vec::new();
        for (name, set) in &self.sets {
            let Contents::Sets(members) = &set.contents else {
                continue;
            };
            for member in members.iter().filter(|one| !self.sets.contains_key(*one)) {
                let message = format!("the member `{member}` of this set of sets is not here");
                self.problems.add(set.at, ProblemKind::Undefined, message);
                open.push(name.clone());
            }
        }
        for name in open {
            if let Some(set) = self.sets.get_mut(&name) {
                set.open = true;
            }
        }
    }
}

fn is_program(word: &str) -> bool {
    word.rsplit('/').next() == Some("ipset")
}

/// The parts of a type's entries.
fn parts(kind: &str) -> Option<Vec<Part>> {
    let parts: &[Part] = match kind {
        "list:set" | "setlist" => &[Part::Set],
        "hash:mac" => &[Part::Link],
        "bitmap:port" | "portmap" => &[Part::BarePort],
        "bitmap:ip" | "ipmap" | "hash:ip" | "iphash" => &[Part::Address],
        "hash:net" | "nethash" => &[Part::Network],
        "bitmap:ip,mac" | "macipmap" | "hash:ip,mac" => &[Part::Address, Part::Link],
        "hash:ip,mark" => &[Part::Address, Part::Mark],
        "hash:ip,port" | "ipporthash" => &[Part::Address, Part::Port],
        "hash:net,port" => &[Part::Network, Part::Port],
        "hash:net,net" => &[Part::Network, Part::Network],
        "hash:net,iface" => &[Part::Network, Part::Interface],
        "hash:ip,port,ip" | "ipportiphash" => &[Part::Address, Part::Port, Part::Address],
        "hash:ip,port,net" | "ipportnethash" => &[Part::Address, Part::Port, Part::Network],
        "hash:net,port,net" => &[Part::Network, Part::Port, Part::Network],
        _ => return None,
    };
    Some(parts.to_vec())
}

/// The bits that `netmask 24` or `bitmask 255.255.0.255` keeps.
fn netmask(text: &str, family: Family) -> Result<u128, Trouble> {
    let length = number_in::<u32>(text).filter(|length| *length <= address::width(family));
    let mask = match length {
        Some(length) => Some(Block::of(address::most(family), length, family).mask),
        None => address::address(text, family),
    };
    mask.ok_or_else(|| malformed(format!("`{text}` is not a netmask")))
}

/// An entry with its options; in a set with timeouts it goes away unless its own is 0.
fn read_entry(element: &str, kind: &Kind, options: &[&str]) -> Result<Entry, Trouble> {
    let wildcard = options.contains(&"wildcard");
    let lasts = options
        .windows(2)
        .any(|pair| matches!(pair, ["timeout", "0"]));
    let texts: Vec<&str> = element.splitn(kind.parts.len(), ',').collect();
    let may_end_early = kind.parts == [Part::Address, Part::Link];
    if texts.len() != kind.parts.len() && !may_end_early {
        return Err(malformed(format!(
            "`{element}` has {} parts, entries of this set have {}",
            texts.len(),
            kind.parts.len()
        )));
    }
    let values = kind
        .parts
        .iter()
        .enumerate()
        .map(|(place, part)| {
            let text = texts.get(place).copied().unwrap_or_default();
            read_value(text, *part, kind, wildcard)
                .ok_or_else(|| malformed(format!("`{text}` cannot be in an entry of this set")))
        })
        .collect::<Result<Vec<Value>, Trouble>>()?;
    Ok(Entry {
        values,
        except: options.contains(&"nomatch"),
        expires: kind.expires && !lasts,
    })
}

fn read_value(text: &str, part: Part, kind: &Kind, wildcard: bool) -> Option<Value> {
    match part {
        Part::Address | Part::Network => read_addresses(text, part, kind),
        Part::Port => read_ports(text),
        Part::BarePort => {
            let bare = text.rsplit(':').next()?;
            let (first, last) = names::ports(bare, '-')?;
            Some(Value::AnyPorts(first.min(last), first.max(last)))
        }
        Part::Mark => {
            let value: u32 = number_in(text)?;
            Some(Value::Mark {
                value: value & kind.markmask,
                mask: kind.markmask,
            })
        }
        Part::Interface if text.starts_with("physdev:") => Some(Value::NotModelled),
        Part::Interface => Some(Value::Interface(NamePattern {
            text: text.to_owned(),
            prefix: wildcard,
        })),
        Part::Link | Part::Set => Some(Value::NotModelled),
    }
}

fn read_addresses(text: &str, part: Part, kind: &Kind) -> Option<Value> {
    let width = address::width(kind.family);
    if let Some((first, last)) = address::span(text, kind.family) {
        let single = first == last && part == Part::Address;
        let host = kind
            .netmask
            .map_or(0, |mask| !mask & address::most(kind.family));
        let contiguous = host & host.wrapping_add(1) == 0;
        return match (single, contiguous) {
            (true, false) => Some(Value::NotModelled),
            (true, true) => Some(Value::Addresses {
                first: first & !host,
                last: first | host,
                length: width,
            }),
            (false, _) => Some(Value::Addresses {
                first,
                last,
                length: width,
            }),
        };
    }
    let block = address::block(text, kind.family).filter(|_| text.contains('/'))?;
    let (first, last) = block.range()?;
    let length = match part {
        Part::Network => block.length(),
        _ => width,
    };
    Some(Value::Addresses {
        first,
        last,
        length,
    })
}

/// `PORT`, `tcp:FIRST-LAST`, `icmp:echo-request`, `icmp:8/0`, `gre:0`.
fn read_ports(text: &str) -> Option<Value> {
    let (transport, ports) = match text.split_once(':') {
        Some((name, ports)) => (names::protocol(name)?, ports),
        None => (protocol::TCP, text),
    };
    let (first, last) = match transport {
        protocol::ICMP => message(names::icmp(ports)?),
        protocol::ICMPV6 => message(names::icmp6(ports)?),
        other if has_ports_in_sets(other) => names::ports(ports, '-')?,
        _ => (0, 0),
    };
    Some(Value::Ports {
        protocol: transport,
        first: first.min(last),
        last: first.max(last),
    })
}

/// An ICMP message as a port: a type without a code stands for code 0.
fn message(found: names::IcmpKind) -> (u16, u16) {
    let code = if found.codes.0 == found.codes.1 {
        found.codes.0
    } else {
        0
    };
    let port = u16::from(found.kind) << 8 | u16::from(code);
    (port, port)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sets::{Membership, Side};
    use ww_model::Ranges;
    use ww_model::filter::{Condition, Field};

    const SRC_DST: [Side; 3] = [Side::Source, Side::Destination, Side::Destination];

    fn sets(text: &str) -> NamedSets {
        let read = read(SourceId(0), text.as_bytes(), &Limits::default());
        assert_eq!(read.problems, []);
        read.value
    }

    fn membership(text: &str, name: &str, family: Family) -> Membership {
        let sets = sets(text);
        sets[name].membership(&SRC_DST, family, &sets)
    }

    fn ip(text: &str) -> u128 {
        address::address(text, Family::Ip4).unwrap()
    }

    fn src(ranges: &[(&str, &str)]) -> Condition {
        let numbers = ranges.iter().map(|(first, last)| (ip(first), ip(last)));
        Condition::In(Field::Src4, Ranges::of(numbers))
    }

    #[test]
    fn the_longest_prefix_decides_between_match_and_nomatch() {
        let text = "create a hash:net family inet hashsize 1024 maxelem 65536\n\
                    add a 10.0.0.0/8\nadd a 10.1.0.0/16 nomatch\nadd a 10.1.2.0/24\n\
                    add a 10.1.2.3 nomatch\n";
        let expected = src(&[
            ("10.0.0.0", "10.0.255.255"),
            ("10.1.2.0", "10.1.2.2"),
            ("10.1.2.4", "10.1.2.255"),
            ("10.2.0.0", "10.255.255.255"),
        ]);
        assert_eq!(membership(text, "a", Family::Ip4), Membership::Is(expected));
    }

    #[test]
    fn a_set_of_another_family_holds_nothing() {
        let text = "create a hash:ip family inet6\nadd a 2001:db8::1";
        let nothing = Membership::Is(Condition::Any(vec![]));
        assert_eq!(membership(text, "a", Family::Ip4), nothing);
        assert_ne!(membership(text, "a", Family::Ip6), nothing);
    }

    #[test]
    fn too_few_sides_find_nothing() {
        let sets = sets("create a hash:ip,port\nadd a 10.0.0.1,tcp:80");
        let found = sets["a"].membership(&[Side::Source], Family::Ip4, &sets);
        assert_eq!(found, Membership::Is(Condition::Any(vec![])));
    }

    #[test]
    fn ports_icmp_messages_and_bare_protocols_are_different_boxes() {
        let text = "create a hash:ip,port\nadd a 10.0.0.1,tcp:80-81\nadd a 10.0.0.2,80-81\n\
                    add a 10.0.0.1,icmp:echo-request\nadd a 10.0.0.1,gre:0";
        let one = |value| Ranges::one(value);
        let tuple = |fields, boxes| Condition::Tuple { fields, boxes };
        let host = one(ip("10.0.0.1"));
        let both = Ranges::span(ip("10.0.0.1"), ip("10.0.0.2"));
        let expected = Condition::Any(vec![
            tuple(
                vec![Field::Src4, Field::Protocol],
                vec![vec![host.clone(), one(47)]],
            ),
            tuple(
                vec![Field::Src4, Field::Protocol, Field::DstPort],
                vec![vec![both, one(6), Ranges::span(80, 81)]],
            ),
            tuple(
                vec![Field::Src4, Field::IcmpType, Field::IcmpCode],
                vec![vec![host, one(8), one(0)]],
            ),
        ]);
        assert_eq!(membership(text, "a", Family::Ip4), Membership::Is(expected));
    }

    #[test]
    fn entries_that_expire_leave_the_answer_open() {
        let text = "create a hash:ip timeout 600\nadd a 10.0.0.1 timeout 55\n\
                    add a 10.0.0.2 timeout 0\n";
        let expected = Membership::AtLeast(src(&[("10.0.0.2", "10.0.0.2")]));
        assert_eq!(membership(text, "a", Family::Ip4), expected);
    }

    #[test]
    fn a_netmask_widens_and_a_set_of_sets_unites() {
        let text = "create a hash:ip netmask 24\nadd a 10.0.0.0\n\
                    create b hash:net\nadd b 10.0.1.0/24\n\
                    create c list:set size 8\nadd c a\nadd c b\n";
        let expected = Condition::Any(vec![
            src(&[("10.0.0.0", "10.0.0.255")]),
            src(&[("10.0.1.0", "10.0.1.255")]),
        ]);
        assert_eq!(membership(text, "c", Family::Ip4), Membership::Is(expected));
    }

    #[test]
    fn what_is_not_here_leaves_a_set_open() {
        let text = "create a list:set\ncreate b hash:ip\nadd b 10.0.0.1\nadd a b\nadd a c\n\
                    add b 10.0.0.500\n";
        let read = read(SourceId(0), text.as_bytes(), &Limits::default());
        assert_eq!(read.problems.len(), 2);
        let sets = read.value;
        for name in ["a", "b"] {
            let found = sets[name].membership(&SRC_DST, Family::Ip4, &sets);
            assert_eq!(found, Membership::AtLeast(src(&[("10.0.0.1", "10.0.0.1")])));
        }
    }

    #[test]
    fn every_type_of_ipset_is_read() {
        let text = "create s1 bitmap:ip range 10.0.0.0-10.0.0.255\nadd s1 10.0.0.7\n\
            create s2 bitmap:ip,mac range 10.0.0.0/24\nadd s2 10.0.0.1,02:00:00:00:00:01\n\
            add s2 10.0.0.2\n\
            create s3 bitmap:port range 0-1023\nadd s3 80\n\
            create s4 hash:mac hashsize 64\nadd s4 02:00:00:00:00:01\n\
            create s5 hash:ip,mark markmask 0xff\nadd s5 10.0.0.1,0x1ff\n\
            create s6 hash:net,net\nadd s6 10.0.0.0/8,0.0.0.0/0\n\
            create s7 hash:net,iface\nadd s7 10.0.0.0/8,eth0\nadd s7 10.0.0.0/8,physdev:eth0\n\
            create s8 hash:ip,port,ip\nadd s8 10.0.0.1,udp:53,10.0.0.2\n\
            create s9 hash:ip,port,net comment\nadd s9 10.0.0.1,53,10.0.0.0/8 comment \"a b\"\n\
            create s10 hash:net,port,net counters\nadd s10 10.0.0.0/8,sctp:1,10.0.0.0/8 packets 1 bytes 2\n\
            create s11 hash:net,port family inet6 forceadd\nadd s11 2001:db8::/32,ipv6-icmp:128/0\n";
        let sets = sets(text);
        assert_eq!(sets.len(), 11);
        for (name, set) in &sets {
            let family = set.family.unwrap_or(Family::Ip4);
            let found = set.membership(&SRC_DST, family, &sets);
            let nothing = Membership::Is(Condition::Any(vec![]));
            assert!(found != nothing && found != Membership::Unknown, "{name}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_told_and_the_rest_stands() {
        let text = "create a hash:ip\nadd a 10.0.0.300\nadd b 10.0.0.1\nadd a 10.0.0.1\n\
                    create c hash:what\nadd a \"10.0.0.2\nrename a b\nadd a 1.2.3.4,5\n";
        let read = read(SourceId(0), text.as_bytes(), &Limits::default());
        let kinds: Vec<ProblemKind> = read.problems.iter().map(|told| told.kind).collect();
        assert_eq!(
            kinds,
            [
                ProblemKind::Malformed,
                ProblemKind::Undefined,
                ProblemKind::Unsupported,
                ProblemKind::Malformed,
                ProblemKind::Unsupported,
                ProblemKind::Malformed,
            ]
        );
        let Contents::Entries(entries) = &read.value["a"].contents else {
            panic!("a holds entries");
        };
        assert_eq!(entries.len(), 1);
    }

    #[test]
    fn bounds_hold() {
        let limits = Limits {
            set_entries: 2,
            problems_per_text: 1,
            ..Limits::default()
        };
        let text = "create a hash:ip\nadd a 10.0.0.1\nadd a 10.0.0.2\nadd a 10.0.0.3\nadd a 1\n";
        let read = read(SourceId(0), text.as_bytes(), &limits);
        let kinds: Vec<ProblemKind> = read.problems.iter().map(|told| told.kind).collect();
        assert_eq!(kinds, [ProblemKind::TooLarge, ProblemKind::TooLarge]);
    }
}
