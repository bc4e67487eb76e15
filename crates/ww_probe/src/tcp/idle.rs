//! How long a connection may be idle: many of them, each left alone for another time.
//!
//! Whether one still works is asked by a keep-alive (RFC 9293 section 3.8.4), which every TCP answers,
//! whatever is spoken above it.

use super::open::connect;
use crate::recorder::{Asked, span};
use crate::walk::Walker;
use socket2::{SockRef, TcpKeepalive};
use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd as _;
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use ww_base::Order;
use ww_evidence::transcript::{IdleFate, IdleProbe, IdleTry, Seen};

/// Idle times that are tried at once, seconds: about those that products have, and a little more.
const LADDER: [u64; 17] = [
    1, 2, 3, 5, 10, 20, 30, 45, 62, 92, 125, 185, 245, 305, 355, 610, 910,
];

/// Connections that are held at once.
const AT_ONCE: usize = 8;

/// Between an idle time that does no harm and one that does, so many are tried at once.
const BETWEEN: u32 = 4;

/// The kernel sends three keep-alives, a second apart, and waits for the last answer as long.
const ASKING: Duration = Duration::from_secs(6);

/// What a server says while it is idle is read so far.
const UNASKED: usize = 64 << 10;

/// Leaves connections idle as long as the time of the walk allows.
pub(crate) async fn idle_times(walker: &Walker<'_>, to: SocketAddr) {
    let Some(left) = time_left(walker) else {
        return;
    };
    let mut rungs: Vec<Duration> = LADDER
        .into_iter()
        .map(Duration::from_secs)
        .filter(|&rung| rung <= left)
        .collect();
    rungs.drain(..rungs.len().saturating_sub(AT_ONCE));
    if rungs.is_empty() {
        return;
    }
    let asked = Asked::now(format!("socat -d -d - TCP:{to},keepalive,keepidle=75"));
    let mut tries = hold_each(to, &rungs, walker.options.patience).await;
    while let Some(more) = narrower(&tries) {
        let longest = more.iter().max().copied().unwrap_or_default();
        if time_left(walker).is_none_or(|left| longest > left) {
            break;
        }
        tries.extend(hold_each(to, &more, walker.options.patience).await);
    }
    tries.put_in_order_by_key(|one| one.idle);
    walker.recorder.answer(
        asked,
        Seen::Idle(IdleProbe {
            to: Some(to),
            after_request: false,
            tries,
        }),
    );
}

/// The longest idle time that can still be tried.
fn time_left(walker: &Walker<'_>) -> Option<Duration> {
    walker
        .options
        .max_time
        .checked_sub(walker.recorder.elapsed() + ASKING)
        .map(|left| left.min(walker.options.idle_time))
}

/// Holds a connection for each of these times, all at once.
async fn hold_each(to: SocketAddr, rungs: &[Duration], patience: Duration) -> Vec<IdleTry> {
    let held: Vec<_> = rungs
        .iter()
        .map(|&rung| tokio::spawn(hold(to, rung, patience)))
        .collect();
    let mut tries = Vec::new();
    for one in held {
        tries.extend(one.await.ok().flatten());
    }
    tries
}

/// Idle times between the longest that did no harm and the shortest that did, where they are far apart. A
/// connection that was ended while it was idle tells its time by itself.
fn narrower(tries: &[IdleTry]) -> Option<Vec<Duration>> {
    let longest = |fate| {
        tries
            .iter()
            .filter(move |one| one.fate == fate)
            .map(|one| one.idle)
    };
    let alive = longest(IdleFate::Alive).max()?;
    let dead = longest(IdleFate::Silent).min()?;
    let apart = dead - alive;
    if apart.as_secs() <= (dead.as_secs() * 0.05).max(1.0) {
        return None;
    }
    let step = Duration::from_nanos(apart.0.unsigned_abs()) / (BETWEEN + 1);
    let alive = Duration::from_nanos(alive.0.unsigned_abs());
    Some((1..=BETWEEN).map(|nth| alive + step * nth).collect())
}

