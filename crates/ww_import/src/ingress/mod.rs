//! Ingress objects: what their controllers make of them.
//!
//! Objects with the annotations or the class of ingress-nginx become calls of one program, whose
//! settings come from annotations, then from the controller's `ConfigMap`, then from its defaults
//! (kubernetes/ingress-nginx, `config.go` and "Annotations"). Those of the AWS load balancer
//! controller become calls of an Application Load Balancer. Of other controllers nothing is known
//! but where requests go.

mod alb;
mod nginx;

use crate::document::View;
use crate::service::written::{self, entry, list};
use crate::service::{Intake, Named, User};
use std::collections::BTreeMap;
use ww_base::{Setting, SourceSpan};
use ww_model::service::{
    Call, ClientSide, Listener, Passive, Product, Program, Protocol, ReferenceKind, ServerSide,
    Target, TlsServer, WrittenMatch,
};

/// Objects that wait for one another.
#[derive(Debug, Default)]
pub(crate) struct Ingresses {
    /// Classes with the word of their controllers.
    classes: BTreeMap<String, String>,
    /// What the `ConfigMap` of ingress-nginx says.
    config: Words,
    waiting: Vec<Ingress>,
}

/// Texts by their keys, with where key and text stand.
type Words = BTreeMap<String, (SourceSpan, String)>;

/// An Ingress before its controller is known.
#[derive(Debug)]
struct Ingress {
    at: SourceSpan,
    path: String,
    full_name: String,
    class: Option<String>,
    annotations: Words,
    /// Where certificates are named.
    tls_at: Option<SourceSpan>,
    hosts: Vec<String>,
    backends: Vec<Backend>,
}

/// Where requests go.
#[derive(Debug)]
struct Backend {
    at: SourceSpan,
    matches: Option<WrittenMatch>,
    service: (Named, SourceSpan),
    port: Option<(Named, SourceSpan)>,
    target: Target,
}

/// Reads an Ingress, a class of them, or the settings of ingress-nginx; others are none of its
/// business.
pub(crate) fn object(kind: &str, object: View<'_>, path: &str, intake: &mut Intake<'_>) {
    let version = written::text(object, &["apiVersion"]).unwrap_or_default();
    let group = version.split_once('/').map_or("", |(group, _)| group);
    match (kind, group) {
        ("Ingress", "" | "networking.k8s.io" | "extensions") => {
            let ingress = ingress(object, path);
            intake.ingresses.waiting.push(ingress);
        }
        ("IngressClass", "networking.k8s.io") => {
            let name = written::text(object, &["metadata", "name"]);
            let controller = written::text(object, &["spec", "controller"]);
            if let (Some(name), Some(controller)) = (name, controller) {
                let classes = &mut intake.ingresses.classes;
                classes.insert(name.to_owned(), controller.to_owned());
            }
        }
        ("ConfigMap", "") if is_of_controller(object) => {
            let words = words(object.get("data"));
            intake.ingresses.config.extend(words);
        }
        _ => {}
    }
}

/// Whether a `ConfigMap` is that of the ingress-nginx controller, by its label or its name.
fn is_of_controller(object: View<'_>) -> bool {
    let name = written::text(object, &["metadata", "name"]).unwrap_or_default();
    let label = written::text(object, &["metadata", "labels", "app.kubernetes.io/name"]);
    let is_known = matches!(name, "ingress-nginx-controller" | "nginx-configuration");
    is_known || (label == Some("ingress-nginx") && name.ends_with("controller"))
}

fn words(map: Option<View<'_>>) -> Words {
    let Some(map) = map else {
        return Words::new();
    };
    let entries = map.entries().filter_map(|(key, value)| {
        let (at, _) = map.get_with_key(key)?;
        Some((key.to_owned(), (at, value.text()?.to_owned())))
    });
    entries.collect()
}

