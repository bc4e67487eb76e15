//! Where settings that are a product's default would be written, and how.

use crate::Declared;
use crate::operand::Default;
use ww_base::{SourceSpan, Span};
use ww_finding::Edit;

/// How a product writes a value.
#[derive(Clone, Copy)]
enum As {
    /// A number without a unit.
    Number,
    /// A time as a number of seconds.
    Seconds,
    /// A time as a number of milliseconds.
    Millis,
    /// A time with a unit: `30s`, `1500ms`.
    Unit,
    /// A time in seconds with a fraction: `1.5s` (Protobuf, JSON of `Duration`).
    Fraction,
    /// A time with a unit, and the end of the directive: `30s;`.
    Directive,
}

/// A setting of a product: its name among the defaults, the block that may hold it, the keys from
/// there on, and how its value is written.
struct Place {
    product: &'static str,
    setting: &'static str,
    room: &'static str,
    path: &'static [&'static str],
    value: As,
}

const fn place(
    product: &'static str,
    setting: &'static str,
    room: &'static str,
    path: &'static [&'static str],
    value: As,
) -> Place {
    Place {
        product,
        setting,
        room,
        path,
        value,
    }
}

const KUBERNETES: &str = "Kubernetes";
const COMPOSE: &str = "Compose";
const ISTIO: &str = "Istio";
const ENVOY: &str = "Envoy";
const TOMCAT: &str = "Tomcat";
const HIKARI: &str = "HikariCP";
const BOOT: &str = "Spring Boot";

/// The rows of the tables of defaults that say where a value goes.
#[rustfmt::skip]
const PLACES: &[Place] = &[
    place(KUBERNETES, "terminationGracePeriodSeconds", "pod", &["terminationGracePeriodSeconds"], As::Seconds),
    place(KUBERNETES, "initialDelaySeconds", "probe", &["initialDelaySeconds"], As::Seconds),
    place(KUBERNETES, "periodSeconds", "probe", &["periodSeconds"], As::Seconds),
    place(KUBERNETES, "timeoutSeconds", "probe", &["timeoutSeconds"], As::Seconds),
    place(KUBERNETES, "failureThreshold", "probe", &["failureThreshold"], As::Number),
    place(COMPOSE, "stop_grace_period", "service", &["stop_grace_period"], As::Unit),
    place(COMPOSE, "healthcheck.interval", "service", &["healthcheck", "interval"], As::Unit),
    place(COMPOSE, "healthcheck.timeout", "service", &["healthcheck", "timeout"], As::Unit),
    place(COMPOSE, "healthcheck.start_period", "service", &["healthcheck", "start_period"], As::Unit),
    place(COMPOSE, "healthcheck.retries", "service", &["healthcheck", "retries"], As::Number),
    place(ISTIO, "timeout", "http route", &["timeout"], As::Unit),
    place(ISTIO, "retries.attempts", "http route", &["retries", "attempts"], As::Number),
    place(ISTIO, "retries.perTryTimeout", "http route", &["retries", "perTryTimeout"], As::Unit),
    place(ISTIO, "connectionPool.tcp.connectTimeout", "DestinationRule", &["trafficPolicy", "connectionPool", "tcp", "connectTimeout"], As::Unit),
    place(ISTIO, "connectionPool.tcp.maxConnections", "DestinationRule", &["trafficPolicy", "connectionPool", "tcp", "maxConnections"], As::Number),
    place(ISTIO, "connectionPool.http.idleTimeout", "DestinationRule", &["trafficPolicy", "connectionPool", "http", "idleTimeout"], As::Unit),
    place(ISTIO, "connectionPool.http.maxRetries", "DestinationRule", &["trafficPolicy", "connectionPool", "http", "maxRetries"], As::Number),
    place(ISTIO, "outlierDetection.consecutive5xxErrors", "DestinationRule", &["trafficPolicy", "outlierDetection", "consecutive5xxErrors"], As::Number),
    place(ISTIO, "outlierDetection.interval", "DestinationRule", &["trafficPolicy", "outlierDetection", "interval"], As::Unit),
    place(ISTIO, "outlierDetection.baseEjectionTime", "DestinationRule", &["trafficPolicy", "outlierDetection", "baseEjectionTime"], As::Unit),
    place(ISTIO, "outlierDetection.maxEjectionPercent", "DestinationRule", &["trafficPolicy", "outlierDetection", "maxEjectionPercent"], As::Number),
    place(ENVOY, "route.timeout", "route", &["timeout"], As::Fraction),
    place(ENVOY, "http.stream_idle_timeout", "connection manager", &["stream_idle_timeout"], As::Fraction),
    place(ENVOY, "http.drain_timeout", "connection manager", &["drain_timeout"], As::Fraction),
    place(ENVOY, "http.common_http_protocol_options.idle_timeout", "connection manager", &["common_http_protocol_options", "idle_timeout"], As::Fraction),
    place(ENVOY, "cluster.connect_timeout", "cluster", &["connect_timeout"], As::Fraction),
    place(ENVOY, "circuit_breakers.max_connections", "cluster", &["circuit_breakers", "thresholds", "-", "max_connections"], As::Number),
    place(ENVOY, "circuit_breakers.max_pending_requests", "cluster", &["circuit_breakers", "thresholds", "-", "max_pending_requests"], As::Number),
    place(ENVOY, "circuit_breakers.max_requests", "cluster", &["circuit_breakers", "thresholds", "-", "max_requests"], As::Number),
    place(ENVOY, "circuit_breakers.max_retries", "cluster", &["circuit_breakers", "thresholds", "-", "max_retries"], As::Number),
    place(ENVOY, "outlier_detection.consecutive_5xx", "cluster", &["outlier_detection", "consecutive_5xx"], As::Number),
    place(ENVOY, "outlier_detection.max_ejection_percent", "cluster", &["outlier_detection", "max_ejection_percent"], As::Number),
    place(TOMCAT, "keep-alive-timeout", "application", &["server", "tomcat", "keep-alive-timeout"], As::Unit),
    place(TOMCAT, "max-keep-alive-requests", "application", &["server", "tomcat", "max-keep-alive-requests"], As::Number),
    place(TOMCAT, "threads.max", "application", &["server", "tomcat", "threads", "max"], As::Number),
    place(TOMCAT, "max-connections", "application", &["server", "tomcat", "max-connections"], As::Number),
    place(TOMCAT, "accept-count", "application", &["server", "tomcat", "accept-count"], As::Number),
    place(HIKARI, "idleTimeout", "application", &["spring", "datasource", "hikari", "idle-timeout"], As::Millis),
    place(HIKARI, "maxLifetime", "application", &["spring", "datasource", "hikari", "max-lifetime"], As::Millis),
    place(HIKARI, "connectionTimeout", "application", &["spring", "datasource", "hikari", "connection-timeout"], As::Millis),
    place(HIKARI, "maximumPoolSize", "application", &["spring", "datasource", "hikari", "maximum-pool-size"], As::Number),
    place(BOOT, "spring.lifecycle.timeout-per-shutdown-phase", "application", &["spring", "lifecycle", "timeout-per-shutdown-phase"], As::Unit),
    place("nginx", "proxy_read_timeout", "location", &["proxy_read_timeout"], As::Directive),
];

