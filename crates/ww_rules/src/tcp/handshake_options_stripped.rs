//! `handshake-options-stripped`: something between takes options out of SYNs or SYN-ACKs.

use super::hosts::{self, HopLimits, count};
use crate::rule::rule;
use crate::shared::{Tally, host};
use crate::{Sighting, Sightings, Story, Subject, View};
use rustc_hash::FxHashMap;
use ww_evidence::{Endpoint, SideId, SynOptions, TcpFlow};
use ww_finding::{Severity, Support};

rule! {
    name: "handshake-options-stripped",
    family: "tcp",
    layer: Tcp,
    class: Performance,
    severity: Medium,
    owner: Middlebox,
    summary: "TCP options that a host offers elsewhere are missing on some connections: something strips them",
    needs: [Tcp],
    explains: ["receive-window-limited"],
    page: "handshake_options_stripped.md",
    detect: detect,
    tell: tell,
}

/// The options that matter for speed, in the order they are named.
const OPTIONS: [&str; 3] = ["window scaling", "SACK", "timestamps"];

fn present(options: &SynOptions) -> [bool; 3] {
    [
        options.window_scale.is_some(),
        options.sack_permitted,
        options.timestamps,
    ]
}

/// What hosts do about options that they do not always treat alike.
#[derive(Debug)]
pub(crate) struct Offers {
    /// Per option: the services on which the host offers it, in order, where it leaves it out on others.
    by_host: FxHashMap<(u128, SideId), [Option<Vec<Endpoint>>; 3]>,
    /// The connections with a side that leaves such an option out, in order.
    lacking: Vec<Subject>,
}

fn detect(view: &View<'_>, sightings: &mut Sightings) {
    let offers = offers(view);
    for &subject in &offers.lacking {
        let Some(flow) = view.flow(subject) else {
            continue;
        };
        // Some systems leave options out themselves when they repeat a SYN; scanners always do.
        if flow.handshake.round_trip().is_none() {
            continue;
        }
        for side in [SideId::Server, SideId::Client] {
            let missing = missing(flow, side, offers);
            let Some(mark) = handshake_frame(flow, side).filter(|_| !missing.is_empty()) else {
                continue;
            };
            // Clients behind one address each have a system of their own.
            if side == SideId::Client && HopLimits::of(view).are_several(flow.client.addr) {
                continue;
            }
            let what = match side {
                SideId::Client => "SYN",
                SideId::Server => "SYN-ACK",
            };
            sightings.add(
                Sighting::new(subject, format!("{} {}", flow.server, side.word())).show(view.at(
                    flow,
                    mark,
                    format!("this {what} has no {}", missing.join(", no ")),
                )),
            );
            break;
        }
    }
}

/// The frame that carries a side's options.
fn handshake_frame(flow: &TcpFlow, side: SideId) -> Option<ww_evidence::Mark> {
    match side {
        SideId::Client => flow.handshake.syn,
        SideId::Server => flow.handshake.syn_ack,
    }
    .map(|one| one.first)
}

fn offers<'v>(view: &'v View<'_>) -> &'v Offers {
    view.shared.offers.get_or_init(|| learn_offers(view))
}

fn learn_offers(view: &View<'_>) -> Offers {
    let mut habits: Tally<(u128, SideId), [Habit; 3]> = Tally::new();
    // The connections are looked at once: they are large, and what matters here is little.
    let mut seen: Vec<(Subject, u32, [bool; 3])> = Vec::with_capacity(2 * view.capture.tcp.len());
    for (subject, flow) in view.flows() {
        for side in [SideId::Client, SideId::Server] {
            let Some(options) = &flow.side(side).options else {
                continue;
            };
            let present = present(options);
            let (place, habits) = habits.placed((host(flow.endpoint(side).addr), side));
            for (habit, present) in habits.iter_mut().zip(present) {
                habit.offers |= present;
                habit.leaves_out |= !present;
            }
            seen.push((subject, place, present));
        }
    }
    let mut hosts: Vec<_> = habits
        .into_listed()
        .into_iter()
        .map(|(host, habits)| (host, habits.map(|habit| habit.changes().then(Vec::new))))
        .collect();
    let mut lacking = Vec::new();
    for (subject, place, present) in seen {
        let Some((_, known)) = hosts.get_mut(place as usize) else {
            continue;
        };
        for (services, present) in known.iter_mut().zip(present) {
            match services {
                Some(services) if present => {
                    services.extend(view.flow(subject).map(|flow| flow.server));
                }
                Some(_) if lacking.last() != Some(&subject) => lacking.push(subject),
                _ => {}
            }
        }
    }
    hosts.retain(|(_, known)| known.iter().any(Option::is_some));
    for services in hosts.iter_mut().flat_map(|(_, known)| known).flatten() {
        services.sort_unstable();
        services.dedup();
    }
    Offers {
        by_host: hosts.into_iter().collect(),
        lacking,
    }
}

