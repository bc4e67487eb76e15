//! A bootstrap on its way to a program.

use super::cluster::{self, Cluster};
use super::{below, known, list, listener, name_of, of, product, route, text_of, type_of};
use crate::document::View;
use crate::service::written::{is_template, open_or};
use crate::service::{Intake, file_name, folder};
use std::collections::BTreeMap;
use ww_base::SourceSpan;
use ww_model::service::{Call, ClientSide, Listener, Program, Reference, ReferenceKind, Retry};

/// What files of one Envoy declare, before listeners, routes and clusters are put together.
pub(super) struct Draft {
    path: String,
    program: Program,
    clusters: BTreeMap<String, Cluster>,
    pub(super) routes: Vec<Pending>,
    /// The names of the route configurations that a listener asks for.
    pub(super) asks_for: Vec<(String, usize)>,
    /// Whether clusters come from somewhere else too.
    is_dynamic: bool,
    /// File names of resources that the bootstrap reads.
    resources: Vec<String>,
    /// Whether it is a file of resources, not a bootstrap.
    pub(super) is_piece: bool,
}

/// A call with the names of its clusters.
pub(super) struct Pending {
    pub(super) call: Call,
    pub(super) clusters: Vec<(String, SourceSpan)>,
    /// The route configuration that holds it, where a listener asks for that by name.
    pub(super) configuration: Option<String>,
    /// A path that is answered without a call.
    pub(super) own_answer: Option<(String, SourceSpan)>,
}

