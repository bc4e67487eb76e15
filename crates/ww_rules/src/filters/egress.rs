//! Packet filters that guard the way in and leave the way out open.

use super::opening;
use super::probe::{self, Prober, Version};
use crate::declared::at;
use crate::exposure::ports;
use crate::{Declared, Reports, Story};
use std::net::IpAddr;
use ww_base::SourceSpan;
use ww_finding::Severity;
use ww_model::filter::{Action, Condition, Field, Hook, Rule, Step, Verdict, Way};
use ww_model::packet::protocol;
use ww_model::{Device, Packet};
use ww_reach::walk::{By, Walk};

/// Hosts shown at most.
const SHOWN: usize = 5;
/// The port that filters let in so that servers which ask there for a user need not wait (RFC 1413).
const IDENT: u16 = 113;
/// A rule names a service when it is about no more ports than this.
const NAMED_PORTS: u128 = 128;

/// Reports devices, and hosts behind them, that serve the outside and may connect to anything.
pub(crate) fn report(declared: &Declared<'_>, reports: &mut Reports) {
    for device in &declared.model.devices {
        let prober = Prober::new(device, declared.limits);
        let mut stories = Version::BOTH
            .into_iter()
            .filter_map(|version| of_device(&prober, version));
        reports
            .stories
            .extend(stories.next().map(|story| (1, story)));
        let hosts = hosts(&prober, device);
        if !hosts.is_empty() {
            reports.add_all(hosts.len() as u64, of_hosts(&hosts));
        }
    }
}

/// A service that everybody can reach.
struct Service {
    /// The rule that lets connections in.
    at: SourceSpan,
    /// `443/tcp`.
    words: String,
}

/// A device that lets the outside reach a service of its own, stops all other connections to it, and
/// none that it makes itself.
fn of_device(prober: &Prober<'_>, version: Version) -> Option<Story> {
    let rules = opening::rules(prober, Hook::Input, version);
    let service = rules
        .filter_map(|rule| service(prober, rule, Hook::Input, version))
        .map(|(service, _)| service)
        .next()?;
    let is_closed = outside(prober).into_iter().all(|outside| {
        let stranger = first(prober, version, protocol::TCP, prober.quiet_port());
        let stranger = Packet {
            iif: outside.clone(),
            oif: String::new(),
            dst: version.anywhere(),
            ..stranger
        };
        probe::is_stopped(&prober.decide(Hook::Input, &stranger))
    });
    if !is_closed || may_stop(prober, Hook::Output, version) {
        return None;
    }
    let walks: Vec<Walk> = PROTOCOLS
        .into_iter()
        .flat_map(|proto| {
            let packet = first(prober, version, proto, prober.quiet_port());
            prober.sent_by_device(version, &packet)
        })
        .collect();
    if !walks.iter().all(probe::passes) {
        return None;
    }
    let mut story = Story::proved(
        format!(
            "This device lets the outside reach its {}, stops what no rule names, and stops nothing that it sends: whoever takes it over may connect to anything",
            service.words
        ),
        REFUTER,
    )
    .severity(Severity::Info);
    let decider = walks.iter().find_map(|walk| prober.decider(walk.by));
    story = match decider {
        Some((_, place)) => story
            .show(at(place, "accepts whatever the device sends"))
            .show(at(
                service.at,
                format!("lets everybody reach {}", service.words),
            )),
        None => story.show(at(
            service.at,
            format!(
                "lets everybody reach {}, and no chain sees what the device sends",
                service.words
            ),
        )),
    };
    Some(story.advise(
        "Accept established packets and what the device needs (DNS, NTP, package servers, those it reports to) in OUTPUT, log the rest for a while, then set its policy to drop",
    ))
}

const PROTOCOLS: [u8; 2] = [protocol::TCP, protocol::UDP];
const REFUTER: &str =
    "another filter on the way out that stops a connection to a port which no rule names";

