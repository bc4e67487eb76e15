//! `Gateway` and `BackendTLSPolicy`.

use super::{Gateway, Object, gateway_name};
use crate::document::View;
use crate::service::written::{self, entry, list};
use crate::service::{Intake, Named};
use ww_base::Setting;
use ww_model::service::{
    Listener, Product, Program, Protocol, ReferenceKind, ServerSide, TlsClient, TlsServer,
};

const KEYS: [&str; 8] = [
    "gatewayClassName",
    "listeners",
    "addresses",
    "infrastructure",
    "allowedListeners",
    "backendTLS",
    "tls",
    "defaultScope",
];
const LISTENER_KEYS: [&str; 6] = [
    "name",
    "hostname",
    "port",
    "protocol",
    "tls",
    "allowedRoutes",
];

pub(super) fn read(object: Object<'_>, path: &str, intake: &mut Intake<'_>) {
    intake.known_keys(object.spec, "a Gateway", &KEYS);
    let name = gateway_name(object.namespace(), object.name());
    if let Some((at, _)) = entry(object.view, &["metadata", "name"]) {
        intake.names.declare(name.clone(), at);
    }
    let class = written::text(object.spec, &["gatewayClassName"]).unwrap_or_default();
    let unknown = Product::default();
    let mut program = Program::new(object.full_name(), unknown, object.view.at(), path);
    let mut sections = Vec::new();
    for view in list(object.spec, "listeners") {
        program.listeners.push(listener(view, object.spec, intake));
        sections.push(
            written::text(view, &["name"])
                .unwrap_or_default()
                .to_owned(),
        );
    }
    intake.gateways.declared.push(Gateway {
        name,
        class: class.to_owned(),
        program,
        sections,
    });
}

fn listener(view: View<'_>, gateway: View<'_>, intake: &mut Intake<'_>) -> Listener {
    intake.known_keys(view, "a listener of a Gateway", &LISTENER_KEYS);
    let port = written::port(view, &["port"]);
    if let (None, Some((_, value))) = (port, entry(view, &["port"])) {
        intake.malformed(
            value.at(),
            "the port of a listener is a number from 1 to 65535",
        );
    }
    let host = written::text(view, &["hostname"]);
    Listener {
        at: view.at(),
        port,
        hosts: host.into_iter().map(str::to_owned).collect(),
        protocol: match written::text(view, &["protocol"]) {
            Some("HTTP" | "HTTPS") => Protocol::Http,
            Some("TLS" | "TCP") => Protocol::Tcp,
            Some("UDP") => Protocol::Udp,
            _ => Protocol::Unknown,
        },
        side: ServerSide::default(),
        tls: tls(view, gateway),
        own_answers: Vec::new(),
    }
}

/// How a listener encrypts; none where it does not, or hands TLS on without looking into it. Which
/// versions it speaks, the product decides.
fn tls(view: View<'_>, gateway: View<'_>) -> Option<TlsServer> {
    let (at, tls) = entry(view, &["tls"])?;
    if written::text(tls, &["mode"]) == Some("Passthrough") {
        return None;
    }
    let of_listener = entry(tls, &["frontendValidation"]);
    let of_gateway = || {
        let keys = ["tls", "frontend", "default", "validation"];
        entry(gateway, &keys)
    };
    let validation = of_listener.or_else(of_gateway);
    Some(TlsServer {
        at: Some(at),
        demands_certificate: validation.map_or_else(
            || {
                written::lacking(
                    "Gateway API: clients show certificates only where validation is configured",
                )
            },
            |(at, _)| Setting::set(true, at),
        ),
        ..TlsServer::default()
    })
}

/// How gateways encrypt to Services: the certificate is verified, and the name is the one that is
/// written (gateway.networking.k8s.io/v1, `BackendTLSPolicy`).
pub(super) fn backend_tls(object: Object<'_>, intake: &mut Intake<'_>) {
    let Some((at, validation)) = entry(object.spec, &["validation"]) else {
        return;
    };
    let known = [
        "caCertificateRefs",
        "wellKnownCACertificates",
        "hostname",
        "subjectAltNames",
    ];
    intake.known_keys(validation, "validation of a BackendTLSPolicy", &known);
    let sni = entry(validation, &["hostname"]).map_or_else(Setting::default, |(at, host)| {
        Setting::set(host.text().unwrap_or_default().to_owned(), at)
    });
    let client = TlsClient {
        at: Some(at),
        verifies: Setting::set(true, at),
        checks_name: Setting::set(true, at),
        sni,
        ..TlsClient::default()
    };
    for target in list(object.spec, "targetRefs") {
        if written::text(target, &["kind"]) == Some("Service") {
            let name = written::text(target, &["name"]).unwrap_or_default();
            let name = Named::object(ReferenceKind::Service, object.namespace(), name);
            intake.gateways.policies.push((name, client.clone()));
        }
    }
}
