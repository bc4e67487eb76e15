//! What one name server makes of a question: larger and smaller answers, UDP and TCP, with and without
//! validation.

use super::ask::{Ask, Reply};
use super::follow::{Told, after_failure, after_silence};
use super::server::Server;
use super::{RETRY, SIZES};
use crate::walk::Walker;
use ww_evidence::transcript::{Answer, LookupOutcome};
use ww_reason::Control;

/// How a server can be asked, as far as it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ways {
    /// Over UDP with answers of up to this size; `None` without EDNS.
    Udp(Option<u16>),
    /// Over TCP alone.
    Tcp,
    /// Over a connection that is still to be opened.
    Closed,
    /// Over a connection.
    Open,
    /// Not at all.
    None,
}

/// A name server and what is known of it.
#[derive(Clone, Debug)]
pub(super) struct Resolver {
    /// Who it is.
    pub(super) server: Server,
    ways: Ways,
    /// It answered, where it can be asked over UDP over that: that it is silent once says nothing of other questions.
    heard: bool,
}

impl Resolver {
    /// A server of which nothing is known.
    pub(super) fn new(server: Server) -> Resolver {
        Resolver {
            ways: match server {
                Server::Plain(_) => Ways::Udp(Some(SIZES.0)),
                Server::Encrypted(_) => Ways::Closed,
            },
            server,
            heard: false,
        }
    }

    /// It answers in some way, as far as it is known.
    pub(super) fn answers(&self) -> bool {
        self.ways != Ways::None
    }

    /// Puts a question, and what its outcome raises. The answer that a program would be given, if any.
    pub(super) async fn question(&mut self, walker: &Walker<'_>, ask: &Ask<'_>) -> Option<Answer> {
        if let (Ways::Closed, Server::Encrypted(channel)) = (self.ways, &self.server) {
            self.ways = if channel.open(walker).await {
                Ways::Open
            } else {
                Ways::None
            };
        }
        match self.ways {
            Ways::Open => self.over_channel(walker, ask).await,
            Ways::None | Ways::Closed => None,
            Ways::Tcp => {
                let tcp = ask.over_tcp("over UDP it does not answer");
                tcp.put(walker).await.and_then(Reply::answer)
            }
            Ways::Udp(size) => {
                let ask = ask.again(size, &ask.why);
                match ask.put(walker).await?.outcome {
                    LookupOutcome::Answered(answer) => {
                        Some(self.follow(walker, &ask, *answer).await)
                    }
                    LookupOutcome::TimedOut => self.otherwise(walker, &ask).await,
                    LookupOutcome::Refused => {
                        self.over_tcp_alone(
                            walker,
                            &ask,
                            "its UDP port is closed: is it there at all?",
                        )
                        .await
                    }
                    LookupOutcome::Failed(_) => {
                        self.ways = Ways::None;
                        None
                    }
                }
            }
        }
    }

    /// One that does not answer the first question is not asked a second one.
    async fn over_channel(&mut self, walker: &Walker<'_>, ask: &Ask<'_>) -> Option<Answer> {
        if let Some(answer) = ask.put(walker).await.and_then(Reply::answer) {
            return Some(self.follow(walker, ask, answer).await);
        }
        if !self.heard {
            self.ways = Ways::None;
        }
        None
    }

    /// What an answer makes one ask.
    async fn follow(&mut self, walker: &Walker<'_>, ask: &Ask<'_>, first: Answer) -> Answer {
        self.heard = true;
        if first.truncated && self.ways != Ways::Open {
            let tcp = ask
                .over_tcp("the answer over UDP is cut short")
                .put(walker)
                .await;
            return tcp.and_then(Reply::answer).unwrap_or(first);
        }
        match first.rcode.as_str() {
            "SERVFAIL" if !ask.checking_disabled => {
                after_failure(walker, ask).await;
                first
            }
            _ if first.is_about_form() && ask.edns_size.is_some() && self.ways != Ways::Open => {
                let plain = ask
                    .without_edns(&first)
                    .put(walker)
                    .await
                    .and_then(Reply::answer);
                match plain {
                    Some(plain) if plain.rcode != first.rcode => {
                        self.ways = Ways::Udp(None);
                        plain
                    }
                    _ => first,
                }
            }
            _ => first,
        }
    }

    /// Nothing came: what does in another way, and in which way later questions are put.
    async fn otherwise(&mut self, walker: &Walker<'_>, ask: &Ask<'_>) -> Option<Answer> {
        let mut told = after_silence(walker, ask).await;
        let is_lost_again = told
            .iter()
            .any(|one| one.control == Control::SameAgain && one.answer.is_none());
        told.retain(|one| one.answer.is_some());
        self.heard |= told.iter().any(|one| one.control != Control::OverTcp);
        let mut take = |control| {
            let at = told.iter().position(|one| one.control == control)?;
            let Told { ask, answer, .. } = told.swap_remove(at);
            Some((ask, answer?))
        };
        let same = take(Control::SameAgain);
        let small = take(Control::SmallAnswer).or_else(|| take(Control::WithoutEdns));
        let tcp = take(Control::OverTcp).map(|(_, answer)| answer);
        match (same.or(small), tcp) {
            (Some((smaller, first)), tcp) => {
                if is_lost_again {
                    self.ways = Ways::Udp(smaller.edns_size);
                }
                match tcp.filter(|_| first.truncated) {
                    Some(whole) => Some(whole),
                    None => Some(self.follow(walker, &smaller, first).await),
                }
            }
            (None, tcp) => {
                self.without_udp(tcp.is_some());
                tcp
            }
        }
    }

    async fn over_tcp_alone(
        &mut self,
        walker: &Walker<'_>,
        ask: &Ask<'_>,
        why: &str,
    ) -> Option<Answer> {
        let tcp = Ask {
            wait: RETRY,
            ..ask.over_tcp(why)
        };
        let found = tcp.put(walker).await.and_then(Reply::answer);
        self.without_udp(found.is_some());
        found
    }

    /// Nothing came over UDP; `tcp`: something did over TCP.
    fn without_udp(&mut self, tcp: bool) {
        if !self.heard {
            self.ways = if tcp { Ways::Tcp } else { Ways::None };
        }
    }
}
