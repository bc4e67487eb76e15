//! Hosts of a mesh: what a short name stands for, which policies are about it, who is behind it.

use ww_model::Model;
use ww_model::service::{MeshPolicy, Unit};

/// What ends the name of every Service of a cluster.
const CLUSTER: &str = "svc.cluster.local";

/// The whole name of a host as an object of a namespace writes it: `reviews` is
/// `reviews.shop.svc.cluster.local`.
pub(crate) fn whole_host(host: &str, namespace: &str) -> String {
    let host = host.trim_end_matches('.');
    if host.contains('*') || host.ends_with(CLUSTER) {
        return host.to_owned();
    }
    match host.split('.').collect::<Vec<&str>>().as_slice() {
        [name] => format!("{name}.{namespace}.{CLUSTER}"),
        [name, space, "svc"] => format!("{name}.{space}.{CLUSTER}"),
        _ => host.to_owned(),
    }
}

/// Policies about a host that an object of a namespace names.
pub(crate) fn policies<'m>(
    model: &'m Model,
    host: &str,
    namespace: &str,
) -> impl Iterator<Item = &'m MeshPolicy> {
    let host = whole_host(host, namespace);
    model.services.mesh.policies.iter().filter(move |policy| {
        let about = whole_host(&policy.host, &policy.namespace);
        match about.strip_prefix('*') {
            Some(end) => host.ends_with(end),
            None => about == host,
        }
    })
}

/// The containers that answer for a host that an object of a namespace names.
pub(crate) fn behind<'m>(model: &'m Model, host: &str, namespace: &str) -> Vec<&'m Unit> {
    let host = whole_host(host, namespace);
    let service = model.cluster.services.iter().find(|service| {
        let (name, space) = (&service.name.name, &service.name.namespace);
        host == format!("{name}.{space}.{CLUSTER}")
    });
    let selector = service.and_then(|service| Some((service, service.selector.as_ref()?)));
    let Some((service, selector)) = selector else {
        return Vec::new();
    };
    let units = model.services.units.iter();
    let is_selected = |unit: &&Unit| {
        let has = |(key, value): (&String, &String)| {
            let mut labels = unit.labels.iter();
            labels.any(|(own, its)| own == key && its == value)
        };
        unit.group == service.name.namespace && selector.iter().all(has)
    };
    units.filter(is_selected).collect()
}

#[cfg(test)]
mod tests {
    use super::whole_host;

    #[test]
    fn a_short_name_belongs_to_the_namespace_of_its_object() {
        let whole = |host| whole_host(host, "shop");
        assert_eq!(whole("cart"), "cart.shop.svc.cluster.local");
        assert_eq!(whole("cart.other.svc"), "cart.other.svc.cluster.local");
        assert_eq!(
            whole("cart.shop.svc.cluster.local"),
            "cart.shop.svc.cluster.local"
        );
        assert_eq!(whole("api.example.org"), "api.example.org");
        assert_eq!(whole("*.local"), "*.local");
    }
}