/// A host behind a device that the outside reaches, and that may connect to anything.
struct Host {
    address: IpAddr,
    service: Service,
    /// Who lets its connections out.
    lets_out: Option<SourceSpan>,
}

/// The hosts that rules let the outside reach by name, and whose own connections to the outside all
/// pass, though the device stops what it does not know.
fn hosts(prober: &Prober<'_>, device: &Device) -> Vec<Host> {
    let mut hosts: Vec<Host> = Vec::new();
    for version in Version::BOTH {
        for rule in opening::rules(prober, Hook::Forward, version) {
            let found = names_host(rule)
                .then(|| service(prober, rule, Hook::Forward, version))
                .flatten();
            let Some((service, packet)) = found else {
                continue;
            };
            let address = packet.dst;
            if hosts.iter().any(|host| host.address == address) {
                continue;
            }
            let inside = inside(prober, device, rule, address);
            if is_open_in(prober, version, &inside) {
                continue;
            }
            if let Some(by) = lets_all_out(prober, version, address, &inside) {
                hosts.push(Host {
                    address,
                    service,
                    lets_out: prober.decider(by).map(|(_, place)| place),
                });
            }
        }
    }
    hosts
}

/// The interfaces that a host may be behind: the one whose network it is in, the one by which the
/// rule lets packets to it leave, or any that does not lead outside.
fn inside(prober: &Prober<'_>, device: &Device, rule: &Rule, host: IpAddr) -> Vec<String> {
    let mut attached = device.stack.interfaces.iter().filter(|interface| {
        let mut addresses = interface.addresses.iter();
        addresses.any(|own| own.network.contains(host))
    });
    let named = probe::conditions(rule)
        .into_iter()
        .find_map(|condition| match condition {
            Condition::Interface(Way::Out, name) => Some(probe::example(name)),
            _ => None,
        });
    let known = attached.next().map(|interface| interface.name.clone());
    if let Some(name) = known.or(named) {
        return vec![name];
    }
    let all = prober.interfaces().iter();
    all.filter(|name| !outside(prober).contains(name) || *name == probe::UNNAMED)
        .cloned()
        .collect()
}

/// The interfaces that lead to the internet: those that sources are translated on, or the one that
/// nobody mentions where there are none.
fn outside<'p>(prober: &'p Prober<'_>) -> Vec<&'p String> {
    let all = prober.outside();
    let translated: Vec<&String> = all.iter().filter(|name| *name != probe::UNNAMED).collect();
    if translated.is_empty() {
        all.iter().collect()
    } else {
        translated
    }
}

/// Whether connections from outside that no rule knows pass to some inside interface.
fn is_open_in(prober: &Prober<'_>, version: Version, inside: &[String]) -> bool {
    let mut ways = outside(prober)
        .into_iter()
        .flat_map(|outside| inside.iter().map(move |name| (outside, name)));
    ways.any(|(outside, name)| {
        let packet = Packet {
            iif: outside.clone(),
            oif: name.clone(),
            ..first(prober, version, protocol::TCP, prober.quiet_port())
        };
        !probe::is_stopped(&prober.decide(Hook::Forward, &packet))
    })
}

/// Who lets all connections of a host to the internet pass, if they do.
fn lets_all_out(
    prober: &Prober<'_>,
    version: Version,
    host: IpAddr,
    inside: &[String],
) -> Option<By> {
    let mut by = None;
    for name in inside {
        for outside in outside(prober)
            .into_iter()
            .filter(|outside| *outside != name)
        {
            for proto in PROTOCOLS {
                let packet = Packet {
                    iif: name.clone(),
                    oif: outside.clone(),
                    src: host,
                    ..first(prober, version, proto, prober.quiet_port())
                };
                let walk = prober.decide(Hook::Forward, &packet);
                if !probe::passes(&walk) {
                    return None;
                }
                by = by.or(Some(walk.by));
            }
        }
    }
    by
}

