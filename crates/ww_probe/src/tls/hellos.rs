//! The questions that hellos of our own put to one address, and what an answer makes one ask.

use super::ask::{Heard, Manner, ask};
use super::hello::Hello;
use super::reply::MOST_BYTES;
use super::{groups, survey, together};
use crate::options::Depth;
use crate::recorder::Asked;
use crate::walk::Walker;
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;
use tokio::sync::Semaphore;
use ww_evidence::tls::{Suite, TlsVersion};
use ww_evidence::transcript::{HelloProbe, HelloReply, Seen, TlsOutcome};

/// So many connections are open to one address at once.
const AT_ONCE: usize = 4;

/// A server that has answered before is not waited for as long as one that never has.
const SURVEY_PATIENCE: Duration = Duration::from_secs(2);

/// A segment that passes where packets of usual size do not (RFC 9293 section 3.7.1: the default MSS).
const SMALL_MSS: u16 = 536;

/// A name that nobody serves (RFC 6761 section 6.4).
const WRONG_NAME: &str = "wirewise.invalid";

/// Alerts that tell of versions and strength, so that another name would change nothing.
const NOT_ABOUT_NAMES: [u8; 3] = [70, 71, 80];

/// The alert that tells of the name alone, so that other versions and suites would change nothing.
const UNRECOGNIZED_NAME: u8 = 112;

/// One address that is asked.
pub(super) struct Prober<'p, 'w> {
    walker: &'p Walker<'w>,
    /// To where.
    pub(super) to: SocketAddr,
    permits: Semaphore,
}

/// What a step says beside the hello itself.
#[derive(Clone, Debug, Default)]
struct Words {
    why: &'static str,
    /// Options of `openssl s_client` beside address and name.
    options: &'static str,
}

impl Words {
    fn because(why: &'static str) -> Words {
        Words { why, options: "" }
    }

    /// OpenSSL sends a key of ML-KEM since version 3.5.
    fn with_large_groups(self) -> Words {
        Words {
            options: " -groups X25519MLKEM768:X25519",
            ..self
        }
    }
}

