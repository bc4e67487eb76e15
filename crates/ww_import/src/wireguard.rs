//! WireGuard: files for wg-quick(8), and the output of `wg showconf`.
//!
//! Private and preshared keys are not kept, nor told of in problems.

use crate::text::{Line, Problems, lines, number_in};
use std::net::IpAddr;
use ww_base::{Limits, Partial, ProblemKind, SourceId, SourceSpan};
use ww_model::filter::Family;
use ww_model::net::{
    Interface, InterfaceAddress, NextHop, Peer, Prefix, Route, RouteKind, RoutingRule, RuleAction,
    Stack, TableId, Tunnel,
};

/// Reads one file, which is that of the interface `name`.
///
/// A file for wg-quick, told by its addresses, also says which routes there are: one to each
/// allowed network, and for all addresses a table of its own with the rules that keep the tunnel's
/// carrier out of it.
pub fn read(source: SourceId, bytes: &[u8], name: &str, limits: &Limits) -> Partial<Stack> {
    let mut problems = Problems::new(source, limits);
    let bytes = problems.bounded(bytes, limits);
    let mut reader = Reader::new(source, name, problems);
    for line in lines(source, bytes) {
        reader.line(&line);
    }
    reader.finish()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Section {
    None,
    Interface,
    Peer,
    Unknown,
}

/// What becomes of routes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Table {
    Automatic,
    Off,
    Number(TableId),
}

struct Reader {
    section: Section,
    tunnel: Tunnel,
    interface: Interface,
    table: Table,
    problems: Problems,
}

impl Reader {
    fn new(source: SourceId, name: &str, problems: Problems) -> Reader {
        let at = SourceSpan {
            source,
            start: 0,
            end: 0,
        };
        Reader {
            section: Section::None,
            tunnel: Tunnel {
                interface: name.to_owned(),
                at,
                port: None,
                mark: None,
                peers: Vec::new(),
            },
            interface: Interface {
                name: name.to_owned(),
                at,
                up: true,
                mtu: None,
                addresses: Vec::new(),
            },
            table: Table::Automatic,
            problems,
        }
    }

    fn line(&mut self, line: &Line<'_>) {
        let text = line.text.split('#').next().unwrap_or_default().trim();
        if text.is_empty() {
            return;
        }
        if text.starts_with('[') {
            self.begin(text, line.at);
            return;
        }
        let Some((key, value)) = text.split_once('=') else {
            let message = "this line is neither a section nor `Key = value`";
            self.problems.add(line.at, ProblemKind::Malformed, message);
            return;
        };
        let (key, value) = (key.trim(), value.trim());
        let known = match self.section {
            Section::Interface => self.of_interface(key, value, line.at),
            Section::Peer => self.of_peer(key, value, line.at),
            Section::Unknown => Ok(()),
            Section::None => Err("stands before the first section"),
        };
        if let Err(trouble) = known {
            // A stray secret must not be told as if it were the name of a key.
            let is_name = key.len() <= 24 && key.chars().all(|c| c.is_ascii_alphabetic());
            let message = if is_name {
                format!("`{key}` {trouble}")
            } else {
                "this line is not `Key = value`".to_owned()
            };
            self.problems.add(line.at, ProblemKind::Malformed, message);
        }
    }

    fn begin(&mut self, text: &str, at: SourceSpan) {
        self.section = match text.to_ascii_lowercase().as_str() {
            "[interface]" => {
                self.tunnel.at = at;
                self.interface.at = at;
                Section::Interface
            }
            "[peer]" => {
                self.tunnel.peers.push(Peer {
                    public_key: String::new(),
                    at,
                    endpoint: None,
                    allowed: Vec::new(),
                    keepalive_s: None,
                });
                Section::Peer
            }
            _ => {
                let message = format!("`{text}` is not a section of a WireGuard file");
                self.problems.add(at, ProblemKind::Malformed, message);
                Section::Unknown
            }
        };
    }

