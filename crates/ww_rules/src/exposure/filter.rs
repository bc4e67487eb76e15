//! What the rules of a packet filter let everybody reach.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ww_base::SourceSpan;
use ww_finding::Severity;
use ww_model::Packet;
use ww_model::filter::{Action, Condition, Field, Hook, Rule, Step};
use ww_reach::walk::{By, Walk};

use super::ports::Service;
use super::told::{self, Opening};
use crate::declared::shown;
use crate::filters::exact::{Fare, SOURCE};
use crate::filters::probe::{self, Prober, Version};
use crate::{Declared, Reports};

/// A rule names a port when it is about no more ports than this.
const NAMED_PORTS: u128 = 128;
/// Hosts behind a device that are tried at most.
const HOSTS: usize = 64;

/// What one rule opens.
#[derive(Default)]
struct Opened {
    services: Vec<&'static Service>,
    versions: Vec<Version>,
    /// The hosts behind the device that can be reached; none for the device itself.
    hosts: Vec<IpAddr>,
    /// Whether it is not open to all sources, for all that is known.
    narrowed: bool,
}

/// A rule that opens a service.
struct Opens {
    at: SourceSpan,
    /// To all sources, as far as can be worked out.
    to_all: bool,
}

/// A device with the consultation that it is part of.
struct Site<'d, 'a> {
    declared: &'d Declared<'a>,
    device: usize,
    prober: Prober<'a>,
}

/// Reports the rules of all devices that let everybody reach one of these services.
pub(crate) fn report(declared: &Declared<'_>, list: &'static [Service], reports: &mut Reports) {
    for (number, device) in declared.model.devices.iter().enumerate() {
        let site = Site {
            declared,
            device: number,
            prober: Prober::new(device, declared.limits),
        };
        let mut opened: BTreeMap<SourceSpan, Opened> = BTreeMap::new();
        for version in Version::BOTH {
            for service in list {
                at_device(&site, version, service, &mut opened);
                behind_device(&site, version, service, &mut opened);
            }
        }
        for (at, opened) in opened {
            reports.add(told::story(opening(at, opened)));
        }
    }
}

/// Which rule lets everybody reach a service of the device itself.
fn at_device(
    site: &Site<'_, '_>,
    version: Version,
    service: &'static Service,
    opened: &mut BTreeMap<SourceSpan, Opened>,
) {
    let prober = &site.prober;
    if !prober.filters(Hook::Input, version) {
        return;
    }
    let own = prober.destinations(version).chain([version.anywhere()]);
    let own: Vec<IpAddr> = own.take(HOSTS).collect();
    for to in own {
        if let Some(opens) = opened_by(site, Hook::Input, version, service, to) {
            let opened = opened.entry(opens.at).or_default();
            opened.add(service, version, &opens);
            return;
        }
    }
}

/// Which rules let everybody reach a service of a host that they name.
fn behind_device(
    site: &Site<'_, '_>,
    version: Version,
    service: &'static Service,
    opened: &mut BTreeMap<SourceSpan, Opened>,
) {
    let prober = &site.prober;
    if !prober.filters(Hook::Forward, version) {
        return;
    }
    for to in prober.destinations(version).take(HOSTS) {
        if let Some(opens) = opened_by(site, Hook::Forward, version, service, to) {
            let opened = opened.entry(opens.at).or_default();
            opened.add(service, version, &opens);
            if !opened.hosts.contains(&to) {
                opened.hosts.push(to);
            }
        }
    }
}

impl Opened {
    fn add(&mut self, service: &'static Service, version: Version, opens: &Opens) {
        self.narrowed |= !opens.to_all;
        if !self.services.contains(&service) {
            self.services.push(service);
        }
        if !self.versions.contains(&version) {
            self.versions.push(version);
        }
    }
}

/// The rule that accepts first packets to a service, from hosts all over the internet, over an
/// interface that leads there; it must name the port, so that a filter which is open anyway is left
/// to the rule about that.
fn opened_by(
    site: &Site<'_, '_>,
    hook: Hook,
    version: Version,
    service: &Service,
    to: IpAddr,
) -> Option<Opens> {
    let prober = &site.prober;
    prober.outside().iter().find_map(|outside| {
        let first_packet = |from: IpAddr| -> Packet {
            let ports = (prober.quiet_port(), service.port);
            let mut packet = probe::packet(from, to, service.protocol, ports);
            packet.iif.clone_from(outside);
            if hook == Hook::Input {
                packet.oif = String::new();
            }
            packet
        };
        let walk = |from| -> Walk { prober.decide(hook, &first_packet(from)) };
        let [near, far] = version.world().map(walk);
        let By::Rule { at, .. } = near.by else {
            return None;
        };
        let rule = prober.rule(near.by)?;
        let open = probe::passes(&near) && probe::passes(&far) && near.by == far.by;
        if !open || !names(rule, service.port) {
            return None;
        }
        let [from, _] = version.world();
        let asked = (hook, &first_packet(from));
        Some(Opens {
            at,
            to_all: site
                .declared
                .all_fare(site.device, asked, &SOURCE, Fare::Pass),
        })
    })
}

/// Whether a rule is about the port, and not about all of them.
fn names(rule: &Rule, port: u16) -> bool {
    rule.steps.iter().any(|step| match step {
        Step::If(condition) => is_about(condition, port),
        Step::Do(Action::VerdictMap(entries)) => entries
            .iter()
            .any(|(condition, _)| is_about(condition, port)),
        Step::Do(_) => false,
    })
}

fn is_about(condition: &Condition, port: u16) -> bool {
    match condition {
        Condition::All(parts) | Condition::Any(parts) => {
            parts.iter().any(|part| is_about(part, port))
        }
        Condition::In(Field::DstPort, ports) => {
            let size = ports
                .iter()
                .map(|(first, last)| last - first + 1)
                .sum::<u128>();
            size <= NAMED_PORTS && ports.contains(port.into())
        }
        Condition::Tuple { fields, boxes } => {
            let place = fields.iter().position(|field| *field == Field::DstPort);
            place.is_some_and(|place| {
                let mut ports = boxes.iter().filter_map(|one| one.get(place));
                ports.any(|ports| ports.contains(port.into()))
            })
        }
        _ => false,
    }
}

fn opening(at: SourceSpan, opened: Opened) -> Opening {
    let versions: Vec<&str> = opened.versions.iter().map(|one| one.word()).collect();
    let versions = versions.join(" and ");
    let hosts: Vec<String> = opened
        .hosts
        .iter()
        .take(3)
        .map(ToString::to_string)
        .collect();
    let whose = if hosts.is_empty() {
        "this device".to_owned()
    } else {
        hosts.join(", ")
    };
    let (how, says) = if opened.narrowed {
        (
            format!("open to {versions} addresses all over the internet, but perhaps not to all"),
            "accepts it from hosts that have no other rule",
        )
    } else {
        (
            format!("open to every {versions} address"),
            "accepts it whatever the source",
        )
    };
    Opening {
        services: opened.services,
        whose,
        how,
        support: shown(!opened.narrowed),
        places: vec![(at, says.to_owned())],
        severity: Severity::Medium,
        refuter: "another filter on the way that asks for the source, or no server that listens there (ss -lnt)".to_owned(),
        closing: None,
        advice: "Name the networks that need it (-s 10.0.0.0/8, ip saddr …), or put it behind a VPN".to_owned(),
    }
}
