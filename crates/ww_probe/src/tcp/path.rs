//! The way to a port: connections whose hop limit is too small, and the routers that say so.

use super::open::{Opening, open};
use crate::recorder::{Asked, Why, span};
use crate::walk::Walker;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};
use ww_evidence::transcript::{Connect, ConnectOutcome, Hop, PathTrace, Seen};

/// The farthest hop that is asked for.
const FARTHEST: u8 = 30;

/// Hops that are asked at once; when all of them are silent, nothing more is asked.
pub(super) const AT_ONCE: u8 = 4;

/// How long one hop may take: a SYN is not repeated before.
pub(super) const WAIT: Duration = Duration::from_secs(1);

/// Traces the path to a port.
pub(crate) async fn trace(walker: &Walker<'_>, to: SocketAddr, why: &Why) {
    let asked = Asked::now(format!("traceroute -T -p {} -n {}", to.port(), to.ip())).because(why);
    let mut trace = PathTrace {
        to: Some(to),
        hops: Vec::new(),
    };
    let mut first = 1;
    while first <= FARTHEST {
        let Some(patience) = walker.patience() else {
            break;
        };
        let hops = hops(
            to,
            first..=(first + AT_ONCE - 1).min(FARTHEST),
            patience.min(WAIT),
        )
        .await;
        let silent = hops.iter().all(|hop| hop.from.is_none());
        for hop in hops {
            let is_last = is_last(&hop, to);
            trace.hops.push(hop);
            if is_last {
                break;
            }
        }
        if silent || trace.hops.last().is_some_and(|hop| is_last(hop, to)) {
            break;
        }
        first += AT_ONCE;
    }
    // Of the silence at the end one hop is enough.
    let heard = trace.hops.iter().rposition(|hop| hop.from.is_some());
    trace.hops.truncate(heard.map_or(1, |at| at + 2));
    walker.recorder.answer(asked, Seen::Path(trace));
}

async fn hops(
    to: SocketAddr,
    limits: std::ops::RangeInclusive<u8>,
    patience: Duration,
) -> Vec<Hop> {
    let asked: Vec<_> = limits
        .map(|ttl| (ttl, tokio::spawn(ask(to, ttl, patience))))
        .collect();
    let mut hops = Vec::new();
    for (ttl, hop) in asked {
        hops.push(hop.await.unwrap_or_else(|_| Hop {
            ttl,
            ..Hop::default()
        }));
    }
    hops
}

async fn ask(to: SocketAddr, ttl: u8, patience: Duration) -> Hop {
    let began = Instant::now();
    let how = Opening {
        hop_limit: Some(ttl),
        ..Opening::default()
    };
    let (seen, _stream) = open(to, how, patience).await;
    hop(ttl, &seen, to.ip(), began.elapsed())
}

fn hop(ttl: u8, seen: &Connect, target: IpAddr, took: Duration) -> Hop {
    let own = seen.from.map(|from| from.ip());
    // What this host says itself is said by nobody on the way.
    let icmp = seen
        .icmp
        .filter(|icmp| Some(icmp.from) != own || own == Some(target));
    let answered = matches!(seen.outcome, ConnectOutcome::Open | ConnectOutcome::Refused)
        && seen.icmp.is_none();
    Hop {
        ttl,
        from: icmp
            .map(|icmp| icmp.from)
            .or_else(|| answered.then_some(target)),
        icmp,
        took: span(took),
        reached: answered || icmp.is_some_and(|icmp| icmp.from == target),
    }
}

/// Nothing comes after this hop: the target, or who says that it cannot be reached.
fn is_last(hop: &Hop, to: SocketAddr) -> bool {
    let time_exceeded = if to.is_ipv4() { 11 } else { 3 };
    hop.reached || hop.icmp.is_some_and(|icmp| icmp.kind != time_exceeded)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ConnectOutcome::{HostUnreachable, Refused, TimedOut};
    use ww_evidence::transcript::IcmpReport;

    #[tokio::test]
    async fn a_neighbour_is_reached_at_once() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let to = listener.local_addr().expect("its address");
        let found = hops(to, 1..=2, Duration::from_secs(1)).await;
        assert_eq!(found.len(), 2);
        assert!(
            found
                .iter()
                .all(|hop| hop.reached && hop.from == Some(to.ip()))
        );
    }

    #[test]
    fn an_answer_tells_where_a_packet_ended() {
        let to: SocketAddr = "192.0.2.9:443".parse().expect("an address");
        let seen = |outcome, icmp: Option<(u8, u8, &str)>| Connect {
            to: Some(to),
            from: "192.0.2.1:4000".parse().ok(),
            outcome,
            icmp: icmp.map(|(kind, code, from)| IcmpReport {
                kind,
                code,
                from: from.parse().expect("an address"),
            }),
            ..Connect::default()
        };
        let hop = |seen: &Connect| hop(3, seen, to.ip(), Duration::from_millis(2));
        let router = hop(&seen(HostUnreachable, Some((11, 0, "198.51.100.1"))));
        assert!(!router.reached && !is_last(&router, to));
        assert_eq!(router.from, "198.51.100.1".parse().ok());
        let filter = hop(&seen(HostUnreachable, Some((3, 13, "198.51.100.1"))));
        assert!(!filter.reached && is_last(&filter, to));
        let reset = hop(&seen(Refused, None));
        assert!(reset.reached && is_last(&reset, to));
        assert_eq!(hop(&seen(TimedOut, None)).from, None);
        assert_eq!(
            hop(&seen(HostUnreachable, Some((3, 1, "192.0.2.1")))).from,
            None
        );
    }
}