impl Draft {
    pub(super) fn new(path: &str, at: SourceSpan) -> Draft {
        Draft {
            path: path.to_owned(),
            program: Program::new(name_of(path), product(), at, path),
            clusters: BTreeMap::new(),
            routes: Vec::new(),
            asks_for: Vec::new(),
            is_dynamic: false,
            resources: Vec::new(),
            is_piece: false,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.program.listeners.is_empty() && self.clusters.is_empty() && self.resources.is_empty()
    }

    /// Reads the root of a document: a bootstrap, a list of resources, or one resource.
    pub(super) fn read(&mut self, root: View<'_>, intake: &mut Intake<'_>) {
        if let Some(resources) = below(root, &["resources"]) {
            self.is_piece = true;
            self.is_dynamic = true;
            for resource in resources.items() {
                self.resource(resource, intake);
            }
            return;
        }
        known::keys(root, "a bootstrap of Envoy", &known::BOOTSTRAP, intake);
        if let Some(dynamic) = below(root, &["dynamic_resources"]) {
            for key in ["cds_config", "ads_config"] {
                self.is_dynamic |= below(dynamic, &[key]).is_some();
            }
            for key in ["cds_config", "lds_config"] {
                let path = text_of(dynamic, &[key, "path_config_source", "path"])
                    .or_else(|| text_of(dynamic, &[key, "path"]));
                self.resources
                    .extend(path.map(|path| file_name(path).to_owned()));
            }
        }
        let Some(resources) = below(root, &["static_resources"]) else {
            return;
        };
        for view in list(resources, "clusters") {
            self.cluster(view, intake);
        }
        for view in list(resources, "listeners") {
            listener::read(view, self, intake);
        }
    }

    fn resource(&mut self, resource: View<'_>, intake: &mut Intake<'_>) {
        match type_of(resource) {
            "Cluster" => self.cluster(resource, intake),
            "Listener" => listener::read(resource, self, intake),
            "RouteConfiguration" => route::configuration(resource, &[], self, intake),
            _ => {}
        }
    }

    fn cluster(&mut self, view: View<'_>, intake: &mut Intake<'_>) {
        let Some((at, name)) = of(view, &["name"]) else {
            return intake.malformed(view.at(), "a cluster has a name");
        };
        let name = name.text().unwrap_or_default().to_owned();
        let cluster = cluster::read(view, at, intake);
        self.clusters.insert(name, cluster);
    }

    pub(super) fn add_listener(&mut self, listener: Listener) -> usize {
        self.program.listeners.push(listener);
        self.program.listeners.len().saturating_sub(1)
    }

    pub(super) fn program(&mut self) -> &mut Program {
        &mut self.program
    }

    /// Whether this is the bootstrap that reads a file of resources.
    pub(super) fn takes(&self, piece: &Draft) -> bool {
        if self.is_piece {
            return folder(&self.path) == folder(&piece.path);
        }
        let name = file_name(&piece.path);
        piece.path.starts_with(folder(&self.path)) && self.resources.iter().any(|it| it == name)
    }

    /// Adds the resources of a piece.
    pub(super) fn append(&mut self, mut piece: Draft) {
        let first = self.program.listeners.len();
        self.program.listeners.append(&mut piece.program.listeners);
        self.program
            .rate_limits
            .append(&mut piece.program.rate_limits);
        self.clusters.append(&mut piece.clusters);
        self.routes
            .extend(piece.routes.into_iter().map(|mut route| {
                for listener in &mut route.call.from {
                    *listener = listener.saturating_add(first);
                }
                route
            }));
        let asks_for = piece.asks_for.into_iter();
        self.asks_for
            .extend(asks_for.map(|(name, listener)| (name, listener.saturating_add(first))));
    }

    /// Puts listeners, routes and clusters together.
    pub(super) fn finish(mut self, intake: &mut Intake<'_>) {
        for mut route in std::mem::take(&mut self.routes) {
            if let Some(name) = &route.configuration {
                let asking = self.asks_for.iter().filter(|(asked, _)| asked == name);
                route.call.from = asking.map(|(_, listener)| *listener).collect();
            }
            if let Some(answer) = route.own_answer.take() {
                self.answer(&route.call.from, &answer);
            } else {
                self.call(route);
            }
        }
        intake.services.programs.push(self.program);
    }

    fn answer(&mut self, from: &[usize], answer: &(String, SourceSpan)) {
        for index in from {
            if let Some(listener) = self.program.listeners.get_mut(*index) {
                listener.own_answers.push(answer.clone());
            }
        }
    }

    fn call(&mut self, route: Pending) {
        let mut call = route.call;
        let of_listener = call
            .from
            .first()
            .and_then(|it| self.program.listeners.get(*it));
        if let Some(listener) = of_listener {
            let idle = listener.side.stream_idle.clone();
            call.side.stream_idle = open_or(call.side.stream_idle, idle);
        }
        let mut is_first = true;
        for (name, at) in &route.clusters {
            let Some(cluster) = self.clusters.get(name) else {
                self.lost(name, *at);
                continue;
            };
            call.to.extend(cluster.targets.iter().cloned());
            if std::mem::take(&mut is_first) {
                take_over(&mut call, cluster);
            }
        }
        self.program.calls.push(call);
    }

    /// Notes the name of a cluster that nobody declares.
    fn lost(&mut self, name: &str, at: SourceSpan) {
        if self.is_dynamic || self.clusters.is_empty() || is_template(name) {
            return;
        }
        let declared = self.clusters.iter();
        self.program.references.push(Reference {
            at,
            kind: ReferenceKind::Backend,
            name: name.to_owned(),
            declared: declared.map(|(name, it)| (name.clone(), it.at)).collect(),
        });
    }
}

/// What the cluster says of a call.
fn take_over(call: &mut Call, cluster: &Cluster) {
    let route = std::mem::take(&mut call.side);
    let side = cluster.side.clone();
    call.side = ClientSide {
        total: route.total,
        stream_idle: route.stream_idle,
        on_stale: route.on_stale,
        passes_upgrade: route.passes_upgrade,
        retry: Retry {
            budget_percent: side.retry.budget_percent.clone(),
            at_once: side.retry.at_once.clone(),
            ..route.retry
        },
        ..side
    };
    if call.protocol == ww_model::service::Protocol::Http && cluster.is_http2 {
        call.protocol = ww_model::service::Protocol::Http2;
    }
    call.picking = cluster.picking.clone();
    call.checks.clone_from(&cluster.checks);
    call.passive = cluster.passive.clone();
    call.tls.clone_from(&cluster.tls);
}
