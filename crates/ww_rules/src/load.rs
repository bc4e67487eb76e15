//! How much there is of a program, and how much it has to bear.

use crate::operand::{Answer, Known, ask, each, said};
use ww_base::{Gap, Setting, SourceSpan, Span};
use ww_chain::{Chains, Hop, Party};
use ww_finding::Exhibit;
use ww_model::service::{ClientSide, Program, Unit};

/// A number of things, as far as files tell it.
#[derive(Clone, Debug)]
pub(crate) struct Number {
    /// So many at least; exactly so many where it is sure.
    pub(crate) value: u64,
    /// Whether there are no more.
    pub(crate) is_sure: bool,
    /// What tells it.
    pub(crate) known: Option<Known<u64>>,
}

impl Number {
    fn unsure() -> Number {
        Number {
            value: 1,
            is_sure: false,
            known: None,
        }
    }
}

/// How many instances of a party there are: the most that an autoscaler makes where there is one.
pub(crate) fn instances(party: &Party<'_>) -> Number {
    match party.units.as_slice() {
        [one] => scaled(one),
        _ => Number::unsure(),
    }
}

fn scaled(unit: &Unit) -> Number {
    let most = each(&unit.scaling.most);
    let known = most
        .into_iter()
        .chain(each(&unit.scaling.replicas))
        .find(|known| known.value > 0);
    known.map_or_else(Number::unsure, |known| Number {
        value: known.value,
        is_sure: true,
        known: Some(known),
    })
}

/// How many processes each instance of a party is. Servers that do their work in one process unless
/// the team starts them several times are one.
pub(crate) fn processes(party: &Party<'_>) -> Number {
    let Some(program) = party.program else {
        return Number::unsure();
    };
    let fewest = each(&program.capacity.workers)
        .into_iter()
        .min_by_key(|known| known.value);
    match fewest {
        Some(known) => Number {
            value: known.value.max(1),
            is_sure: known.versions.is_none(),
            known: Some(known),
        },
        None => Number {
            is_sure: is_one_process(party.component()),
            ..Number::unsure()
        },
    }
}

/// Whether a product is one process by its nature.
fn is_one_process(component: &str) -> bool {
    let of = [
        "envoy",
        "go-http-client",
        "go-http-server",
        "haproxy",
        "pgbouncer",
        "spring-boot",
        "spring-cloud-gateway",
        "tomcat",
    ];
    of.contains(&component)
}

/// Shows how many instances and processes there are, as far as they are more than one.
pub(crate) fn show_numbers(party: &Party<'_>, parts: [&Number; 2]) -> Vec<Exhibit> {
    let name = &party.name;
    let place = party.units.first().map(|unit| unit.at).or(party.at());
    let words = ["instances of", "processes in each instance of"];
    let shown = parts.into_iter().zip(words).filter_map(|(number, what)| {
        let known = number.known.as_ref().filter(|known| known.value > 1)?;
        Some(known.show(place?, &format!("{} {what} {name}", known.value)))
    });
    shown.collect()
}

/// What a party is asked to do at its peak.
#[derive(Clone, Debug)]
pub(crate) struct Busy {
    /// Requests that are under way at once in the mean (Little's law).
    pub(crate) at_once: f64,
    /// Requests per second, over all instances.
    pub(crate) per_second: f64,
    /// How long one takes.
    pub(crate) mean: Span,
    /// Where the team states the rate.
    pub(crate) rate_at: SourceSpan,
    /// Where it states the time.
    pub(crate) mean_at: SourceSpan,
}

impl Busy {
    /// The arithmetic in words.
    pub(crate) fn words(&self) -> String {
        format!(
            "{} per second × {} = {}",
            plain(self.per_second),
            said(self.mean),
            plain(self.at_once)
        )
    }

    /// Places that seldom are all taken when the load is random: the mean and three times its root,
    /// as Poisson arrivals have it.
    pub(crate) fn comfortable(&self) -> f64 {
        self.at_once + 3.0 * self.at_once.sqrt()
    }

    /// Where the team says it.
    pub(crate) fn show(&self, party: &Party<'_>) -> Vec<Exhibit> {
        let name = &party.name;
        let rate = format!("{} requests per second to {name}", plain(self.per_second));
        let mean = format!("each takes {} in the mean", said(self.mean));
        vec![
            crate::declared::at(self.rate_at, rate),
            crate::declared::at(self.mean_at, mean),
        ]
    }
}

