//! What tells why a connection did not open: other ports, the path, and what this host is short of.

use super::{FAILURES, attempts, local, path};
use crate::inquiry::{Inquiry, Next, look, offer};
use crate::recorder::{Asked, Why};
use crate::tls::{Pending, together};
use crate::walk::Walker;
use std::net::SocketAddr;
use std::time::Duration;
use ww_evidence::transcript::{Connect, ConnectOutcome, Seen};
use ww_reason::{Control, Offer, Symptom};

/// Ports that tell whether the host answers at all.
const CONTROL_PORTS: [u16; 3] = [443, 80, 22];

/// Control ports that are tried.
const CONTROLS: usize = 2;

/// How long a control may take: two SYNs.
const CONTROL_WAIT: Duration = Duration::from_secs(2);

/// Routers on the way to most hosts of the internet, twice over: the path is asked hop by hop until nobody answers.
const HOPS: u32 = 16;

/// What this host knows of itself, all of which one look shows.
const OWN: [Control; 3] = [Control::OwnTable, Control::OwnQueue, Control::OwnPorts];

/// Asks what tells why connections failed, address by address. `overflows` is what this host's counter of full queues
/// said before.
pub(super) async fn explain(walker: &Walker<'_>, seen: &[Connect], overflows: u64) {
    let failed = seen
        .iter()
        .filter(|connect| connect.outcome != ConnectOutcome::Open)
        .filter_map(|connect| connect.to);
    for to in failed.take(FAILURES) {
        let why = format!("{to} did not accept the connection");
        let mut inquiry = Inquiry::new(walker, to, is_of_connection, why);
        while let Some(next) = inquiry.next(&offers(walker, to)) {
            put(walker, to, &next, overflows).await;
            if next.controls.iter().any(|control| OWN.contains(control)) {
                inquiry.was_asked(&OWN);
            }
        }
    }
}

/// How one attempt failed; that others did not is another matter.
fn is_of_connection(symptom: Symptom) -> bool {
    matches!(
        symptom,
        Symptom::ConnectSilent
            | Symptom::ConnectReset
            | Symptom::ConnectRejected
            | Symptom::ConnectUnreachable
            | Symptom::ConnectNoPort
    )
}

fn offers(walker: &Walker<'_>, to: SocketAddr) -> Vec<Offer> {
    let is_own = local::is_own(to.ip());
    // Each port is sent a second SYN where the first is not answered.
    let syns = 2 * CONTROLS as u32;
    let mut offers = vec![
        look(Control::OwnTable),
        look(Control::OwnPorts),
        offer(walker, Control::OtherPort, syns, 1, CONTROL_WAIT),
        offer(walker, Control::OtherService, syns, 1, CONTROL_WAIT),
    ];
    if is_own {
        offers.push(look(Control::OwnQueue));
    } else {
        let rounds = HOPS.div_ceil(u32::from(path::AT_ONCE));
        let waited = path::WAIT * rounds;
        offers.push(offer(walker, Control::Path, HOPS, rounds, waited));
    }
    offers
}

async fn put(walker: &Walker<'_>, to: SocketAddr, next: &Next, overflows: u64) {
    let mut pending: Vec<Pending<'_>> = Vec::new();
    for control in &next.controls {
        match control {
            Control::OtherPort | Control::OtherService => {
                pending.push(Box::pin(other_ports(walker, to, &next.why)));
            }
            Control::Path => pending.push(Box::pin(path::trace(walker, to, &next.why))),
            _ => {}
        }
    }
    if next.controls.iter().any(|control| OWN.contains(control)) {
        pending.push(Box::pin(async {
            this_host(walker, to, &next.why, overflows);
        }));
    }
    together(pending).await;
}

async fn other_ports(walker: &Walker<'_>, to: SocketAddr, why: &Why) {
    let controls: Vec<SocketAddr> = CONTROL_PORTS
        .into_iter()
        .filter(|&port| port != to.port())
        .take(CONTROLS)
        .map(|port| SocketAddr::new(to.ip(), port))
        .collect();
    attempts(walker, &controls, CONTROL_WAIT, true, why).await;
}

fn this_host(walker: &Walker<'_>, to: SocketAddr, why: &Why, overflows: u64) {
    let asked = Asked::now(format!("ss -tan dst {} | sort | uniq -c", to.ip())).because(why);
    let mut state = local::state(to);
    state.listen_overflows = state.listen_overflows.saturating_sub(overflows);
    state.to = Some(to);
    walker.recorder.answer(asked, Seen::Local(state));
}
