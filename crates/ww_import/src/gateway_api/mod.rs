//! Gateway API: gateways as programs, and routes as their calls.
//!
//! The fields are those of gateway.networking.k8s.io/v1 and its experimental channel
//! (kubernetes-sigs/gateway-api 2026-08-21). What a gateway does where nothing is written is the
//! product's own; which product it is, its class says.

mod gateway;
mod join;
mod route;

use crate::document::View;
use crate::service::{Intake, Named, written};
use ww_base::SourceSpan;
use ww_model::service::{Call, Program, ReferenceKind, TlsClient};

pub(crate) use join::join;

const GROUP: &str = "gateway.networking.k8s.io";

/// Objects that belong together.
#[derive(Debug, Default)]
pub(crate) struct Gateways {
    /// Classes with the word of their controllers.
    classes: Vec<(String, String)>,
    declared: Vec<Gateway>,
    routes: Vec<Route>,
    /// How connections to a Service are encrypted.
    policies: Vec<(Named, TlsClient)>,
}

/// A gateway before its class is known.
#[derive(Debug)]
struct Gateway {
    name: Named,
    class: String,
    program: Program,
    /// The names of the listeners, in their order.
    sections: Vec<String>,
}

/// A route before its gateway is known.
#[derive(Debug)]
struct Route {
    at: SourceSpan,
    path: String,
    namespace: String,
    parents: Vec<Parent>,
    calls: Vec<RouteCall>,
}

/// What a route attaches to.
#[derive(Debug)]
struct Parent {
    at: SourceSpan,
    /// The gateway; none for something of another kind.
    gateway: Option<Named>,
    /// The Service, where the route is one of a mesh and this is whom its requests are for.
    service: Option<String>,
    /// How reports call it.
    full_name: String,
    /// The listener's name.
    section: Option<String>,
    port: Option<u16>,
}

/// A call with the names of whom it calls.
#[derive(Clone, Debug)]
struct RouteCall {
    call: Call,
    services: Vec<(Named, SourceSpan)>,
    /// Whether it says what is to be retried.
    has_retry: bool,
}

/// Reads an object of the Gateway API; others are none of its business.
pub(crate) fn object(kind: &str, object: View<'_>, path: &str, intake: &mut Intake<'_>) {
    let version = written::text(object, &["apiVersion"]).unwrap_or_default();
    let group = version.split_once('/').map_or("", |(group, _)| group);
    let Some(spec) = object.get("spec").filter(|_| group == GROUP) else {
        return;
    };
    let object = Object { view: object, spec };
    match kind {
        "GatewayClass" => {
            let controller = written::text(spec, &["controllerName"]).unwrap_or_default();
            let class = (object.name().to_owned(), controller.to_owned());
            intake.gateways.classes.push(class);
        }
        "Gateway" => gateway::read(object, path, intake),
        "HTTPRoute" | "GRPCRoute" | "TLSRoute" | "TCPRoute" | "UDPRoute" => {
            route::read(kind, object, path, intake);
        }
        "BackendTLSPolicy" => gateway::backend_tls(object, intake),
        _ => {}
    }
}

/// An object with its specification.
#[derive(Clone, Copy)]
struct Object<'t> {
    view: View<'t>,
    spec: View<'t>,
}

impl<'t> Object<'t> {
    fn name(self) -> &'t str {
        written::text(self.view, &["metadata", "name"]).unwrap_or_default()
    }

    /// The namespace, where it is written.
    fn namespace(self) -> Option<&'t str> {
        written::text(self.view, &["metadata", "namespace"])
    }

    fn full_name(self) -> String {
        full_name(self.namespace(), self.name())
    }
}

fn full_name(namespace: Option<&str>, name: &str) -> String {
    format!("{}/{name}", namespace.unwrap_or("default"))
}

fn gateway_name(namespace: Option<&str>, name: &str) -> Named {
    Named::object(ReferenceKind::Gateway, namespace, name).of_api(GROUP)
}

#[cfg(test)]
mod tests;
