//! One connection: a hello is sent, and what comes back is read as far as needed.

use super::reply::{self, Chosen, MOST_BYTES, Reply, Until};
use socket2::SockRef;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use ww_evidence::transcript::HelloReply;

/// Between the two segments of a hello that is split: long enough for a server to read the first alone.
const BETWEEN_SEGMENTS: Duration = Duration::from_millis(40);

/// How a hello is sent, and how far the answer is read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Manner {
    /// In two segments.
    pub(super) split: bool,
    /// Our MSS option, made smaller.
    pub(super) mss: Option<u16>,
    /// How far the answer is read.
    pub(super) until: Until,
}

impl Manner {
    /// In one write, read to the ServerHello.
    pub(super) const PLAIN: Manner = Manner {
        split: false,
        mss: None,
        until: Until::Hello,
    };
}

/// What was heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Heard {
    /// What came back.
    pub(super) reply: HelloReply,
    /// What the server chose, where it accepted.
    pub(super) chosen: Option<Chosen>,
}

impl Heard {
    fn nothing(reply: HelloReply) -> Heard {
        Heard {
            reply,
            chosen: None,
        }
    }

    fn of(reply: Reply) -> Heard {
        match reply {
            Reply::Hello(chosen) => Heard {
                reply: HelloReply::Accepted,
                chosen: Some(chosen),
            },
            Reply::Alert(number) => Heard::nothing(HelloReply::Alert(number)),
            Reply::NotTls(line) => Heard::nothing(HelloReply::NotTls(line)),
        }
    }
}

/// Sends bytes on a connection of their own and reads what comes back.
pub(super) async fn ask(to: SocketAddr, bytes: &[u8], manner: Manner, patience: Duration) -> Heard {
    let mut came = Vec::new();
    let talk = converse(to, bytes, manner, &mut came);
    let end = tokio::time::timeout(patience, talk).await;
    if let Some(reply) = reply::read(&came, manner.until, true) {
        return Heard::of(reply);
    }
    Heard::nothing(match end {
        Err(_) => HelloReply::Silence,
        Ok(Ok(())) => HelloReply::Closed,
        Ok(Err(Failure::Talk(error))) if is_reset(&error) => HelloReply::Reset,
        Ok(Err(Failure::Connect(error) | Failure::Talk(error))) => {
            HelloReply::NotSent(error.to_string())
        }
    })
}

/// Where it failed.
enum Failure {
    Connect(io::Error),
    Talk(io::Error),
}

fn is_reset(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe
    )
}

async fn converse(
    to: SocketAddr,
    bytes: &[u8],
    manner: Manner,
    came: &mut Vec<u8>,
) -> Result<(), Failure> {
    let mut stream = open(to, manner.mss).await.map_err(Failure::Connect)?;
    let sent = send(&mut stream, bytes, manner.split).await;
    loop {
        came.reserve(4096);
        match stream.read_buf(came).await {
            Ok(0) => return sent.map_err(Failure::Talk),
            Ok(_) => {}
            Err(error) => return Err(Failure::Talk(error)),
        }
        if came.len() >= MOST_BYTES || reply::read(came, manner.until, false).is_some() {
            return Ok(());
        }
    }
}

async fn open(to: SocketAddr, mss: Option<u16>) -> io::Result<TcpStream> {
    let socket = if to.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    if let Some(mss) = mss {
        SockRef::from(&socket).set_tcp_mss(u32::from(mss))?;
    }
    let stream = socket.connect(to).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

async fn send(stream: &mut TcpStream, bytes: &[u8], split: bool) -> io::Result<()> {
    if !split {
        return stream.write_all(bytes).await;
    }
    let (first, second) = bytes.split_at(bytes.len() / 2);
    stream.write_all(first).await?;
    tokio::time::sleep(BETWEEN_SEGMENTS).await;
    stream.write_all(second).await
}