fn ingress(object: View<'_>, path: &str) -> Ingress {
    let text = |keys: &[&str]| written::text(object, keys);
    let namespace = text(&["metadata", "namespace"]);
    let name = text(&["metadata", "name"]).unwrap_or_default();
    let annotations = words(object.get("metadata").and_then(|it| it.get("annotations")));
    let old_class = annotations.get("kubernetes.io/ingress.class");
    let class = text(&["spec", "ingressClassName"]).map(str::to_owned);
    let class = class.or_else(|| old_class.map(|(_, class)| class.clone()));
    let mut ingress = Ingress {
        at: object.at(),
        path: path.to_owned(),
        full_name: format!("{}/{name}", namespace.unwrap_or("default")),
        class,
        annotations,
        tls_at: entry(object, &["spec", "tls"]).map(|(at, _)| at),
        hosts: Vec::new(),
        backends: Vec::new(),
    };
    let Some(spec) = object.get("spec") else {
        return ingress;
    };
    let default = spec.get("defaultBackend").or_else(|| spec.get("backend"));
    let default = default.and_then(|view| backend(view, namespace, None));
    ingress.backends.extend(default);
    for rule in list(spec, "rules") {
        let host = written::text(rule, &["host"]);
        ingress.hosts.extend(host.map(str::to_owned));
        for view in rule
            .get("http")
            .into_iter()
            .flat_map(|it| list(it, "paths"))
        {
            let path = written::text(view, &["path"]).unwrap_or("/");
            let matches = WrittenMatch {
                at: entry(view, &["path"]).map_or(view.at(), |(at, _)| at),
                text: format!("{}{path}", host.unwrap_or_default()),
            };
            let target = view.get("backend");
            let backend = target.and_then(|view| backend(view, namespace, Some(matches)));
            ingress.backends.extend(backend);
        }
    }
    ingress
}

/// A backend in the form of networking.k8s.io/v1 (`service.name`) or of its betas (`serviceName`).
fn backend(
    view: View<'_>,
    namespace: Option<&str>,
    matches: Option<WrittenMatch>,
) -> Option<Backend> {
    let (at, name) = entry(view, &["service", "name"]).or_else(|| entry(view, &["serviceName"]))?;
    let name = name.text()?;
    if name == "use-annotation" || text_of_port(view) == Some("use-annotation") {
        return None;
    }
    let service = Named::object(ReferenceKind::Service, namespace, name);
    let port = port_entry(view);
    let port = port.map(|(at, port)| {
        let part = port.text().unwrap_or_default();
        (service.clone().part(ReferenceKind::ServicePort, part), at)
    });
    let host = format!("{name}.{}", namespace.unwrap_or("default"));
    Some(Backend {
        at: view.at(),
        matches,
        target: Target {
            at: view.at(),
            host,
            port: text_of_port(view).and_then(|port| port.parse().ok()),
            is_backup: false,
            resolves_again: Setting::default(),
            subset: None,
        },
        service: (service, at),
        port,
    })
}

fn port_entry(view: View<'_>) -> written::Entry<'_> {
    entry(view, &["service", "port", "number"])
        .or_else(|| entry(view, &["service", "port", "name"]))
        .or_else(|| entry(view, &["servicePort"]))
}

fn text_of_port(view: View<'_>) -> Option<&str> {
    port_entry(view)?.1.text()
}

/// Who makes something of an Ingress.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Controller {
    Nginx,
    Alb,
    /// One that is known by the name of its class only.
    Other(String),
}

impl Controller {
    fn of(ingress: &Ingress, classes: &BTreeMap<String, String>) -> Controller {
        let class = ingress.class.as_deref().unwrap_or_default();
        let controller = classes.get(class).map_or("", String::as_str);
        let has = |prefix: &str| {
            ingress
                .annotations
                .keys()
                .any(|key| key.starts_with(prefix))
        };
        let other =
            || Controller::Other(if class.is_empty() { "ingress" } else { class }.to_owned());
        match controller {
            "k8s.io/ingress-nginx" => return Controller::Nginx,
            "ingress.k8s.aws/alb" => return Controller::Alb,
            "" => {}
            _ => return other(),
        }
        if has("nginx.org/") || has("haproxy.org/") {
            other()
        } else if has(nginx::PREFIX) || class == "nginx" {
            Controller::Nginx
        } else if has(alb::PREFIX) || class == "alb" {
            Controller::Alb
        } else {
            other()
        }
    }

