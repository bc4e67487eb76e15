//! Probes of containers.

use super::{kubernetes, number, number_above_zero, word};
use crate::document::View;
use crate::service::Intake;
use ww_base::{Setting, Span};
use ww_model::service::{CheckKind, Probe, ProbeKind};

/// The keys of probes.
const PROBES: [(&str, ProbeKind); 3] = [
    ("startupProbe", ProbeKind::Startup),
    ("readinessProbe", ProbeKind::Readiness),
    ("livenessProbe", ProbeKind::Liveness),
];

/// All probes of a container, whose ports are known by name.
pub(super) fn all(
    container: View<'_>,
    ports: &[(Option<&str>, u16)],
    intake: &mut Intake<'_>,
) -> Vec<Probe> {
    let mut probes = Vec::new();
    for (key, kind) in PROBES {
        if let Some((at, written)) = container.get_with_key(key) {
            let mut probe = probe(written, kind, ports, intake);
            probe.at = at;
            intake.services.rooms.extend(written.room("probe", at));
            probes.push(probe);
        }
    }
    probes
}

fn probe(
    written: View<'_>,
    kind: ProbeKind,
    ports: &[(Option<&str>, u16)],
    intake: &mut Intake<'_>,
) -> Probe {
    let port = asked(written).and_then(|asked| asked.get("port"));
    let command = written.get("exec").and_then(|exec| exec.get("command"));
    let command = command.into_iter().flat_map(View::items);
    Probe {
        at: written.at(),
        kind,
        check: check(written),
        command: command
            .filter_map(|it| it.text().map(str::to_owned))
            .collect(),
        port: port.and_then(word),
        port_number: port.and_then(|port| resolved(port, ports)),
        initial_delay: as_time(number(written, "initialDelaySeconds", intake))
            .or(default_time("initialDelaySeconds", intake)),
        period: as_time(number_above_zero(written, "periodSeconds", intake))
            .or(default_time("periodSeconds", intake)),
        timeout: as_time(number_above_zero(written, "timeoutSeconds", intake))
            .or(default_time("timeoutSeconds", intake)),
        failures: counted(written, "failureThreshold", intake),
        successes: counted(written, "successThreshold", intake),
    }
}

/// What holds the port of a probe.
fn asked(written: View<'_>) -> Option<View<'_>> {
    let kinds = ["httpGet", "tcpSocket", "grpc"];
    kinds.iter().find_map(|key| written.get(key))
}

fn check(written: View<'_>) -> Option<CheckKind> {
    if let Some(http) = written.get("httpGet") {
        let text = |key| http.get(key).and_then(View::text);
        return Some(CheckKind::Http {
            path: text("path").unwrap_or("/").to_owned(),
            host: text("host").map(str::to_owned),
        });
    }
    if written.get("tcpSocket").is_some() {
        return Some(CheckKind::Connect);
    }
    written.get("grpc").map(|_| CheckKind::Grpc)
}

fn resolved(port: View<'_>, ports: &[(Option<&str>, u16)]) -> Option<u16> {
    let text = port.text()?;
    text.parse().ok().or_else(|| {
        let mut named = ports.iter().filter(|(name, _)| *name == Some(text));
        named.next().map(|(_, number)| *number)
    })
}

fn counted(written: View<'_>, key: &str, intake: &mut Intake<'_>) -> Setting<u64> {
    let default = intake.defaults.number(&kubernetes(), key);
    number_above_zero(written, key, intake).or(default)
}

fn as_time(seconds: Setting<u64>) -> Setting<Span> {
    seconds.map(|count| Span::from_secs(i64::try_from(count).unwrap_or(0)))
}

fn default_time(key: &str, intake: &Intake<'_>) -> Setting<Span> {
    intake.defaults.time(&kubernetes(), key)
}