/// The edit that writes a time where a product's default is in force; `at` is the place of what it
/// is a setting of.
pub(super) fn time(
    declared: &Declared<'_>,
    default: &Default,
    at: SourceSpan,
    to: Span,
) -> Option<Edit> {
    edit(declared, default, at, |value| of_time(value, to))
}

/// The same for a number.
pub(super) fn number(
    declared: &Declared<'_>,
    default: &Default,
    at: SourceSpan,
    to: u64,
) -> Option<Edit> {
    edit(declared, default, at, |value| {
        matches!(value, As::Number).then(|| to.to_string())
    })
}

fn edit(
    declared: &Declared<'_>,
    default: &Default,
    at: SourceSpan,
    value: impl Fn(As) -> Option<String>,
) -> Option<Edit> {
    let is_it =
        |place: &&Place| place.product == default.product && place.setting == default.setting;
    let place = PLACES.iter().find(is_it)?;
    let services = &declared.model.services;
    let mut programs = services.programs.iter();
    let of_program = || programs.find_map(|program| program.room(at, &[place.room]));
    let room = services.room(at, place.room).or_else(of_program)?;
    let (span, replace_with) = room.write(place.path, &value(place.value)?)?;
    Some(Edit { span, replace_with })
}

/// A time in a product's notation; none where that cannot say it.
fn of_time(value: As, time: Span) -> Option<String> {
    let millis = (time.0 > 0 && time.0 % 1_000_000 == 0).then_some(time.0 / 1_000_000)?;
    let (whole, rest) = (millis / 1000, millis % 1000);
    match value {
        As::Number => None,
        As::Seconds => (rest == 0).then(|| whole.to_string()),
        As::Millis => Some(millis.to_string()),
        As::Unit => Some(super::as_value(time)),
        As::Fraction if rest == 0 => Some(format!("{whole}s")),
        As::Fraction => Some(format!("{whole}.{rest:03}s")),
        As::Directive => Some(format!("{};", super::as_value(time))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_setting_has_one_place() {
        let names: BTreeSet<(&str, &str)> = PLACES
            .iter()
            .map(|place| (place.product, place.setting))
            .collect();
        assert_eq!(names.len(), PLACES.len());
    }

    #[test]
    fn a_time_is_written_as_the_product_reads_it() {
        let of = |value, millis| of_time(value, Span::from_millis(millis));
        assert_eq!(of(As::Seconds, 35_000).as_deref(), Some("35"));
        assert_eq!(of(As::Seconds, 1500), None);
        assert_eq!(of(As::Millis, 1500).as_deref(), Some("1500"));
        assert_eq!(of(As::Unit, 1500).as_deref(), Some("1500ms"));
        assert_eq!(of(As::Fraction, 1050).as_deref(), Some("1.050s"));
        assert_eq!(of(As::Fraction, 65_000).as_deref(), Some("65s"));
        assert_eq!(of(As::Directive, 65_000).as_deref(), Some("65s;"));
        assert_eq!(of(As::Unit, 0), None);
    }
}
