//! Ways into the mesh and hosts outside of it: `Gateway`, `ServiceEntry`, `PeerAuthentication`.

use super::{NETWORKING, Object, product};
use crate::document::View;
use crate::service::written::{self, Entry, entry, list};
use crate::service::{Intake, Named, words};
use ww_base::{Locus, Setting};
use ww_model::service::{
    Listener, MeshHost, PeerTls, Product, Program, Protocol, ReferenceKind, ServerSide, TlsServer,
};

const GATEWAY_KEYS: [&str; 2] = ["servers", "selector"];
const SERVER_KEYS: [&str; 6] = ["port", "bind", "hosts", "tls", "defaultEndpoint", "name"];

/// A gateway is a program that accepts connections; what becomes of them is said by routes.
pub(super) fn gateway(object: Object<'_>, path: &str, intake: &mut Intake<'_>) {
    intake.known_keys(object.spec, "a Gateway of Istio", &GATEWAY_KEYS);
    if let Some((at, name)) = entry(object.view, &["metadata", "name"]) {
        let name = name.text().unwrap_or_default();
        let name =
            Named::object(ReferenceKind::Gateway, object.namespace(), name).of_api(NETWORKING);
        intake.names.declare(name, at);
    }
    let product = product();
    let mut program = Program::new(object.full_name(), product.clone(), object.view.at(), path);
    program.grace = intake.defaults.time(&product, "terminationDrainDuration");
    for server in list(object.spec, "servers") {
        program.listeners.push(listener(server, &product, intake));
    }
    intake.services.programs.push(program);
}

fn listener(server: View<'_>, product: &Product, intake: &mut Intake<'_>) -> Listener {
    intake.known_keys(server, "a server of a Gateway", &SERVER_KEYS);
    let word = written::text(server, &["port", "protocol"]).unwrap_or_default();
    let hosts = written::texts(server, "hosts").into_iter().map(|host| {
        let own = host.rsplit_once('/').map(|(_, host)| host.to_owned());
        own.unwrap_or(host)
    });
    let hosts: Vec<String> = hosts.filter(|host| host != "*").collect();
    let port = written::port(server, &["port", "number"]);
    if port.is_none() && server.get("port").is_some() {
        let at = entry(server, &["port"]).map_or(server.at(), |(at, _)| at);
        intake.malformed(at, "the port of a server has a `number` from 1 to 65535");
    }
    Listener {
        at: server.at(),
        port,
        hosts,
        protocol: protocol(word),
        side: side(protocol(word), product, intake),
        tls: tls(server, product, intake),
        own_answers: Vec::new(),
    }
}

fn protocol(word: &str) -> Protocol {
    match word.to_ascii_uppercase().as_str() {
        "HTTP" | "HTTPS" => Protocol::Http,
        "HTTP2" => Protocol::Http2,
        "GRPC" | "GRPC-WEB" => Protocol::Grpc,
        "MONGO" => Protocol::Mongo,
        "MYSQL" => Protocol::Mysql,
        "REDIS" => Protocol::Redis,
        "TCP" | "TLS" => Protocol::Tcp,
        "UDP" => Protocol::Udp,
        _ => Protocol::Unknown,
    }
}

fn side(protocol: Protocol, product: &Product, intake: &Intake<'_>) -> ServerSide {
    if !protocol.is_http() {
        return ServerSide {
            stream_idle: intake
                .defaults
                .time(product, "connectionPool.tcp.idleTimeout"),
            ..ServerSide::default()
        };
    }
    let time = |setting| intake.defaults.time(product, setting);
    ServerSide {
        keepalive_idle: time("gateway.idleTimeout"),
        max_age: time("gateway.maxConnectionDuration"),
        header: time("gateway.requestHeadersTimeout"),
        request: time("gateway.requestTimeout"),
        stream_idle: time("gateway.streamIdleTimeout"),
        max_streams: intake
            .defaults
            .number(product, "gateway.maxConcurrentStreams"),
        ..ServerSide::default()
    }
}

