//! Probes as rules say and compare them.

use crate::operand::said;
use ww_base::Span;
use ww_model::service::{CheckKind, Probe, ProbeKind, Unit};

/// The first probe of a kind.
pub(super) fn of(unit: &Unit, kind: ProbeKind) -> Option<&Probe> {
    unit.probes.iter().find(|probe| probe.kind == kind)
}

/// How long a target has to be ill before a probe acts: its period, its failures, and their product.
pub(super) struct Patience {
    pub(super) period: Span,
    pub(super) failures: u64,
    pub(super) all: Span,
}

impl Patience {
    /// The patience of a probe whose settings are known.
    pub(super) fn of(probe: &Probe) -> Option<Patience> {
        let (period, failures) = (*probe.period.value()?, *probe.failures.value()?);
        let all = Span(period.0.checked_mul(i64::try_from(failures).ok()?)?);
        Some(Patience {
            period,
            failures,
            all,
        })
    }

    /// `3 × 10 s`.
    pub(super) fn said(&self) -> String {
        format!("{} × {}", self.failures, said(self.period))
    }
}

/// What a probe asks, as `GET /healthz at port 8080`.
pub(super) fn question(probe: &Probe) -> String {
    let port = probe.port.as_ref().map(|port| port.value.as_str());
    let at_port = port.map_or_else(String::new, |port| format!(" at port {port}"));
    match &probe.check {
        Some(CheckKind::Http { path, .. }) => format!("GET {path}{at_port}"),
        Some(CheckKind::Grpc) => format!("the health service of gRPC{at_port}"),
        Some(CheckKind::Connect) => format!("a connection{at_port}"),
        Some(CheckKind::Protocol) => format!("its protocol's question{at_port}"),
        None => format!("`{}`", probe.command.join(" ")),
    }
}

/// The word that a kind of probe has in manifests.
pub(super) fn word(kind: ProbeKind) -> &'static str {
    match kind {
        ProbeKind::Startup => "startup probe",
        ProbeKind::Readiness => "readiness probe",
        ProbeKind::Liveness => "liveness probe",
        ProbeKind::Health => "health check",
    }
}
