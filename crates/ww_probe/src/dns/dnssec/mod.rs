//! DNSSEC: whether a chain of signatures leads from a trust anchor to an answer, and where it does not, why.
//!
//! Everything is asked of the resolver that programs use, with CD set, so that it passes on what it would not
//! vouch for. What it says is judged here.

mod algorithm;
mod anchor;
mod budget;
mod chain;
mod denial;
mod given;
mod keys;
mod name;
mod reason;
mod records;
mod signature;
#[cfg(test)]
mod tests;

pub use anchor::{TrustAnchorError, TrustAnchors};
pub use given::validate_answers;

use super::ask::shell_word;
use super::server::{Server, port_option};
use super::wire::{Question, kind_name, number_of_kind};
use super::{RETRY, SIZES};
use crate::recorder::{Asked, Why};
use crate::walk::Walker;
use chain::{Chain, Source};
use name::Name;
use reason::Ended;
use records::Reply;
use std::cell::Cell;
use std::hash::{BuildHasher as _, RandomState};
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use ww_evidence::transcript::{SecurityVerdict, Seen, Validation};

/// How long a chain may take in all.
pub(super) const LONGEST: Duration = Duration::from_secs(10);

/// An answer whose chain is worth a look.
#[derive(Clone, Debug)]
pub(crate) struct Doubt {
    /// The resolver that gave it.
    pub(super) server: Server,
    /// The type.
    pub(super) kind: u16,
    /// What raises it; nothing where an answer with signatures would.
    pub(super) why: Option<Why>,
}

/// Walks the chains of the target's name, as far as there are signatures.
pub(crate) async fn validate(walker: &Walker<'_>, doubts: &[Doubt]) {
    let Some(server) = doubts.first().map(|doubt| &doubt.server) else {
        return;
    };
    let Some(name) = Name::parse(&walker.target.host) else {
        return;
    };
    let source = Resolver::new(walker, server);
    let anchors = &walker.options.trust_anchors.0;
    let mut chain = Chain::new(&source, anchors, now());
    for doubt in doubts {
        let asked = Asked::now(command(server, &walker.target.host, doubt.kind));
        let judged = match chain.ask(&name, doubt.kind).await {
            // A zone without signatures is the common case, and one that could not be asked has steps enough.
            Ok(reply) if doubt.why.is_none() && !reply.is_signed() => return,
            Err(_) if doubt.why.is_none() => return,
            Ok(reply) => chain.judge_reply(&name, doubt.kind, reply).await,
            Err(ended) => Err(ended),
        };
        let why = match &doubt.why {
            Some(why) => why.clone(),
            None => Why::from("the answer is signed: does the chain of signatures hold?"),
        };
        let seen = validation(
            server.address(),
            &walker.target.host,
            doubt.kind,
            &chain,
            judged.err(),
        );
        walker
            .recorder
            .answer(asked.because(why), Seen::Validation(seen));
    }
}

/// Walks the chain of one answer, whatever it is.
pub(crate) async fn validate_one(
    walker: &Walker<'_>,
    server: SocketAddr,
    kind: &str,
) -> io::Result<Validation> {
    let wrong = |what| io::Error::new(io::ErrorKind::InvalidInput, what);
    let host = &walker.target.host;
    let name = Name::parse(host).ok_or_else(|| wrong("this is no name"))?;
    let kind = number_of_kind(kind).ok_or_else(|| wrong("this is no type"))?;
    let by = Server::Plain(server);
    let source = Resolver::new(walker, &by);
    let mut chain = Chain::new(&source, &walker.options.trust_anchors.0, now());
    let judged = chain.judge(&name, kind).await;
    Ok(validation(Some(server), host, kind, &chain, judged.err()))
}

fn validation<S>(
    server: Option<SocketAddr>,
    name: &str,
    kind: u16,
    chain: &Chain<'_, S>,
    ended: Option<Ended>,
) -> Validation {
    Validation {
        name: name.trim_end_matches('.').to_owned(),
        kind: kind_name(kind),
        server,
        verdict: ended
            .as_ref()
            .map_or(SecurityVerdict::Secure, |ended| ended.verdict),
        links: chain.links.clone(),
        reason: ended.map(|ended| ended.broken.told()),
        signatures: chain.signatures.clone(),
        questions: chain.budget.asked(),
        checks: chain.budget.checked(),
    }
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs() as i64)
}

/// The same with BIND's validator, which asks over UDP and TCP alone.
fn command(server: &Server, name: &str, kind: u16) -> String {
    let Server::Plain(server) = server else {
        return String::new();
    };
    format!(
        "delv @{}{} {} {}",
        server.ip(),
        port_option(*server),
        shell_word(name),
        kind_name(kind)
    )
}

/// A resolver that is asked for what it knows, judged or not.
struct Resolver<'r, 'w> {
    walker: &'r Walker<'w>,
    server: &'r Server,
    until: Instant,
    /// Nothing comes over UDP.
    tcp_alone: Cell<bool>,
}

impl<'r, 'w> Resolver<'r, 'w> {
    fn new(walker: &'r Walker<'w>, server: &'r Server) -> Resolver<'r, 'w> {
        Resolver {
            walker,
            server,
            until: Instant::now() + LONGEST,
            tcp_alone: Cell::new(false),
        }
    }

    async fn put(&self, name: &str, kind: u16, tcp: bool, size: u16) -> Result<Reply, String> {
        let left = self.until.saturating_duration_since(Instant::now());
        let wait = self.walker.at_most(left.min(RETRY));
        let Some(wait) = wait.filter(|wait| !wait.is_zero()) else {
            return Err("the time for it is up".to_owned());
        };
        let question = Question {
            id: RandomState::new().hash_one(name) as u16,
            name,
            kind,
            recursion: true,
            checking_disabled: true,
            edns_size: Some(size),
            dnssec_ok: true,
        };
        let message = question.encode().ok_or("this is no name")?;
        let exchange = self.server.exchange(self.walker, tcp, &question, &message);
        match tokio::time::timeout(wait, exchange).await {
            Err(_) => Err("nothing came".to_owned()),
            Ok(Err(error)) => Err(error.to_string()),
            Ok(Ok(None)) => Err("no message came".to_owned()),
            Ok(Ok(Some(bytes))) => {
                Reply::read(&bytes).ok_or_else(|| "it cannot be read".to_owned())
            }
        }
    }
}

impl Source for Resolver<'_, '_> {
    /// Over UDP within what every path takes whole, then over TCP, then in larger datagrams.
    async fn ask(&self, name: &Name, kind: u16) -> Result<Reply, String> {
        let name = name.to_string();
        let mut why = String::new();
        let mut is_silent = false;
        for (tcp, size) in [(false, SIZES.1), (true, SIZES.1), (false, SIZES.0)] {
            let is_tried = matches!(self.server, Server::Encrypted(_)) && !why.is_empty();
            if is_tried || !tcp && self.tcp_alone.get() {
                continue;
            }
            match self.put(&name, kind, tcp, size).await {
                Ok(reply) if reply.truncated => "the answer is cut short".clone_into(&mut why),
                Ok(reply) => {
                    self.tcp_alone.set(tcp && is_silent);
                    return Ok(reply);
                }
                Err(failed) => {
                    is_silent |= !tcp;
                    why = failed;
                }
            }
        }
        Err(why)
    }
}
