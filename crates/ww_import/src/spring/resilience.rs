//! Resilience4j: breakers, retries, time limits and bulkheads by the names of their instances.
//!
//! An instance takes what it does not say itself from the shared configuration that it is based on:
//! the one that it names, else the one of its own name, else `default` (resilience4j,
//! CommonCircuitBreakerConfigurationProperties.java).

use super::properties::Properties;
use crate::service::Intake;
use crate::service::written::lacking;
use ww_base::{Gap, Setting, SourceSpan, Span};
use ww_model::service::{Backoff, Breaker, Call, ClientSide, Passive, Product, Protocol, Retry};

const ROOT: &str = "resilience4j";

/// The kinds of things that have instances, as far as they are read.
const KINDS: [&str; 4] = ["circuitbreaker", "retry", "timelimiter", "bulkhead"];

/// How many configurations may be based on one another.
const DEPTH: usize = 4;

/// The factor from one pause to the next where none is written (resilience4j, IntervalFunction.java,
/// DEFAULT_MULTIPLIER).
const FACTOR: f64 = 1.5;

/// Exceptions that hold the want of an answer in time, by the ends of their names: the time limiter's
/// own, those of the JDK's sockets, and their superclasses.
const TIMEOUTS: [&str; 13] = [
    "java.lang.Throwable",
    "java.lang.Exception",
    "java.lang.RuntimeException",
    "java.io.IOException",
    "java.io.InterruptedIOException",
    "TimeoutException",
    "ResourceAccessException",
    "RestClientException",
    "NestedRuntimeException",
    "WebClientRequestException",
    "WebClientException",
    "RetryableException",
    "FeignException",
];

/// Exceptions that only hold answers.
const ANSWERS: [&str; 6] = [
    "HttpServerErrorException",
    "HttpClientErrorException",
    "HttpStatusCodeException",
    "WebClientResponseException",
    "ConnectException",
    "CallNotPermittedException",
];

/// The instances of an application, by their names without dashes and as they are written.
pub(super) fn instances(properties: &Properties) -> Vec<(String, String)> {
    let mut names: Vec<(String, String)> = Vec::new();
    for kind in KINDS {
        for place in ["instances", "backends"] {
            for name in properties.children(&format!("{ROOT}.{kind}.{place}")) {
                if !names.iter().any(|(known, _)| *known == name.0) {
                    names.push(name);
                }
            }
        }
    }
    names
}

/// A call for each instance that no other call uses: code says whom it calls.
pub(super) fn calls(
    properties: &Properties,
    used: &[String],
    intake: &mut Intake<'_>,
) -> Vec<Call> {
    let names = instances(properties).into_iter();
    let names: Vec<(String, String)> = names.filter(|(name, _)| !used.contains(name)).collect();
    let mut calls = Vec::new();
    for (name, written) in names {
        let extents = KINDS.iter().flat_map(|kind| {
            let places = ["instances", "backends"];
            places.map(|place| format!("{ROOT}.{kind}.{place}.{name}."))
        });
        let mut extents = extents.filter_map(|beginning| properties.extent(&beginning));
        let Some(at) = extents.next() else {
            continue;
        };
        let mut side = ClientSide::default();
        if let Some(retry) = retry(properties, &name, intake) {
            side.retry = retry;
        }
        apply(properties, &name, &mut side, intake);
        calls.push(Call {
            at,
            name: written,
            matches: None,
            from: Vec::new(),
            to: Vec::new(),
            protocol: Protocol::Unknown,
            streams: Setting::default(),
            side,
            picking: Setting::default(),
            checks: Vec::new(),
            passive: Passive::default(),
            tls: None,
        });
    }
    calls
}

/// The breaker, the time limit and the bulkhead of an instance. A time limit is that of one try when
/// there are tries already, as retries are outside it.
pub(super) fn apply(
    properties: &Properties,
    name: &str,
    side: &mut ClientSide,
    intake: &mut Intake<'_>,
) {
    let product = intake.product("resilience4j", "");
    let breaker = Instance::of(properties, "circuitbreaker", name);
    if let Some(at) = breaker.at() {
        side.breaker = Breaker {
            fallback: side.breaker.fallback.take(),
            at: Some(at),
            ..breaker_of(&breaker, &product, intake)
        };
    }
    let bulkhead = Instance::of(properties, "bulkhead", name);
    if let Some(at) = bulkhead.at() {
        side.breaker.at = side.breaker.at.or(Some(at));
        side.breaker.requests = bulkhead.number("maxConcurrentCalls", &product, intake);
    }
    let limiter = Instance::of(properties, "timelimiter", name);
    if limiter.at().is_some() {
        let limit = limiter.time("timeoutDuration", &product, intake);
        let default = Setting::default();
        if side.retry.attempts == default {
            side.total = limit;
        } else {
            side.retry.per_try = limit;
        }
    }
}

