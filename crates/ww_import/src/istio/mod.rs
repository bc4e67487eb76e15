//! Istio: what a mesh does with calls, from `VirtualService`, `DestinationRule`, `Gateway`,
//! `ServiceEntry` and `PeerAuthentication`.
//!
//! The fields are those of networking.istio.io/v1 and security.istio.io/v1 (istio/api,
//! 2026-08-22); older versions of these APIs have the same.

mod gateways;
mod policies;
mod routes;

use crate::document::View;
use crate::service::{Intake, Named, written};
use std::net::IpAddr;
use ww_model::service::{Product, ReferenceKind};

/// The component in the default tables.
const COMPONENT: &str = "istio";

const NETWORKING: &str = "networking.istio.io";

/// Reads an object of Istio; others are none of its business.
pub(crate) fn object(kind: &str, object: View<'_>, path: &str, intake: &mut Intake<'_>) {
    let version = written::text(object, &["apiVersion"]).unwrap_or_default();
    let group = version.split_once('/').map_or("", |(group, _)| group);
    let Some(spec) = object.get("spec") else {
        return;
    };
    let object = Object { view: object, spec };
    match (group, kind) {
        (NETWORKING, "VirtualService") => routes::virtual_service(object, intake),
        (NETWORKING, "DestinationRule") => policies::destination_rule(object, intake),
        (NETWORKING, "Gateway") => gateways::gateway(object, path, intake),
        (NETWORKING, "ServiceEntry") => gateways::service_entry(object, intake),
        ("security.istio.io", "PeerAuthentication") => gateways::peers(object, intake),
        _ => {}
    }
}

fn product() -> Product {
    Product::named(COMPONENT)
}

/// An object with its specification.
#[derive(Clone, Copy)]
struct Object<'t> {
    view: View<'t>,
    spec: View<'t>,
}

impl<'t> Object<'t> {
    /// The namespace, where it is written.
    fn namespace(self) -> Option<&'t str> {
        written::text(self.view, &["metadata", "namespace"])
    }

    /// The namespace that it goes to.
    fn home(self) -> String {
        self.namespace().unwrap_or("default").to_owned()
    }

    /// Its name with the namespace before it.
    fn full_name(self) -> String {
        let name = written::text(self.view, &["metadata", "name"]).unwrap_or_default();
        format!("{}/{name}", self.home())
    }

    /// What a host names: a Service, or a host that a `ServiceEntry` declares. A short name is one of
    /// the object's own namespace; none for what cannot be looked up, as a wildcard or an address.
    fn host(self, host: &str) -> Option<Named> {
        let kind = ReferenceKind::Service;
        if host.is_empty() || host.contains('*') || written::is_template(host) {
            return None;
        }
        if host.parse::<IpAddr>().is_ok() || host.ends_with(".svc.clusterset.local") {
            return None;
        }
        let inside = host.strip_suffix(".svc.cluster.local");
        let inside = inside.or_else(|| host.strip_suffix(".svc")).unwrap_or(host);
        Some(match inside.split_once('.') {
            None => Named::object(kind, self.namespace(), inside),
            Some((name, namespace)) if inside != host => Named::object(kind, Some(namespace), name),
            Some(_) => Named::object(kind, None, host),
        })
    }
}

#[cfg(test)]
mod tests;
