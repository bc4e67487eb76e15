//! A name server over TLS or HTTPS: its layers are written down once, then it is asked over and over.

use super::named::EncryptedServer;
use super::wire::{self, Question};
use crate::http::{Carrier, Posting};
use crate::recorder::{Asked, span};
use crate::tap::Tapped;
use crate::tls::introduce;
use crate::walk::Walker;
use std::cell::{Cell, RefCell};
use std::io;
use std::net::{IpAddr, SocketAddr};
use tokio::io::AsyncWriteExt as _;
use tokio_rustls::client::TlsStream;
use ww_base::Gap;
use ww_evidence::transcript::{
    DnsVia, HttpExchange, HttpOutcome, HttpVersion, Phases, ResolverLayer, Seen, Service,
};

/// The media type of messages (RFC 8484 section 6).
const MEDIA_TYPE: &str = "application/dns-message";

/// No message is longer: its length has two bytes over TLS, and HTTPS carries the same messages.
const MESSAGE_BYTES: usize = u16::MAX as usize;

/// No more is read of one connection: the questions of a walk are some dozens.
const CONNECTION_BYTES: u64 = 8 << 20;

/// Messages that answer another question are passed over, this many of them.
const STRANGERS: usize = 16;

/// Addresses of a server that are tried.
const ADDRESSES: usize = 2;

/// A connection and the protocol that was agreed on it.
type Connected = (TlsStream<Tapped>, String);

/// A name server that is asked over connections of its own.
#[derive(Debug)]
pub(crate) struct Channel {
    server: EncryptedServer,
    /// Where it was reached.
    to: Cell<Option<SocketAddr>>,
    /// The connection, while nobody uses it.
    link: RefCell<Option<Link>>,
    phases: Cell<Phases>,
    version: Cell<HttpVersion>,
    /// A request was answered: its step is written.
    told: Cell<bool>,
}

/// What carries messages.
#[derive(Debug)]
enum Link {
    Tls(Box<TlsStream<Tapped>>),
    Https(Carrier),
}

impl Channel {
    /// A server of which nothing is known.
    pub(super) fn new(server: EncryptedServer) -> Channel {
        Channel {
            server,
            to: Cell::new(None),
            link: RefCell::new(None),
            phases: Cell::new(Phases::default()),
            version: Cell::new(HttpVersion::One),
            told: Cell::new(false),
        }
    }

    /// How its answers came.
    pub(super) fn via(&self) -> DnsVia {
        match (self.server.endpoint.service, self.to.get()) {
            (Service::DnsOverTls, Some(to)) => DnsVia::Tls(to),
            _ => DnsVia::Https(self.server.url()),
        }
    }

    /// Where it was reached.
    pub(super) fn address(&self) -> Option<SocketAddr> {
        self.to.get()
    }

    /// The beginning of a command that asks it, and its options.
    pub(super) fn dig(&self) -> (String, String) {
        let endpoint = &self.server.endpoint;
        let at = match self.to.get() {
            Some(to) => to.ip().to_string(),
            None => self.server.at.clone(),
        };
        let port = endpoint.port;
        if endpoint.service == Service::DnsOverTls {
            (format!("dig @{at} -p {port}"), " +tls".to_owned())
        } else {
            (
                format!("dig @{at} -p {port}"),
                format!(" +https={}", endpoint.path),
            )
        }
    }

    /// Connects, writing down each layer; whether it can be asked.
    pub(super) async fn open(&self, walker: &Walker<'_>) -> bool {
        for to in self.addresses(walker).await {
            let Some(mut introduced) = self.introduce(walker, to).await else {
                return false;
            };
            introduced.judge(walker, &self.server.endpoint.host);
            let (asked, took, connect) = introduced.connect;
            self.tell(walker, asked, took, Seen::Connect(connect));
            let mut phases = Phases {
                connect: span(took),
                ..Phases::default()
            };
            let mut alpn = String::new();
            if let Some((asked, took, handshake)) = introduced.handshake {
                phases.handshake = span(took);
                alpn.clone_from(&handshake.alpn);
                self.tell(walker, asked, took, Seen::Handshake(handshake));
            }
            let Some(stream) = introduced.stream else {
                continue;
            };
            self.to.set(Some(to));
            self.phases.set(phases);
            if let Ok(link) = self.begin((stream, alpn)).await {
                self.link.replace(Some(link));
            }
            return true;
        }
        false
    }