/// The retries of an instance; none where it has none.
fn retry(properties: &Properties, name: &str, intake: &mut Intake<'_>) -> Option<Retry> {
    let instance = Instance::of(properties, "retry", name);
    instance.at()?;
    let product = intake.product("resilience4j", "");
    // `maxRetryAttempts` is the name before 1.7.
    let old = instance.read("maxRetryAttempts", |name| properties.number(name, intake));
    let attempts = old.or(instance.number("maxAttempts", &product, intake));
    let wait = instance.time("waitDuration", &product, intake);
    let is_on = |key: &str, intake: &mut Intake<'_>| {
        let flag = instance.read(key, |name| {
            properties.setting(name, "`true` or `false`", intake, |text| text.parse().ok())
        });
        flag.value().copied().unwrap_or(false)
    };
    let grows = is_on("enableExponentialBackoff", intake);
    let jitter = is_on("enableRandomizedWait", intake);
    let factor = instance.read("exponentialBackoffMultiplier", |name| {
        properties.setting(name, "a number", intake, |text| text.parse::<f64>().ok())
    });
    let factor = match factor.value() {
        _ if !grows => 1.0,
        Some(factor) => *factor,
        None => FACTOR,
    };
    let most = instance.read("exponentialMaxWaitDuration", |name| {
        properties.time(name, intake)
    });
    let pauses = attempts.value().map_or(0, |count| count.saturating_sub(1));
    let longest = |first: Span| {
        let last = factor.powi(pauses.saturating_sub(1).min(64) as i32);
        let longest = Span((first.0 as f64 * last) as i64);
        most.value().map_or(longest, |most| longest.min(*most))
    };
    Some(Retry {
        attempts,
        backoff: wait.map(|first| Backoff {
            first,
            longest: longest(first),
            factor,
            jitter,
        }),
        budget_percent: lacking("Resilience4j bounds the tries of one call, not of all"),
        at_once: lacking("Resilience4j bounds the tries of one call, not of all"),
        ..Retry::default()
    })
}

fn breaker_of(instance: &Instance<'_>, product: &Product, intake: &mut Intake<'_>) -> Breaker {
    let kind = instance.read("slidingWindowType", |name| {
        let says = "COUNT_BASED or TIME_BASED";
        instance.properties.setting(name, says, intake, |text| {
            let word = text.to_ascii_uppercase();
            matches!(word.as_str(), "COUNT_BASED" | "TIME_BASED").then_some(word)
        })
    });
    let default = intake
        .defaults
        .word(product, "circuitbreaker.slidingWindowType");
    let kind = kind.or(default);
    let size = instance.number("slidingWindowSize", product, intake);
    let least = instance.number("minimumNumberOfCalls", product, intake);
    let (window, window_time, least_calls) = match kind.value().map(String::as_str) {
        Some("TIME_BASED") => {
            let seconds = |count: u64| Span::from_secs(i64::try_from(count).unwrap_or(i64::MAX));
            let by = "Resilience4j counts over a time here";
            (lacking(by), size.map(seconds), least)
        }
        // No more calls are asked for than the window holds.
        Some(_) => {
            let is_capped = size.value() < least.value() && size.value().is_some();
            let least = if is_capped { size.clone() } else { least };
            let by = "Resilience4j counts over a number of calls here";
            (size, lacking(by), least)
        }
        None => (Setting::default(), Setting::default(), least),
    };
    let percent = instance.read("failureRateThreshold", |name| {
        instance
            .properties
            .setting(name, "a share in percent", intake, |text| {
                let share: f64 = text.parse().ok()?;
                (0.0..=100.0)
                    .contains(&share)
                    .then_some(share.round() as u64)
            })
    });
    let default = intake
        .defaults
        .number(product, "circuitbreaker.failureRateThreshold");
    let slow = instance.read("slowCallDurationThreshold", |name| {
        instance.properties.time(name, intake)
    });
    Breaker {
        window,
        window_time,
        least_calls,
        failure_percent: percent.or(default),
        open: instance.time("waitDurationInOpenState", product, intake),
        counts_slow: match slow.span() {
            Some(at) => Setting::set(true, at),
            None => Setting::default(),
        },
        counts_timeouts: counts_timeouts(instance, product, intake),
        ..Breaker::default()
    }
}

