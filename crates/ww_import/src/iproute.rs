//! Interfaces, routes and routing rules as JSON: `ip -j addr`, `ip -j route`, `ip -j rule`
//! (iproute2 6), of either family, in one text or several.

use crate::json;
use crate::names;
use crate::text::{Problems, number};
use serde_json::{Map, Value};
use std::net::IpAddr;
use ww_base::{Limits, Partial, ProblemKind, SourceId, SourceSpan};
use ww_model::filter::{Family, NamePattern};
use ww_model::net::{
    Interface, InterfaceAddress, NextHop, Prefix, Route, RouteKind, RoutingRule, RuleAction, Stack,
    TableId,
};

type Object = Map<String, Value>;

/// Reads one text.
pub fn read(source: SourceId, bytes: &[u8], limits: &Limits) -> Partial<Stack> {
    let mut problems = Problems::new(source, limits);
    let bytes = problems.bounded(bytes, limits);
    let found = json::objects(bytes);
    let mut reader = Reader {
        stack: Stack::default(),
        problems,
    };
    for array in &found.arrays {
        let parsed = array.iter().map(|(from, to)| {
            let at = SourceSpan {
                source,
                start: *from as u32,
                end: *to as u32,
            };
            let object = bytes.get(*from..*to).map(serde_json::from_slice::<Object>);
            (at, object.and_then(Result::ok))
        });
        let objects = reader.whole(parsed);
        reader.array(&objects);
    }
    if !found.whole || found.arrays.is_empty() {
        let end = bytes.len() as u32;
        let at = SourceSpan {
            source,
            start: end.saturating_sub(1),
            end,
        };
        let message = "the text ends before its JSON does: it is cut off or not the output of ip";
        reader.problems.add(at, ProblemKind::Malformed, message);
    }
    Partial {
        value: reader.stack,
        problems: reader.problems.finish(),
    }
}

struct Reader {
    stack: Stack,
    problems: Problems,
}

impl Reader {
    /// The objects that are JSON; those that are not are told.
    fn whole(
        &mut self,
        parsed: impl Iterator<Item = (SourceSpan, Option<Object>)>,
    ) -> Vec<(SourceSpan, Object)> {
        let mut whole = Vec::new();
        for (at, object) in parsed {
            match object {
                // `ip -j` leaves an empty object where an interface was filtered out.
                Some(object) if object.is_empty() => {}
                Some(object) => whole.push((at, object)),
                None => {
                    let message = "what stands between these braces is not JSON";
                    self.problems.add(at, ProblemKind::Malformed, message);
                }
            }
        }
        whole
    }

    /// The output of one command: what speaks of one family names it for all.
    fn array(&mut self, objects: &[(SourceSpan, Object)]) {
        let is_rule = |(_, object): &(SourceSpan, Object)| {
            object.contains_key("priority") && !object.contains_key("ifname")
        };
        if objects.iter().any(is_rule) {
            let family = family_of_rules(objects);
            self.stack.all_rules_of.push(family);
            for (at, object) in objects {
                let rule = rule(object, family, *at);
                self.keep(rule, *at, |stack, rule| stack.rules.push(rule));
            }
            return;
        }
        let mut family = Family::Ip4;
        for (at, object) in objects {
            if object.contains_key("ifname") {
                let interface = interface(object, *at);
                self.keep(interface, *at, |stack, one| stack.interfaces.push(one));
            } else {
                family = family_of_route(object).unwrap_or(family);
                let route = route(object, family, *at);
                self.keep(route, *at, |stack, route| stack.routes.push(route));
            }
        }
    }

    fn keep<T>(
        &mut self,
        read: Result<T, String>,
        at: SourceSpan,
        put: impl FnOnce(&mut Stack, T),
    ) {
        match read {
            Ok(value) => put(&mut self.stack, value),
            Err(trouble) => self.problems.add(at, ProblemKind::Malformed, trouble),
        }
    }
}

fn text<'o>(object: &'o Object, key: &str) -> Option<&'o str> {
    object.get(key).and_then(Value::as_str)
}

/// A number, which ip writes as such or as text.
fn whole_number<T: TryFrom<u64>>(object: &Object, key: &str) -> Option<T> {
    let value = object.get(key)?;
    let found = value.as_u64().or_else(|| value.as_str().and_then(number));
    found.and_then(|found| T::try_from(found).ok())
}

fn has_flag(object: &Object, flag: &str) -> bool {
    let flags = object.get("flags").and_then(Value::as_array);
    flags.is_some_and(|flags| flags.iter().any(|one| one == flag))
}

fn family_of(address: IpAddr) -> Family {
    match address {
        IpAddr::V4(_) => Family::Ip4,
        IpAddr::V6(_) => Family::Ip6,
    }
}

