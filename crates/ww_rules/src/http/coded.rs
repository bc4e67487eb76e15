//! Answers to an offer of codings.

use crate::Walk;
use ww_evidence::transcript::{Decoding, HttpExchange, HttpReply, Step};

/// An answer to an offer, with what became of its body.
#[derive(Clone, Copy)]
pub(super) struct Coded<'w> {
    pub(super) step: &'w Step,
    pub(super) exchange: &'w HttpExchange,
    pub(super) reply: &'w HttpReply,
    pub(super) decoding: &'w Decoding,
}

impl Coded<'_> {
    /// It is a file that is to arrive as it is: no text, or compressed by its own nature, as its name says.
    pub(super) fn is_file(&self) -> bool {
        let path = self.exchange.url.split('?').next().unwrap_or_default();
        let path = path.to_ascii_lowercase();
        let is_named = [".gz", ".tgz", ".svgz", ".zst"]
            .iter()
            .any(|end| path.ends_with(end));
        !self.reply.is_text() || is_named
    }

    /// What the answer calls its coding: `gzip`, `no coding`.
    pub(super) fn called(&self) -> String {
        if self.decoding.named.is_empty() {
            "no Content-Encoding".to_owned()
        } else {
            format!("Content-Encoding: {}", self.decoding.named.join(", "))
        }
    }
}

/// All of them.
pub(super) fn all<'w>(walk: &Walk<'w>) -> Vec<Coded<'w>> {
    let coded = |(step, exchange): (&'w Step, &'w HttpExchange)| {
        let reply = exchange.reply()?;
        Some(Coded {
            step,
            exchange,
            reply,
            decoding: reply.body.decoding.as_ref()?,
        })
    };
    walk.transcript.exchanges().filter_map(coded).collect()
}

/// The answer to the same question without an offer.
pub(super) fn plain<'w>(walk: &Walk<'w>, coded: &Coded<'_>) -> Option<(&'w Step, &'w HttpReply)> {
    walk.transcript.exchanges().find_map(|(step, exchange)| {
        let is_same = exchange.offered.is_empty()
            && exchange.to == coded.exchange.to
            && exchange.url == coded.exchange.url
            && exchange.method == coded.exchange.method;
        let reply = exchange
            .reply()
            .filter(|reply| is_same && reply.status == 200)?;
        Some((step, reply))
    })
}