/// How a server encrypts; none where it does not, or hands TLS on without looking into it.
fn tls(server: View<'_>, product: &Product, intake: &mut Intake<'_>) -> Option<TlsServer> {
    let (at, view) = entry(server, &["tls"])?;
    let (mode_at, mode) = entry(view, &["mode"])?;
    let mode = mode.text().unwrap_or_default();
    if !matches!(
        mode,
        "SIMPLE" | "MUTUAL" | "ISTIO_MUTUAL" | "OPTIONAL_MUTUAL"
    ) {
        return None;
    }
    let (least, most) = ("minProtocolVersion", "maxProtocolVersion");
    let word = |key: &str| match written::text(view, &[key]) {
        None | Some("TLS_AUTO") => {
            let default = intake.defaults.word(product, &format!("tls.{key}"));
            default.value().cloned().unwrap_or_default()
        }
        Some(word) => word.to_owned(),
    };
    let versions = words::tls_versions(&word(least), &word(most));
    let written = entry(view, &[least]).or_else(|| entry(view, &[most]));
    let versions = match (versions, written) {
        (Some(versions), Some((at, _))) => Setting::set(versions, at),
        (Some(versions), None) => {
            let default = intake.defaults.word(product, "tls.minProtocolVersion");
            default.map(|_| versions.clone())
        }
        (None, at) => {
            if let Some((at, _)) = at {
                intake.malformed(at, "a version of TLS is written TLSV1_2");
            }
            Setting::default()
        }
    };
    let suites = written::texts(view, "cipherSuites");
    let suites_at = entry(view, &["cipherSuites"]).filter(|_| !suites.is_empty());
    Some(TlsServer {
        at: Some(at),
        versions,
        suites: suites_at.map_or_else(Setting::default, |(at, _)| Setting::set(suites, at)),
        demands_certificate: Setting::set(matches!(mode, "MUTUAL" | "ISTIO_MUTUAL"), mode_at),
        ..TlsServer::default()
    })
}

pub(super) fn service_entry(object: Object<'_>, intake: &mut Intake<'_>) {
    let spec = object.spec;
    for host in list(spec, "hosts") {
        let text = host.text().unwrap_or_default();
        let name = object.host(text).or_else(|| {
            let wild = text.starts_with('*');
            wild.then(|| Named::object(ReferenceKind::Service, None, text))
        });
        let Some(name) = name else {
            continue;
        };
        for number in list(spec, "ports").filter_map(|port| port.get("number")) {
            let part = number.text().unwrap_or_default();
            let name = name.clone().part(ReferenceKind::ServicePort, part);
            intake.names.declare(name, number.at());
        }
        intake.names.declare(name, host.at());
    }
    let ports = list(spec, "ports").filter_map(|port| {
        let protocol = written::text(port, &["protocol"]).unwrap_or_default();
        Some((written::port(port, &["number"])?, protocol.to_owned()))
    });
    let host = MeshHost {
        at: object.view.at(),
        hosts: written::texts(spec, "hosts"),
        ports: ports.collect(),
    };
    intake.services.mesh.outside.push(host);
}

pub(super) fn peers(object: Object<'_>, intake: &mut Intake<'_>) {
    let selector = object.spec.get("selector");
    let labels = selector.and_then(|selector| selector.get("matchLabels"));
    let labels = labels.into_iter().flat_map(View::entries);
    let labels = labels.filter_map(|(key, value)| Some((key.to_owned(), value.text()?.to_owned())));
    let strict = strict(entry(object.spec, &["mtls", "mode"]), intake);
    let by_port = object.spec.get("portLevelMtls");
    let by_port = by_port.into_iter().flat_map(View::entries);
    let mut ports = Vec::new();
    for (port, written) in by_port {
        if let Ok(port) = port.parse() {
            ports.push((port, self::strict(entry(written, &["mode"]), intake)));
        }
    }
    let peers = PeerTls {
        at: object.view.at(),
        name: object.full_name(),
        namespace: object.home(),
        selector: labels.collect(),
        strict,
        ports,
    };
    intake.services.mesh.peers.push(peers);
}

/// Whether connections without the mesh's certificate are refused.
fn strict(mode: Entry<'_>, intake: &mut Intake<'_>) -> Setting<bool> {
    let Some((at, mode)) = mode else {
        return Setting::default();
    };
    match mode.text().unwrap_or_default() {
        "STRICT" => Setting::set(true, at),
        "PERMISSIVE" => Setting::set(false, at),
        "DISABLE" => Setting::Off(Locus::Text(at)),
        "UNSET" => Setting::default(),
        _ => {
            intake.malformed(at, "a mode of mTLS is STRICT, PERMISSIVE, DISABLE or UNSET");
            Setting::default()
        }
    }
}