    fn of_interface(&mut self, key: &str, value: &str, at: SourceSpan) -> Result<(), &'static str> {
        match key.to_ascii_lowercase().as_str() {
            "privatekey" | "dns" | "saveconfig" => Ok(()),
            "listenport" => put(&mut self.tunnel.port, number_in(value), "is not a port"),
            "fwmark" if value == "off" => Ok(()),
            "fwmark" => put(&mut self.tunnel.mark, number_in(value), "is not a mark"),
            "mtu" => put(&mut self.interface.mtu, number_in(value), "is not a length"),
            "table" => {
                self.table = match value {
                    "off" => Table::Off,
                    "auto" => Table::Automatic,
                    "main" => Table::Number(TableId::MAIN),
                    other => Table::Number(TableId(number_in(other).ok_or("is not a table")?)),
                };
                Ok(())
            }
            "address" => value.split(',').try_for_each(|text| {
                let own = interface_address(text.trim(), at).ok_or("is not a list of addresses")?;
                self.interface.addresses.push(own);
                Ok(())
            }),
            "preup" | "postup" | "predown" | "postdown" => {
                let message = "commands of wg-quick are not followed; give the rules and routes \
                               that they make as files of their own";
                self.problems.add(at, ProblemKind::Unsupported, message);
                Ok(())
            }
            _ => Err("is not a key of [Interface]"),
        }
    }

    fn of_peer(&mut self, key: &str, value: &str, at: SourceSpan) -> Result<(), &'static str> {
        let Some(peer) = self.tunnel.peers.last_mut() else {
            return Ok(());
        };
        match key.to_ascii_lowercase().as_str() {
            "presharedkey" => Ok(()),
            "publickey" if is_key(value) => {
                value.clone_into(&mut peer.public_key);
                Ok(())
            }
            "publickey" => Err("is not a key of 32 bytes in base64"),
            "endpoint" => {
                peer.endpoint = Some(value.to_owned());
                Ok(())
            }
            "persistentkeepalive" if value == "off" => Ok(()),
            "persistentkeepalive" => put(
                &mut peer.keepalive_s,
                number_in(value),
                "is not a number of seconds",
            ),
            "allowedips" => {
                let texts = value.split(',').map(str::trim);
                for text in texts.filter(|text| !text.is_empty()) {
                    let prefix = text.parse().map_err(|_| "is not a list of networks")?;
                    peer.allowed.push((prefix, at));
                }
                Ok(())
            }
            _ => Err("is not a key of [Peer]"),
        }
    }

    fn finish(mut self) -> Partial<Stack> {
        let nameless = |peer: &&Peer| peer.public_key.is_empty();
        for peer in self.tunnel.peers.iter().filter(nameless) {
            let message = "a peer without a public key, which WireGuard refuses";
            self.problems.add(peer.at, ProblemKind::Malformed, message);
        }
        let mut stack = Stack::default();
        if !self.interface.addresses.is_empty() {
            routes(&mut stack, &self.tunnel, self.table);
            stack.interfaces.push(self.interface);
        }
        stack.tunnels.push(self.tunnel);
        Partial {
            value: stack,
            problems: self.problems.finish(),
        }
    }
}

fn put<T>(
    place: &mut Option<T>,
    value: Option<T>,
    trouble: &'static str,
) -> Result<(), &'static str> {
    *place = Some(value.ok_or(trouble)?);
    Ok(())
}

/// 32 bytes in base64.
fn is_key(text: &str) -> bool {
    let letter = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/');
    let body = text.strip_suffix('=');
    body.is_some_and(|body| body.len() == 43 && body.chars().all(letter))
}

fn interface_address(text: &str, at: SourceSpan) -> Option<InterfaceAddress> {
    let host = text.split('/').next()?;
    Some(InterfaceAddress {
        address: host.parse().ok()?,
        network: text.parse().ok()?,
        broadcast: None,
        at,
    })
}

/// The mark and table that wg-quick takes first.
const FIRST_MARK: u32 = 51_820;

/// The routes that wg-quick adds, and for all addresses the rules.
fn routes(stack: &mut Stack, tunnel: &Tunnel, table: Table) {
    let own_table = tunnel.mark.unwrap_or(FIRST_MARK);
    for (prefix, at) in tunnel.peers.iter().flat_map(|peer| &peer.allowed) {
        let id = match table {
            Table::Off => return,
            Table::Number(id) => id,
            Table::Automatic if prefix.length() > 0 => TableId::MAIN,
            Table::Automatic => {
                stack.rules.extend(rules(*prefix, own_table, *at));
                TableId(own_table)
            }
        };
        stack.routes.push(Route {
            table: id,
            destination: *prefix,
            source: None,
            kind: RouteKind::Unicast,
            hops: vec![NextHop {
                gateway: None,
                interface: Some(tunnel.interface.clone()),
                weight: 1,
                on_link: false,
            }],
            metric: if prefix.is_ip4() { 0 } else { 1024 },
            preferred_source: None,
            at: *at,
        });
    }
}