/// Whether a call that ends for want of an answer in time counts: unless it is ignored, or only
/// exceptions count that are none of the kind.
fn counts_timeouts(
    instance: &Instance<'_>,
    product: &Product,
    intake: &mut Intake<'_>,
) -> Setting<bool> {
    let predicate = ["recordFailurePredicate", "ignoreExceptionPredicate"];
    if predicate.iter().any(|key| instance.has(key)) {
        return Setting::Unknown(Gap::new(
            format!("which exceptions the breaker {} counts", instance.name),
            "the code of the predicate that it names",
        ));
    }
    let is_one_of = |class: &str, known: &[&str]| known.iter().any(|end| class.ends_with(end));
    let ignored = instance.list("ignoreExceptions");
    let mut ignored = ignored.iter();
    if let Some((_, at)) = ignored.find(|(class, _)| is_one_of(class, &TIMEOUTS)) {
        return Setting::set(false, *at);
    }
    let recorded = instance.list("recordExceptions");
    let Some((_, at)) = recorded.first() else {
        return intake
            .defaults
            .flag(product, "circuitbreaker.recordExceptions");
    };
    if recorded
        .iter()
        .any(|(class, _)| is_one_of(class, &TIMEOUTS))
    {
        return Setting::set(true, *at);
    }
    if recorded.iter().all(|(class, _)| is_one_of(class, &ANSWERS)) {
        return Setting::set(false, *at);
    }
    Setting::Unknown(Gap::new(
        format!(
            "whether a timeout is among the exceptions that the breaker {} counts",
            instance.name
        ),
        "the classes that `recordExceptions` names",
    ))
}

/// An instance of one kind, with what it is based on.
struct Instance<'p> {
    properties: &'p Properties,
    kind: &'static str,
    name: String,
    /// Beginnings of names of properties, what counts first before what it is based on.
    places: Vec<String>,
    at: Option<SourceSpan>,
}

impl<'p> Instance<'p> {
    fn of(properties: &'p Properties, kind: &'static str, name: &str) -> Instance<'p> {
        let own = ["instances", "backends"].map(|place| format!("{ROOT}.{kind}.{place}.{name}"));
        let at = own
            .iter()
            .find_map(|place| properties.extent(&format!("{place}.")));
        let base = |places: &[String]| {
            let mut named = places.iter();
            let named = named.find_map(|place| properties.get(&format!("{place}.baseconfig")));
            named.map(|it| super::properties::canonical(&it.value))
        };
        let mut places = own.to_vec();
        let mut next = base(&places).unwrap_or_else(|| {
            let is_there = properties.has(&format!("{ROOT}.{kind}.configs.{name}."));
            if is_there { name } else { "default" }.to_owned()
        });
        for _ in 0..DEPTH {
            let config = format!("{ROOT}.{kind}.configs.{next}");
            if places.contains(&config) {
                break;
            }
            let above = base(std::slice::from_ref(&config));
            places.push(config);
            next = above.unwrap_or_else(|| "default".to_owned());
        }
        Instance {
            properties,
            kind,
            name: name.to_owned(),
            places,
            at,
        }
    }

    /// Where it is configured; none when it is not.
    fn at(&self) -> Option<SourceSpan> {
        self.at
    }

    fn names(&self, key: &str) -> impl Iterator<Item = String> {
        let key = super::properties::canonical(key);
        self.places
            .iter()
            .map(move |place| format!("{place}.{key}"))
    }

    fn has(&self, key: &str) -> bool {
        self.names(key)
            .any(|name| self.properties.get(&name).is_some())
    }

    /// The first place that says something.
    fn read<T: PartialEq>(
        &self,
        key: &str,
        mut read: impl FnMut(&str) -> Setting<T>,
    ) -> Setting<T> {
        let values = self.names(key).map(|name| read(&name));
        values.fold(Setting::default(), Setting::or)
    }

    fn list(&self, key: &str) -> Vec<(&'p str, SourceSpan)> {
        let lists = self.names(key).map(|name| self.properties.list(&name));
        let mut lists = lists.filter(|list| !list.is_empty());
        lists.next().unwrap_or_default()
    }

    fn row(&self, key: &str) -> String {
        format!("{}.{key}", self.kind)
    }

    fn number(&self, key: &str, product: &Product, intake: &mut Intake<'_>) -> Setting<u64> {
        let default = intake.defaults.number(product, &self.row(key));
        let written = self.read(key, |name| self.properties.number(name, intake));
        written.or(default)
    }

    fn time(&self, key: &str, product: &Product, intake: &mut Intake<'_>) -> Setting<Span> {
        let default = intake.defaults.time(product, &self.row(key));
        let written = self.read(key, |name| self.properties.time(name, intake));
        written.or(default)
    }
}
