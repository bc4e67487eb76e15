//! `fragment-lost`: a fragmented datagram never became whole.

use super::about::{self, Errors, flow_words};
use crate::rule::rule;
use crate::shared::some;
use crate::{Sighting, Sightings, Story, Subject, View};
use std::net::IpAddr;
use ww_base::{Gap, Span};
use ww_evidence::{FragmentLoss, IcmpMeaning};
use ww_finding::{Owner, Severity};

rule! {
    name: "fragment-lost",
    family: "net",
    layer: Ip,
    class: Connectivity,
    severity: Medium,
    owner: Network,
    summary: "A piece of a fragmented datagram is missing, so the whole datagram is lost",
    needs: [Ip],
    explains: ["dns-unanswered"],
    page: "fragment_lost.md",
    detect: detect,
    tell: tell,
}

/// The group of losses that a capture filter explains.
const FILTERED: &str = "capture filter";

/// Selects reports of missing fragments.
const TIMEOUTS: &str =
    "(icmp.type == 11 && icmp.code == 1) || (icmpv6.type == 3 && icmpv6.code == 1)";

/// Pieces that come this close to an end of the capture may have their companions outside it.
const MARGIN: Span = Span::from_secs(1);

fn detect(view: &View<'_>, sightings: &mut Sightings) {
    missing_here(view, sightings);
    missing_later(view, sightings);
}

/// Datagrams of which pieces are not in the capture.
fn missing_here(view: &View<'_>, sightings: &mut Sightings) {
    let filtered = looks_filtered(view);
    for (index, loss) in view.capture.fragment_losses.iter().enumerate() {
        if at_the_edge(view, loss) {
            continue;
        }
        if view.trust.incomplete() && loss.timeout_reported.is_none() {
            sightings.gap(Gap::new(
                "whether fragments were lost by the network or by the capture, which lost packets of its own",
                "a capture without drops",
            ));
            continue;
        }
        let group = if filtered && !was_missed(view, loss) {
            FILTERED.to_owned()
        } else {
            loss.dst.to_string()
        };
        let pieces = counted(u64::from(loss.fragments), "piece");
        let says = format!("{pieces} of one datagram, {}", missing(loss));
        let mut sighting = Sighting::new(Subject::Fragment(index as u32), group).show(view.frames(
            loss.first.frame(),
            loss.last.frame(),
            filter(loss),
            says,
        ));
        if let Some(frame) = loss.timeout_reported {
            let says = format!("{} reports that pieces did not arrive in time", loss.dst);
            sighting = sighting.show(view.frames(frame, frame, TIMEOUTS, says));
        }
        sightings.add(sighting);
    }
}

/// Datagrams whose pieces all passed here, and whose receiver reports some missing.
fn missing_later(view: &View<'_>, sightings: &mut Sightings) {
    let errors = Errors::of(view);
    for (icmp, error, quoted) in errors.quoting() {
        let (src, dst) = (quoted.src.addr, quoted.dst.addr);
        let mut losses = view.capture.fragment_losses.iter();
        let known = losses.any(|loss| loss.src == src && loss.dst == dst);
        if error.meaning != IcmpMeaning::ReassemblyTimeExceeded || known {
            continue;
        }
        let says = format!(
            "{} reports that pieces of {} did not arrive",
            error.from,
            flow_words(&quoted)
        );
        let mut sighting = Sighting::new(icmp, dst.to_string())
            .count(u64::from(error.count))
            .show(about::show(view, error, says));
        sighting.subjects = errors.subjects(icmp, error, &quoted);
        sightings.add(sighting);
    }
}

