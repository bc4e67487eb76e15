//! Gateways and their routes, joined when all objects are read.

use super::{Gateway, Gateways, Parent, Route, RouteCall, route};
use crate::defaults::Defaults;
use crate::service::written::open_or;
use crate::service::{Intake, Named, User, words};
use std::collections::BTreeMap;
use ww_base::Order;
use ww_model::service::{
    Call, ClientSide, Listener, MeshRoute, Methods, Product, Program, Protocol, ServerSide,
    TlsClient,
};

/// Makes a program of each gateway, and of each that routes name and no file declares.
pub(crate) fn join(intake: &mut Intake<'_>) {
    let all = std::mem::take(&mut intake.gateways);
    let Gateways {
        classes,
        declared,
        routes,
        policies,
    } = all;
    let mut joined = Joined::default();
    for gateway in declared {
        joined.gateway(gateway, &classes, intake);
    }
    for route in routes {
        joined.route(&route, &policies, intake);
    }
}

/// Gateways that are programs already.
#[derive(Default)]
struct Joined {
    /// Gateways that files declare, by their names.
    by_name: BTreeMap<String, Vec<Known>>,
    /// Programs of gateways that no file declares, by how reports call them.
    foreign: BTreeMap<String, usize>,
}

/// A gateway that a file declares.
struct Known {
    /// The program's index.
    index: usize,
    namespace: Option<String>,
    /// The names of the listeners, in their order.
    sections: Vec<String>,
}

impl Joined {
    fn gateway(&mut self, gateway: Gateway, classes: &[(String, String)], intake: &mut Intake<'_>) {
        let mut program = gateway.program;
        program.product = product(&gateway.class, classes);
        for listener in &mut program.listeners {
            listener.side = server_side(listener, &program.product, intake.defaults);
        }
        let index = intake.services.programs.len();
        let known = Known {
            index,
            namespace: gateway.name.namespace,
            sections: gateway.sections,
        };
        self.by_name
            .entry(gateway.name.name)
            .or_default()
            .push(known);
        intake.services.programs.push(program);
    }

    fn route(&mut self, route: &Route, policies: &[(Named, TlsClient)], intake: &mut Intake<'_>) {
        let nowhere = Parent {
            at: route.at,
            gateway: None,
            service: None,
            full_name: "a gateway".to_owned(),
            section: None,
            port: None,
        };
        let parents: Vec<&Parent> = match route.parents.as_slice() {
            [] => vec![&nowhere],
            parents => parents.iter().collect(),
        };
        let mut served: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for parent in parents {
            if let Some(service) = &parent.service {
                mesh_routes(route, service, intake);
                continue;
            }
            let (index, listeners) = self.find(route, parent, intake);
            served.entry(index).or_default().extend(listeners);
        }
        for (index, mut from) in served {
            from.put_in_order();
            from.dedup();
            for call in &route.calls {
                attach(call, index, from.clone(), policies, intake);
            }
        }
    }

    /// The program that a route attaches to, and its listeners that are meant; for a gateway that no
    /// file declares a program that is known by its name only.
    fn find(
        &mut self,
        route: &Route,
        parent: &Parent,
        intake: &mut Intake<'_>,
    ) -> (usize, Vec<usize>) {
        let declared = parent.gateway.as_ref().and_then(|name| {
            let mut known = self.by_name.get(&name.name)?.iter();
            known.find(|known| {
                let both = known.namespace.as_ref().zip(name.namespace.as_ref());
                both.is_none_or(|(one, other)| one == other)
            })
        });
        if let Some(Known {
            index, sections, ..
        }) = declared
        {
            let program = intake.services.programs.get(*index);
            let listeners = program.map_or(&[][..], |program| &program.listeners);
            let meant = listeners.iter().zip(sections).enumerate();
            let meant = meant.filter(|(_, (listener, section))| {
                parent.section.as_ref().is_none_or(|name| name == *section)
                    && parent.port.is_none_or(|port| listener.port == Some(port))
            });
            return (*index, meant.map(|(at, _)| at).collect());
        }
        let next = intake.services.programs.len();
        let index = *self.foreign.entry(parent.full_name.clone()).or_insert(next);
        if index == next {
            let unknown = Product::default();
            let program = Program::new(&parent.full_name, unknown, parent.at, &route.path);
            intake.services.programs.push(program);
        }
        if let Some(gateway) = &parent.gateway {
            let by = User::Program(index);
            intake.names.require(gateway.clone(), parent.at, by);
        }
        (index, Vec::new())
    }
}

/// A route whose parent is a Service is one of the mesh, for requests to that Service.
fn mesh_routes(route: &Route, service: &str, intake: &mut Intake<'_>) {
    for RouteCall { call, services, .. } in &route.calls {
        for (name, at) in services {
            intake.names.require(name.clone(), *at, User::Mesh);
        }
        intake.services.mesh.routes.push(MeshRoute {
            at: call.at,
            name: call.name.clone(),
            namespace: route.namespace.clone(),
            hosts: vec![service.to_owned()],
            gateways: Vec::new(),
            matches: call.matches.clone(),
            to: call.to.clone(),
            protocol: call.protocol,
            side: call.side.clone(),
            fault: None,
            is_exclusive: false,
        });
    }
}

