//! Which route a packet takes.

use super::{Route, RouteKind, RoutingRule, RuleAction, Stack, TableId};
use crate::filter::Family;
use crate::net::{Interface, InterfaceAddress, NextHop, Prefix};
use std::net::IpAddr;
use ww_base::Order;

/// A packet, as far as routing sees it.
#[derive(Clone, Copy, Debug)]
pub struct Question<'q> {
    /// Its source; absent while the device has not chosen one for a packet of its own.
    pub source: Option<IpAddr>,
    /// Its destination.
    pub destination: IpAddr,
    /// The interface it came in on; `lo` for packets of the device itself.
    pub in_interface: &'q str,
    /// The interface that its sender is bound to.
    pub out_interface: Option<&'q str>,
    /// The packet mark.
    pub mark: u32,
    /// The protocol.
    pub protocol: u8,
    /// Source port; 0 where the protocol has none.
    pub source_port: u16,
    /// Destination port; 0 where the protocol has none.
    pub destination_port: u16,
}

/// Where a packet goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision<'s> {
    /// This route's way, be it on to a next hop, to this device, or away.
    Route(&'s Route),
    /// Thrown away by a routing rule.
    Refused(&'s RoutingRule),
    /// Nowhere: no route fits.
    NoRoute,
    /// It depends on a test of this rule that is not modelled.
    Unknown(&'s RoutingRule),
}

/// The rules that Linux begins with: priority and table.
const FIRST_RULES: [(u32, TableId); 3] = [
    (0, TableId::LOCAL),
    (32_766, TableId::MAIN),
    (32_767, TableId::DEFAULT),
];

/// A step of choosing a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice<'s> {
    /// A rule that Linux begins with: look into this table.
    First(TableId),
    /// A rule that is declared.
    Rule(&'s RoutingRule),
}

impl Stack {
    /// Where a packet goes. Rules are asked from the lowest priority up; within a table the longest
    /// prefix decides, then the lowest metric, then the order of appearance.
    pub fn decide(&self, question: &Question<'_>) -> Decision<'_> {
        let choices = self.choices(family(question.destination));
        let mut place = 0;
        while let Some((_, choice)) = choices.get(place) {
            place += 1;
            let rule = match choice {
                Choice::First(table) => {
                    if let Some(route) = self.lookup(*table, None, question) {
                        return Decision::Route(route);
                    }
                    continue;
                }
                Choice::Rule(rule) if rule.fits(question) => rule,
                Choice::Rule(_) => continue,
            };
            if rule.not_modelled.is_some() {
                return Decision::Unknown(rule);
            }
            match rule.action {
                RuleAction::Table {
                    table,
                    suppress_length,
                } => {
                    if let Some(route) = self.lookup(table, suppress_length, question) {
                        return Decision::Route(route);
                    }
                }
                RuleAction::Goto(target) => {
                    let later = choices.partition_point(|(priority, _)| *priority < target);
                    place = place.max(later);
                }
                RuleAction::Nothing => {}
                RuleAction::Blackhole | RuleAction::Unreachable | RuleAction::Prohibit => {
                    return Decision::Refused(rule);
                }
            }
        }
        Decision::NoRoute
    }

    /// The rules of a family with their priorities, from the lowest up.
    pub fn choices(&self, family: Family) -> Vec<(u32, Choice<'_>)> {
        let first = FIRST_RULES.map(|(priority, table)| (priority, Choice::First(table)));
        let all_listed = self.all_rules_of.contains(&family);
        let listed = self.rules.iter().filter(|rule| rule.family == family);
        let mut choices: Vec<(u32, Choice<'_>)> = first
            .into_iter()
            .filter(|_| !all_listed)
            .chain(listed.map(|rule| (rule.priority, Choice::Rule(rule))))
            .collect();
        choices.put_in_order_by_key(|(priority, _)| *priority);
        choices
    }

    /// The route of one table; nothing where none fits, or the one that fits says to look on.
    fn lookup(
        &self,
        table: TableId,
        suppress_length: Option<u8>,
        question: &Question<'_>,
    ) -> Option<&Route> {
        let fitting = self
            .routes
            .iter()
            .filter(|route| route.table == table && route.fits(question));
        let best = fitting.min_by_key(|route| {
            let source_length = route.source.map_or(0, |source| source.length());
            let longest_first = u8::MAX - route.destination.length();
            (longest_first, u8::MAX - source_length, route.metric)
        })?;
        let suppressed = suppress_length.is_some_and(|most| best.destination.length() <= most);
        (best.kind != RouteKind::Throw && !suppressed).then_some(best)
    }

    /// Whether the address is the device's own.
    pub fn owns(&self, address: IpAddr) -> bool {
        let mut addresses = self.interfaces.iter().flat_map(|one| &one.addresses);
        let listed = addresses.any(|own| own.address == address);
        listed
            || self
                .routes
                .iter()
                .any(|route| route.kind == RouteKind::Local && route.destination.contains(address))
    }

    /// Adds the routes that Linux makes for the addresses of interfaces that are up: to the address
    /// itself, to its network, and to the address of all its hosts. Those listed stay as they are.
    pub fn imply_routes(&mut self) {
        let up = self.interfaces.iter().filter(|interface| interface.up);
        let implied: Vec<Route> = up
            .flat_map(|interface| {
                let addresses = interface.addresses.iter();
                addresses.flat_map(|own| implied_routes(interface, own))
            })
            .collect();
        for route in implied {
            let same = |listed: &Route| {
                listed.destination == route.destination && listed.kind == route.kind
            };
            if !self.routes.iter().any(same) {
                self.routes.push(route);
            }
        }
    }
}

fn implied_routes(interface: &Interface, own: &InterfaceAddress) -> Vec<Route> {
    let route = |table, destination, kind| Route {
        table,
        destination,
        source: None,
        kind,
        hops: vec![NextHop {
            gateway: None,
            interface: Some(interface.name.clone()),
            weight: 1,
            on_link: false,
        }],
        metric: 0,
        preferred_source: Some(own.address),
        at: own.at,
    };
    let mut routes = vec![route(
        TableId::LOCAL,
        Prefix::host(own.address),
        RouteKind::Local,
    )];
    if own.network != Prefix::host(own.address) {
        routes.push(route(TableId::MAIN, own.network, RouteKind::Unicast));
    }
    routes.extend(
        own.broadcast
            .map(|all| route(TableId::LOCAL, Prefix::host(all), RouteKind::Broadcast)),
    );
    routes
}

fn family(address: IpAddr) -> Family {
    match address {
        IpAddr::V4(_) => Family::Ip4,
        IpAddr::V6(_) => Family::Ip6,
    }
}

impl Route {
    fn fits(&self, question: &Question<'_>) -> bool {
        let from_there = self.source.is_none_or(|prefix| {
            question
                .source
                .is_some_and(|source| prefix.contains(source))
        });
        let by_there = question.out_interface.is_none_or(|name| {
            let mut hops = self.hops.iter();
            self.hops.is_empty() || hops.any(|hop| hop.interface.as_deref() == Some(name))
        });
        self.destination.contains(question.destination) && from_there && by_there
    }
}

impl RoutingRule {
    /// Whether the rule is for the packet, as far as its tests are modelled.
    fn fits(&self, question: &Question<'_>) -> bool {
        let within = |ports: Option<(u16, u16)>, port: u16| {
            ports.is_none_or(|(first, last)| (first..=last).contains(&port))
        };
        let all = self.source.is_none_or(|prefix| {
            question
                .source
                .is_some_and(|source| prefix.contains(source))
        }) && self
            .destination
            .is_none_or(|prefix| prefix.contains(question.destination))
            && self
                .in_interface
                .as_ref()
                .is_none_or(|name| name.fits(question.in_interface))
            && self
                .out_interface
                .as_ref()
                .is_none_or(|name| question.out_interface.is_some_and(|out| name.fits(out)))
            && self
                .mark
                .is_none_or(|(value, mask)| (question.mark ^ value) & mask == 0)
            && self
                .protocol
                .is_none_or(|number| number == question.protocol)
            && within(self.source_ports, question.source_port)
            && within(self.destination_ports, question.destination_port);
        all != self.inverted
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ww_base::{SourceId, SourceSpan};

    const AT: SourceSpan = SourceSpan {
        source: SourceId(0),
        start: 0,
        end: 0,
    };

    fn route(table: TableId, destination: &str, kind: RouteKind, out: &str, metric: u32) -> Route {
        Route {
            table,
            destination: destination.parse().unwrap(),
            source: None,
            kind,
            hops: vec![NextHop {
                gateway: None,
                interface: Some(out.to_owned()),
                weight: 1,
                on_link: false,
            }],
            metric,
            preferred_source: None,
            at: AT,
        }
    }

    fn rule(priority: u32, action: RuleAction) -> RoutingRule {
        RoutingRule {
            family: Family::Ip4,
            priority,
            inverted: false,
            source: None,
            destination: None,
            in_interface: None,
            out_interface: None,
            mark: None,
            protocol: None,
            source_ports: None,
            destination_ports: None,
            not_modelled: None,
            action,
            at: AT,
        }
    }

    fn table(table: TableId, suppress_length: Option<u8>) -> RuleAction {
        RuleAction::Table {
            table,
            suppress_length,
        }
    }

    fn question(destination: &str) -> Question<'static> {
        Question {
            source: Some("10.0.0.9".parse().unwrap()),
            destination: destination.parse().unwrap(),
            in_interface: "lo",
            out_interface: None,
            mark: 0,
            protocol: 6,
            source_port: 40_000,
            destination_port: 443,
        }
    }

    fn way(stack: &Stack, question: &Question<'_>) -> String {
        match stack.decide(question) {
            Decision::Route(route) => {
                let out = route.hops[0].interface.clone().unwrap_or_default();
                format!("{:?} {out}", route.kind)
            }
            Decision::Refused(rule) => format!("refused by {}", rule.priority),
            Decision::NoRoute => "nowhere".to_owned(),
            Decision::Unknown(rule) => format!("depends on {}", rule.priority),
        }
    }

    fn plain() -> Stack {
        use RouteKind::{Blackhole, Local, Throw, Unicast};
        Stack {
            routes: vec![
                route(TableId::MAIN, "0.0.0.0/0", Unicast, "slow", 100),
                route(TableId::MAIN, "0.0.0.0/0", Unicast, "wan", 10),
                route(TableId::MAIN, "10.0.0.0/8", Unicast, "lan", 0),
                route(TableId::MAIN, "10.6.6.0/24", Blackhole, "", 0),
                route(TableId::LOCAL, "10.0.0.1/32", Local, "lan", 0),
                route(TableId(100), "0.0.0.0/0", Unicast, "vpn", 0),
                route(TableId(100), "10.0.0.0/8", Throw, "", 0),
            ],
            ..Stack::default()
        }
    }

    #[test]
    fn the_longest_prefix_and_then_the_lowest_metric_decide() {
        let stack = plain();
        assert_eq!(way(&stack, &question("192.0.2.1")), "Unicast wan");
        assert_eq!(way(&stack, &question("10.1.1.1")), "Unicast lan");
        assert_eq!(way(&stack, &question("10.6.6.6")), "Blackhole ");
        assert_eq!(way(&stack, &question("10.0.0.1")), "Local lan");
        assert_eq!(way(&stack, &question("2001:db8::1")), "nowhere");
        let bound = Question {
            out_interface: Some("slow"),
            ..question("10.1.1.1")
        };
        assert_eq!(way(&stack, &bound), "Unicast slow");
    }

    #[test]
    fn rules_choose_the_table() {
        let mut stack = plain();
        stack.rules = vec![
            RoutingRule {
                mark: Some((0xca6c, u32::MAX)),
                inverted: true,
                ..rule(32_764, table(TableId(100), None))
            },
            rule(32_763, table(TableId::MAIN, Some(0))),
        ];
        assert_eq!(way(&stack, &question("192.0.2.1")), "Unicast vpn");
        assert_eq!(way(&stack, &question("10.1.1.1")), "Unicast lan");
        let carrier = Question {
            mark: 0xca6c,
            ..question("192.0.2.1")
        };
        assert_eq!(way(&stack, &carrier), "Unicast wan");
        stack.rules.remove(1);
        assert_eq!(way(&stack, &question("10.1.1.1")), "Unicast lan");
        stack.all_rules_of = vec![Family::Ip4];
        assert_eq!(way(&stack, &question("10.1.1.1")), "nowhere");
    }

    #[test]
    fn rules_refuse_skip_and_may_not_be_known() {
        let mut stack = plain();
        stack.rules = vec![
            RoutingRule {
                destination: Some("192.0.2.0/24".parse().unwrap()),
                ..rule(10, RuleAction::Goto(30))
            },
            RoutingRule {
                destination_ports: Some((443, 443)),
                ..rule(20, RuleAction::Prohibit)
            },
            RoutingRule {
                not_modelled: Some("uidrange 0-99".to_owned()),
                ..rule(30, table(TableId(100), None))
            },
        ];
        assert_eq!(way(&stack, &question("10.1.1.1")), "refused by 20");
        assert_eq!(way(&stack, &question("192.0.2.1")), "depends on 30");
    }

    #[test]
    fn addresses_imply_their_routes_once() {
        let mut stack = Stack {
            interfaces: vec![Interface {
                name: "lan".to_owned(),
                at: AT,
                up: true,
                mtu: None,
                addresses: vec![InterfaceAddress {
                    address: "10.0.0.1".parse().unwrap(),
                    network: "10.0.0.0/24".parse().unwrap(),
                    broadcast: "10.0.0.255".parse().ok(),
                    at: AT,
                }],
            }],
            ..Stack::default()
        };
        stack.imply_routes();
        stack.imply_routes();
        assert_eq!(stack.routes.len(), 3);
        assert!(stack.owns("10.0.0.1".parse().unwrap()));
        assert_eq!(way(&stack, &question("10.0.0.77")), "Unicast lan");
        assert_eq!(way(&stack, &question("10.0.0.255")), "Broadcast lan");
        assert_eq!(way(&stack, &question("10.0.1.1")), "nowhere");
    }
}
