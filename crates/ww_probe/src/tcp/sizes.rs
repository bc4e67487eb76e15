//! Which segments fit through: the same question again and again, with another `TCP_MAXSEG`.

use super::ask;
use super::open::{Opening, info, open};
use crate::inquiry::{CONNECTION, Inquiry, offer};
use crate::recorder::{Asked, Why};
use crate::walk::Walker;
use std::net::SocketAddr;
use std::os::fd::AsFd as _;
use std::time::{Duration, Instant};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use ww_evidence::transcript::{Seen, SegmentSizes, SizeTry};
use ww_reason::{Control, Symptom};

/// Every path carries segments of this size (RFC 9293 section 3.7.1).
const SMALL: u16 = 536;

/// An answer of so many bytes has had a segment of nearly full size.
const FULL: usize = 1_200;

/// More of an answer is not read.
const ENOUGH: usize = 16 << 10;

/// The search ends when it is known this closely, bytes.
const CLOSE: u16 = 8;

/// How long data may take that comes at once where it comes at all.
const WAIT: Duration = Duration::from_millis(1_500);

/// How long an answer may take of which nothing is known.
pub(crate) const ANSWER_WAIT: Duration = Duration::from_secs(3);

/// After this pause an answer counts as complete.
const PAUSE: Duration = Duration::from_millis(700);

/// Finds out whether an answer that stalls comes in smaller segments, and in which, by a request that asks for more than
/// one segment. Whether it did.
pub(crate) async fn segment_sizes(walker: &Walker<'_>, to: SocketAddr, why: &Why) -> bool {
    let (Some(request), Some(patience)) = (ask::short(walker.target), walker.patience()) else {
        return false;
    };
    let wait = patience.min(ANSWER_WAIT);
    let asked = Asked::now(socat(walker, to)).because(why);
    let full = reply(to, None, &request, ENOUGH, wait).await;
    let mut sizes = SegmentSizes {
        to: Some(to),
        from_server: true,
        tries: vec![full.size_try(full.bytes > 0)],
        usable: None,
    };
    if !full.ended && full.bytes < FULL {
        let small = reply(to, Some(SMALL), &request, ENOUGH, wait).await;
        let helps = small.bytes > 2 * full.bytes;
        if let Some(first) = sizes.tries.first_mut() {
            first.works = full.bytes > 0 && !helps;
        }
        sizes.tries.push(small.size_try(small.bytes > 0));
        if helps {
            let enough = small.bytes.div_ceil(2);
            let limits = (SMALL, full.mss);
            sizes.usable = Some(
                search(walker, limits, &mut sizes.tries, async |mss| {
                    reply(to, Some(mss), &request, enough, WAIT).await.bytes >= enough
                })
                .await,
            );
        }
    }
    let found = sizes.usable.is_some();
    walker.recorder.answer(asked, Seen::SegmentSizes(sizes));
    found
}

/// Finds out whether a request of more than one segment reaches the server, and in which segments.
pub(crate) async fn own_segment_sizes(walker: &Walker<'_>, to: SocketAddr, why: &Why) {
    let (Some(request), Some(patience)) = (ask::long(walker.target), walker.patience()) else {
        return;
    };
    let payload = if to.is_ipv4() { 1_472 } else { 1_452 };
    let asked = Asked::now(format!("ping -M do -c 3 -s {payload} {}", to.ip())).because(why);
    let Some((mss, works)) = taken(to, None, &request, patience).await else {
        return;
    };
    let mut sizes = SegmentSizes {
        to: Some(to),
        from_server: false,
        tries: vec![SizeTry { mss, works }],
        usable: None,
    };
    if !works && let Some((mss_small, true)) = taken(to, Some(SMALL), &request, patience).await {
        sizes.tries.push(SizeTry {
            mss: mss_small.min(SMALL),
            works: true,
        });
        sizes.usable = Some(
            search(walker, (SMALL, mss), &mut sizes.tries, async |mss| {
                taken(to, Some(mss), &request, patience)
                    .await
                    .is_some_and(|(_, works)| works)
            })
            .await,
        );
    }
    walker.recorder.answer(asked, Seen::SegmentSizes(sizes));
}

/// Finds out whether size is why a step got no answer: as long as the table says that it may be. What passes where full
/// segments do not is measured.
pub(super) async fn explain(walker: &Walker<'_>, to: SocketAddr, step: u32) {
    let why = format!("step {step} got no answer on an open connection");
    let mut inquiry = Inquiry::new(walker, to, may_be_size, why.as_str());
    let Some(case) = inquiry.case() else {
        // What is no symptom of the table is tried both ways.
        if !is_unanswered(walker, to) && !segment_sizes(walker, to, &Why::from(why.as_str())).await
        {
            own_segment_sizes(walker, to, &Why::from(why)).await;
        }
        return;
    };
    if case.symptom == Symptom::HelloSilent {
        let answer = case.answer();
        if answer.causes.iter().any(|cause| cause.rule == BLACK_HOLE) {
            segment_sizes(walker, to, &Why::from(why)).await;
        }
        return;
    }
    let packets = 2 * CONNECTION;
    let waited = walker.options.patience * 2;
    let own = offer(walker, Control::OwnSmallSegments, packets, 4, waited);
    if let Some(next) = inquiry.next(&[own]) {
        own_segment_sizes(walker, to, &next.why).await;
    }
}

/// The rule that tells that sizes are to blame.
const BLACK_HOLE: &str = "path-mtu-black-hole";

fn may_be_size(symptom: Symptom) -> bool {
    matches!(symptom, Symptom::HelloSilent | Symptom::LargeHelloLost)
}

