//! How long a call may take at most, as its settings say.

use ww_base::{Gap, Locus, Setting, Span};
use ww_model::service::{Call, RetryOn};

/// The longest time after which a caller has its answer or gives up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bound {
    /// At most this, from these parts.
    Within(Span, Vec<Part>),
    /// Nothing bounds it.
    Unbounded,
    /// It cannot be told, with what is missing.
    Unknown(Gap),
}

/// A time that a bound is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// What it bounds, as `3 tries` or `connect`.
    pub what: String,
    /// The time.
    pub span: Span,
    /// Where it is written; the default's source otherwise.
    pub at: Locus,
}

/// A setting that is in force: its value and where it comes from.
fn known<T: Copy>(setting: &Setting<T>) -> Option<(T, Locus)> {
    match setting {
        Setting::Set(sourced) => Some((sourced.value, sourced.at.clone())),
        Setting::Default { value, because } => {
            let by = format!("{} {}", because.product, because.versions);
            Some((*value, Locus::Assumed { by }))
        }
        Setting::Either(_) | Setting::Off(_) | Setting::Unknown(_) => None,
    }
}

/// The longest that one try of a call takes before the answer begins or stops coming; the time for
/// connecting is in it. A server that trickles never meets a timer that every byte stops, and is
/// left out here.
pub fn worst_try(call: &Call) -> Bound {
    let side = &call.side;
    let answer = [
        (&side.retry.per_try, "one try"),
        (&side.first_byte, "first byte"),
        (&side.stream_idle, "silence"),
    ];
    let mut parts = Vec::new();
    if let Some((span, at)) = known(&side.connect) {
        parts.push(part("connect", span, at));
    }
    let mut waits = None;
    for (setting, what) in answer {
        if let Some((span, at)) = known(setting) {
            let shorter = waits.as_ref().is_none_or(|wait: &Part| span < wait.span);
            if shorter {
                waits = Some(part(what, span, at));
            }
        }
    }
    let Some(waits) = waits else {
        let missing = answer.iter().any(|(setting, _)| setting.is_unknown());
        return if missing {
            Bound::Unknown(Gap::new(
                format!("how long {} waits for an answer", call.name),
                "the setting of its timeout, or the product's version",
            ))
        } else {
            Bound::Unbounded
        };
    };
    parts.push(waits);
    Bound::Within(parts.iter().map(|part| part.span).sum(), parts)
}

fn part(what: &str, span: Span, at: Locus) -> Part {
    Part {
        what: what.to_owned(),
        span,
        at,
    }
}

/// Whether a try that got no answer in time is made again. Otherwise only connecting is.
fn repeats_slow_tries(call: &Call) -> bool {
    let on = call.side.retry.on.value();
    on.is_none_or(|on| on.contains(&RetryOn::Timeout))
}

/// The longest that a call takes with all its tries.
pub fn worst_case(call: &Call) -> Bound {
    let retry = &call.side.retry;
    let total = known(&call.side.total);
    let bounded = |span: Span, parts: Vec<Part>| match &total {
        Some((most, at)) if *most <= span => {
            Bound::Within(*most, vec![part("in all", *most, at.clone())])
        }
        _ => Bound::Within(span, parts),
    };
    let (one, mut parts) = match worst_try(call) {
        Bound::Within(one, parts) => (one, parts),
        other => {
            return match total {
                Some((most, at)) => Bound::Within(most, vec![part("in all", most, at)]),
                None => other,
            };
        }
    };
    let attempts = known(&retry.attempts);
    let Some((attempts, attempts_at)) = attempts else {
        return match &retry.attempts {
            Setting::Off(_) => bounded(one, parts),
            _ if total.is_some() => bounded(one, parts),
            _ => Bound::Unknown(Gap::new(
                format!("how often {} tries", call.name),
                "the setting of its retries, or the product's version",
            )),
        };
    };
    let pauses = known(&retry.backoff).map_or(Span::ZERO, |(backoff, _)| {
        backoff.longest.times(attempts.saturating_sub(1) as i64)
    });
    let all = if repeats_slow_tries(call) {
        one.times(attempts as i64) + pauses
    } else {
        let connect = known(&call.side.connect).map_or(Span::ZERO, |(span, _)| span);
        one + connect.times(attempts.saturating_sub(1) as i64) + pauses
    };
    if attempts > 1 {
        parts.push(part(&format!("{attempts} tries"), all, attempts_at));
    }
    if let Some((until, at)) = known(&retry.until) {
        let last = until + one;
        if last < all {
            parts.push(part("no new try after", until, at));
            return bounded(last, parts);
        }
    }
    bounded(all, parts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ww_base::{SourceId, SourceSpan};
    use ww_model::service::{ClientSide, Passive, Protocol, Retry};

    const AT: SourceSpan = SourceSpan {
        source: SourceId(0),
        start: 0,
        end: 1,
    };

    /// Three tries on these conditions, 5 s for connecting and 20 s for the answer.
    fn call(on: Vec<RetryOn>) -> Call {
        Call {
            at: AT,
            name: "api".to_owned(),
            matches: None,
            from: Vec::new(),
            to: Vec::new(),
            protocol: Protocol::Http,
            streams: Setting::default(),
            side: ClientSide {
                connect: Setting::set(Span::from_secs(5), AT),
                first_byte: Setting::set(Span::from_secs(20), AT),
                retry: Retry {
                    attempts: Setting::set(3, AT),
                    on: Setting::set(on, AT),
                    ..Retry::default()
                },
                ..ClientSide::default()
            },
            picking: Setting::default(),
            checks: Vec::new(),
            passive: Passive::default(),
            tls: None,
        }
    }

    #[test]
    fn only_connecting_is_repeated_where_a_timeout_is_no_condition() {
        let longest = |on| match worst_case(&call(on)) {
            Bound::Within(span, _) => span,
            other => panic!("{other:?}"),
        };
        assert_eq!(longest(vec![RetryOn::Timeout]), Span::from_secs(75));
        assert_eq!(longest(vec![RetryOn::Connect]), Span::from_secs(35));
        assert_eq!(longest(vec![RetryOn::Status(503)]), Span::from_secs(35));
    }
}