/// What a host does about an option.
#[derive(Clone, Copy, Debug, Default)]
struct Habit {
    offers: bool,
    leaves_out: bool,
}

impl Habit {
    fn changes(self) -> bool {
        self.offers && self.leaves_out
    }
}

/// Options that the side leaves out here although it offers them to or from another service, and
/// never on this one. A server may use only what the client's SYN offers.
fn missing(flow: &TcpFlow, side: SideId, offers: &Offers) -> Vec<&'static str> {
    let lacking = |options: &SynOptions| present(options).contains(&false);
    let Some(options) = flow.side(side).options.filter(lacking) else {
        return Vec::new();
    };
    let Some(known) = offers.by_host.get(&(host(flow.endpoint(side).addr), side)) else {
        return Vec::new();
    };
    let asked = match (side, flow.sent_by_client.options) {
        (SideId::Client, _) => [true; 3],
        (SideId::Server, Some(syn)) => present(&syn),
        (SideId::Server, None) => [false; 3],
    };
    OPTIONS
        .iter()
        .zip(present(&options))
        .zip(asked)
        .zip(known)
        .filter(|(((_, present), asked), services)| {
            let elsewhere_only = |on: &Vec<Endpoint>| on.binary_search(&flow.server).is_err();
            *asked && !present && services.as_ref().is_some_and(elsewhere_only)
        })
        .map(|(((name, _), _), _)| *name)
        .collect()
}

fn tell(view: &View<'_>, sightings: &[Sighting]) -> Story {
    let flows = hosts::seen(view, sightings);
    let Some(flow) = flows.first() else {
        return Story::observed("", "");
    };
    let offers = offers(view);
    let (side, missing) = match missing(flow, SideId::Server, offers) {
        none if none.is_empty() => (SideId::Client, missing(flow, SideId::Client, offers)),
        some => (SideId::Server, some),
    };
    let addr = flow.endpoint(side).addr;
    let elsewhere = offers
        .by_host
        .get(&(host(addr), side))
        .into_iter()
        .flat_map(|known| OPTIONS.iter().zip(known))
        .filter(|(option, _)| missing.contains(option))
        .find_map(|(_, services)| services.as_ref()?.first())
        .map_or_else(|| "elsewhere".to_owned(), |service| format!("on {service}"));
    let what = match side {
        SideId::Client => format!("SYNs of {addr} to {}", flow.server),
        SideId::Server => format!("SYN-ACKs of {}", flow.server),
    };
    let window = if missing.contains(&"window scaling") {
        ": the window cannot exceed 64 KiB"
    } else {
        ""
    };
    Story::observed(
        format!(
            "{what} come without {} in {}, while the same host offers them {elsewhere}{window}",
            missing.join(", "),
            count(flows.len(), "connection")
        ),
        format!("a capture on {addr} itself that shows it sending them without these options, or another machine behind that port"),
    )
    .support(Support::Corroborated)
    .severity(if window.is_empty() && !missing.contains(&"SACK") {
        Severity::Low
    } else {
        Severity::Medium
    })
    .advise("Find the device that rewrites handshakes: TCP normalisation, SYN proxy, WAN optimiser or \"TCP MSS/option\" policy on a firewall (Cisco ASA: tcp-map with tcp-options … allow)")
    .advise("Compare both ends: tshark -Y tcp.flags.syn==1 -T fields -e ip.src -e tcp.options.wscale.shift -e tcp.options.sack_perm")
    .advise("On the host, check that nothing is switched off: sysctl net.ipv4.tcp_window_scaling net.ipv4.tcp_sack net.ipv4.tcp_timestamps; SYN cookies leave options out as well (nstat -az TcpExtSyncookiesSent)")
}
