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
    place(KUBERNETES, "periodSeconds", "probe", &["periodSeconds"], As::Seconds),
    place(KUBERNETES, "timeoutSeconds", "probe", &["timeoutSeconds"], As::Seconds),
    place(KUBERNETES, "failureThreshold", "probe", &["failureThreshold"], As::Number),
    place(COMPOSE, "stop_grace_period", "service", &["stop_grace_period"], As::Unit),
    place(ISTIO, "outlierDetection.maxEjectionPercent", "DestinationRule", &["trafficPolicy", "outlierDetection", "maxEjectionPercent"], As::Number),
    place(ENVOY, "route.timeout", "route", &["timeout"], As::Fraction),
    place(ENVOY, "http.stream_idle_timeout", "connection manager", &["stream_idle_timeout"], As::Fraction),
    place(ENVOY, "http.drain_timeout", "connection manager", &["drain_timeout"], As::Fraction),
    place(ENVOY, "http.common_http_protocol_options.idle_timeout", "connection manager", &["common_http_protocol_options", "idle_timeout"], As::Fraction),
    place(ENVOY, "outlier_detection.max_ejection_percent", "cluster", &["outlier_detection", "max_ejection_percent"], As::Number),
    place(TOMCAT, "keep-alive-timeout", "application", &["server", "tomcat", "keep-alive-timeout"], As::Unit),
    place(TOMCAT, "threads.max", "application", &["server", "tomcat", "threads", "max"], As::Number),
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
    fn every_setting_is_a_default_with_a_value() {
        let tables = [
            include_str!("../../../ww_import/data/defaults/compose.toml"),
            include_str!("../../../ww_import/data/defaults/envoy.toml"),
            include_str!("../../../ww_import/data/defaults/hikari.toml"),
            include_str!("../../../ww_import/data/defaults/istio.toml"),
            include_str!("../../../ww_import/data/defaults/kubernetes.toml"),
            include_str!("../../../ww_import/data/defaults/nginx.toml"),
            include_str!("../../../ww_import/data/defaults/spring-boot.toml"),
            include_str!("../../../ww_import/data/defaults/tomcat.toml"),
        ];
        for place in PLACES {
            let product = format!("product = \"{}\"", place.product);
            let table = tables.iter().find(|table| table.contains(&product));
            let rows = table.unwrap().split("[[default]]");
            let named = format!("setting = \"{}\"\n", place.setting);
            let mut rows = rows.filter(|row| row.contains(&named)).peekable();
            assert!(rows.peek().is_some(), "no row: {}", place.setting);
            let has_value = rows.any(|row| !row.contains("value = \"none\""));
            assert!(has_value, "never in force: {}", place.setting);
        }
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