    async fn introduce(
        &self,
        walker: &Walker<'_>,
        to: SocketAddr,
    ) -> Option<crate::tls::Introduced> {
        let alpn: &[&str] = match self.server.endpoint.service {
            Service::DnsOverHttps => &["h2", "http/1.1"],
            _ => &[],
        };
        let host = &self.server.endpoint.host;
        introduce(walker, host, to, alpn, CONNECTION_BYTES).await
    }

    async fn begin(&self, (stream, alpn): Connected) -> io::Result<Link> {
        if self.server.endpoint.service == Service::DnsOverTls {
            return Ok(Link::Tls(Box::new(stream)));
        }
        self.version.set(match alpn.as_str() {
            "h2" => HttpVersion::Two,
            _ => HttpVersion::One,
        });
        Carrier::begin(stream, &alpn).await.map(Link::Https)
    }

    /// The addresses of the server: as it is written, as the user says, or as this host resolves its name.
    async fn addresses(&self, walker: &Walker<'_>) -> Vec<SocketAddr> {
        let (at, port) = (&self.server.at, self.server.endpoint.port);
        let named: Vec<IpAddr> = match at.parse() {
            Ok(address) => return vec![SocketAddr::new(address, port)],
            Err(_) => super::by_user(walker, at, port),
        };
        let mut addresses = named;
        if addresses.is_empty()
            && let Some(wait) = walker.patience()
        {
            let asked = Asked::now(format!("getent ahosts {at}"))
                .because("the name server is named by its name");
            let (found, seen) = super::system::look_up(at, wait).await;
            addresses = found;
            walker.recorder.answer(
                asked,
                Seen::ResolverLayer(ResolverLayer {
                    server: self.server.endpoint.clone(),
                    layer: Box::new(Seen::Lookup(seen)),
                }),
            );
        }
        addresses.retain(|&address| walker.options.families.allow(address));
        if addresses.is_empty() {
            walker.recorder.gap(Gap::new(
                format!(
                    "what {} says: this host finds no address of {at}",
                    self.server.endpoint.written
                ),
                format!("--resolve {at}:{port}:ADDR, or the server's address in place of its name"),
            ));
        }
        let to = |address: IpAddr| SocketAddr::new(address, port);
        addresses.into_iter().take(ADDRESSES).map(to).collect()
    }

    fn tell(&self, walker: &Walker<'_>, asked: Asked, took: std::time::Duration, seen: Seen) {
        let layer = ResolverLayer {
            server: self.server.endpoint.clone(),
            layer: Box::new(seen),
        };
        walker
            .recorder
            .answer_after(asked, took, Seen::ResolverLayer(layer));
    }

    /// Puts a question. `None`: HTTP was answered, and not with a message; that step is written.
    ///
    /// # Errors
    ///
    /// The connection fails.
    pub(super) async fn exchange(
        &self,
        walker: &Walker<'_>,
        question: &Question<'_>,
        message: &[u8],
    ) -> io::Result<Option<Vec<u8>>> {
        // Whoever gives up in the middle leaves no connection behind: half an answer would be read as the next one.
        let kept = self.link.take();
        let was_kept = kept.is_some();
        let mut link = match kept {
            Some(link) => link,
            None => self.again(walker).await?,
        };
        let mut answer = self.put(walker, &mut link, question, message).await;
        if was_kept && answer.is_err() {
            // Servers end connections that are idle (RFC 7766 section 6.2.3), or after some questions.
            link = self.again(walker).await?;
            answer = self.put(walker, &mut link, question, message).await;
        }
        let (bytes, keep) = answer?;
        if keep {
            self.link.replace(Some(link));
        }
        Ok(bytes)
    }