/// The load that the team states of a party; a gap asks for it.
pub(crate) fn busy(party: &Party<'_>) -> Result<Busy, Gap> {
    let stated = party.demand.and_then(|demand| {
        let (per_second, rate_at) = written(&demand.per_second)?;
        let (mean, mean_at) = written(&demand.mean)?;
        Some(Busy {
            at_once: per_second * mean.as_secs(),
            per_second,
            mean,
            rate_at,
            mean_at,
        })
    });
    stated.ok_or_else(|| {
        Gap::new(
            format!("how much {} is asked to do", party.name),
            format!(
                "`per_second` and `mean` of {} under [[demands]] in wirewise.toml",
                party.name
            ),
        )
    })
}

/// The connections from clients that a program holds at once: its own bound, or those of the places
/// where it accepts them, where these are fewer together.
pub(crate) fn client_connections(program: &Program) -> Vec<Known<u64>> {
    let mut bounds: Vec<Known<u64>> = Vec::new();
    for listener in &program.listeners {
        match each(&listener.side.connections).as_slice() {
            [one] if bounds.iter().all(|known| known.at != one.at) => bounds.push(one.clone()),
            [_] => {}
            _ => return each(&program.capacity.connections),
        }
    }
    let sum = bounds
        .iter()
        .fold(0_u64, |all, known| all.saturating_add(known.value));
    let own = each(&program.capacity.connections);
    match bounds.into_iter().next() {
        Some(first) if own.iter().all(|known| sum < known.value) => {
            vec![Known {
                value: sum,
                ..first
            }]
        }
        _ => own,
    }
}

/// Whether a call is known to take a new connection for each request.
pub(crate) fn keeps_none(side: &ClientSide) -> bool {
    side.reuses.is_off() || side.reuses.value() == Some(&false)
}

/// A value that a file states, with its place.
pub(crate) fn written<T: Copy>(setting: &Setting<T>) -> Option<(T, SourceSpan)> {
    Some((*setting.value()?, setting.span()?))
}

/// A number without needless decimals.
pub(crate) fn plain(number: f64) -> String {
    if (number - number.round()).abs() < 0.005 || number >= 100.0 {
        format!("{number:.0}")
    } else {
        let text = format!("{number:.2}");
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    }
}

/// How long a caller waits for an answer at most before it gives up: the shortest of its timers that
/// nothing but the answer stops.
pub(crate) fn patience(hop: &Hop<'_>) -> Answer<Known<Span>> {
    let side = &hop.call.side;
    let timers = [
        &side.retry.per_try,
        &side.first_byte,
        &side.stream_idle,
        &side.total,
    ];
    let shortest = timers
        .iter()
        .filter_map(|timer| match each(timer).as_slice() {
            [one] => Some(one.clone()),
            _ => None,
        })
        .min_by_key(|known| known.value);
    match shortest {
        Some(known) => Answer::Yes(known),
        None if timers.iter().all(|timer| timer.is_off()) => Answer::No,
        None => {
            let unknown = timers.iter().find(|timer| timer.is_unknown());
            let what = format!("how long {} is waited for", hop.call.name);
            unknown.map_or(Answer::No, |timer| ask(timer, &what, |_| true))
        }
    }
}

/// Whether requests that come by one hop take the other, which the callee makes.
pub(crate) fn leads_on(chains: &Chains<'_>, outer: &Hop<'_>, inner: &Hop<'_>) -> bool {
    if outer.callee != Some(inner.caller) || outer.caller == inner.caller {
        return false;
    }
    let program = chains.caller(inner).and_then(|party| party.program);
    let mut listeners = program
        .iter()
        .flat_map(|program| &program.listeners)
        .enumerate();
    inner.call.from.is_empty()
        || listeners.any(|(index, one)| {
            inner.call.from.contains(&index)
                && outer.listener.is_some_and(|it| std::ptr::eq(it, one))
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ww_base::SourceId;

    #[test]
    fn numbers_have_no_needless_decimals() {
        let cases = [
            (16.0, "16"),
            (0.25, "0.25"),
            (2.5, "2.5"),
            (1234.56, "1235"),
            (0.999_9, "1"),
        ];
        for (number, words) in cases {
            assert_eq!(plain(number), words);
        }
    }

    #[test]
    fn comfort_grows_with_the_root_of_the_load() {
        let at = SourceSpan {
            source: SourceId(0),
            start: 0,
            end: 1,
        };
        let busy = |at_once: f64| Busy {
            at_once,
            per_second: at_once,
            mean: Span::from_secs(1),
            rate_at: at,
            mean_at: at,
        };
        assert!((busy(16.0).comfortable() - 28.0).abs() < 1e-9);
        assert!((busy(100.0).comfortable() - 130.0).abs() < 1e-9);
    }
}
