//! `keepalive-probes-too-late`: the kernel's probes begin after the device between has forgotten.

use super::hosts::{Under, under};
use crate::load::keeps_none;
use crate::mend::set_time;
use crate::operand::{Known, each, said};
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use std::collections::BTreeSet;
use ww_base::{Gap, Setting, Span};
use ww_chain::Hop;
use ww_finding::Support;
use ww_model::service::Middlebox;

rule! {
    name: "keepalive-probes-too-late",
    family: "kernel",
    layer: Tcp,
    class: Connectivity,
    severity: High,
    owner: Configuration,
    summary: "TCP keep-alive begins only after a device between has forgotten the connection",
    needs: [Calls],
    explains: [],
    page: "keepalive_probes_too_late.md",
    check: check,
}

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let chains = declared.chains();
    let mut told = BTreeSet::new();
    for hop in &chains.hops {
        let Some(caller) = chains
            .caller(hop)
            .filter(|_| takes_kernels(&hop.call.side.probe_after))
        else {
            continue;
        };
        for device in &hop.middleboxes {
            let forgets = each(&device.idle).into_iter().next();
            let Some(forgets) = forgets.filter(|forgets| !is_closed_before(hop, forgets.value))
            else {
                continue;
            };
            let Some(under) = under(declared, caller) else {
                reports.gap(Gap::new(
                    format!(
                        "when TCP keep-alive of {} begins, as it takes the kernel's time",
                        caller.name
                    ),
                    "the files of /etc/sysctl.d, or `sysctl net.ipv4.tcp_keepalive_time`",
                ));
                continue;
            };
            let begins = each(&under.kernel.probe_after).into_iter().next();
            let Some(begins) = begins.filter(|begins| begins.value >= forgets.value) else {
                continue;
            };
            if told.insert((hop.call.at, device.at)) {
                let late = Late {
                    begins,
                    forgets,
                    under,
                };
                reports.add(story(declared, hop, &caller.name, device, &late));
            }
        }
    }
}

/// Whether probes are on, and begin when the kernel says so.
fn takes_kernels(probes: &Setting<Span>) -> bool {
    matches!(probes, Setting::Unknown(gap) if gap.missing.contains("net.ipv4.tcp_keepalive_time"))
}

/// Whether connections are closed before the device forgets them, or may be: those of a pool when they
/// are idle, those of a proxy that only passes bytes on when both sides are silent.
fn is_closed_before(hop: &Hop<'_>, forgets: Span) -> bool {
    let side = &hop.call.side;
    let passes_bytes = !hop.call.from.is_empty() && !hop.call.protocol.is_http();
    let ends = if passes_bytes {
        &side.stream_idle
    } else if keeps_none(side) {
        return true;
    } else {
        &side.keepalive_idle
    };
    let times = each(ends);
    times.iter().any(|known| known.value < forgets) || ends.is_unknown()
}

/// The two times.
struct Late<'a> {
    begins: Known<Span>,
    forgets: Known<Span>,
    under: Under<'a>,
}

fn story(
    declared: &Declared<'_>,
    hop: &Hop<'_>,
    caller: &str,
    device: &Middlebox,
    late: &Late<'_>,
) -> Story {
    let (begins, forgets) = (said(late.begins.value), said(late.forgets.value));
    let target = &hop.call.name;
    let wanted = Span((late.forgets.value.0 / 2 / 1_000_000_000).max(1) * 1_000_000_000);
    Story::proved(
        format!(
            "TCP keep-alive of {caller} to {target} begins after {begins} of silence, and {} forgets the connection \
             after {forgets}: the first request behind a quiet time is lost",
            device.name
        ),
        format!("a capture at {caller} with TCP keep-alive probes before {forgets} of silence"),
    )
    .support(Support::Declared)
    .show(late.begins.show(
        late.under.at,
        &format!("probes begin after {begins} on {}", late.under.name),
    ))
    .show(late.forgets.show(device.at, &format!("{} forgets after {forgets}", device.name)))
    .show(crate::declared::at(hop.call.at, format!("{caller} keeps connections to {target} and has probes on")))
    .fix(set_time(
        declared,
        (&late.begins, hop.call.at),
        wanted,
        format!(
            "Let probes begin before that: net.ipv4.tcp_keepalive_time = {}",
            wanted.0 / 1_000_000_000
        ),
    ))
    .advise(format!("Or let {caller} close idle connections before {forgets} are over"))
}