fn tell(view: &View<'_>, sightings: &[Sighting]) -> Story {
    let count: u64 = sightings.iter().map(|sighting| sighting.count).sum();
    let losses: Vec<&FragmentLoss> = sightings.iter().filter_map(|s| of(view, s)).collect();
    let group = sightings
        .first()
        .map_or("", |sighting| sighting.group.as_str());
    let datagrams = counted(count, "fragmented datagram");
    if group == FILTERED {
        return Story::observed(
            format!("of {datagrams} only the first piece is in the file, and no later piece of any other: most likely a capture filter on ports hides them, for only the first piece has ports"),
            "a capture without a filter in which the later pieces are missing too: then something on the way drops them",
        )
        .severity(Severity::Info)
        .owner(Owner::Capture)
        .advise("Capture fragments too: add \"or (ip[6:2] & 0x1fff != 0)\" to the capture filter, for IPv6 \"or ip6 proto 44\"");
    }
    let sources = some(losses.iter().map(|loss| loss.src), "hosts");
    let from = if losses.is_empty() {
        String::new()
    } else {
        format!(" from {sources}")
    };
    let what = format!("{datagrams}{from} to {group}");
    let headline = if losses.is_empty() {
        format!("{what} passed here whole and lost a piece later, as the receiver reports")
    } else {
        format!("{what} never became whole: {}", pattern(&losses))
    };
    Story::observed(headline, "the missing pieces on another path or in another file: then only the capture lacks them")
        .advise("Keep datagrams below the path MTU: EDNS size 1232 for DNS, smaller datagrams or path MTU discovery in the application")
        .advise("Let fragments through on firewalls and load balancers between the two, or reassemble there")
}

/// What the losses have in common.
fn pattern(losses: &[&FragmentLoss]) -> String {
    let several = losses.len() > 1;
    if several && losses.iter().all(|loss| !loss.first_seen) {
        return "each time the first piece, the one with the ports, is missing".to_owned();
    }
    if several && losses.iter().all(|loss| is_first_alone(loss)) {
        return "only the first piece gets through, as behind a filter that drops the others"
            .to_owned();
    }
    some(
        losses.iter().map(|loss| missing(loss)),
        "different ranges missing",
    )
}

/// No piece but first ones is in the capture, no datagram became whole, and nothing else without
/// ports is there, which a filter on ports would have hidden too.
fn looks_filtered(view: &View<'_>) -> bool {
    let losses = &view.capture.fragment_losses;
    let portless = view.capture.arp_packets > 0 || !view.capture.icmp.is_empty();
    !portless && losses.len() as u64 == view.capture.fragmented && losses.iter().all(is_first_alone)
}

fn is_first_alone(loss: &FragmentLoss) -> bool {
    loss.first_seen && loss.fragments == 1
}

/// Its receiver did not get it: it says so, or asks again for what the datagram answers.
fn was_missed(view: &View<'_>, loss: &FragmentLoss) -> bool {
    let Some((from, to)) = loss.ports else {
        return loss.timeout_reported.is_some();
    };
    let asked_again = view.capture.dns.transactions.iter().any(|asked| {
        asked.asked > 1
            && (asked.server.addr, asked.server.port) == (loss.src, from)
            && (asked.client.addr, asked.client.port) == (loss.dst, to)
    });
    asked_again || loss.timeout_reported.is_some()
}

/// `1 piece`, `3 pieces`.
fn counted(count: u64, noun: &str) -> String {
    if count == 1 {
        format!("1 {noun}")
    } else {
        format!("{count} {noun}s")
    }
}

fn of<'a>(view: &View<'a>, sighting: &Sighting) -> Option<&'a FragmentLoss> {
    let &Subject::Fragment(index) = sighting.subjects.first()? else {
        return None;
    };
    view.capture.fragment_losses.get(index as usize)
}

fn missing(loss: &FragmentLoss) -> String {
    match (loss.first_seen, loss.last_seen) {
        (false, _) => "the first piece is missing".to_owned(),
        (true, true) => format!("a piece is missing from byte {} on", loss.missing_from),
        (true, false) => format!("everything is missing from byte {} on", loss.missing_from),
    }
}

/// The companions may have passed before the capture began or after it ended.
fn at_the_edge(view: &View<'_>, loss: &FragmentLoss) -> bool {
    let begins = !loss.first_seen && loss.first.at - view.capture.first < MARGIN;
    let ends = view.capture.last - loss.last.at < MARGIN;
    loss.timeout_reported.is_none() && (begins || ends)
}

fn filter(loss: &FragmentLoss) -> String {
    match loss.src {
        IpAddr::V4(_) => {
            format!(
                "ip.src == {} && ip.dst == {} && ip.id == {:#06x}",
                loss.src, loss.dst, loss.id
            )
        }
        IpAddr::V6(_) => format!(
            "ipv6.src == {} && ipv6.dst == {} && ipv6.fraghdr.ident == {:#010x}",
            loss.src, loss.dst, loss.id
        ),
    }
}