fn of_hosts(hosts: &[Host]) -> Story {
    let headline = match hosts {
        [host] => format!(
            "{}, whose {} the outside reaches, may connect to anything through this device: so may whoever takes it over",
            host.address, host.service.words
        ),
        all => format!(
            "{} hosts whose services the outside reaches may connect to anything through this device: so may whoever takes one over",
            all.len()
        ),
    };
    let mut story = Story::proved(headline, REFUTER).severity(Severity::Info);
    for host in hosts.iter().take(SHOWN) {
        let says = format!(
            "lets everybody reach {} of {}",
            host.service.words, host.address
        );
        story = story.show(at(host.service.at, says));
        if let Some(place) = host.lets_out {
            story = story.show(at(place, "lets out whatever it sends"));
        }
    }
    story.advise("Let such hosts connect to what they need only (DNS, NTP, package servers), before the rule that lets the inside out")
}

/// The service that a rule lets hosts all over the internet reach, by a port that it names, with a
/// packet to it; nothing where that is one to administer the host.
fn service(
    prober: &Prober<'_>,
    rule: &Rule,
    hook: Hook,
    version: Version,
) -> Option<(Service, Packet)> {
    let asked = opening::first_packet(prober, rule, hook, version)?;
    let is_administration = ports::find(ports::ADMINISTRATION, asked.proto, asked.dport).is_some();
    let is_no_service = is_administration || asked.dport == IDENT;
    if asked.proto != protocol::TCP || is_no_service || !names_ports(rule) {
        return None;
    }
    let is_open = outside(prober).into_iter().any(|outside| {
        version.world().into_iter().all(|from| {
            let packet = Packet {
                iif: outside.clone(),
                src: from,
                ..asked.clone()
            };
            let walk = prober.decide(hook, &packet);
            probe::passes(&walk) && matches!(walk.by, By::Rule { at, .. } if at == rule.at)
        })
    });
    is_open.then(|| {
        let service = Service {
            at: rule.at,
            words: format!("{}/tcp", asked.dport),
        };
        (service, asked)
    })
}

fn names_ports(rule: &Rule) -> bool {
    let mut conditions = probe::conditions(rule).into_iter();
    conditions.any(|condition| match condition {
        Condition::In(Field::DstPort, wanted) => {
            let sizes = wanted.iter().map(|(first, last)| last - first + 1);
            sizes.sum::<u128>() <= NAMED_PORTS
        }
        _ => false,
    })
}

fn names_host(rule: &Rule) -> bool {
    let mut conditions = probe::conditions(rule).into_iter();
    conditions.any(|condition| match condition {
        Condition::In(Field::Dst4 | Field::Dst6, hosts) => {
            let mut hosts = hosts.iter();
            matches!((hosts.next(), hosts.next()), (Some((first, last)), None) if first == last)
        }
        _ => false,
    })
}

/// Whether any rule at the hook, or its policy, may stop a packet.
fn may_stop(prober: &Prober<'_>, hook: Hook, version: Version) -> bool {
    let mut chains = prober.base_chains(hook, version);
    chains.any(|chain| {
        let closed = chain
            .base
            .as_ref()
            .is_some_and(|base| base.policy.value != Verdict::Accept);
        closed || prober.rules_from(chain).into_iter().any(stops)
    })
}

fn stops(rule: &Rule) -> bool {
    let stops = |verdict| matches!(verdict, Verdict::Drop | Verdict::Reject(_));
    probe::verdicts(rule).any(stops)
        || rule
            .steps
            .iter()
            .any(|step| matches!(step, Step::Do(Action::Unknown(_))))
}

/// The first packet of a connection between hosts that no rule mentions.
fn first(prober: &Prober<'_>, version: Version, proto: u8, port: u16) -> Packet {
    let [from, to] = version.world();
    probe::packet(from, to, proto, (prober.quiet_port(), port))
}
