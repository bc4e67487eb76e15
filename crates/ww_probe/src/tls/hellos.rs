//! The questions that hellos of our own put to one address, and what an answer makes one ask.

use super::ask::{Heard, Manner, ask};
use super::explain::{Failed, is_of_large, is_of_split, is_of_usual};
use super::hello::Hello;
use super::reply::MOST_BYTES;
use super::{groups, survey, together};
use crate::options::Depth;
use crate::recorder::{Asked, Why};
use crate::walk::Walker;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::sync::Semaphore;
use ww_evidence::tls::{Suite, TlsVersion};
use ww_evidence::transcript::{HelloProbe, HelloReply, Seen, TlsOutcome};

/// So many connections are open to one address at once.
pub(super) const AT_ONCE: usize = 4;

/// A server that has answered before is not waited for as long as one that never has.
pub(super) const SURVEY_PATIENCE: Duration = Duration::from_secs(2);

/// A segment that passes where packets of usual size do not (RFC 9293 section 3.7.1: the default MSS).
pub(super) const SMALL_MSS: u16 = 536;

/// A name that nobody serves (RFC 6761 section 6.4).
pub(super) const WRONG_NAME: &str = "wirewise.invalid";

/// The alert that tells of the name alone, so that other versions and suites would change nothing.
const UNRECOGNIZED_NAME: u8 = 112;

/// One address that is asked.
pub(super) struct Prober<'p, 'w> {
    /// The walk.
    pub(super) walker: &'p Walker<'w>,
    /// To where.
    pub(super) to: SocketAddr,
    permits: Semaphore,
}

/// What a step says beside the hello itself.
#[derive(Clone, Debug, Default)]
pub(super) struct Words {
    why: Why,
    /// Options of `openssl s_client` beside address and name.
    options: &'static str,
}

impl Words {
    /// Why it is asked.
    pub(super) fn because(why: impl Into<Why>) -> Words {
        Words {
            why: why.into(),
            options: "",
        }
    }

    /// OpenSSL sends a key of ML-KEM since version 3.5.
    pub(super) fn asking_like(self, hello: &Hello) -> Words {
        let options = if hello.record().len() > HelloProbe::LARGE as usize {
            " -groups X25519MLKEM768:X25519"
        } else {
            ""
        };
        Words { options, ..self }
    }
}

/// Puts all questions to one address.
pub(super) async fn probe(walker: &Walker<'_>, to: SocketAddr) {
    let prober = Prober::new(walker, to);
    let usual = Hello::usual(prober.server_name());
    let stalled = is_silent(walker, to);
    let failed = Failed {
        hello: &usual,
        manner: Manner::PLAIN,
        is_it: is_of_usual,
        says: "the hello with the right name got no proper answer",
    };
    // Where silence is to be expected, the usual hello is one question among others: one wait in place of several.
    let explained = if stalled {
        prober.explain(&failed).await
    } else {
        None
    };
    // It may not have been among those that tell most.
    let first = match explained {
        Some(first) => first,
        None => match prober.step(&usual, Manner::PLAIN, Words::default()).await {
            Some(first) => first,
            None => return,
        },
    };
    match &first.reply {
        HelloReply::NotTls(_) | HelloReply::NotSent(_) => {}
        HelloReply::Accepted => {
            prober.tolerance().await;
            prober.survey(Some(&first), &Why::default()).await;
            if walker.options.depth == Depth::Deep {
                prober.names().await;
            }
        }
        HelloReply::Silence if stalled => {}
        reply => {
            if !stalled {
                prober.explain(&failed).await;
            }
            // A server that is silent or knows no such name tells nothing by its versions.
            let tells = !matches!(
                reply,
                HelloReply::Silence | HelloReply::Alert(UNRECOGNIZED_NAME)
            );
            if tells && !is_surveyed(walker, to) {
                prober.survey(Some(&first), &Why::default()).await;
            }
        }
    }
}

/// Its versions were asked for.
fn is_surveyed(walker: &Walker<'_>, to: SocketAddr) -> bool {
    walker.recorder.look(|steps| {
        steps
            .iter()
            .any(|step| matches!(&step.seen, Seen::TlsSurvey(seen) if seen.to == Some(to)))
    })
}

/// A handshake with this address has waited in vain.
fn is_silent(walker: &Walker<'_>, to: SocketAddr) -> bool {
    walker.recorder.look(|steps| {
        steps.iter().any(|step| {
            matches!(&step.seen, Seen::Handshake(seen)
                if seen.to == Some(to) && seen.outcome == TlsOutcome::TimedOut)
        })
    })
}

/// Asks whether TLS is spoken where clear text was expected.
pub(crate) async fn probe_clear_text_port(walker: &Walker<'_>, to: SocketAddr, why: &Why) {
    let prober = Prober::new(walker, to);
    let hello = Hello::usual(prober.server_name());
    prober
        .step(&hello, Manner::PLAIN, Words::because(why))
        .await;
}

impl<'p, 'w> Prober<'p, 'w> {
    /// An address, not yet asked.
    pub(super) fn new(walker: &'p Walker<'w>, to: SocketAddr) -> Prober<'p, 'w> {
        Prober {
            walker,
            to,
            permits: Semaphore::new(AT_ONCE),
        }
    }

