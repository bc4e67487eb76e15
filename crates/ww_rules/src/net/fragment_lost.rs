//! `fragment-lost`: a fragmented datagram never became whole.

use super::about::{self, Errors, flow_words, some};
use crate::rule::rule;
use crate::{Sighting, Sightings, Story, Subject, View};
use std::net::IpAddr;
use ww_base::{Gap, Span};
use ww_evidence::{FragmentLoss, IcmpMeaning};

rule! {
    name: "fragment-lost",
    family: "net",
    layer: Ip,
    class: Connectivity,
    severity: Medium,
    owner: Network,
    summary: "A piece of a fragmented datagram is missing, so the whole datagram is lost",
    needs: [Ip],
    explains: [],
    page: "fragment_lost.md",
    detect: detect,
    tell: tell,
}

/// Pieces that come this close to an end of the capture may have their companions outside it.
const MARGIN: Span = Span::from_secs(1);

fn detect(view: &View<'_>, sightings: &mut Sightings) {
    missing_here(view, sightings);
    missing_later(view, sightings);
}

/// Datagrams of which pieces are not in the capture.
fn missing_here(view: &View<'_>, sightings: &mut Sightings) {
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
        let mut sighting =
            Sighting::new(Subject::Fragment(index as u32), group(loss.src, loss.dst));
        sighting = sighting.show(view.frames(
            loss.first.frame,
            loss.last.frame,
            filter(loss),
            format!(
                "{} of one datagram, {}",
                if loss.fragments == 1 {
                    "1 piece".to_owned()
                } else {
                    format!("{} pieces", loss.fragments)
                },
                missing(loss)
            ),
        ));
        if let Some(frame) = loss.timeout_reported {
            let says = format!("{} reports that pieces did not arrive in time", loss.dst);
            let filter =
                "(icmp.type == 11 && icmp.code == 1) || (icmpv6.type == 3 && icmpv6.code == 1)";
            sighting = sighting.show(view.frames(frame, frame, filter, says));
        }
        sightings.add(sighting);
    }
}

/// Datagrams whose pieces all passed here, and whose receiver reports some missing.
fn missing_later(view: &View<'_>, sightings: &mut Sightings) {
    let errors = Errors::of(view);
    for (icmp, error, quoted) in errors.quoting() {
        let (src, dst) = (quoted.src.addr, quoted.dst.addr);
        let known = view
            .capture
            .fragment_losses
            .iter()
            .any(|loss| loss.src == src && loss.dst == dst);
        if error.meaning != IcmpMeaning::ReassemblyTimeExceeded || known {
            continue;
        }
        let says = format!(
            "{} reports that pieces of {} did not arrive",
            error.from,
            flow_words(&quoted)
        );
        let mut sighting = Sighting::new(icmp, group(src, dst))
            .count(u64::from(error.count))
            .show(about::show(view, error, says));
        sighting.subjects = errors.subjects(icmp, error, &quoted);
        sightings.add(sighting);
    }
}

fn tell(view: &View<'_>, sightings: &[Sighting]) -> Story {
    let count: u64 = sightings.iter().map(|sighting| sighting.count).sum();
    let losses: Vec<&FragmentLoss> = sightings.iter().filter_map(|s| of(view, s)).collect();
    let between = sightings
        .first()
        .map_or("", |sighting| sighting.group.as_str());
    let datagrams = if count == 1 {
        "1 fragmented datagram".to_owned()
    } else {
        format!("{count} fragmented datagrams")
    };
    let headline = if losses.is_empty() {
        format!(
            "{datagrams} {between} passed here whole and lost a piece later, as the receiver reports"
        )
    } else if losses.len() > 1 && losses.iter().all(|loss| !loss.first_seen) {
        format!(
            "{datagrams} {between} never became whole: each time the first piece, the one with the ports, is missing"
        )
    } else if losses.len() > 1
        && losses
            .iter()
            .all(|loss| loss.first_seen && loss.fragments == 1)
    {
        format!(
            "{datagrams} {between} never became whole: only the first piece gets through, as behind a filter that drops the others"
        )
    } else {
        let whose = some(
            losses.iter().map(|loss| missing(loss)),
            "different ranges missing",
        );
        format!("{datagrams} {between} never became whole: {whose}")
    };
    Story::observed(headline, "the missing pieces on another path or in another file: then only the capture lacks them")
        .advise("Keep datagrams below the path MTU: EDNS size 1232 for DNS, smaller datagrams or path MTU discovery in the application")
        .advise("Let fragments through on firewalls and load balancers between the two, or reassemble there")
}

fn of<'a>(view: &View<'a>, sighting: &Sighting) -> Option<&'a FragmentLoss> {
    let &Subject::Fragment(index) = sighting.subjects.first()? else {
        return None;
    };
    view.capture.fragment_losses.get(index as usize)
}

fn group(src: IpAddr, dst: IpAddr) -> String {
    format!("from {src} to {dst}")
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