/// A request of this address got no answer, and was looked into as such.
fn is_unanswered(walker: &Walker<'_>, to: SocketAddr) -> bool {
    let silent = |symptom| symptom == Symptom::RequestSilent;
    Inquiry::new(walker, to, silent, "").case().is_some()
}

/// The largest size that works, between one that does and one that does not.
async fn search(
    walker: &Walker<'_>,
    (mut works, mut fails): (u16, u16),
    tries: &mut Vec<SizeTry>,
    works_with: impl AsyncFn(u16) -> bool,
) -> u16 {
    while fails.saturating_sub(works) > CLOSE && walker.patience().is_some() {
        let mss = works.midpoint(fails);
        let passes = works_with(mss).await;
        tries.push(SizeTry { mss, works: passes });
        if passes {
            works = mss;
        } else {
            fails = mss;
        }
    }
    works
}

/// What came of a request.
#[derive(Clone, Copy, Debug, Default)]
struct Reply {
    /// Our MSS option.
    mss: u16,
    /// Bytes that came.
    bytes: usize,
    /// The server closed or reset the connection: nothing more was to come.
    ended: bool,
}

impl Reply {
    fn size_try(self, works: bool) -> SizeTry {
        SizeTry {
            mss: self.mss,
            works,
        }
    }
}

async fn reply(
    to: SocketAddr,
    mss: Option<u16>,
    request: &[u8],
    enough: usize,
    patience: Duration,
) -> Reply {
    let how = Opening {
        mss,
        ..Opening::default()
    };
    let mut reply = Reply {
        mss: mss.unwrap_or_default(),
        ..Reply::default()
    };
    let (_, Some(mut stream)) = open(to, how, patience).await else {
        return reply;
    };
    reply.mss = mss.unwrap_or_else(|| offered(&stream));
    if stream.write_all(request).await.is_err() {
        reply.ended = true;
        return reply;
    }
    let until = Instant::now() + patience;
    let mut buffer = [0; 4096];
    while reply.bytes < enough {
        let left = until.saturating_duration_since(Instant::now());
        let wait = if reply.bytes == 0 {
            left
        } else {
            left.min(PAUSE)
        };
        match tokio::time::timeout(wait, stream.readable()).await {
            Ok(Ok(())) => {}
            Err(_) => break,
            Ok(Err(_)) => {
                reply.ended = true;
                break;
            }
        }
        match stream.try_read(&mut buffer) {
            Ok(0) => {
                reply.ended = true;
                break;
            }
            Ok(more) => reply.bytes += more,
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(_) => {
                reply.ended = true;
                break;
            }
        }
    }
    reply
}

/// Whether all of a request was acknowledged, and with which segments it was sent; `None` when no
/// connection could be opened.
async fn taken(
    to: SocketAddr,
    mss: Option<u16>,
    request: &[u8],
    patience: Duration,
) -> Option<(u16, bool)> {
    let how = Opening {
        mss,
        ..Opening::default()
    };
    let (_, stream) = open(to, how, patience).await;
    let mut stream = stream?;
    let before = info(&stream)?;
    let segment = before.send_mss.min(u32::from(u16::MAX)) as u16;
    stream.write_all(request).await.ok()?;
    let rtt = Duration::from_nanos(before.rtt.0.unsigned_abs());
    let until = Instant::now() + WAIT.max(rtt * 6).min(patience);
    loop {
        let unacked = info(&stream)?.unacked;
        if unacked == 0 || Instant::now() >= until {
            return Some((segment, unacked == 0));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The MSS option that this host sent.
fn offered(stream: &TcpStream) -> u16 {
    ww_sys::tcp_state(stream.as_fd()).map_or(0, |state| {
        state.advertised_mss.min(u32::from(u16::MAX)) as u16
    })
}

fn socat(walker: &Walker<'_>, to: SocketAddr) -> String {
    let target = walker.target;
    if target.service.is_tls() {
        format!("socat -d -d /dev/null OPENSSL:{to},mss={SMALL},verify=0")
    } else {
        format!(
            "printf 'GET {} HTTP/1.0\\r\\nHost: {}\\r\\n\\r\\n' | socat -t 5 - TCP:{to},mss={SMALL}",
            target.path.replace(['\'', '%', '\\'], ""),
            target.host
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;

    /// A server that answers every request with these bytes and leaves the connection open.
    fn answering(bytes: &'static [u8]) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let to = listener.local_addr().expect("its address");
        std::thread::spawn(move || {
            let mut open = Vec::new();
            for stream in listener.incoming().flatten() {
                let mut stream = stream;
                let mut request = [0; 64];
                let _ = stream.read(&mut request);
                let _ = stream.write_all(bytes);
                open.push(stream);
            }
        });
        to
    }

    #[tokio::test]
    async fn a_reply_is_counted_and_its_silence_is_not_waited_for() {
        let to = answering(&[7; 2_000]);
        let found = reply(to, Some(SMALL), b"GET", 1_000, Duration::from_secs(5)).await;
        assert!(found.bytes >= 1_000 && !found.ended, "{found:?}");
        assert_eq!(found.mss, SMALL);
        let silent = answering(&[]);
        let found = reply(silent, None, b"GET", 1, Duration::from_millis(100)).await;
        assert_eq!((found.bytes, found.ended), (0, false));
        assert!(found.mss > SMALL, "the option of loopback: {}", found.mss);
    }

    #[tokio::test]
    async fn what_is_acknowledged_was_taken() {
        let to = answering(b"x");
        let taken = taken(to, Some(SMALL), &[0; 3_000], Duration::from_secs(2)).await;
        assert!(
            taken.is_some_and(|(mss, works)| mss <= SMALL && works),
            "{taken:?}"
        );
    }
}
