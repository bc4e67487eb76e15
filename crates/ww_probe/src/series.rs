//! The same question many times, for trouble that comes and goes.
//!
//! Trials come at random times, so that a fault with a beat of its own is met like any other; they end as soon as
//! a sequential test can clear the target. Where it convicts, they go on for a while: what failures have in common
//! is seen by several of them only.

mod ports;

use crate::apply::{Binding, DatagramReply, binding, root_servers};
use crate::dice::Dice;
use crate::http::{SOURCE_PORT, Told, Trier};
use crate::recorder::{Asked, span};
use crate::tcp;
use crate::walk::Walker;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use ww_base::Gap;
use ww_base::chance::{Decision, Sequential};
use ww_evidence::transcript::{ConnectOutcome, Seen, Service, Target, Trial, Trials};

/// The mean of the waits between trials.
const SPACING: Duration = Duration::from_millis(100);

/// More trials tell nothing that fewer do not.
const MOST: u32 = 10_000;

/// So many failures, and so many successes, show what sets them apart.
const TELLING: usize = 12;

/// How a trial fails that the server finds one too many: it is asked no more.
const TOO_MANY: &str = "status 429";

/// How a trial fails that has no answer in the time that it is given.
const TOO_LATE: &str = "no answer in time";

/// So many failures and no success are no trouble that comes and goes.
const CONSTANT: usize = 8;

/// Puts the target's cheapest whole question as often as the user wants it, and writes the step.
pub(crate) async fn repeat(walker: &Walker<'_>, targets: &[SocketAddr]) {
    if walker.options.repeat == 0 || targets.is_empty() {
        return;
    }
    let service = walker.target.service;
    if let Some(gap) = harm(service) {
        walker.recorder.gap(gap);
        return;
    }
    let asked = Asked::now(command(walker.target, targets)).because("--repeat");
    let mut question = Question::of(walker);
    let mut series = Series::default();
    let mut used = ports::Used::default();
    let mut dice = Dice::shaken();
    let began = Instant::now();
    for _ in 0..walker.options.repeat.min(MOST) {
        let Some(&to) = targets.get(dice.below(targets.len())) else {
            break;
        };
        let at = began.elapsed();
        let Some((failure, mut keys)) = question.put(walker, to).await else {
            break;
        };
        if failure == TOO_MANY {
            walker.recorder.gap(Gap::new(
                "further trials: the server limits the rate of requests (429)",
                "repeat when the limit is lifted, or from a client that it knows",
            ));
            used = ports::Used::default();
            break;
        }
        used.note(to, &failure, &keys);
        keys.insert("address".to_owned(), to.ip().to_string());
        let family = if to.is_ipv4() { "IPv4" } else { "IPv6" };
        keys.insert("family".to_owned(), family.to_owned());
        series.note(Trial {
            at: span(at),
            took: span(began.elapsed().saturating_sub(at)),
            failure,
            keys,
        });
        if series.is_over() || used.is_due(walker.left()) {
            break;
        }
        let wait = dice.wait(SPACING);
        tokio::time::sleep(walker.at_most(wait).unwrap_or_default()).await;
    }
    let mut trials = series.finish(question.noun());
    trials.ports = used.again(walker, &question).await;
    walker.recorder.answer(asked, Seen::Trials(trials));
}

/// Trials and the test that decides when there are enough.
#[derive(Debug, Default)]
struct Series {
    trials: Vec<Trial>,
    failed: usize,
    test: Sequential,
}

impl Series {
    fn note(&mut self, trial: Trial) {
        let failed = !trial.failure.is_empty();
        self.test.note(failed);
        self.failed += usize::from(failed);
        self.trials.push(trial);
    }

    fn is_over(&self) -> bool {
        let fine = self.trials.len() - self.failed;
        match self.test.decision() {
            Decision::Open => false,
            Decision::Cleared => true,
            Decision::Convicted => {
                (self.failed >= TELLING && fine >= TELLING)
                    || (self.failed >= CONSTANT && fine == 0)
            }
        }
    }

    fn finish(self, what: &str) -> Trials {
        let stopped = match self.test.decision() {
            Decision::Cleared => "cleared",
            Decision::Convicted if self.is_over() => "convicted",
            Decision::Open | Decision::Convicted => "",
        };
        Trials {
            what: what.to_owned(),
            trials: self.trials,
            stopped: stopped.to_owned(),
            ports: Vec::new(),
        }
    }
}

/// Servers that hold it against a client when it connects and says nothing, again and again.
fn harm(service: Service) -> Option<Gap> {
    match service {
        Service::Mysql => Some(Gap::new(
            "trouble that comes and goes: MySQL blocks hosts that connect and leave (max_connect_errors)",
            "watch connections of a client that logs in",
        )),
        Service::Ssh => Some(Gap::new(
            "trouble that comes and goes: OpenSSH penalises addresses that connect and leave (PerSourcePenalties)",
            "watch connections of a client that logs in",
        )),
        _ => None,
    }
}

