//! The AWS load balancer controller: an Ingress is an Application Load Balancer.

use super::Words;
use crate::service::{Intake, Notation};
use ww_base::{Setting, SourceSpan, Span};
use ww_model::service::{Call, CheckKind, ClientSide, HealthCheck, Listener, Product, ServerSide};

pub(super) const COMPONENT: &str = "aws-alb";

/// What annotations of the controller begin with.
pub(super) const PREFIX: &str = "alb.ingress.kubernetes.io/";

fn product() -> Product {
    Product::named(COMPONENT)
}

/// Fills in timers and checks from the annotations.
pub(super) fn complete(
    annotations: &Words,
    listeners: &mut [Listener],
    calls: &mut [Call],
    intake: &mut Intake<'_>,
) {
    let of_balancer = attributes(annotations, "load-balancer-attributes");
    let idle = time(&of_balancer, "idle_timeout.timeout_seconds", intake);
    let age = time(&of_balancer, "client_keep_alive.seconds", intake);
    for listener in listeners {
        listener.side = ServerSide {
            keepalive_idle: idle.clone(),
            stream_idle: idle.clone(),
            max_age: age.clone(),
            ..ServerSide::default()
        };
    }
    let place = check_place(annotations);
    for call in calls {
        call.side = ClientSide {
            reuses: intake.defaults.flag(&product(), "keep-alive"),
            keepalive_idle: idle.clone(),
            first_byte: idle.clone(),
            stream_idle: idle.clone(),
            ..ClientSide::default()
        };
        let check = health(annotations, place.unwrap_or(call.at), intake);
        call.checks.push(check);
    }
}

/// `name=value` pairs between commas.
fn attributes(annotations: &Words, name: &str) -> Vec<(String, String, SourceSpan)> {
    let Some((at, text)) = annotations.get(&format!("{PREFIX}{name}")) else {
        return Vec::new();
    };
    let pairs = text.split(',').filter_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        Some((name.trim().to_owned(), value.trim().to_owned(), *at))
    });
    pairs.collect()
}

fn time(
    attributes: &[(String, String, SourceSpan)],
    name: &str,
    intake: &mut Intake<'_>,
) -> Setting<Span> {
    let default = intake.defaults.time(&product(), name);
    let Some((_, value, at)) = attributes.iter().find(|(key, ..)| key == name) else {
        return default;
    };
    seconds(name, value, *at, intake)
}

fn seconds(name: &str, value: &str, at: SourceSpan, intake: &mut Intake<'_>) -> Setting<Span> {
    if let Some(span) = Notation::Seconds.parse(value) {
        return Setting::set(span, at);
    }
    intake.malformed(
        at,
        format!("`{name}` has to be a number of seconds, not `{value}`"),
    );
    Setting::default()
}

/// The first annotation about checks, if there is one.
fn check_place(annotations: &Words) -> Option<SourceSpan> {
    let begin = format!("{PREFIX}healthcheck-");
    let mut about = annotations.iter();
    about
        .find(|(key, _)| key.starts_with(&begin))
        .map(|(_, (at, _))| *at)
}

/// The check of the target group: the controller always makes one.
fn health(annotations: &Words, at: SourceSpan, intake: &mut Intake<'_>) -> HealthCheck {
    let word = |name: &str| annotations.get(&format!("{PREFIX}{name}"));
    let defaults = intake.defaults;
    let mut time = |name: &str| match word(name) {
        Some((at, text)) => seconds(name, text, *at, intake),
        None => defaults.time(&product(), name),
    };
    let interval = time("healthcheck-interval-seconds");
    let timeout = time("healthcheck-timeout-seconds");
    let mut number = |name: &str| match word(name) {
        Some((at, text)) => text.trim().parse().map_or_else(
            |_| {
                intake.malformed(*at, format!("`{name}` has to be a number, not `{text}`"));
                Setting::default()
            },
            |count| Setting::set(count, *at),
        ),
        None => defaults.number(&product(), name),
    };
    let fall = number("unhealthy-threshold-count");
    let rise = number("healthy-threshold-count");
    let path = word("healthcheck-path").map_or("/", |(_, path)| path);
    HealthCheck {
        at,
        kind: CheckKind::Http {
            path: path.to_owned(),
            host: None,
        },
        elsewhere: None,
        interval,
        timeout,
        fall,
        rise,
        statuses: word("success-codes").map_or_else(Vec::new, |(_, text)| statuses(text)),
        encrypts: word("healthcheck-protocol").map_or_else(Setting::default, |(at, text)| {
            Setting::set(text.eq_ignore_ascii_case("HTTPS"), *at)
        }),
    }
}

/// `200,301-399`.
fn statuses(text: &str) -> Vec<(u16, u16)> {
    let parts = text.split(',').map(str::trim);
    let ranges = parts.filter_map(|part| match part.split_once('-') {
        Some((first, last)) => Some((first.parse().ok()?, last.parse().ok()?)),
        None => part.parse().ok().map(|status| (status, status)),
    });
    ranges.collect()
}
