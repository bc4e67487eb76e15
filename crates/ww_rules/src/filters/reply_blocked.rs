//! `reply-blocked`: a service's first packets pass, and its replies are stopped.

use super::exact::Fare;
use super::probe::{self, Prober, Version};
use crate::declared::at;
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use ww_base::SourceSpan;
use ww_model::Packet;
use ww_model::filter::{Condition, Field, Hook, Rule, Verdict, Way};
use ww_model::packet::{CtState, protocol};
use ww_reach::walk::By;

rule! {
    name: "reply-blocked",
    family: "filters",
    layer: Policy,
    class: Connectivity,
    severity: High,
    owner: Configuration,
    summary: "A packet filter lets connections to a service in and throws the service's replies away",
    needs: [FilterRules],
    explains: [],
    page: "reply_blocked.md",
    check: check,
}

/// Services named in a headline.
const NAMED: usize = 3;
/// The side that asked is free in what a reply is tried with.
const CLIENT: [Field; 3] = [Field::Dst4, Field::Dst6, Field::DstPort];

/// Services whose replies one decider stops: what they are called, and the rule that lets them in.
type Services = Vec<(String, SourceSpan)>;

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    for (number, device) in declared.model.devices.iter().enumerate() {
        let prober = Prober::new(device, declared.limits);
        for version in Version::BOTH {
            for hook in [Hook::Input, Hook::Forward] {
                let mut stopped: BTreeMap<By, Services> = BTreeMap::new();
                for rule in opening_rules(&prober, hook, version) {
                    let Some(question) = first_packet(&prober, rule, hook, version) else {
                        continue;
                    };
                    if let Some(by) = stopper(declared, number, &prober, rule, hook, &question) {
                        let services = stopped.entry(by).or_default();
                        services.push((words(&question), rule.at));
                    }
                }
                for (by, services) in stopped {
                    let told = story(&prober, hook, version, by, &services);
                    reports.stories.extend(told.map(|story| (1, story)));
                }
            }
        }
    }
}

/// The rules that accept connections to ports they name.
fn opening_rules<'a>(
    prober: &Prober<'a>,
    hook: Hook,
    version: Version,
) -> impl Iterator<Item = &'a Rule> {
    let chains = prober.base_chains(hook, version);
    let rules: Vec<&Rule> = chains.flat_map(|chain| prober.rules_from(chain)).collect();
    rules.into_iter().filter(|rule| {
        let is_about_ports = |one: &&Condition| matches!(one, Condition::In(Field::DstPort, _));
        probe::verdicts(rule).any(|verdict| verdict == Verdict::Accept)
            && probe::conditions(rule).iter().any(is_about_ports)
    })
}

/// A first packet that the conditions of a rule ask for, as far as they say.
fn first_packet(prober: &Prober<'_>, rule: &Rule, hook: Hook, version: Version) -> Option<Packet> {
    let [from, to] = version.world();
    let mut packet = probe::packet(from, to, protocol::TCP, (prober.quiet_port(), 0));
    for condition in probe::conditions(rule) {
        match condition {
            Condition::Interface(way, name) => {
                let name = probe::example(name);
                match way {
                    Way::In => packet.iif = name,
                    Way::Out => packet.oif = name,
                }
            }
            Condition::In(field, wanted) => {
                let (first, _) = wanted.iter().next()?;
                match field {
                    Field::Src4 | Field::Src6 => packet.src = host(first, version),
                    Field::Dst4 | Field::Dst6 => packet.dst = host(first, version),
                    Field::Protocol if !wanted.contains(protocol::TCP.into()) => {
                        packet.proto = u8::try_from(first).ok()?;
                        packet.tcp_flags = 0;
                    }
                    Field::DstPort => packet.dport = u16::try_from(first).ok()?,
                    Field::SrcPort if !wanted.contains(packet.sport.into()) => {
                        packet.sport = u16::try_from(first).ok()?;
                    }
                    _ => {}
                }
            }
            _ => {}
        }
    }
    if hook == Hook::Input {
        packet.oif = String::new();
    }
    let is_connection = [protocol::TCP, protocol::UDP].contains(&packet.proto);
    let is_own = packet.iif == "lo" || packet.oif == "lo" || packet.src.is_loopback();
    (is_connection && !is_own).then_some(packet)
}

fn host(number: u128, version: Version) -> IpAddr {
    match version {
        Version::V4 => IpAddr::V4(Ipv4Addr::from_bits(number as u32)),
        Version::V6 => IpAddr::V6(Ipv6Addr::from_bits(number)),
    }
}

/// Who stops the replies of the service, where the rule lets its first packets pass and no reply of
/// it passes, whoever asked.
fn stopper(
    declared: &Declared<'_>,
    device: usize,
    prober: &Prober<'_>,
    rule: &Rule,
    hook: Hook,
    question: &Packet,
) -> Option<By> {
    let asked = prober.decide(hook, question);
    let by_rule = matches!(asked.by, By::Rule { at, .. } if at == rule.at);
    let stays = asked.after.dst == (question.dst, question.dst)
        && asked.after.dport == (question.dport, question.dport);
    if !(probe::passes(&asked) && by_rule && stays) {
        return None;
    }
    let back = if hook == Hook::Input {
        Hook::Output
    } else {
        hook
    };
    let reply = reply_to(question);
    let answered = prober.decide(back, &reply);
    let never = declared.all_fare(device, (back, &reply), &CLIENT, Fare::Stop);
    (probe::is_stopped(&answered) && never).then_some(answered.by)
}

fn reply_to(question: &Packet) -> Packet {
    Packet {
        iif: question.oif.clone(),
        oif: question.iif.clone(),
        src: question.dst,
        dst: question.src,
        sport: question.dport,
        dport: question.sport,
        tcp_flags: if question.proto == protocol::TCP {
            probe::SYN_ACK
        } else {
            0
        },
        ct_state: CtState::Established,
        ..question.clone()
    }
}

/// `22/tcp`.
fn words(question: &Packet) -> String {
    let protocol = if question.proto == protocol::UDP {
        "udp"
    } else {
        "tcp"
    };
    format!("{}/{protocol}", question.dport)
}

fn story(
    prober: &Prober<'_>,
    hook: Hook,
    version: Version,
    by: By,
    services: &[(String, SourceSpan)],
) -> Option<Story> {
    let (words, place) = prober.decider(by)?;
    let mut ports: Vec<&str> = Vec::new();
    for (port, _) in services {
        if !ports.contains(&port.as_str()) {
            ports.push(port);
        }
    }
    let more = ports.len() > NAMED;
    ports.truncate(NAMED);
    let ports = ports.join(", ") + if more { ", …" } else { "" };
    let what = version.word();
    let (whose, chain) = match hook {
        Hook::Forward => ("through this device", "FORWARD"),
        _ => ("to this device", "OUTPUT"),
    };
    let mut story = Story::proved(
        format!("{what} connections {whose} on {ports} are let in, but {words} stops every reply: they time out"),
        "a client that connects to such a port while these rules are in force",
    )
    .show(at(place, "stops the replies"));
    for (port, rule) in services.iter().take(NAMED) {
        story = story.show(at(*rule, format!("lets connections to {port} in")));
    }
    Some(story.advise(format!(
        "Accept established and related packets in chain {chain} before all else (nft: ct state established,related accept)"
    )))
}