    async fn again(&self, walker: &Walker<'_>) -> io::Result<Link> {
        let to = self.to.get().ok_or(io::ErrorKind::NotConnected)?;
        let introduced = self.introduce(walker, to).await;
        let introduced = introduced.ok_or(io::ErrorKind::TimedOut)?;
        let alpn = introduced
            .handshake
            .map(|(_, _, handshake)| handshake.alpn)
            .unwrap_or_default();
        let stream = introduced
            .stream
            .ok_or_else(|| io::Error::other("it takes no second connection"))?;
        self.begin((stream, alpn)).await
    }

    /// The message that answers, and whether the connection can be used again.
    async fn put(
        &self,
        walker: &Walker<'_>,
        link: &mut Link,
        question: &Question<'_>,
        message: &[u8],
    ) -> io::Result<(Option<Vec<u8>>, bool)> {
        match link {
            Link::Tls(stream) => Ok((Some(framed(stream, question, message).await?), true)),
            Link::Https(carrier) => self.post(walker, carrier, question, message).await,
        }
    }

    async fn post(
        &self,
        walker: &Walker<'_>,
        carrier: &mut Carrier,
        question: &Question<'_>,
        message: &[u8],
    ) -> io::Result<(Option<Vec<u8>>, bool)> {
        let posting = Posting {
            server: &self.server.endpoint,
            body: message,
            content_type: MEDIA_TYPE,
            most: MESSAGE_BYTES,
        };
        let asked = Asked::now(self.curl());
        let posted = carrier.post(&posting).await?;
        let is_message = posted.reply.status == 200
            && posted.reply.header("content-type").is_some_and(is_of_dns)
            && !posted.reply.body.cut;
        if is_message && !wire::answers(&posted.body, question) {
            return Err(io::Error::other(
                "what it answers over HTTPS is not the answer to the question",
            ));
        }
        if !is_message || !self.told.replace(true) {
            let phases = Phases {
                wait: span(posted.wait),
                transfer: span(posted.transfer),
                ..self.phases.get()
            };
            let seen = HttpExchange {
                url: self.server.url(),
                method: "POST".to_owned(),
                to: self.to.get(),
                version: self.version.get(),
                phases,
                outcome: HttpOutcome::Replied(Box::new(posted.reply)),
                ..HttpExchange::default()
            };
            let took = posted.wait + posted.transfer;
            self.tell(walker, asked, took, Seen::Http(seen));
        }
        Ok((is_message.then_some(posted.body), posted.kept))
    }

    /// A request of the same kind with common tools: for the name servers of the root, in Base64 as GET has it
    /// (RFC 8484 section 4.1).
    fn curl(&self) -> String {
        let url = self.server.url();
        let separator = if url.contains('?') { '&' } else { '?' };
        format!(
            "curl -sv -o /dev/null '{url}{separator}dns=AAABAAABAAAAAAAAAAACAAE' -H 'accept: {MEDIA_TYPE}'"
        )
    }
}

fn is_of_dns(content_type: &str) -> bool {
    let kind = content_type.split(';').next().unwrap_or_default();
    kind.trim().eq_ignore_ascii_case(MEDIA_TYPE)
}

/// RFC 7858 section 3.3: as over TCP, a length of two bytes before each message.
async fn framed(
    stream: &mut TlsStream<Tapped>,
    question: &Question<'_>,
    message: &[u8],
) -> io::Result<Vec<u8>> {
    stream.write_all(&super::ask::framed(message)).await?;
    stream.flush().await?;
    for _ in 0..STRANGERS {
        let bytes = super::ask::message_from(stream).await?;
        if wire::answers(&bytes, question) {
            return Ok(bytes);
        }
    }
    Err(io::Error::other("it answers questions that were not put"))
}