/// Everything but the tunnel's own carrier goes to the tunnel's table, unless the main table has a
/// better route than that to all addresses. Linux puts each new rule before the ones there.
fn rules(prefix: Prefix, table: u32, at: SourceSpan) -> [RoutingRule; 2] {
    let rule = |priority, mark, table, suppress_length| RoutingRule {
        family: match prefix.address() {
            IpAddr::V4(_) => Family::Ip4,
            IpAddr::V6(_) => Family::Ip6,
        },
        priority,
        inverted: false,
        source: None,
        destination: None,
        in_interface: None,
        out_interface: None,
        mark,
        protocol: None,
        source_ports: None,
        destination_ports: None,
        not_modelled: None,
        action: RuleAction::Table {
            table,
            suppress_length,
        },
        at,
    };
    [
        RoutingRule {
            inverted: true,
            ..rule(32_765, Some((table, u32::MAX)), TableId(table), None)
        },
        rule(32_764, None, TableId::MAIN, Some(0)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use ww_model::net::{Decision, Question};

    const KEY: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

    fn stack(text: &str) -> Partial<Stack> {
        read(SourceId(0), text.as_bytes(), "wg0", &Limits::default())
    }

    fn way(stack: &Stack, destination: &str, mark: u32) -> Option<String> {
        let question = Question {
            source: None,
            destination: destination.parse().unwrap(),
            in_interface: "lo",
            out_interface: None,
            mark,
            protocol: 17,
            source_port: 1,
            destination_port: 2,
        };
        match stack.decide(&question) {
            Decision::Route(route) => route.hops[0].interface.clone(),
            _ => None,
        }
    }

    #[test]
    fn a_road_warrior_sends_all_but_the_carrier_into_the_tunnel() {
        let text = format!(
            "[Interface]\nPrivateKey = {KEY}\nAddress = 10.8.0.2/24, fd00::2/64\nDNS = 10.8.0.1\n\
             \n[Peer] # home\nPublicKey = {KEY}\nPresharedKey = {KEY}\nEndpoint = vpn.example.com:51820\n\
             AllowedIPs = 0.0.0.0/0, ::/0\nPersistentKeepalive = 25\n"
        );
        let read = stack(&text);
        assert_eq!(read.problems, []);
        let mut stack = read.value;
        assert_eq!(way(&stack, "192.0.2.1", 0).as_deref(), Some("wg0"));
        assert_eq!(way(&stack, "2001:db8::1", 0).as_deref(), Some("wg0"));
        assert_eq!(way(&stack, "192.0.2.1", FIRST_MARK), None);
        stack.imply_routes();
        assert_eq!(way(&stack, "10.8.0.9", 0).as_deref(), Some("wg0"));
        let peer = &stack.tunnels[0].peers[0];
        assert_eq!(peer.endpoint.as_deref(), Some("vpn.example.com:51820"));
        assert_eq!((peer.keepalive_s, peer.allowed.len()), (Some(25), 2));
    }

    #[test]
    fn networks_of_peers_have_routes_unless_the_table_is_off() {
        let text = |table: &str| {
            format!(
                "[Interface]\nAddress=10.8.0.1/24\n{table}\n[Peer]\nPublicKey={KEY}\n\
                 AllowedIPs=10.8.0.2/32\nAllowedIPs=192.168.1.0/24\n"
            )
        };
        let routes = |table: &str| {
            let routes = stack(&text(table)).value.routes;
            let said = routes
                .iter()
                .map(|one| (one.table.0, one.destination.to_string()));
            said.collect::<Vec<_>>()
        };
        let nets = |table| {
            vec![
                (table, "10.8.0.2/32".to_owned()),
                (table, "192.168.1.0/24".to_owned()),
            ]
        };
        assert_eq!(routes(""), nets(254));
        assert_eq!(routes("Table = 100"), nets(100));
        assert_eq!(routes("Table = off"), []);
    }

    #[test]
    fn the_output_of_wg_makes_no_routes() {
        let text = format!(
            "[Interface]\nListenPort = 51820\nFwMark = 0xca6c\nPrivateKey = {KEY}\n\n\
             [Peer]\nPublicKey = {KEY}\nAllowedIPs = 10.8.0.2/32, fd00::/64\n"
        );
        let read = stack(&text);
        assert_eq!(read.problems, []);
        assert_eq!(read.value.routes, []);
        let tunnel = &read.value.tunnels[0];
        assert_eq!((tunnel.port, tunnel.mark), (Some(51_820), Some(0xca6c)));
        assert!(tunnel.peer_of("fd00::7".parse().unwrap()).is_some());
    }

    #[test]
    fn secrets_are_neither_kept_nor_told() {
        let secret = "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2U=";
        let text = format!(
            "PrivateKey = {secret}\n[Interface]\nPrivateKey = {secret}\nPrivatKey = {secret}\n\
             {secret}\n[Peer]\nPublicKey = short\nPresharedKey = {secret}\n[Other]\nx = {secret}\n"
        );
        let read = stack(&text);
        assert_eq!(read.problems.len(), 6);
        assert!(!format!("{read:?}").contains("c2Vjcm"));
    }
}
