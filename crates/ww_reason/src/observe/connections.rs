//! Connections that do not open, or open late.

use super::Case;
use crate::{Control, Reading, Readings, Symptom};
use std::net::{IpAddr, SocketAddr};
use ww_base::Span;
use ww_evidence::transcript::{Connect, ConnectOutcome, LocalState, PathTrace, Seen, Step};

/// On a path that takes longer than this both ways, SYNs are repeated although nothing is lost: the first is repeated
/// after a second (RFC 6298 section 2.1).
const SLOW_PATH: Span = Span::from_millis(900);

/// An attempt at an address of the target.
type Attempt<'s> = (&'s Step, &'s Connect, SocketAddr);

pub(super) fn cases(steps: &[Step]) -> Vec<Case> {
    let all: Vec<Attempt<'_>> = connects(steps)
        .filter(|(_, connect, _)| !connect.control)
        .collect();
    let open: Vec<&Attempt<'_>> = all
        .iter()
        .filter(|(_, connect, _)| connect.outcome == ConnectOutcome::Open)
        .collect();
    let mut cases: Vec<Case> = Vec::new();
    for (step, connect, to) in &all {
        let opens = open.iter().any(|(_, _, other)| other == to);
        let symptom = match connect.outcome {
            ConnectOutcome::Open if is_late(connect) => Some(Symptom::ConnectLate),
            _ if opens => None,
            _ => symptom(connect),
        };
        let known = |case: &Case| case.at == Some(*to) && Some(case.symptom) == symptom;
        let Some(symptom) = symptom.filter(|_| !cases.iter().any(known)) else {
            continue;
        };
        cases.push(Case {
            symptom,
            at: Some(*to),
            step: step.number,
            readings: readings(steps, connect, *to),
        });
        let is_own = matches!(symptom, Symptom::ConnectNotSent | Symptom::ConnectNoPort);
        if !open.is_empty() && !opens && !is_own {
            cases.push(Case {
                symptom: Symptom::PartlyOpen,
                at: Some(*to),
                step: step.number,
                readings: Readings::default().with(Control::SameFamily, family(&open, *to)),
            });
        }
    }
    cases
}

fn connects(steps: &[Step]) -> impl Iterator<Item = Attempt<'_>> {
    steps.iter().filter_map(|step| match &step.seen {
        Seen::Connect(connect) => Some((step, connect, connect.to?)),
        _ => None,
    })
}

/// The SYN was repeated before it was answered.
fn is_late(connect: &Connect) -> bool {
    connect
        .info
        .is_some_and(|info| info.retransmits > 0 && info.rtt < SLOW_PATH)
}

fn symptom(connect: &Connect) -> Option<Symptom> {
    Some(match (connect.outcome, connect.icmp) {
        (ConnectOutcome::Open, _) => return None,
        (ConnectOutcome::NoLocalPort, _) => Symptom::ConnectNoPort,
        (_, Some(icmp)) if icmp.is_rejection() => Symptom::ConnectRejected,
        (_, Some(icmp)) if connect.from.is_some_and(|own| own.ip() == icmp.from) => {
            Symptom::ConnectNotSent
        }
        (_, Some(_)) => Symptom::ConnectUnreachable,
        (ConnectOutcome::TimedOut, None) => Symptom::ConnectSilent,
        (ConnectOutcome::Refused, None) => Symptom::ConnectReset,
        (ConnectOutcome::Failed, None) if connect.errno != "EAFNOSUPPORT" => return None,
        (
            ConnectOutcome::HostUnreachable
            | ConnectOutcome::NetworkUnreachable
            | ConnectOutcome::Denied
            | ConnectOutcome::Failed,
            None,
        ) => Symptom::ConnectNotSent,
    })
}

/// What other addresses of the family do; some address of the target is open.
fn family(open: &[&Attempt<'_>], to: SocketAddr) -> Reading {
    open.iter()
        .filter(|(_, _, other)| other.is_ipv4() == to.is_ipv4())
        .map(|(_, connect, _)| {
            if is_late(connect) {
                Reading::Degraded
            } else {
                Reading::Works
            }
        })
        .min()
        .unwrap_or(Reading::Fails)
}

fn readings(steps: &[Step], connect: &Connect, to: SocketAddr) -> Readings {
    let mut readings = Readings::default();
    for (_, other, address) in connects(steps) {
        if other.control && address.ip() == to.ip() {
            readings.note(Control::OtherPort, answers(other, to.ip()));
            readings.note(Control::OtherService, opens(other));
        }
    }
    for step in steps {
        match &step.seen {
            Seen::Path(path) if path.to == Some(to) => {
                if let Some(reading) = reached(path) {
                    readings.note(Control::Path, reading);
                }
            }
            Seen::Local(state) if state.to.is_none_or(|about| about == to) => {
                readings.note(Control::OwnTable, table(state));
                if let Some(reading) = ports(state) {
                    readings.note(Control::OwnPorts, reading);
                }
                if is_here(connect, to) {
                    readings.note(Control::OwnQueue, queue(state));
                }
            }
            _ => {}
        }
    }
    readings
}

/// Whether another port of the host answers: a reset is an answer, as long as nobody else sends it by ICMP.
fn answers(other: &Connect, host: IpAddr) -> Reading {
    let answered = match other.outcome {
        ConnectOutcome::Open => true,
        ConnectOutcome::Refused => other.icmp.is_none_or(|icmp| icmp.from == host),
        _ => false,
    };
    graded(answered, other)
}

/// Whether another port of the host is open.
fn opens(other: &Connect) -> Reading {
    graded(other.outcome == ConnectOutcome::Open, other)
}

fn graded(works: bool, other: &Connect) -> Reading {
    match (works, is_late(other)) {
        (true, false) => Reading::Works,
        (true, true) => Reading::Degraded,
        (false, _) => Reading::Fails,
    }
}

/// Whether a SYN with a hop limit reached the port; nothing where none was sent.
fn reached(path: &PathTrace) -> Option<Reading> {
    let last = path.hops.last()?;
    Some(Reading::from(last.reached))
}

/// The table of connections: the kernel walks and empties it all the time, so that nearly full is full. Where nothing
/// is tracked, nothing is full.
fn table(state: &LocalState) -> Reading {
    match state.conntrack {
        Some((count, most)) if most > 0 && count >= most - most / 50 => Reading::Fails,
        Some((count, most)) if most > 0 && count >= most - most / 10 => Reading::Degraded,
        _ => Reading::Works,
    }
}

/// The local ports: all are in use, most are, or there is room.
fn ports(state: &LocalState) -> Option<Reading> {
    let (first, last) = state.port_range?;
    let all = u32::from(last.saturating_sub(first)) + 1;
    Some(if state.to_target >= all {
        Reading::Fails
    } else if state.to_target > all / 2 {
        Reading::Degraded
    } else {
        Reading::Works
    })
}

/// The accept queues of this host, where the target is on it.
fn queue(state: &LocalState) -> Reading {
    if state.listen_overflows > 0 {
        Reading::Fails
    } else {
        Reading::Works
    }
}

fn is_here(connect: &Connect, to: SocketAddr) -> bool {
    to.ip().is_loopback() || connect.from.is_some_and(|own| own.ip() == to.ip())
}