/// Adds a call to a program, with what its product does where nothing is written.
fn attach(
    route: &RouteCall,
    index: usize,
    from: Vec<usize>,
    policies: &[(Named, TlsClient)],
    intake: &mut Intake<'_>,
) {
    let defaults = intake.defaults;
    let Some(program) = intake.services.programs.get_mut(index) else {
        return;
    };
    for (name, at) in &route.services {
        let by = User::Program(index);
        intake.names.require(name.clone(), *at, by);
    }
    let policy = policies.iter().find(|(name, _)| {
        let mut services = route.services.iter();
        services.any(|(service, _)| service == name)
    });
    let mut call = Call {
        from,
        tls: policy.map(|(_, client)| client.clone()),
        ..route.call.clone()
    };
    complete(&mut call, route.has_retry, &program.product, defaults);
    program.calls.push(call);
}

/// The product of a class, by its controller or, where no file declares the class, by its name.
fn product(class: &str, classes: &[(String, String)]) -> Product {
    let controller = classes.iter().rev().find(|(name, _)| name == class);
    let controller = controller.map_or(class, |(_, controller)| controller);
    if controller.starts_with("gateway.envoyproxy.io/") {
        Product::named("envoy-gateway")
    } else if controller.starts_with("istio.io/") || controller == "istio" {
        Product::named("istio")
    } else {
        Product::default()
    }
}

/// Names of the defaults in a product's table.
struct Rows {
    total: &'static str,
    connect: &'static str,
    keepalive_idle: &'static str,
    attempts: &'static str,
    attempts_of_retry: &'static str,
    listener_idle: &'static str,
    listener_stream_idle: &'static str,
}

fn rows(product: &Product) -> Option<Rows> {
    match product.component.as_str() {
        "istio" => Some(Rows {
            total: "timeout",
            connect: "connectionPool.tcp.connectTimeout",
            keepalive_idle: "connectionPool.http.idleTimeout",
            attempts: "retries.attempts",
            attempts_of_retry: "retries.attempts",
            listener_idle: "gateway.idleTimeout",
            listener_stream_idle: "gateway.streamIdleTimeout",
        }),
        "envoy-gateway" => Some(Rows {
            total: "timeout.http.requestTimeout",
            connect: "timeout.tcp.connectTimeout",
            keepalive_idle: "timeout.http.connectionIdleTimeout",
            attempts: "retry",
            attempts_of_retry: "retry.numRetries",
            listener_idle: "timeout.http.idleTimeout",
            listener_stream_idle: "timeout.http.streamIdleTimeout",
        }),
        _ => None,
    }
}

fn server_side(listener: &Listener, product: &Product, defaults: &Defaults) -> ServerSide {
    let Some(rows) = rows(product).filter(|_| listener.protocol.is_http()) else {
        return ServerSide::default();
    };
    ServerSide {
        keepalive_idle: defaults.time(product, rows.listener_idle),
        stream_idle: defaults.time(product, rows.listener_stream_idle),
        ..ServerSide::default()
    }
}

/// Fills in what the product does where nothing is written.
fn complete(call: &mut Call, has_retry: bool, product: &Product, defaults: &Defaults) {
    let Some(rows) = rows(product) else {
        return;
    };
    let side = std::mem::take(&mut call.side);
    let is_http = matches!(call.protocol, Protocol::Http | Protocol::Grpc);
    let connect = open_or(side.connect, defaults.time(product, rows.connect));
    if !is_http {
        call.side = ClientSide { connect, ..side };
        return;
    }
    let attempts = if has_retry {
        rows.attempts_of_retry
    } else {
        rows.attempts
    };
    let again = defaults.number(product, attempts);
    let mut retry = side.retry;
    retry.attempts = open_or(retry.attempts, again.map(|count| count.saturating_add(1)));
    let on = defaults.word(product, "retries.retryOn");
    retry.on = open_or(retry.on, on.map(|text| words::retry_on(&text, &[503]).0));
    let methods = defaults.word(product, "retries.methods");
    retry.methods = open_or(retry.methods, methods.map(|_| Methods::All));
    let pause = defaults.time(product, "retries.backoff");
    retry.backoff = open_or(retry.backoff, pause.map(route::backoff));
    retry.per_try = open_or(
        retry.per_try,
        defaults.time(product, "retries.perTryTimeout"),
    );
    call.side = ClientSide {
        connect,
        total: open_or(side.total, defaults.time(product, rows.total)),
        keepalive_idle: open_or(
            side.keepalive_idle,
            defaults.time(product, rows.keepalive_idle),
        ),
        retry,
        ..side
    };
}