/// What is asked each time.
enum Question {
    Connection,
    Binding,
    Query,
    Request(Box<Trier>),
}

impl Question {
    fn of(walker: &Walker<'_>) -> Question {
        match walker.target.service {
            Service::Stun => Question::Binding,
            Service::Dns => Question::Query,
            Service::Http | Service::Https => Question::Request(Box::new(Trier::new(walker))),
            _ => Question::Connection,
        }
    }

    fn noun(&self) -> &'static str {
        match self {
            Question::Connection => "connection",
            Question::Binding => "binding request",
            Question::Query => "query",
            Question::Request(_) => "request",
        }
    }

    /// One trial; `None` when the time is up.
    async fn put(&mut self, walker: &Walker<'_>, to: SocketAddr) -> Option<Told> {
        match self {
            Question::Request(trier) => trier.put(walker, to).await,
            _ => self.put_from(walker, to, None).await,
        }
    }

    /// One trial over a connection of its own, from this source port where one is given; `None` when the time is up.
    async fn put_from(
        &self,
        walker: &Walker<'_>,
        to: SocketAddr,
        from: Option<u16>,
    ) -> Option<Told> {
        let patience = walker.patience()?;
        match self {
            Question::Connection => Some(connection(to, from, patience).await),
            Question::Binding => {
                let (reply, own) = binding(to, from, patience).await;
                let failure = match reply {
                    DatagramReply::Answer(Binding::Error(error)) => error,
                    other => unanswered(other),
                };
                Some((failure, left_from(own)))
            }
            Question::Query => {
                let (reply, own) = root_servers(to, from, patience).await;
                Some((unanswered(reply), left_from(own)))
            }
            Question::Request(trier) => trier.put_from(walker, to, from).await,
        }
    }
}

fn command(target: &Target, targets: &[SocketAddr]) -> String {
    let Some(to) = targets.first() else {
        return String::new();
    };
    let (ip, port) = (to.ip(), to.port());
    let one = match target.service {
        Service::Stun => format!("turnutils_stunclient -p {port} {ip}"),
        Service::Dns => format!("dig -p {port} @{ip} . NS"),
        Service::Http | Service::Https => format!("curl -sf -o /dev/null '{}'", target.written),
        _ => format!("nc -vz {ip} {port}"),
    };
    format!("for i in $(seq 60); do {one} || echo failed; sleep 0.1; done")
}

async fn connection(to: SocketAddr, from: Option<u16>, patience: Duration) -> Told {
    let (connect, _stream) = tcp::connect_from(to, from, patience).await;
    let failure = match connect.outcome {
        ConnectOutcome::Open => String::new(),
        ConnectOutcome::Refused => "refused".to_owned(),
        ConnectOutcome::TimedOut => "no answer to the SYN".to_owned(),
        _ => connect.errno,
    };
    (failure, left_from(connect.from))
}

/// Why a datagram has no answer; empty when it has one.
fn unanswered<T>(reply: DatagramReply<T>) -> String {
    match reply {
        DatagramReply::Answer(_) => String::new(),
        DatagramReply::Other(line) => format!("another answer: {line}"),
        DatagramReply::Refused => "refused".to_owned(),
        DatagramReply::Silence => "no answer".to_owned(),
        DatagramReply::Failed(error) => error,
    }
}

fn left_from(from: Option<SocketAddr>) -> BTreeMap<String, String> {
    from.map(|from| (SOURCE_PORT.to_owned(), from.port().to_string()))
        .into_iter()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(outcomes: &str) -> (Series, usize) {
        let mut series = Series::default();
        for (index, one) in outcomes.chars().enumerate() {
            series.note(Trial {
                failure: if one == 'x' { "refused" } else { "" }.to_owned(),
                ..Trial::default()
            });
            if series.is_over() {
                return (series, index + 1);
            }
        }
        let all = outcomes.len();
        (series, all)
    }

    #[test]
    fn trials_end_when_there_are_enough() {
        let (over, after) = series(&".".repeat(100));
        assert_eq!((over.finish("x").stopped.as_str(), after), ("cleared", 59));
        let (over, after) = series(&"x".repeat(100));
        assert_eq!((over.finish("x").stopped.as_str(), after), ("convicted", 8));
        let (over, after) = series(&"x...".repeat(100));
        assert_eq!(
            (over.finish("x").stopped.as_str(), after),
            ("convicted", 45)
        );
        let (over, after) = series("x.........");
        assert_eq!((over.finish("x").stopped.as_str(), after), ("", 10));
    }

    #[test]
    fn servers_that_bear_a_grudge_are_spared() {
        assert!(harm(Service::Mysql).is_some());
        assert!(harm(Service::Ssh).is_some());
        assert!(harm(Service::Redis).is_none());
    }
}
