//! Whether somebody speaks QUIC: a packet of a version that does not exist asks for the versions that do
//! (RFC 9000 sections 6 and 15). No key is made and no connection begun.

use super::request::Request;
#[cfg(feature = "http3")]
use super::{session::Hop, three};
use crate::recorder::Asked;
use crate::walk::Walker;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};
use tokio::net::UdpSocket;
use ww_base::Gap;
use ww_evidence::transcript::{HttpReply, HttpVersion, QuicOutcome, QuicProbe, Seen};

/// Datagrams that begin a connection are no smaller (RFC 9000 section 14.1); servers drop others.
const DATAGRAM: usize = 1200;

/// A reserved version, which no server speaks (RFC 9000 section 15).
const RESERVED: [u8; 4] = [0x1a, 0x2a, 0x3a, 0x4a];

/// How often it is asked, as datagrams are lost.
const TRIES: u32 = 3;

/// How long one answer is waited for.
const WAIT: Duration = Duration::from_secs(1);

/// No more versions are kept.
const VERSIONS_MAX: usize = 32;

/// An alternative of `Alt-Svc` (RFC 7838 section 3).
#[derive(Clone, Debug, PartialEq, Eq)]
struct Alternative {
    /// Empty for the same host.
    host: String,
    port: u16,
}

/// Who promises HTTP/3.
#[derive(Clone, Copy, Debug)]
enum Promise<'p> {
    /// The `Alt-Svc` field of an answer.
    Field(&'p str),
    /// An HTTPS record.
    Record(&'p str),
}

impl Promise<'_> {
    fn by(self) -> &'static str {
        match self {
            Promise::Field(_) => "Alt-Svc",
            Promise::Record(_) => "the HTTPS record",
        }
    }
}

/// Asks where an HTTPS record promises HTTP/3, unless that was asked before.
pub(crate) async fn verify_record(walker: &Walker<'_>, to: SocketAddr, record: &str) {
    let is_known = walker.recorder.look(|steps| {
        let mut seen = steps.iter().map(|step| &step.seen);
        seen.any(|seen| matches!(seen, Seen::Quic(probe) if probe.to == Some(to)))
    });
    if !is_known {
        let request = Request::of(walker);
        keeps(walker, &request, to, Promise::Record(record)).await;
    }
}

/// Asks where an answer promises HTTP/3.
pub(crate) async fn verify(
    walker: &Walker<'_>,
    request: &Request,
    from: SocketAddr,
    reply: &HttpReply,
) {
    let fields: Vec<&str> = reply.all("alt-svc").collect();
    let advertised = fields.join(", ");
    let Some(alternative) = http3(&advertised) else {
        return;
    };
    if !alternative.host.is_empty() && alternative.host != walker.target.host {
        walker.recorder.gap(Gap::new(
            format!(
                "whether HTTP/3 is spoken at {}:{}, which Alt-Svc names",
                alternative.host, alternative.port
            ),
            "that host, given as the target",
        ));
        return;
    }
    let to = SocketAddr::new(from.ip(), alternative.port);
    keeps(walker, request, to, Promise::Field(&advertised)).await;
}

/// Whether a promise is kept.
async fn keeps(walker: &Walker<'_>, request: &Request, to: SocketAddr, promise: Promise<'_>) {
    let Some(patience) = walker.patience() else {
        return;
    };
    let asked = Asked::now(request.command(to, HttpVersion::Three))
        .because(format!("{} promises HTTP/3 there", promise.by()));
    let mut seen = QuicProbe {
        to: Some(to),
        ..QuicProbe::default()
    };
    match promise {
        Promise::Field(field) => field.clone_into(&mut seen.advertised),
        Promise::Record(record) => record.clone_into(&mut seen.record),
    }
    for _ in 0..TRIES {
        seen.tries += 1;
        (seen.outcome, seen.versions) = ask(to, patience.min(WAIT)).await;
        if seen.outcome != QuicOutcome::Silence {
            break;
        }
    }
    let answered = seen.outcome == QuicOutcome::Answered;
    walker.recorder.answer(asked, Seen::Quic(seen));
    if answered {
        speak(walker, request, to, promise).await;
    }
}

/// Puts the request over HTTP/3.
#[cfg(feature = "http3")]
async fn speak(walker: &Walker<'_>, request: &Request, to: SocketAddr, promise: Promise<'_>) {
    let hop = Hop {
        to,
        number: 0,
        name: Duration::ZERO,
        why: format!("{} promises HTTP/3, and QUIC is spoken there", promise.by()),
    };
    Box::pin(three::ask(walker, request, &hop)).await;
}

/// Says that this program cannot.
#[cfg(not(feature = "http3"))]
#[expect(
    clippy::unused_async,
    reason = "whoever calls it waits, as the other one has to be waited for"
)]
async fn speak(walker: &Walker<'_>, _: &Request, to: SocketAddr, _: Promise<'_>) {
    walker.recorder.gap(Gap::new(
        format!("whether requests over HTTP/3 are answered at {to}, and with which certificate: this build leaves HTTP/3 out"),
        "a wirewise that was built with its feature http3",
    ));
}