fn everything(family: Family) -> Prefix {
    match family {
        Family::Ip4 => Prefix::ALL_IP4,
        Family::Ip6 | Family::Inet => Prefix::ALL_IP6,
    }
}

fn interface(object: &Object, at: SourceSpan) -> Result<Interface, String> {
    let name = text(object, "ifname").ok_or("an interface without a name")?;
    let infos = object.get("addr_info").and_then(Value::as_array);
    let infos = infos.into_iter().flatten().filter_map(Value::as_object);
    let addresses = infos
        .filter(|info| info.contains_key("local"))
        .map(|info| {
            let known = interface_address(info, at);
            known.ok_or_else(|| format!("an address of interface {name} cannot be read"))
        })
        .collect::<Result<Vec<InterfaceAddress>, String>>()?;
    Ok(Interface {
        name: name.to_owned(),
        at,
        up: has_flag(object, "UP"),
        mtu: whole_number(object, "mtu"),
        addresses,
    })
}

fn interface_address(info: &Object, at: SourceSpan) -> Option<InterfaceAddress> {
    let address: IpAddr = text(info, "local")?.parse().ok()?;
    let other_end: Option<IpAddr> = text(info, "address").and_then(|end| end.parse().ok());
    let length: u8 = whole_number(info, "prefixlen")?;
    Some(InterfaceAddress {
        address,
        network: Prefix::new(other_end.unwrap_or(address), length)?,
        broadcast: text(info, "broadcast").and_then(|all| all.parse().ok()),
        at,
    })
}

/// The family of a route that names an address; routes of IPv6 also say how much they are preferred.
fn family_of_route(object: &Object) -> Option<Family> {
    let hops = object.get("nexthops").and_then(Value::as_array);
    let hop = hops.and_then(|hops| hops.first()?.as_object());
    let named = ["dst", "prefsrc", "from"]
        .iter()
        .find_map(|key| text(object, key)?.parse::<Prefix>().ok());
    let gateway = || {
        let gateway = text(object, "gateway").or_else(|| text(hop?, "gateway"));
        gateway?.parse::<IpAddr>().ok()
    };
    let named = named.map(|prefix| prefix.address()).or_else(gateway);
    if object.contains_key("pref") {
        return Some(Family::Ip6);
    }
    named.map(family_of)
}

fn route(object: &Object, family: Family, at: SourceSpan) -> Result<Route, String> {
    let destination = match text(object, "dst") {
        Some("default") => everything(family),
        Some(text) => prefix(text)?,
        None => return Err("neither an interface, a route nor a routing rule".to_owned()),
    };
    let kind = match text(object, "type").unwrap_or("unicast") {
        "unicast" => RouteKind::Unicast,
        "local" | "anycast" => RouteKind::Local,
        "broadcast" => RouteKind::Broadcast,
        "multicast" => RouteKind::Multicast,
        "blackhole" => RouteKind::Blackhole,
        "unreachable" => RouteKind::Unreachable,
        "prohibit" => RouteKind::Prohibit,
        "throw" => RouteKind::Throw,
        other => return Err(format!("`{other}` is not a type of route")),
    };
    if object.contains_key("tos") || object.contains_key("encap") || object.contains_key("nhid") {
        return Err(
            "routes by type of service, by encapsulation or by id of a next hop are not \
                    read; this one was left out"
                .to_owned(),
        );
    }
    let several = object.get("nexthops").and_then(Value::as_array);
    let hops = match several {
        Some(hops) => hops
            .iter()
            .filter_map(Value::as_object)
            .map(next_hop)
            .collect(),
        None if object.contains_key("dev") || object.contains_key("gateway") => {
            vec![next_hop(object)]
        }
        None => Vec::new(),
    };
    Ok(Route {
        table: text(object, "table").map_or(TableId::MAIN, table),
        destination,
        source: match text(object, "from") {
            Some("default" | "all") | None => None,
            Some(text) => Some(prefix(text)?),
        },
        kind,
        hops,
        metric: whole_number(object, "metric").unwrap_or(0),
        preferred_source: text(object, "prefsrc").and_then(|source| source.parse().ok()),
        at,
    })
}

fn next_hop(object: &Object) -> NextHop {
    let via = object.get("via").and_then(Value::as_object);
    let gateway = text(object, "gateway").or_else(|| text(via?, "host"));
    NextHop {
        gateway: gateway.and_then(|gateway| gateway.parse().ok()),
        interface: text(object, "dev").map(str::to_owned),
        weight: whole_number(object, "weight").unwrap_or(1),
        on_link: has_flag(object, "onlink"),
    }
}