    fn program(&self, ingress: &Ingress) -> Program {
        let (name, product) = match self {
            Controller::Nginx => ("ingress-nginx", Product::named(nginx::COMPONENT)),
            Controller::Alb => (ingress.full_name.as_str(), Product::named(alb::COMPONENT)),
            Controller::Other(class) => (class.as_str(), Product::default()),
        };
        Program::new(name, product, ingress.at, &ingress.path)
    }
}

/// Makes programs of what was read: one for ingress-nginx, one for each class that is not known,
/// and one for each Ingress that is a load balancer of its own.
pub(crate) fn join(intake: &mut Intake<'_>) {
    let all = std::mem::take(&mut intake.ingresses);
    let mut programs: BTreeMap<Controller, usize> = BTreeMap::new();
    for ingress in &all.waiting {
        let controller = Controller::of(ingress, &all.classes);
        let index = match programs.get(&controller) {
            Some(index) if controller != Controller::Alb => *index,
            _ => {
                let mut program = controller.program(ingress);
                if controller == Controller::Nginx {
                    nginx::settings(&mut program, &all.config, intake);
                }
                intake.services.programs.push(program);
                let index = intake.services.programs.len().saturating_sub(1);
                programs.insert(controller.clone(), index);
                index
            }
        };
        attach(ingress, &controller, index, &all.config, intake);
    }
}

/// Adds the listeners and calls of an Ingress to its program.
fn attach(
    ingress: &Ingress,
    controller: &Controller,
    index: usize,
    config: &Words,
    intake: &mut Intake<'_>,
) {
    let mut calls = Vec::new();
    for backend in &ingress.backends {
        let (name, at) = &backend.service;
        intake
            .names
            .require(name.clone(), *at, User::Program(index));
        if let Some((name, at)) = &backend.port {
            intake
                .names
                .require(name.clone(), *at, User::Program(index));
        }
        calls.push(bare_call(ingress, backend));
    }
    let mut listeners = listeners(ingress);
    let (mut limits, mut bound) = (Vec::new(), None);
    match controller {
        Controller::Nginx => {
            let settings = nginx::Settings::new(&ingress.annotations, config);
            for call in &mut calls {
                settings.complete(call, intake);
            }
            for listener in &mut listeners {
                settings.complete_listener(listener, intake);
            }
            limits = settings.rate_limits(intake);
            bound = settings.concurrency_limit(intake);
            nginx::name_unknown(&ingress.annotations, intake);
        }
        Controller::Alb => alb::complete(&ingress.annotations, &mut listeners, &mut calls, intake),
        Controller::Other(_) => {}
    }
    let Some(program) = intake.services.programs.get_mut(index) else {
        return;
    };
    let first = program.listeners.len();
    let from: Vec<usize> = (first..first.saturating_add(listeners.len())).collect();
    program.listeners.append(&mut listeners);
    program.rate_limits.append(&mut limits);
    program.concurrency_limits.extend(bound);
    program.calls.extend(calls.into_iter().map(|call| Call {
        from: from.clone(),
        ..call
    }));
}

fn bare_call(ingress: &Ingress, backend: &Backend) -> Call {
    Call {
        at: backend.at,
        name: ingress.full_name.clone(),
        matches: backend.matches.clone(),
        from: Vec::new(),
        to: vec![backend.target.clone()],
        protocol: Protocol::Http,
        streams: Setting::default(),
        side: ClientSide::default(),
        picking: Setting::default(),
        checks: Vec::new(),
        passive: Passive::default(),
        tls: None,
    }
}

/// Ports 80 and, with certificates, 443.
fn listeners(ingress: &Ingress) -> Vec<Listener> {
    let listener = |port, tls| Listener {
        at: ingress.at,
        port: Some(port),
        hosts: ingress.hosts.clone(),
        protocol: Protocol::Http,
        side: ServerSide::default(),
        tls,
        own_answers: Vec::new(),
    };
    let mut all = vec![listener(80, None)];
    all.extend(ingress.tls_at.map(|at| {
        let tls = TlsServer {
            at: Some(at),
            ..TlsServer::default()
        };
        listener(443, Some(tls))
    }));
    all
}

#[cfg(test)]
mod tests;