async fn ask(to: SocketAddr, patience: Duration) -> (QuicOutcome, Vec<String>) {
    let asking = async {
        let any: IpAddr = match to {
            SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        let socket = UdpSocket::bind((any, 0)).await?;
        // A connected socket is told of ICMP errors.
        socket.connect(to).await?;
        let ours = RandomState::new().build_hasher().finish().to_be_bytes();
        socket.send(&hello(ours)).await?;
        let began = Instant::now();
        let mut buffer = [0; 2048];
        loop {
            let left = patience.saturating_sub(began.elapsed());
            match tokio::time::timeout(left, socket.recv(&mut buffer)).await {
                Err(_) => return Ok((QuicOutcome::Silence, Vec::new())),
                Ok(count) => {
                    let datagram = buffer.get(..count?).unwrap_or_default();
                    if let Some(versions) = versions(datagram, ours) {
                        return Ok((QuicOutcome::Answered, versions));
                    }
                }
            }
        }
    };
    match asking.await {
        Ok(answer) => answer,
        Err(error) => {
            let error: io::Error = error;
            let outcome = if error.kind() == io::ErrorKind::ConnectionRefused {
                QuicOutcome::Refused
            } else {
                QuicOutcome::Failed(error.to_string())
            };
            (outcome, Vec::new())
        }
    }
}

/// A long header of the reserved version with a connection identifier of ours at both ends, padded
/// (RFC 8999 section 5.1).
fn hello(ours: [u8; 8]) -> Vec<u8> {
    let mut packet = vec![0xc0];
    packet.extend(RESERVED);
    packet.push(8);
    packet.extend(ours);
    packet.push(8);
    packet.extend(ours);
    packet.resize(DATAGRAM, 0);
    packet
}

/// The versions in a Version Negotiation packet that answers ours (RFC 8999 section 6).
fn versions(datagram: &[u8], ours: [u8; 8]) -> Option<Vec<String>> {
    let (&first, rest) = datagram.split_first()?;
    let (version, rest) = rest.split_first_chunk::<4>()?;
    let (destination, rest) = identifier(rest)?;
    let (_, list) = identifier(rest)?;
    if first & 0x80 == 0 || *version != [0; 4] || destination != ours {
        return None;
    }
    let versions = list
        .chunks_exact(4)
        .take(VERSIONS_MAX)
        .filter_map(|bytes| bytes.try_into().ok().map(u32::from_be_bytes));
    Some(versions.map(|version| format!("{version:08x}")).collect())
}

fn identifier(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&length, rest) = bytes.split_first()?;
    rest.split_at_checked(usize::from(length))
}

/// The first alternative that is HTTP/3.
fn http3(field: &str) -> Option<Alternative> {
    field.split(',').find_map(|alternative| {
        let (protocol, rest) = alternative.split(';').next()?.trim().split_once('=')?;
        if protocol != "h3" {
            return None;
        }
        let (host, port) = rest.trim().trim_matches('"').rsplit_once(':')?;
        Some(Alternative {
            host: host.trim_matches(['[', ']']).to_ascii_lowercase(),
            port: port.parse().ok().filter(|&port| port != 0)?,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alternatives_are_read_as_they_are_written() {
        let cases = [
            (
                r#"h3=":443"; ma=2592000,h3-29=":443"; ma=2592000"#,
                Some(("", 443)),
            ),
            (
                r#"h2="b.example:443", h3="Alt.example:8443""#,
                Some(("alt.example", 8443)),
            ),
            ("clear", None),
            (r#"h3-29=":443""#, None),
            (r#"h3=":0""#, None),
            ("h3=443", None),
        ];
        for (field, wanted) in cases {
            let found = http3(field);
            let found = found
                .as_ref()
                .map(|found| (found.host.as_str(), found.port));
            assert_eq!(found, wanted, "{field}");
        }
    }

    #[tokio::test]
    async fn a_server_tells_its_versions_or_none_is_there() {
        let server = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
        let to = server.local_addr().expect("its address");
        let answering = tokio::spawn(async move {
            let mut buffer = [0; 2048];
            let (count, from) = server.recv_from(&mut buffer).await.expect("a datagram");
            assert_eq!(count, DATAGRAM);
            let mut answer = vec![0x80, 0, 0, 0, 0];
            answer.extend_from_slice(&buffer[14..23]);
            answer.extend_from_slice(&buffer[5..14]);
            answer.extend([0, 0, 0, 1, 0x6b, 0x33, 0x43, 0xcf]);
            server.send_to(b"noise", from).await.expect("sent");
            server.send_to(&answer, from).await.expect("sent");
        });
        let (outcome, versions) = ask(to, WAIT).await;
        answering.await.expect("an answer");
        assert_eq!(outcome, QuicOutcome::Answered);
        assert_eq!(versions, ["00000001", "6b3343cf"]);
        assert_eq!(ask(to, WAIT).await.0, QuicOutcome::Refused);
        let silent = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
        let to = silent.local_addr().expect("its address");
        let (outcome, _) = ask(to, Duration::from_millis(20)).await;
        assert_eq!(outcome, QuicOutcome::Silence);
    }
}
