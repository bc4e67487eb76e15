//! One question to one server.

use super::server::Server;
use super::wire::{self, Question, kind_name};
use crate::recorder::{Asked, Why};
use crate::walk::Walker;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use ww_evidence::transcript::{Answer, Lookup, LookupOutcome, Record, Seen};

/// A question to one server.
#[derive(Clone, Debug)]
pub(super) struct Ask<'a> {
    /// The server.
    pub(super) server: Server,
    /// The name.
    pub(super) name: &'a str,
    /// The type.
    pub(super) kind: u16,
    /// Over TCP, where the server is asked over either.
    pub(super) tcp: bool,
    /// The UDP size that is offered; `None` leaves EDNS out.
    pub(super) edns_size: Option<u16>,
    /// CD.
    pub(super) checking_disabled: bool,
    /// The server is one of the zone's own.
    pub(super) authoritative_server: bool,
    /// The server is one of the parent zone's.
    pub(super) delegation: bool,
    /// An HTTPS record leads to the name.
    pub(super) by_binding: bool,
    /// The libraries whose search list made the name.
    pub(super) expanded_by: Vec<String>,
    /// Why it is asked.
    pub(super) why: Why,
    /// How long the answer may take; never longer than the user's patience.
    pub(super) wait: Duration,
}

/// What came back.
#[derive(Clone, Debug, Default)]
pub(super) struct Reply {
    /// As the transcript holds it.
    pub(super) outcome: LookupOutcome,
    /// The additional section.
    pub(super) additional: Vec<Record>,
}

impl Reply {
    /// The answer, if one came.
    pub(super) fn answer(self) -> Option<Answer> {
        match self.outcome {
            LookupOutcome::Answered(answer) => Some(*answer),
            _ => None,
        }
    }
}

impl<'a> Ask<'a> {
    /// A question as resolvers get it, over UDP where the server is asked over either.
    pub(super) fn new(server: impl Into<Server>, name: &'a str, kind: u16) -> Ask<'a> {
        Ask {
            server: server.into(),
            name,
            kind,
            tcp: false,
            edns_size: Some(super::SIZES.0),
            checking_disabled: false,
            authoritative_server: false,
            delegation: false,
            by_binding: false,
            expanded_by: Vec::new(),
            why: Why::default(),
            wait: Duration::MAX,
        }
    }

    /// The same question over TCP.
    pub(super) fn over_tcp(&self, why: impl Into<Why>) -> Ask<'a> {
        Ask {
            tcp: true,
            why: why.into(),
            ..self.clone()
        }
    }

    /// The same question once more.
    pub(super) fn again(&self, edns_size: Option<u16>, why: impl Into<Why>) -> Ask<'a> {
        Ask {
            edns_size,
            why: why.into(),
            ..self.clone()
        }
    }

    /// The same question without EDNS, where the server did not take its form.
    pub(super) fn without_edns(&self, said: &Answer) -> Ask<'a> {
        self.again(None, format!("{} with EDNS: what without?", said.rcode))
    }

    /// Puts the question, waits and writes both down; `None` when the walk's time is up.
    pub(super) async fn put(&self, walker: &Walker<'_>) -> Option<Reply> {
        let wait = walker.patience()?.min(self.wait);
        let asked = Asked::now(self.command()).because(&self.why);
        let reply = match self.message() {
            None => failed("this is no name that can be asked for"),
            Some((question, message)) => {
                let exchange = self.server.exchange(walker, self.tcp, &question, &message);
                match tokio::time::timeout(wait, exchange).await {
                    Err(_) => Reply::default(),
                    Ok(Err(error)) => self.not_asked(&error),
                    Ok(Ok(Some(bytes))) => answered(&bytes),
                    // The step that tells it is written.
                    Ok(Ok(None)) => return Some(failed("HTTP was answered, and no message came")),
                }
            }
        };
        walker
            .recorder
            .answer(asked, Seen::Lookup(self.lookup(reply.outcome.clone())));
        Some(reply)
    }

    /// Resolvers alone shall ask others.
    fn wants_recursion(&self) -> bool {
        !(self.authoritative_server || self.delegation)
    }

    fn message(&self) -> Option<(Question<'a>, Vec<u8>)> {
        let question = Question {
            // A number that cannot be guessed, as an answer is believed that has it (RFC 5452).
            id: RandomState::new().hash_one(self.name) as u16,
            name: self.name,
            kind: self.kind,
            recursion: self.wants_recursion(),
            checking_disabled: self.checking_disabled,
            edns_size: self.edns_size,
            dnssec_ok: false,
        };
        let message = question.encode()?;
        Some((question, message))
    }

    fn lookup(&self, outcome: LookupOutcome) -> Lookup {
        Lookup {
            name: self.name.trim_end_matches('.').to_owned(),
            kind: kind_name(self.kind),
            via: self.server.via(self.tcp),
            authoritative_server: self.authoritative_server,
            delegation: self.delegation,
            edns_size: self.edns_size,
            dnssec_ok: false,
            checking_disabled: self.checking_disabled,
            expanded_by: self.expanded_by.clone(),
            by_binding: self.by_binding,
            outcome,
        }
    }

    fn not_asked(&self, error: &io::Error) -> Reply {
        let is_closed = matches!(
            error.kind(),
            io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset
        );
        match (&self.server, error.kind()) {
            // Its port was open a moment ago.
            (Server::Encrypted(_), _) if is_closed => failed("the connection was reset"),
            (Server::Plain(_), _) if is_closed => Reply {
                outcome: LookupOutcome::Refused,
                additional: Vec::new(),
            },
            (_, io::ErrorKind::TimedOut) => Reply::default(),
            (_, io::ErrorKind::UnexpectedEof) => {
                failed("the connection was closed without an answer")
            }
            _ => failed(&error.to_string()),
        }
    }

    /// The same question with dig.
    fn command(&self) -> String {
        let (dig, by) = self.server.dig();
        let how = match (&self.server, self.tcp, self.edns_size) {
            (Server::Encrypted(_), ..) => String::new(),
            (_, true, _) => " +tcp".to_owned(),
            (_, false, Some(size)) => format!(" +bufsize={size} +ignore"),
            (_, false, None) => " +noedns +ignore".to_owned(),
        };
        let recursion = if self.wants_recursion() {
            ""
        } else {
            " +norecurse"
        };
        let checking = if self.checking_disabled {
            " +cdflag"
        } else {
            ""
        };
        format!(
            "{dig} {} {}{by}{how}{recursion}{checking}",
            shell_word(self.name),
            kind_name(self.kind)
        )
    }
}

