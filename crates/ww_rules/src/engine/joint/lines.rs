//! The lines of files that say something about what was measured, and whether they agree.

use super::idle::is_about;
use super::measured::Measured;
use super::servers::Place;
use crate::Rule;
use crate::app::websocket_upgrade_refused;
use crate::declared::at;
use crate::http::http_gateway_timeout::GivenUp;
use crate::http::{event_stream_buffered, http_gateway_timeout, http_server_errors, maker};
use crate::keepalive::{keep_alive_race, keep_alive_requests_too_few, pool_outlives_server};
use crate::operand::{each, said};
use crate::streams::answer_buffered_stream;
use crate::tcp::idle_connection_reset;
use crate::timeouts::{timeout_below_answer_time, upgrade_not_passed};
use crate::tls::{client_certificate_missing, tls_obsolete_version, tls_weak_cipher};
use crate::tls_config::{obsolete_tls_version, weak_cipher_suites};
use ww_base::{Setting, SourceSpan, Span};
use ww_finding::Exhibit;
use ww_model::service::{Call, TlsVersion};

/// What files say about a measure.
#[derive(Clone, Debug)]
pub(super) struct Line {
    /// The line, in words.
    pub(super) shown: Exhibit,
    /// Where it is written; none for a default.
    pub(super) at: Option<SourceSpan>,
    /// Whether the measure is what it says; false where the two contradict.
    pub(super) agrees: bool,
}

/// The rules that speak of such a measure: one over walks, and those over files.
pub(super) fn rules(what: &Measured) -> (Option<&'static Rule>, Vec<&'static Rule>) {
    match what {
        Measured::IdleEnd(_) => (
            Some(&idle_connection_reset::RULE),
            vec![&keep_alive_race::RULE, &pool_outlives_server::RULE],
        ),
        Measured::Requests(_) => (None, vec![&keep_alive_requests_too_few::RULE]),
        Measured::Versions(_) => (
            Some(&tls_obsolete_version::RULE),
            vec![&obsolete_tls_version::RULE],
        ),
        Measured::WeakSuites => (
            Some(&tls_weak_cipher::RULE),
            vec![&weak_cipher_suites::RULE],
        ),
        Measured::CertificateDemanded => (Some(&client_certificate_missing::RULE), Vec::new()),
        Measured::GivenUp(_) => (
            Some(&http_gateway_timeout::RULE),
            vec![&timeout_below_answer_time::RULE],
        ),
        Measured::NotReached(_) => (Some(&http_server_errors::RULE), Vec::new()),
        Measured::UpgradeRefused(_) => (
            Some(&websocket_upgrade_refused::RULE),
            vec![&upgrade_not_passed::RULE],
        ),
        Measured::Collected => (
            Some(&event_stream_buffered::RULE),
            vec![&answer_buffered_stream::RULE],
        ),
        Measured::IdleKept(_) | Measured::RequestsKept(_) | Measured::Certificate(_) => {
            (None, Vec::new())
        }
    }
}