    /// The name that clients send.
    pub(super) fn server_name(&self) -> &'p str {
        self.walker.target.server_name()
    }

    /// Asks without writing a step: one of many questions of a survey.
    pub(super) async fn quietly(&self, hello: &Hello, manner: Manner) -> Heard {
        let _permit = self.permits.acquire().await;
        match self.walker.patience() {
            Some(patience) => {
                ask(
                    self.to,
                    &hello.record(),
                    manner,
                    patience.min(SURVEY_PATIENCE),
                )
                .await
            }
            None => Heard {
                reply: HelloReply::Silence,
                chosen: None,
            },
        }
    }

    /// Asks and writes a step; nothing when the time is up.
    pub(super) async fn step(&self, hello: &Hello, manner: Manner, words: Words) -> Option<Heard> {
        let probe = HelloProbe {
            server_name: hello.server_name.clone(),
            version: hello.highest.name().to_owned(),
            ..HelloProbe::default()
        };
        let mut command = format!("openssl s_client -connect {}", self.to);
        if hello.server_name.is_empty() {
            command.push_str(" -noservername");
        } else {
            command.push_str(" -servername ");
            command.push_str(&hello.server_name);
        }
        command.push_str(words.options);
        self.send(probe, &hello.record(), manner, &words, command)
            .await
    }

    async fn send(
        &self,
        mut probe: HelloProbe,
        bytes: &[u8],
        manner: Manner,
        words: &Words,
        command: String,
    ) -> Option<Heard> {
        let _permit = self.permits.acquire().await;
        let patience = self.walker.patience()?;
        let asked = Asked::now(command).because(&words.why);
        let heard = ask(self.to, bytes, manner, patience).await;
        probe.to = Some(self.to);
        probe.bytes = bytes.len() as u32;
        probe.split = manner.split;
        probe.mss = manner.mss;
        probe.reply = heard.reply.clone();
        if let Some(chosen) = heard.chosen {
            probe.chosen_version = TlsVersion::from_code(chosen.version).map_or_else(
                || format!("version 0x{:04x}", chosen.version),
                |version| version.name().to_owned(),
            );
            probe.chosen_suite = Suite::name_of(chosen.suite);
            probe.chosen_group = chosen.group.map(groups::name).unwrap_or_default();
        }
        self.walker.recorder.answer(asked, Seen::Hello(probe));
        Some(heard)
    }

    /// Whether a hello of the size that browsers send is answered, and one in two segments. What is not
    /// answered is looked into.
    async fn tolerance(&self) {
        let name = self.server_name();
        let (usual, large) = (Hello::usual(name), Hello::large(name));
        let split = Manner {
            split: true,
            ..Manner::PLAIN
        };
        together::together([
            self.step(&large, Manner::PLAIN, Words::default().asking_like(&large)),
            self.step(&usual, split, Words::default()),
        ])
        .await;
        let large = Failed {
            hello: &large,
            manner: Manner::PLAIN,
            is_it: is_of_large,
            says: "the large hello was not answered",
        };
        let cut = Failed {
            hello: &usual,
            manner: split,
            is_it: is_of_split,
            says: "the hello in two segments was not answered",
        };
        // One after the other: both ask whether the usual hello is answered still, and that needs asking once.
        self.explain(&large).await;
        self.explain(&cut).await;
    }

    /// Clear text of the size of a large hello: a server answers or closes, if it arrives.
    pub(super) async fn clear_text(&self, size: usize, words: Words) -> Option<Heard> {
        let host = &self.walker.target.host;
        let mut text =
            format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nX-Padding: ");
        let padding = size.saturating_sub(text.len() + 4).min(MOST_BYTES);
        text.extend(std::iter::repeat_n('x', padding));
        text.push_str("\r\n\r\n");
        let probe = HelloProbe {
            clear_text: true,
            ..HelloProbe::default()
        };
        let command = format!(
            "head -c {padding} /dev/zero | tr '\\0' x | nc {} {}",
            self.to.ip(),
            self.to.port()
        );
        self.send(probe, text.as_bytes(), Manner::PLAIN, &words, command)
            .await
    }

    /// The usual hello without a name and with a wrong one.
    async fn names(&self) {
        if self.server_name().is_empty() {
            return;
        }
        let [none, wrong] = ["", WRONG_NAME].map(Hello::usual);
        together::together(
            [&none, &wrong].map(|hello| self.step(hello, Manner::PLAIN, Words::default())),
        )
        .await;
    }

    /// Versions, and at depth suites and groups too.
    pub(super) async fn survey(&self, first: Option<&Heard>, why: &Why) {
        let Some(_) = self.walker.patience() else {
            return;
        };
        let asked = Asked::now(format!(
            "sslyze {}:{}{{{}}}",
            self.walker.target.host,
            self.to.port(),
            self.to.ip()
        ))
        .because(why);
        let known = first.and_then(|first| first.chosen).and_then(|chosen| {
            TlsVersion::from_code(chosen.version).map(|version| (version, chosen.suite))
        });
        let survey = if self.walker.options.depth == Depth::Deep {
            survey::everything(self).await
        } else {
            survey::versions(self, known).await
        };
        // A survey that was cut short would deny what it did not ask for.
        if self.walker.patience().is_some() {
            self.walker.recorder.answer(asked, Seen::TlsSurvey(survey));
        }
    }
}