fn prefix(text: &str) -> Result<Prefix, String> {
    text.parse()
        .map_err(|_| format!("`{text}` is not a network"))
}

/// A table by number or by the names that Linux knows. One known by a name of its own only has a
/// number made of the name, above those that people give.
fn table(name: &str) -> TableId {
    match name {
        "default" => TableId::DEFAULT,
        "main" => TableId::MAIN,
        "local" => TableId::LOCAL,
        _ => {
            let by_number = number(name).and_then(|found| u32::try_from(found).ok());
            let mix = |hash: u32, byte: u8| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
            let by_name = || name.bytes().fold(0x811c_9dc5, mix) | 1 << 31;
            TableId(by_number.unwrap_or_else(by_name))
        }
    }
}

/// The family of a listing of rules: that of the addresses in it. Of IPv4 only, Linux asks a table
/// `default`.
fn family_of_rules(objects: &[(SourceSpan, Object)]) -> Family {
    let address = |object: &Object| {
        let mut named = ["src", "dst"].iter().filter_map(|key| text(object, key));
        named.find_map(|text| text.parse::<IpAddr>().ok())
    };
    let asks_default = |object: &Object| text(object, "table") == Some("default");
    let named = objects.iter().find_map(|(_, object)| address(object));
    match named {
        Some(address) => family_of(address),
        None if objects.iter().any(|(_, object)| asks_default(object)) => Family::Ip4,
        None => Family::Ip6,
    }
}

fn rule(object: &Object, family: Family, at: SourceSpan) -> Result<RoutingRule, String> {
    let priority = whole_number(object, "priority").ok_or("a routing rule without a priority")?;
    let unread: Vec<&str> = [
        "tos",
        "dscp",
        "uid_start",
        "l3mdev",
        "tun_id",
        "suppress_ifgroup",
    ]
    .into_iter()
    .filter(|key| object.contains_key(*key))
    .collect();
    let mark = whole_number(object, "fwmark");
    let mask = whole_number(object, "fwmask").unwrap_or(u32::MAX);
    Ok(RoutingRule {
        family,
        priority,
        inverted: object.contains_key("not"),
        source: end_of_rule(object, "src", "srclen")?,
        destination: end_of_rule(object, "dst", "dstlen")?,
        in_interface: text(object, "iif").map(exactly),
        out_interface: text(object, "oif").map(exactly),
        mark: mark.map(|value| (value, mask)),
        protocol: match text(object, "ipproto") {
            Some(name) => Some(names::protocol(name).ok_or("a routing rule for no protocol")?),
            None => None,
        },
        source_ports: ports(object, "sport"),
        destination_ports: ports(object, "dport"),
        not_modelled: (!unread.is_empty()).then(|| unread.join(", ")),
        action: action(object)?,
        at,
    })
}

fn exactly(name: &str) -> NamePattern {
    NamePattern {
        text: name.to_owned(),
        prefix: false,
    }
}

fn end_of_rule(object: &Object, key: &str, length: &str) -> Result<Option<Prefix>, String> {
    let host = match text(object, key) {
        None | Some("all") => return Ok(None),
        Some(host) => host,
    };
    let bad = || format!("`{host}` is not an address");
    let address: IpAddr = host.parse().map_err(|_| bad())?;
    match whole_number(object, length) {
        None => Ok(Some(Prefix::host(address))),
        Some(length) => Prefix::new(address, length).map(Some).ok_or_else(bad),
    }
}

fn ports(object: &Object, key: &str) -> Option<(u16, u16)> {
    let one = whole_number(object, key).map(|port| (port, port));
    one.or_else(|| {
        let first = whole_number(object, &format!("{key}_start"))?;
        Some((first, whole_number(object, &format!("{key}_end"))?))
    })
}

fn action(object: &Object) -> Result<RuleAction, String> {
    if let Some(target) = whole_number(object, "goto") {
        return Ok(RuleAction::Goto(target));
    }
    if object.contains_key("nop") {
        return Ok(RuleAction::Nothing);
    }
    match (text(object, "action"), text(object, "table")) {
        (None | Some("to_tbl"), Some(name)) => Ok(RuleAction::Table {
            table: table(name),
            suppress_length: whole_number(object, "suppress_prefixlen"),
        }),
        (Some("blackhole"), _) => Ok(RuleAction::Blackhole),
        (Some("unreachable"), _) => Ok(RuleAction::Unreachable),
        (Some("prohibit"), _) => Ok(RuleAction::Prohibit),
        _ if object.contains_key("l3mdev") => Ok(RuleAction::Nothing),
        (other, _) => Err(format!(
            "`{}` is not what a routing rule can do",
            other.unwrap_or_default()
        )),
    }
}