/// A word that a shell takes as it is.
pub(super) fn shell_word(word: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if word.bytes().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

fn failed(why: &str) -> Reply {
    Reply {
        outcome: LookupOutcome::Failed(why.to_owned()),
        additional: Vec::new(),
    }
}

fn answered(bytes: &[u8]) -> Reply {
    match wire::read(bytes) {
        Err(why) => failed(why),
        Ok(message) => Reply {
            outcome: LookupOutcome::Answered(Box::new(message.answer)),
            additional: message.additional,
        },
    }
}

/// The first datagram that answers the question; others are as if they had not come.
pub(super) async fn over_udp(
    server: SocketAddr,
    question: &Question<'_>,
    message: &[u8],
) -> io::Result<Vec<u8>> {
    let any: IpAddr = match server {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0)).await?;
    socket.connect(server).await?;
    socket.send(message).await?;
    let mut bytes = vec![0; usize::from(u16::MAX)];
    loop {
        let length = socket.recv(&mut bytes).await?;
        if let Some(datagram) = bytes.get(..length)
            && wire::answers(datagram, question)
        {
            bytes.truncate(length);
            return Ok(bytes);
        }
    }
}

/// RFC 1035 section 4.2.2: a length of two bytes before each message.
pub(super) async fn over_tcp(
    server: SocketAddr,
    question: &Question<'_>,
    message: &[u8],
) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(server).await?;
    stream.write_all(&framed(message)).await?;
    loop {
        let bytes = message_from(&mut stream).await?;
        if wire::answers(&bytes, question) {
            return Ok(bytes);
        }
    }
}

/// A message as a stream carries it.
pub(super) fn framed(message: &[u8]) -> Vec<u8> {
    let mut framed = (message.len() as u16).to_be_bytes().to_vec();
    framed.extend(message);
    framed
}

/// The next message of a stream.
pub(super) async fn message_from<S: AsyncRead + Unpin>(stream: &mut S) -> io::Result<Vec<u8>> {
    let length = stream.read_u16().await?;
    let mut bytes = vec![0; usize::from(length)];
    stream.read_exact(&mut bytes).await?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_can_be_repeated_with_dig() {
        let server: SocketAddr = "192.0.2.53:53".parse().expect("an address");
        let plain = Ask::new(server, "a.example", wire::AAAA);
        assert_eq!(
            plain.command(),
            "dig @192.0.2.53 a.example AAAA +bufsize=4096 +ignore"
        );
        let mut other = plain.over_tcp("");
        other.server = Server::Plain("[2001:db8::53]:5353".parse().expect("an address"));
        other.name = "x'$(reboot).example";
        other.checking_disabled = true;
        other.authoritative_server = true;
        assert_eq!(
            other.command(),
            r"dig @2001:db8::53 -p 5353 'x'\''$(reboot).example' AAAA +tcp +norecurse +cdflag"
        );
    }
}