/// Leaves one connection idle, then asks whether it works; `None` when it could not be opened.
async fn hold(to: SocketAddr, idle: Duration, patience: Duration) -> Option<IdleTry> {
    let (_, stream) = connect(to, patience).await;
    let stream = stream?;
    let began = Instant::now();
    if let Some(fate) = ended(&stream, began + idle).await {
        return Some(IdleTry {
            idle: span(began.elapsed().min(idle)),
            fate,
        });
    }
    Some(IdleTry {
        idle: span(idle),
        fate: still_there(&stream).await,
    })
}

/// How the peer ends the connection until then, if it does.
async fn ended(stream: &TcpStream, until: Instant) -> Option<IdleFate> {
    let mut buffer = [0; 4096];
    let mut unasked = 0;
    while unasked < UNASKED {
        let left = until.saturating_duration_since(Instant::now());
        tokio::time::timeout(left, stream.readable())
            .await
            .ok()?
            .ok()?;
        match stream.try_read(&mut buffer) {
            Ok(0) => return Some(IdleFate::Fin),
            Ok(more) => unasked += more,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Some(fate(&error)),
        }
    }
    None
}

/// Sends keep-alives and waits for what comes of them.
async fn still_there(stream: &TcpStream) -> IdleFate {
    let second = Duration::from_secs(1);
    let how = TcpKeepalive::new().with_interval(second).with_retries(3);
    let socket = SockRef::from(stream);
    // The first is sent as soon as the time is set, if it is over by then; the interval has to be known.
    if socket.set_tcp_keepalive(&how).is_err()
        || socket.set_tcp_keepalive(&how.with_time(second)).is_err()
    {
        return IdleFate::Alive;
    }
    let asked = Instant::now();
    while asked.elapsed() < ASKING {
        let soon = Instant::now() + Duration::from_millis(20);
        if let Some(fate) = ended(stream, soon).await {
            return fate;
        }
        let answered = ww_sys::tcp_state(stream.as_fd()).is_ok_and(|state| {
            Duration::from_millis(u64::from(state.last_ack_received)) < asked.elapsed()
        });
        if answered && asked.elapsed() > Duration::from_millis(100) {
            return IdleFate::Alive;
        }
    }
    IdleFate::Silent
}

fn fate(error: &io::Error) -> IdleFate {
    match error.kind() {
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => IdleFate::Reset,
        _ => IdleFate::Silent,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;
    use ww_base::Span;

    /// A server that holds each connection for a while and then ends it, by a reset or in order.
    fn ending(after: Duration, by_reset: bool) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let to = listener.local_addr().expect("its address");
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                std::thread::spawn(move || {
                    std::thread::sleep(after);
                    if by_reset {
                        let at_once = Some(Duration::ZERO);
                        SockRef::from(&stream).set_linger(at_once).expect("set");
                    }
                    drop(stream);
                });
            }
        });
        to
    }

    #[tokio::test]
    async fn an_end_in_order_a_reset_and_a_live_connection_are_told_apart() {
        let patience = Duration::from_secs(1);
        let idle = Duration::from_millis(400);
        let cases = [
            (ending(idle / 2, false), IdleFate::Fin),
            (ending(idle / 2, true), IdleFate::Reset),
            (ending(Duration::from_secs(30), false), IdleFate::Alive),
        ];
        for (to, fate) in cases {
            let found = hold_each(to, &[idle], patience).await;
            let [one] = found.as_slice() else {
                panic!("one connection: {found:?}");
            };
            assert_eq!(one.fate, fate);
            let early = one.idle < Span::from_millis(390);
            assert_eq!(early, fate != IdleFate::Alive, "{one:?}");
        }
    }

    #[test]
    fn the_search_goes_on_where_silence_begins() {
        let one = |seconds, fate| IdleTry {
            idle: Span::from_secs(seconds),
            fate,
        };
        let found = narrower(&[one(5, IdleFate::Alive), one(10, IdleFate::Silent)]);
        let seconds = |all: Vec<Duration>| all.iter().map(Duration::as_secs).collect::<Vec<_>>();
        assert_eq!(found.map(seconds), Some(vec![6, 7, 8, 9]));
        assert_eq!(
            narrower(&[one(5, IdleFate::Alive), one(6, IdleFate::Silent)]),
            None
        );
        assert_eq!(
            narrower(&[one(5, IdleFate::Alive), one(9, IdleFate::Fin)]),
            None
        );
        assert_eq!(narrower(&[]), None);
    }
}
