//! A request as one of many, over new connections and over those that carried one before.

use super::exchange::{self, Io, Waits};
use super::open;
use super::request::Request;
use crate::dice::Dice;
use crate::walk::Walker;
use std::collections::BTreeMap;
use std::net::SocketAddr;
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

/// What a trial came to: how it failed, empty when it did not, and what it can be told by.
pub(crate) type Told = (String, BTreeMap<String, String>);

/// Puts the target's request again and again.
pub(crate) struct Trier {
    request: Request,
    /// A connection to each address that carried a request and can carry another one, and the certificate that was shown.
    kept: BTreeMap<SocketAddr, (Box<dyn Io>, String)>,
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
        let arm = if reused.is_some() { "reused" } else { "new" };
        let mut keys = BTreeMap::from([("connection".to_owned(), arm.to_owned())]);
        let (mut stream, certificate) = match reused {
            Some(kept) => kept,
            None => match open::open(walker, &self.request.url, HttpVersion::One, to).await {
                Ok(opened) => (opened.stream, opened.certificate),
                Err(why) => return Some((why, keys)),
            },
        };
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
        if done.kept {
            self.kept.insert(to, (stream, certificate));
        }
        Some((failure(done.outcome), keys))
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
