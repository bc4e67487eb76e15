//! A request as one of many, over new connections and over those that carried one before.

use super::exchange::{self, Io, Waits};
use super::open;
use super::request::Request;
use crate::dice::Dice;
use crate::walk::Walker;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;
use ww_evidence::transcript::{HttpOutcome, HttpReply, HttpVersion};

/// Fields by which answers tell which backend they come from.
const BACKENDS: [&str; 6] = [
    "server",
    "via",
    "x-served-by",
    "x-backend",
    "x-backend-server",
    "x-upstream",
];

/// What is kept of such a field.
const VALUE_CHARS: usize = 80;

/// The key of our own port.
pub(crate) const SOURCE_PORT: &str = "source-port";

/// What a trial came to: how it failed, empty when it did not, and what it can be told by.
pub(crate) type Told = (String, BTreeMap<String, String>);

/// A connection that can carry another request, and the certificate that was shown on it.
type Kept = (Box<dyn Io>, String);

/// Puts the target's request again and again.
pub(crate) struct Trier {
    request: Request,
    /// A connection to each address that carried a request and can carry another one.
    kept: BTreeMap<SocketAddr, Kept>,
    dice: Dice,
}

impl Trier {
    pub(crate) fn new(walker: &Walker<'_>) -> Trier {
        Trier {
            request: Request::of(walker),
            kept: BTreeMap::new(),
            dice: Dice::shaken(),
        }
    }

    /// Puts the request to an address: half of the time over a connection that carried one before, where there is
    /// one. `None` when the time is up.
    pub(crate) async fn put(&mut self, walker: &Walker<'_>, to: SocketAddr) -> Option<Told> {
        let patience = walker.patience()?;
        let reused = match self.dice.below(2) {
            0 => self.kept.remove(&to),
            _ => None,
        };
        let Some((stream, certificate)) = reused else {
            let (told, kept) = self.over_new(walker, to, None).await?;
            if let Some(kept) = kept {
                self.kept.insert(to, kept);
            }
            return Some(told);
        };
        let mut keys = BTreeMap::from([("connection".to_owned(), "reused".to_owned())]);
        let (failure, kept) = self.over(patience, stream, certificate, &mut keys).await;
        if let Some(kept) = kept {
            self.kept.insert(to, kept);
        }
        Some((failure, keys))
    }

    /// Puts the request over a connection of its own, from this source port where one is given. `None` when the time is up.
    pub(crate) async fn put_from(
        &self,
        walker: &Walker<'_>,
        to: SocketAddr,
        from: Option<u16>,
    ) -> Option<Told> {
        let (told, _) = self.over_new(walker, to, from).await?;
        Some(told)
    }

    async fn over_new(
        &self,
        walker: &Walker<'_>,
        to: SocketAddr,
        from: Option<u16>,
    ) -> Option<(Told, Option<Kept>)> {
        let patience = walker.patience()?;
        let mut keys = BTreeMap::from([("connection".to_owned(), "new".to_owned())]);
        let opened = open::open_from(walker, &self.request.url, HttpVersion::One, to, from).await;
        let own = match &opened {
            Ok(opened) => opened.from,
            Err(unopened) => unopened.from,
        };
        if let Some(own) = own {
            keys.insert(SOURCE_PORT.to_owned(), own.port().to_string());
        }
        let (failure, kept) = match opened {
            Err(unopened) => (unopened.why, None),
            Ok(opened) => {
                self.over(patience, opened.stream, opened.certificate, &mut keys)
                    .await
            }
        };
        Some(((failure, keys), kept))
    }

    /// Puts the request over a connection: how it failed, and the connection where it can carry another one.
    async fn over(
        &self,
        patience: Duration,
        mut stream: Box<dyn Io>,
        certificate: String,
        keys: &mut BTreeMap<String, String>,
    ) -> (String, Option<Kept>) {
        if !certificate.is_empty() {
            keys.insert("certificate".to_owned(), certificate.clone());
        }
        let waits = Waits {
            first: patience,
            next: patience,
            whole: patience,
        };
        let done = exchange::exchange(&mut stream, &self.request, waits).await;
        if let HttpOutcome::Replied(reply) = &done.outcome {
            keys.extend(backends(reply));
        }
        let kept = done.kept.then_some((stream, certificate));
        (failure(done.outcome), kept)
    }
}

fn backends(reply: &HttpReply) -> impl Iterator<Item = (String, String)> {
    BACKENDS.iter().filter_map(|&name| {
        let value = reply.header(name)?;
        Some((name.to_owned(), value.chars().take(VALUE_CHARS).collect()))
    })
}

fn failure(outcome: HttpOutcome) -> String {
    match outcome {
        HttpOutcome::Replied(reply) if reply.status >= 500 || reply.status == 429 => {
            format!("status {}", reply.status)
        }
        HttpOutcome::Replied(reply) => reply.body.fault,
        HttpOutcome::Closed => "the connection was closed without an answer".to_owned(),
        HttpOutcome::Reset => "a reset in place of an answer".to_owned(),
        HttpOutcome::TimedOut => "no answer in time".to_owned(),
        HttpOutcome::NotHttp(line) => format!("an answer that is not HTTP: {line}"),
        HttpOutcome::NotConnected(why) | HttpOutcome::Failed(why) | HttpOutcome::Broken(why) => why,
    }
}
