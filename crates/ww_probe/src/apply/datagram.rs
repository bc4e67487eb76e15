//! Questions over UDP: STUN, and a name server as the target.

use super::talk::{Learned, first_line};
use super::{nameserver, stun as wire};
use crate::dice::Dice;
use crate::recorder::Asked;
use crate::walk::Walker;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;
use tokio::net::UdpSocket;
use tokio::time::{Instant, timeout_at};
use ww_evidence::transcript::{Greeting, GreetingOutcome, PeerReply, Seen, Service, StunBinding};

/// When a question is repeated that has no answer, after the first (RFC 8489 section 6.2.1).
const REPEATS: [Duration; 2] = [Duration::from_millis(500), Duration::from_millis(1_500)];

/// What came back to a datagram.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum DatagramReply<T> {
    /// An answer that was understood.
    Answer(T),
    /// Something else: its first line.
    Other(String),
    /// ICMP said that nobody listens.
    Refused,
    /// Nothing.
    Silence,
    /// It could not be asked.
    Failed(String),
}

/// Asks for a binding.
pub(super) async fn stun(walker: &Walker<'_>, to: SocketAddr) {
    let Some(patience) = walker.patience() else {
        return;
    };
    let asked = Asked::now(format!("turnutils_stunclient -p {} {}", to.port(), to.ip()));
    let (reply, local) = binding(to, None, patience).await;
    let (reply, mapped) = match reply {
        DatagramReply::Answer(wire::Binding::Success(mapped)) => (PeerReply::Fine, mapped),
        DatagramReply::Answer(wire::Binding::Error(error)) | DatagramReply::Failed(error) => {
            (PeerReply::Failed(error), None)
        }
        DatagramReply::Other(line) => (
            PeerReply::Failed(format!("what came is not STUN: {line}")),
            None,
        ),
        DatagramReply::Refused => (PeerReply::Reset, None),
        DatagramReply::Silence => (PeerReply::Silence, None),
    };
    walker.recorder.answer(
        asked,
        Seen::Stun(StunBinding {
            to: Some(to),
            reply,
            mapped,
            local,
        }),
    );
}

/// Asks a name server over UDP.
pub(super) async fn nameserver(walker: &Walker<'_>, to: SocketAddr) {
    let Some(patience) = walker.patience() else {
        return;
    };
    let asked = Asked::now(format!("dig -p {} @{} . NS", to.port(), to.ip()));
    let (reply, _) = root_servers(to, None, patience).await;
    let mut greeting = Greeting {
        to: Some(to),
        service: Service::Dns,
        ..Greeting::default()
    };
    match reply {
        DatagramReply::Answer(learned) => {
            greeting.outcome = learned.outcome.unwrap_or_default();
            greeting.says = learned.says;
        }
        DatagramReply::Other(line) => greeting.outcome = GreetingOutcome::Other(line),
        DatagramReply::Refused => greeting.outcome = GreetingOutcome::Reset,
        DatagramReply::Silence => {}
        DatagramReply::Failed(error) => {
            greeting.outcome = GreetingOutcome::Closed;
            greeting.says = error;
        }
    }
    walker.recorder.answer(asked, Seen::Greeting(greeting));
}

/// A binding request, from this source port where one is given, and what came back; beside it our own address.
pub(crate) async fn binding(
    to: SocketAddr,
    from: Option<u16>,
    patience: Duration,
) -> (DatagramReply<wire::Binding>, Option<SocketAddr>) {
    let transaction = Dice::shaken().bytes();
    let request = wire::request(transaction);
    ask_once(to, from, &request, patience, |message| {
        wire::response(transaction, message)
    })
    .await
}

/// A query for the root's name servers, from this source port where one is given, and what came back; beside it our own
/// address.
pub(crate) async fn root_servers(
    to: SocketAddr,
    from: Option<u16>,
    patience: Duration,
) -> (DatagramReply<Learned>, Option<SocketAddr>) {
    let id = Dice::shaken().next() as u16;
    let query = nameserver::query(id);
    ask_once(to, from, &query, patience, |message| {
        nameserver::answer(id, message)
    })
    .await
}

/// Sends a question, repeats it while nothing comes, and reads the answer; beside it our own address.
async fn ask_once<T>(
    to: SocketAddr,
    from: Option<u16>,
    question: &[u8],
    patience: Duration,
    read: impl Fn(&[u8]) -> Option<T>,
) -> (DatagramReply<T>, Option<SocketAddr>) {
    let socket = match open(to, from.unwrap_or_default()).await {
        Ok(socket) => socket,
        Err(error) => return (DatagramReply::Failed(error.to_string()), None),
    };
    let local = socket.local_addr().ok();
    let began = Instant::now();
    let end = began + patience;
    let mut other = None;
    let mut buffer = [0; 2048];
    let waits = REPEATS.iter().map(|&repeat| (began + repeat).min(end));
    for until in waits.chain([end]) {
        // A refusal of the question before comes with the next call.
        if let Err(error) = socket.send(question).await {
            return (failure(&error), local);
        }
        loop {
            match timeout_at(until, socket.recv(&mut buffer)).await {
                Err(_) => break,
                Ok(Err(error)) => return (failure(&error), local),
                Ok(Ok(count)) => {
                    let message = buffer.get(..count).unwrap_or_default();
                    if let Some(answer) = read(message) {
                        return (DatagramReply::Answer(answer), local);
                    }
                    other = Some(first_line(message));
                }
            }
        }
        if until == end {
            break;
        }
    }
    (
        other.map_or(DatagramReply::Silence, DatagramReply::Other),
        local,
    )
}

async fn open(to: SocketAddr, from: u16) -> io::Result<UdpSocket> {
    let any: SocketAddr = if to.is_ipv4() {
        (Ipv4Addr::UNSPECIFIED, from).into()
    } else {
        (Ipv6Addr::UNSPECIFIED, from).into()
    };
    let socket = UdpSocket::bind(any).await?;
    // A connected socket is told of ICMP errors, and hears nobody else.
    socket.connect(to).await?;
    Ok(socket)
}

fn failure<T>(error: &io::Error) -> DatagramReply<T> {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => DatagramReply::Refused,
        _ => DatagramReply::Failed(error.to_string()),
    }
}