/// Puts all questions to one address.
pub(super) async fn probe(walker: &Walker<'_>, to: SocketAddr) {
    let prober = Prober::new(walker, to);
    let name = prober.server_name();
    let usual = Hello::usual(name);
    let stalled = is_silent(walker, to);
    let first = if stalled {
        prober.at_once(&usual).await
    } else {
        prober.step(&usual, Manner::PLAIN, Words::default()).await
    };
    let Some(first) = first else {
        return;
    };
    match &first.reply {
        HelloReply::NotTls(_) | HelloReply::NotSent(_) => {}
        HelloReply::Accepted => {
            prober.tolerance().await;
            prober.survey(&first).await;
            if walker.options.depth == Depth::Deep {
                prober.names("").await;
            }
        }
        HelloReply::Alert(number) => {
            if !NOT_ABOUT_NAMES.contains(number) {
                prober
                    .names("the server refuses the hello with the right name")
                    .await;
            }
            if *number != UNRECOGNIZED_NAME {
                prober.survey(&first).await;
            }
        }
        HelloReply::Closed | HelloReply::Reset => {
            prober
                .names("the server ends the connection at the hello with the right name")
                .await;
            prober.survey(&first).await;
        }
        HelloReply::Silence if stalled => {}
        HelloReply::Silence => {
            together::together(prober.after_silence(&usual)).await;
        }
    }
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

/// A question that waits for its answer.
type Pending<'a> = Pin<Box<dyn Future<Output = Option<Heard>> + 'a>>;

/// Asks whether TLS is spoken where clear text was expected.
pub(super) async fn probe_clear_text_port(walker: &Walker<'_>, to: SocketAddr) {
    let prober = Prober::new(walker, to);
    let hello = Hello::usual(prober.server_name());
    let words = Words::because("clear text got no proper answer: does the port speak TLS?");
    prober.step(&hello, Manner::PLAIN, words).await;
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

    /// The name that clients send: none where the target is an address (RFC 6066 section 3).
    pub(super) fn server_name(&self) -> &'p str {
        let target = self.walker.target;
        if target.is_address() || !target.host.is_ascii() {
            ""
        } else {
            &target.host
        }
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
    async fn step(&self, hello: &Hello, manner: Manner, words: Words) -> Option<Heard> {
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
        let asked = Asked::now(command).because(words.why);
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
    /// answered is asked again in other ways, with the usual hello as a control.
    async fn tolerance(&self) {
        let name = self.server_name();
        let (usual, large) = (Hello::usual(name), Hello::large(name));
        let split = Manner {
            split: true,
            ..Manner::PLAIN
        };
        let heard = together::together([
            self.step(&large, Manner::PLAIN, Words::default().with_large_groups()),
            self.step(&usual, split, Words::default()),
        ])
        .await;
        let fails = |nth: usize| matches!(heard.get(nth), Some(Some(heard)) if !heard.is_answer());
        let mut asks: Vec<Pending<'_>> = Vec::new();
        if fails(0) {
            let small = Manner {
                mss: Some(SMALL_MSS),
                ..Manner::PLAIN
            };
            let words =
                Words::because("the large hello was not answered: is it the size of the packets?");
            asks.push(Box::pin(self.step(
                &large,
                small,
                words.with_large_groups(),
            )));
            asks.push(Box::pin(self.clear_text(large.record().len())));
        }
        if fails(1) {
            let words =
                Words::because("the hello in two segments was not answered: is that so again?");
            asks.push(Box::pin(self.step(&usual, split, words)));
        }
        if !asks.is_empty() {
            let words = Words::because("another hello was not answered: is the usual one still?");
            asks.push(Box::pin(self.step(&usual, Manner::PLAIN, words)));
        }
        together::together(asks).await;
    }

    /// Clear text of the size of a large hello: a server answers or closes, if it arrives.
    async fn clear_text(&self, size: usize) -> Option<Heard> {
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
        let words =
            Words::because("the large hello was not answered: does anything of its size arrive?");
        let command = format!(
            "head -c {padding} /dev/zero | tr '\\0' x | nc {} {}",
            self.to.ip(),
            self.to.port()
        );
        self.send(probe, text.as_bytes(), Manner::PLAIN, &words, command)
            .await
    }

    /// The usual hello with all that its silence would raise, where silence is to be expected: one wait in place of
    /// several. What the usual hello got.
    async fn at_once(&self, usual: &Hello) -> Option<Heard> {
        let mut asks = self.after_silence(usual);
        let words = Words::because("nothing answered the handshake: is that so again?");
        asks.insert(0, Box::pin(self.step(usual, Manner::PLAIN, words)));
        let heard = together::together(asks).await;
        heard.into_iter().next().flatten()
    }

    /// What silence makes one ask: smaller packets, and other names.
    fn after_silence<'a>(&'a self, hello: &'a Hello) -> Vec<Pending<'a>> {
        let manner = Manner {
            mss: Some(SMALL_MSS),
            ..Manner::PLAIN
        };
        let words =
            Words::because("nothing answered the hello: is it the size of the server's packets?");
        let mut asks: Vec<Pending<'a>> = vec![Box::pin(self.step(hello, manner, words))];
        asks.extend(self.other_names("nothing answers the hello with the right name"));
        asks
    }

    /// The same hello without a name and with a wrong one.
    async fn names(&self, why: &'static str) {
        together::together(self.other_names(why)).await;
    }

    fn other_names(&self, why: &'static str) -> Vec<Pending<'_>> {
        if self.server_name().is_empty() {
            return Vec::new();
        }
        let ask = |name| -> Pending<'_> {
            Box::pin(async move {
                let hello = Hello::usual(name);
                self.step(&hello, Manner::PLAIN, Words::because(why)).await
            })
        };
        ["", WRONG_NAME].map(ask).into_iter().collect()
    }

    /// Versions, and at depth suites and groups too.
    async fn survey(&self, first: &Heard) {
        let Some(_) = self.walker.patience() else {
            return;
        };
        let asked = Asked::now(format!(
            "sslyze {}:{}{{{}}}",
            self.walker.target.host,
            self.to.port(),
            self.to.ip()
        ));
        let known = first.chosen.and_then(|chosen| {
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