/// The lines about what was measured at a place, for requests with this path.
pub(super) fn at_place(place: Place<'_>, what: &Measured, path: &str) -> Vec<Line> {
    let listener = place.listener.1;
    let (side, name) = (&listener.side, &place.party.name);
    let server = |line: Option<Line>| line.into_iter().collect();
    let ends = |time: &Span| format!("{name} closes idle connections after {}", said(*time));
    let counts = |count: &u64| format!("{name} closes a connection after {count} requests");
    match what {
        Measured::IdleEnd(idle) => server(line(
            (&side.keepalive_idle, listener.at, &ends),
            |timer| match *timer {
                timer if is_about(timer, *idle) => Some(true),
                timer if is_far(timer, *idle) => Some(false),
                _ => None,
            },
        )),
        Measured::IdleKept(waited) => {
            server(line((&side.keepalive_idle, listener.at, &ends), |timer| {
                (*waited > *timer && is_far(*timer, *waited)).then_some(false)
            }))
        }
        Measured::Requests(count) => server(line(
            (&side.keepalive_requests, listener.at, &counts),
            |bound| (bound == count).then_some(true),
        )),
        Measured::RequestsKept(count) => server(line(
            (&side.keepalive_requests, listener.at, &counts),
            |bound| (bound < count).then_some(false),
        )),
        Measured::Versions(_) | Measured::WeakSuites | Measured::CertificateDemanded => {
            server(encrypting(place, what))
        }
        // What files hold stands in no line.
        Measured::Certificate(_) => Vec::new(),
        Measured::GivenUp(given_up) => calls(place, None)
            .filter(|_| is_made_by(place, given_up.by))
            .flat_map(|call| timers(name, call, given_up))
            .collect(),
        Measured::NotReached(by) => calls(place, Some(path))
            .filter(|_| is_made_by(place, by))
            .flat_map(|call| targets(name, call))
            .collect(),
        Measured::UpgradeRefused(_) => calls(place, Some(path))
            .filter_map(|call| without_upgrade(name, call))
            .collect(),
        Measured::Collected => calls(place, Some(path))
            .filter_map(|call| collecting(name, call))
            .collect(),
    }
}

/// A setting, where it could be written, and a value of it in words.
type Asked<'a, T> = (&'a Setting<T>, SourceSpan, &'a dyn Fn(&T) -> String);

/// A line about a setting: it agrees where a value that may be in force does, and contradicts where it is written and
/// cannot be in force.
fn line<T: Clone>(
    (setting, otherwise, says): Asked<'_, T>,
    judge: impl Fn(&T) -> Option<bool>,
) -> Option<Line> {
    let values = each(setting);
    let judged = |wanted| {
        let mut values = values.iter();
        values.find(|known| judge(&known.value) == Some(wanted))
    };
    let (known, agrees) = match judged(true) {
        Some(known) => (known, true),
        None => (judged(false).filter(|known| known.at.is_some())?, false),
    };
    Some(Line {
        shown: known.show(otherwise, &says(&known.value)),
        at: known.at,
        agrees,
    })
}

/// Whether a timer cannot have made such a quiet, however late or early it is.
fn is_far(timer: Span, idle: Span) -> bool {
    let (timer, idle) = (timer.as_secs(), idle.as_secs());
    idle < timer * 0.9 - 1.0 || idle > timer * 1.1 + 2.0
}

/// How a place encrypts.
fn encrypting(place: Place<'_>, what: &Measured) -> Option<Line> {
    let listener = place.listener.1;
    let (tls, name) = (listener.tls.as_ref()?, &place.party.name);
    let otherwise = tls.at.unwrap_or(listener.at);
    match what {
        Measured::Versions(accepted) => {
            let says = |allowed: &Vec<TlsVersion>| {
                let words: Vec<&str> = allowed.iter().map(|version| version.word()).collect();
                format!("{name} allows {}", words.join(", "))
            };
            line((&tls.versions, otherwise, &says), |allowed| {
                let is_allowed = |name: &String| {
                    let mut allowed = allowed.iter();
                    allowed.find(|version| version.word() == name).copied()
                };
                let met: Option<Vec<TlsVersion>> = accepted.iter().map(is_allowed).collect();
                match met {
                    None => Some(false),
                    Some(met) => met
                        .iter()
                        .any(|one| *one < TlsVersion::Tls12)
                        .then_some(true),
                }
            })
        }
        Measured::WeakSuites => {
            let says = |_: &Vec<String>| format!("the suites that {name} allows");
            line((&tls.suites, otherwise, &says), |suites| {
                weak_cipher_suites::has_weak(suites).then_some(true)
            })
        }
        _ => {
            let says = |_: &bool| format!("{name} asks clients for a certificate");
            line((&tls.demands_certificate, otherwise, &says), |demands| {
                demands.then_some(true)
            })
        }
    }
}

/// Whether a program is of the product that made an answer.
fn is_made_by(place: Place<'_>, product: &str) -> bool {
    let component = place.party.component().trim_start_matches("ingress-");
    !component.is_empty() && component == maker::component(product)
}

