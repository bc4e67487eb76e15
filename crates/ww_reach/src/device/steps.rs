//! The way of one packet through a device, with the deciding line at each step.

use std::net::IpAddr;

use ww_base::Locus;
use ww_model::filter::{ChainId, ChainKind, Hook, Verdict};
use ww_model::packet::CtState;
use ww_model::{Device, Packet};

use crate::answer::Step;
use crate::walk::{After, By, Event, Outcome, Walk, Walker};

/// What happens to the packet, and to the reply where it passes; and whether the reply passes.
pub(super) fn of(
    device: &Device,
    walker: &Walker<'_>,
    route: Hook,
    packet: &Packet,
) -> (Vec<Step>, bool) {
    let walk = walker.walk(route, packet);
    let mut steps = told(device, &walk, "");
    let mut answered = false;
    if walk.outcome == Outcome::Accept {
        let back = reply(packet, &walk.after);
        let walk = walker.walk(reversed(route), &back);
        answered = walk.outcome == Outcome::Accept;
        steps.extend(told(device, &walk, "the reply: "));
    }
    (steps, answered)
}

/// The last word about a packet, and what changed it before.
pub(super) fn decisive(
    device: &Device,
    walker: &Walker<'_>,
    route: Hook,
    packet: &Packet,
) -> Vec<Step> {
    told(device, &walker.walk(route, packet), "")
}

/// The way back.
pub(super) fn reversed(route: Hook) -> Hook {
    match route {
        Hook::Input => Hook::Output,
        Hook::Output => Hook::Input,
        other => other,
    }
}

/// The reply as the filter sees it: from where the packet ended up, to where it came from.
fn reply(packet: &Packet, after: &After) -> Packet {
    Packet {
        iif: packet.oif.clone(),
        oif: packet.iif.clone(),
        src: after.dst.0,
        dst: packet.src,
        sport: after.dport.0,
        dport: packet.sport,
        tcp_flags: if packet.tcp_flags == 0 { 0 } else { 0x12 },
        icmp_type: match packet.icmp_type {
            8 => 0,
            128 => 129,
            other => other,
        },
        ct_state: CtState::Established,
        ..packet.clone()
    }
}

/// The steps that matter: translations, and who decided in each chain.
pub(crate) fn told(device: &Device, walk: &Walk, whose: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    for step in &walk.steps {
        // That a packet need not be translated or marked is no decision.
        let decides = decides_about_passing(device, step.chain);
        let lets_pass = matches!(
            step.event,
            Event::Judged(Verdict::Accept) | Event::Policy(Verdict::Accept)
        );
        if lets_pass && !decides {
            continue;
        }
        let chain = chain_name(device, step.chain);
        let says = match step.event {
            Event::Translated(after) => {
                format!(
                    "{whose}{chain} translates to {} → {}",
                    spoken(after.src, after.sport),
                    spoken(after.dst, after.dport)
                )
            }
            Event::Judged(Verdict::Accept) => format!("{whose}{chain} accepts it"),
            Event::Judged(Verdict::Drop) => format!("{whose}{chain} drops it"),
            Event::Judged(Verdict::Reject(_)) => format!("{whose}{chain} rejects it"),
            Event::Policy(Verdict::Accept) => {
                format!("{whose}the policy of {chain} accepts it")
            }
            Event::Policy(_) => format!("{whose}the policy of {chain} drops it: no rule decides"),
            Event::Assumed { .. } => {
                format!("{whose}whether this rule of {chain} holds is not known")
            }
            _ => continue,
        };
        steps.push(Step {
            at: Locus::Text(step.at),
            says,
        });
    }
    if steps.is_empty() && walk.by == By::Nothing {
        steps.push(Step {
            at: Locus::Assumed {
                by: "Linux: what no chain sees passes".to_owned(),
            },
            says: format!("{whose}no chain sees it"),
        });
    }
    steps
}

/// Whether a chain, or the base chain that calls it, is there to let packets pass or not.
fn decides_about_passing(device: &Device, id: ChainId) -> bool {
    let chain = device.filter.chains.get(id.0 as usize);
    chain.is_some_and(|chain| match &chain.base {
        Some(base) => {
            base.kind == ChainKind::Filter
                && matches!(base.hook, Hook::Input | Hook::Forward | Hook::Output)
                && base.priority == 0
        }
        None => true,
    })
}

fn spoken(address: (IpAddr, IpAddr), port: (u16, u16)) -> String {
    let range = |first: String, last: String| {
        if first == last {
            first
        } else {
            format!("{first}-{last}")
        }
    };
    let address = if address.0.is_unspecified() && address.0 != address.1 {
        "an address of the device".to_owned()
    } else {
        range(address.0.to_string(), address.1.to_string())
    };
    match port {
        (0, 0) => address,
        (first, last) => format!("{address}:{}", range(first.to_string(), last.to_string())),
    }
}

fn chain_name(device: &Device, id: ChainId) -> String {
    let chain = device.filter.chains.get(id.0 as usize);
    chain.map_or_else(String::new, |chain| {
        format!("{} {}", chain.table, chain.name)
    })
}

/// The line that decides.
pub(super) fn decider(device: &Device, by: By) -> Option<Step> {
    match by {
        By::Rule { chain, at, .. } => Some(Step {
            at: Locus::Text(at),
            says: format!("a rule of {}", chain_name(device, chain)),
        }),
        By::Policy(chain) => {
            let base = device.filter.chains.get(chain.0 as usize)?.base.as_ref()?;
            Some(Step {
                at: base.policy.at.clone(),
                says: format!("the policy of {}", chain_name(device, chain)),
            })
        }
        By::Nothing => Some(Step {
            at: Locus::Assumed {
                by: "Linux: what no chain sees passes".to_owned(),
            },
            says: "no chain sees it".to_owned(),
        }),
    }
}
