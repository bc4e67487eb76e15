//! What one name server makes of a question: larger and smaller answers, UDP and TCP, with and without
//! validation.

use super::ask::{Ask, Reply};
use super::server::Server;
use super::{RETRY, SIZES};
use crate::walk::Walker;
use ww_evidence::transcript::{Answer, LookupOutcome};

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
            Ways::Tcp => answer(
                ask.over_tcp("over UDP it does not answer")
                    .put(walker)
                    .await?,
            ),
            Ways::Udp(size) => {
                let ask = ask.again(size, ask.why.as_str());
                match ask.put(walker).await?.outcome {
                    LookupOutcome::Answered(answer) => {
                        Some(self.follow(walker, &ask, *answer).await)
                    }
                    LookupOutcome::TimedOut => self.smaller(walker, &ask).await,
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
        if let Some(answer) = ask.put(walker).await.and_then(answer) {
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
            return tcp.and_then(answer).unwrap_or(first);
        }
        match first.rcode.as_str() {
            "SERVFAIL" if !ask.checking_disabled => {
                let unchecked = Ask {
                    checking_disabled: true,
                    ..ask.again(
                        ask.edns_size,
                        "SERVFAIL: does the server find nothing, or do signatures not hold?",
                    )
                };
                unchecked.put(walker).await;
                first
            }
            _ if first.is_about_form() && ask.edns_size.is_some() && self.ways != Ways::Open => {
                let plain = ask.without_edns(&first).put(walker).await.and_then(answer);
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

    /// Nothing came: is it the size of the answer, EDNS, UDP or the server?
    async fn smaller(&mut self, walker: &Walker<'_>, ask: &Ask<'_>) -> Option<Answer> {
        let sizes = [Some(SIZES.1), None];
        for size in sizes.into_iter().filter(|size| *size != ask.edns_size) {
            let why = match size {
                Some(size) => format!("nothing came: does an answer of at most {size} bytes?"),
                None => {
                    "nothing came: does an answer without EDNS, of at most 512 bytes?".to_owned()
                }
            };
            let smaller = Ask {
                wait: RETRY,
                ..ask.again(size, why)
            };
            let reply = smaller.put(walker).await?;
            if let Some(small) = answer(reply) {
                if self.is_size(walker, ask).await {
                    self.ways = Ways::Udp(size);
                }
                return Some(self.follow(walker, &smaller, small).await);
            }
        }
        self.over_tcp_alone(walker, ask, "nothing came over UDP")
            .await
    }

    /// Whether the larger answer is lost again.
    async fn is_size(&self, walker: &Walker<'_>, ask: &Ask<'_>) -> bool {
        let again = Ask {
            wait: RETRY,
            ..ask.again(
                ask.edns_size,
                "the smaller answer came: was it size or chance?",
            )
        };
        again
            .put(walker)
            .await
            .is_some_and(|reply| answer(reply).is_none())
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
        let found = tcp.put(walker).await.and_then(answer);
        if !self.heard {
            self.ways = if found.is_some() {
                Ways::Tcp
            } else {
                Ways::None
            };
        }
        found
    }
}

fn answer(reply: Reply) -> Option<Answer> {
    match reply.outcome {
        LookupOutcome::Answered(answer) => Some(*answer),
        _ => None,
    }
}
