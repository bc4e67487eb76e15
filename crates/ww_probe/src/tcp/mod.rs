//! Connections to every address, and what the kernel, the path and other ports tell about those that fail.

mod ask;
mod explain;
mod idle;
mod kernel;
mod local;
mod open;
mod path;
mod sizes;

pub(crate) use ask::knows_a_request;
pub(crate) use kernel::{privileged, syn_repeats};
pub(crate) use local::source_ports;
pub(crate) use open::{connect, connect_from};
pub(crate) use sizes::{ANSWER_WAIT as SIZE_WAIT, own_segment_sizes, segment_sizes};

use crate::Depth;
use crate::recorder::{Asked, Why};
use crate::walk::Walker;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use ww_evidence::transcript::{
    Connect, ConnectOutcome, HelloReply, HttpOutcome, Seen, Step, TlsOutcome, address_of,
};

/// Attempts are begun this far apart, as several at once may look like a scan.
const APART: Duration = Duration::from_millis(50);

/// Addresses of which more is asked after they failed.
const FAILURES: usize = 3;

/// Opens a connection to each address, all at once, then asks what tells why some failed. The addresses
/// that are open.
pub(crate) async fn connect_each(walker: &Walker<'_>, targets: &[SocketAddr]) -> Vec<SocketAddr> {
    let overflows = local::overflows();
    let seen = attempts(
        walker,
        targets,
        walker.options.patience,
        false,
        &Why::default(),
    )
    .await;
    if walker.options.depth > Depth::Quick {
        explain::explain(walker, &seen, overflows).await;
    }
    seen.iter()
        .filter(|connect| connect.outcome == ConnectOutcome::Open)
        .filter_map(|connect| connect.to)
        .collect()
}

/// Looks closer at what the layers above left open: sizes where an answer stalled, idle times, the path.
pub(crate) async fn look_closer(walker: &Walker<'_>) {
    if walker.options.depth == Depth::Quick {
        return;
    }
    let is_deep = walker.options.depth == Depth::Deep;
    let open = walker
        .recorder
        .look(|steps| open_addresses(steps, walker.target.port));
    for (to, state) in open {
        match state {
            Beyond::Stalled(step) => sizes::explain(walker, to, step).await,
            Beyond::Unasked => {
                let found = segment_sizes(walker, to, &Why::default()).await;
                if is_deep && !found {
                    own_segment_sizes(walker, to, &Why::default()).await;
                }
            }
            Beyond::Answered if is_deep => {
                own_segment_sizes(walker, to, &Why::default()).await;
            }
            Beyond::Answered => {}
        }
    }
    if is_deep {
        let open = walker
            .recorder
            .look(|steps| open_addresses(steps, walker.target.port));
        for &(to, _) in open.iter().take(FAILURES) {
            path::trace(walker, to, &Why::default()).await;
        }
        if let Some(&(to, _)) = open.first() {
            idle::idle_times(walker, to).await;
        }
    }
}

/// What was asked over an open connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Beyond {
    /// Nothing.
    Unasked,
    /// A question that got no answer at all, in this step.
    Stalled(u32),
    /// A question that got one.
    Answered,
}

/// Addresses of the target that are open, with what came after.
fn open_addresses(steps: &[Step], port: u16) -> Vec<(SocketAddr, Beyond)> {
    let mut open: Vec<(SocketAddr, Beyond)> = Vec::new();
    for step in steps {
        let Some(to) = address_of(&step.seen).filter(|to| to.port() == port) else {
            continue;
        };
        let known = open.iter_mut().find(|(known, _)| *known == to);
        match (&step.seen, known) {
            (Seen::Connect(connect), None) => {
                if connect.outcome == ConnectOutcome::Open && !connect.control {
                    open.push((to, Beyond::Unasked));
                }
            }
            (Seen::Connect(_) | Seen::Path(_) | Seen::Idle(_), _) | (_, None) => {}
            (seen, Some((_, beyond))) => match (stalled(seen), *beyond) {
                (true, Beyond::Unasked) => *beyond = Beyond::Stalled(step.number),
                (false, Beyond::Unasked) => *beyond = Beyond::Answered,
                // Small questions were answered before this one.
                (true, Beyond::Answered) if is_long(seen) => {
                    *beyond = Beyond::Stalled(step.number);
                }
                _ => {}
            },
        }
    }
    open
}

/// A hello of about a segment or more: what shorter ones do not show it does.
fn is_long(seen: &Seen) -> bool {
    match seen {
        Seen::Hello(hello) => hello.bytes >= 1_200 && !hello.split,
        _ => true,
    }
}

/// Nothing came back over an open connection.
fn stalled(seen: &Seen) -> bool {
    match seen {
        Seen::Handshake(one) => one.outcome == TlsOutcome::TimedOut,
        Seen::Hello(one) => one.reply == HelloReply::Silence,
        Seen::Http(one) => one.outcome == HttpOutcome::TimedOut,
        _ => false,
    }
}

/// Opens connections one after the other without waiting for those before, and writes each down.
async fn attempts(
    walker: &Walker<'_>,
    targets: &[SocketAddr],
    patience: Duration,
    control: bool,
    why: &Why,
) -> Vec<Connect> {
    let Some(usual) = walker.patience() else {
        return Vec::new();
    };
    let (patience, left) = (patience.min(usual), walker.left());
    let begin = |(nth, &to)| {
        let later = APART * nth;
        let in_time = left.checked_sub(later).filter(|left| !left.is_zero())?;
        let patience = patience.min(in_time);
        Some(tokio::spawn(attempt(to, later, patience, why.clone())))
    };
    let begun: Vec<_> = (0..).zip(targets).map_while(begin).collect();
    if begun.len() < targets.len() {
        walker.note_end();
    }
    let mut all = Vec::new();
    for one in begun {
        if let Ok((asked, took, mut seen)) = one.await {
            seen.control = control;
            walker
                .recorder
                .answer_after(asked, took, Seen::Connect(seen.clone()));
            all.push(seen);
        }
    }
    all
}

async fn attempt(
    to: SocketAddr,
    later: Duration,
    patience: Duration,
    why: Why,
) -> (Asked, Duration, Connect) {
    tokio::time::sleep(later).await;
    let asked = Asked::now(format!("nc -vz {} {}", to.ip(), to.port())).because(why);
    let began = Instant::now();
    let (seen, _stream) = connect(to, patience).await;
    (asked, began.elapsed(), seen)
}
