//! Hosts as objects of a mesh name them.

use ww_model::Model;
use ww_model::kube::Service;
use ww_model::service::Unit;

/// What a host names inside the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Host {
    /// A Service: its namespace and its name.
    Service(String, String),
    /// All Services of a namespace.
    Namespace(String),
    /// All Services.
    All,
}

impl Host {
    /// What a host names; none for one outside the cluster, or when that is not sure.
    pub(super) fn of(host: &str, namespace: &str) -> Option<Host> {
        if matches!(
            host,
            "*" | "*.local" | "*.cluster.local" | "*.svc.cluster.local"
        ) {
            return Some(Host::All);
        }
        let Some(inside) = host
            .strip_suffix(".svc.cluster.local")
            .or_else(|| host.strip_suffix(".svc"))
        else {
            let is_short = !host.is_empty() && !host.contains(['.', '*']);
            return is_short.then(|| Host::Service(namespace.to_owned(), host.to_owned()));
        };
        match inside.split_once('.') {
            Some(("*", namespace)) => Some(Host::Namespace(namespace.to_owned())),
            Some((name, namespace)) => Some(Host::Service(namespace.to_owned(), name.to_owned())),
            None => None,
        }
    }

    /// The Service, where it is one and among the manifests.
    pub(super) fn service<'m>(&self, model: &'m Model) -> Option<&'m Service> {
        let Host::Service(namespace, name) = self else {
            return None;
        };
        let mut services = model.cluster.services.iter();
        services.find(|service| service.name.namespace == *namespace && service.name.name == *name)
    }

    /// The namespace that its pods are in; none for all.
    pub(super) fn namespace(&self) -> Option<&str> {
        match self {
            Host::Service(namespace, _) | Host::Namespace(namespace) => Some(namespace),
            Host::All => None,
        }
    }
}

/// The containers of the pods behind a Service.
pub(super) fn behind<'m>(model: &'m Model, service: &'m Service) -> Vec<&'m Unit> {
    let Some(selector) = &service.selector else {
        return Vec::new();
    };
    let is_behind = |unit: &&Unit| {
        let has = |(key, value): (&String, &String)| {
            let mut labels = unit.labels.iter();
            labels.any(|(own, its)| own == key && its == value)
        };
        unit.group == service.name.namespace && selector.iter().all(has)
    };
    model.services.units.iter().filter(is_behind).collect()
}

#[cfg(test)]
mod tests {
    use super::Host;

    #[test]
    fn a_host_is_a_service_a_namespace_or_all() {
        let service = |namespace: &str, name: &str| {
            Some(Host::Service(namespace.to_owned(), name.to_owned()))
        };
        assert_eq!(Host::of("web", "shop"), service("shop", "web"));
        assert_eq!(
            Host::of("web.blog.svc.cluster.local", "shop"),
            service("blog", "web")
        );
        assert_eq!(Host::of("web.blog.svc", "shop"), service("blog", "web"));
        let blog = Some(Host::Namespace("blog".to_owned()));
        assert_eq!(Host::of("*.blog.svc.cluster.local", "shop"), blog);
        assert_eq!(Host::of("*.local", "shop"), Some(Host::All));
        assert_eq!(Host::of("api.example.com", "shop"), None);
        assert_eq!(Host::of("*.example.com", "shop"), None);
    }
}