/// The calls that requests which come in here take. With a path, those whose match is not known to be another.
fn calls<'d>(place: Place<'d>, path: Option<&str>) -> impl Iterator<Item = &'d Call> {
    let comes_in = move |call: &&Call| call.from.contains(&place.listener.0);
    let all: Vec<&Call> = place.program.calls.iter().filter(comes_in).collect();
    let exact = |call: &&&Call| path.is_some() && plain_match(call) == path;
    if let Some(call) = all.iter().find(exact) {
        return vec![*call].into_iter();
    }
    let length = |call: &Call| {
        let begin = plain_match(call).filter(|_| !is_exact(call))?;
        path?.starts_with(begin).then_some(begin.len())
    };
    let longest = all.iter().filter_map(|call| length(call)).max();
    let may_be = |call: &&Call| match plain_match(call) {
        Some(_) => path.is_none() || length(call) == longest && longest.is_some(),
        None => true,
    };
    all.into_iter()
        .filter(may_be)
        .collect::<Vec<_>>()
        .into_iter()
}

/// The beginning of paths, or the path, that a call is for, where it is written as one.
fn plain_match(call: &Call) -> Option<&str> {
    let Some(text) = call.matches.as_ref().map(|matches| matches.text.as_str()) else {
        return Some("/");
    };
    let text = text.trim_start_matches(['=', '^', '~', ' ']);
    let is_plain = text.starts_with('/') && !text.contains([' ', '*', '(', '$', '\\']);
    let is_regex = call
        .matches
        .as_ref()
        .is_some_and(|matches| matches.text.starts_with('~'));
    (is_plain && !is_regex).then_some(text)
}

fn is_exact(call: &Call) -> bool {
    call.matches
        .as_ref()
        .is_some_and(|matches| matches.text.starts_with('='))
}

/// How much later than its timer an answer comes that says so.
const LATE: Span = Span::from_millis(250);

/// The timers of a call that end after such a wait.
fn timers(name: &str, call: &Call, given_up: &GivenUp) -> Vec<Line> {
    let side = &call.side;
    let timers: &[(&Setting<Span>, &str)] = if given_up.connecting {
        &[(&side.connect, "a connection to")]
    } else {
        &[
            (&side.first_byte, "an answer of"),
            (&side.stream_idle, "an answer of"),
            (&side.total, "the whole answer of"),
        ]
    };
    let lines = timers.iter().filter_map(|(timer, what)| {
        let says = |time: &Span| format!("{name} waits {} for {what} {}", said(*time), call.name);
        line((timer, call.at, &says), |time| {
            let late = given_up.after - *time;
            (late >= Span::ZERO && late <= LATE).then_some(true)
        })
    });
    let mut lines: Vec<Line> = lines.collect();
    lines.dedup_by(|later, first| later.shown.at == first.shown.at);
    lines
}

/// Where a call leads to.
fn targets(name: &str, call: &Call) -> Vec<Line> {
    let of = |target: &ww_model::service::Target| {
        let port = target
            .port
            .map_or_else(String::new, |port| format!(":{port}"));
        Line {
            shown: at(
                target.at,
                format!("{name} passes requests on to {}{port}", target.host),
            ),
            at: Some(target.at),
            agrees: true,
        }
    };
    call.to
        .iter()
        .filter(|target| !target.host.is_empty())
        .map(of)
        .collect()
}

/// A call that passes no Upgrade on.
fn without_upgrade(name: &str, call: &Call) -> Option<Line> {
    let passes = &call.side.passes_upgrade;
    let says = format!("{name} passes requests on to {} without Upgrade", call.name);
    (passes.is_off() || passes.value() == Some(&false)).then(|| Line {
        shown: at(call.at, says),
        at: Some(call.at),
        agrees: true,
    })
}

/// A call whose answers are collected.
fn collecting(name: &str, call: &Call) -> Option<Line> {
    let says = |_: &bool| {
        format!(
            "{name} collects answers of {} before it passes them on",
            call.name
        )
    };
    line((&call.side.buffers_answers, call.at, &says), |collects| {
        collects.then_some(true)
    })
}
