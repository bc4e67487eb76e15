//! A configuration as a program.

use super::condition;
use super::proxy::Proxy;
use super::section::{Line, Section};
use super::value::none;
use crate::service::Intake;
use std::collections::{BTreeMap, BTreeSet};
use ww_base::{Setting, SourceSpan};
use ww_model::service::{Product, Program, Reference, ReferenceKind, WrittenMatch};

/// What is known while a configuration is lowered.
pub(super) struct Lowering<'t, 'i, 'l> {
    pub(super) intake: &'i mut Intake<'l>,
    pub(super) product: Product,
    pub(super) program: Program,
    pub(super) sections: &'t [Section],
    /// Values that were said to be none.
    pub(super) told: BTreeSet<SourceSpan>,
    /// Times without a unit that were noted.
    pub(super) bare: BTreeSet<SourceSpan>,
    /// Who leads to a backend, by its name.
    routes: BTreeMap<String, Routes>,
    /// Listeners whose requests may go to any backend.
    anywhere: Vec<usize>,
}

/// Who leads to a backend.
#[derive(Clone, Default)]
pub(super) struct Routes {
    /// Listeners that requests come in by.
    pub(super) from: Vec<usize>,
    /// The condition; none where one of the ways has none.
    pub(super) matches: Option<WrittenMatch>,
    /// Whether one of the ways has no condition.
    is_always: bool,
    /// How many ways there are.
    ways: u32,
    /// Where it is written that only requests for WebSocket go there.
    pub(super) streams: Option<SourceSpan>,
}

/// Adds the program that sections declare; none where none of them serves or calls.
pub(super) fn lower(path: &str, sections: &[Section], intake: &mut Intake<'_>) {
    let kinds = ["global", "frontend", "listen", "backend"];
    let first = kinds.iter().find_map(|kind| {
        let mut all = sections.iter();
        all.find(|section| section.kind == *kind)
    });
    let Some(first) = first else {
        return;
    };
    let product = intake.product("haproxy", path);
    let mut lowering = Lowering {
        program: Program::new("haproxy", product.clone(), first.head.at, path),
        intake,
        product,
        sections,
        told: BTreeSet::new(),
        bare: BTreeSet::new(),
        routes: BTreeMap::new(),
        anywhere: Vec::new(),
    };
    lowering.global();
    lowering.defaults();
    lowering.proxies();
    lowering.program.rooms = sections.iter().map(Section::room).collect();
    let Lowering {
        program, intake, ..
    } = lowering;
    intake.services.programs.push(program);
}

impl<'t> Lowering<'t, '_, '_> {
    /// The last line of the sections `global` that begins with a word.
    pub(super) fn global_line(&self, word: &str) -> Option<&'t Line> {
        let globals = self.sections.iter().filter(|one| one.kind == "global");
        let mut lines = globals.flat_map(|section| &section.lines);
        lines.rfind(|line| line.word(0) == word)
    }

    fn global(&mut self) {
        let number = |this: &mut Self, word: &str, by: &str| match this.global_line(word) {
            Some(line) => this.number(line.word(1), line.at, word),
            None => none(by),
        };
        let unset = "no maxconn is set; HAProxy takes it from the limit of open files";
        let connections = number(self, "maxconn", unset);
        let processes = "HAProxy is one process";
        let workers = number(self, "nbproc", processes);
        let threads = match self.global_line("nbthread") {
            Some(line) => self.number(line.word(1), line.at, "nbthread"),
            None => Setting::default(),
        };
        let files = match self.global_line("ulimit-n") {
            Some(line) => self.number(line.word(1), line.at, "ulimit-n"),
            None => Setting::default(),
        };
        let capacity = &mut self.program.capacity;
        capacity.connections = connections;
        capacity.workers = workers;
        capacity.threads = threads;
        capacity.open_files = files;
        self.program.grace = match self.global_line("hard-stop-after") {
            Some(line) => self.time(line.word(1), line.at, "hard-stop-after"),
            None => self.default_time("hard-stop-after"),
        };
    }

    /// Notes names of defaults that no section has.
    fn defaults(&mut self) {
        for section in self.sections {
            if let Some(from) = &section.from {
                self.reference(&["defaults"], ReferenceKind::Defaults, &from.text, from.at);
            }
        }
    }

    fn proxies(&mut self) {
        let sections = self.sections;
        let proxies: Vec<Proxy<'t>> = (0..sections.len())
            .filter_map(|number| Proxy::new(sections, number))
            .collect();
        let of = |kinds: &'static [&'static str]| {
            let fitting = proxies.iter();
            fitting.filter(move |proxy| kinds.contains(&proxy.section.kind.as_str()))
        };
        for proxy in of(&["frontend", "listen"]) {
            let listeners = self.listeners(proxy);
            self.rate_limits(proxy);
            self.routes(proxy, &listeners);
        }
        let has_frontends = of(&["frontend", "listen"]).next().is_some();
        for proxy in of(&["backend", "listen"]) {
            if proxy.section.kind == "backend" {
                self.rate_limits(proxy);
            }
            let routes = self.routes.get(&proxy.section.name).cloned();
            let routes = match routes {
                Some(routes) => routes,
                None if !has_frontends => Routes::default(),
                None if !self.anywhere.is_empty() => Routes {
                    from: self.anywhere.clone(),
                    ..Routes::default()
                },
                None => continue,
            };
            self.call(proxy, routes);
        }
    }

    /// Notes where requests of a frontend go.
    fn routes(&mut self, proxy: &Proxy<'t>, listeners: &[usize]) {
        let section = proxy.section;
        if section.kind == "listen" {
            self.route(&section.name, listeners, None);
        }
        for line in proxy.own(&["use_backend"]) {
            let matches = condition::written(line).map(|text| WrittenMatch { at: line.at, text });
            self.lead(line, listeners, matches);
            let is_upgrade = condition::is_upgrade(section, line);
            if let Some(routes) = self.routes.get_mut(line.word(1)) {
                let is_only = is_upgrade && !routes.is_always && routes.ways < 2;
                routes.streams = Some(line.at).filter(|_| is_only);
            }
        }
        if let Some(line) = proxy.one(&["default_backend"]) {
            self.lead(line, listeners, None);
        }
    }

    fn lead(&mut self, line: &'t Line, listeners: &[usize], matches: Option<WrittenMatch>) {
        let name = line.word(1);
        if name.contains(['%', '$', '[']) {
            self.anywhere.extend(listeners);
            return;
        }
        let kinds = ["backend", "listen"];
        self.reference(&kinds, ReferenceKind::Backend, name, line.at);
        self.route(name, listeners, matches);
    }

    fn route(&mut self, name: &str, listeners: &[usize], matches: Option<WrittenMatch>) {
        let routes = self.routes.entry(name.to_owned()).or_default();
        routes.ways += 1;
        for listener in listeners {
            if !routes.from.contains(listener) {
                routes.from.push(*listener);
            }
        }
        match matches {
            None => {
                (routes.is_always, routes.matches) = (true, None);
                routes.streams = None;
            }
            Some(matches) if !routes.is_always && routes.matches.is_none() => {
                routes.matches = Some(matches);
            }
            Some(_) => {}
        }
    }

    /// Notes a name that no section of these kinds has.
    fn reference(&mut self, kinds: &[&str], kind: ReferenceKind, name: &str, at: SourceSpan) {
        let fitting = self.sections.iter();
        let fitting = fitting.filter(|one| kinds.contains(&one.kind.as_str()));
        let declared: Vec<(String, SourceSpan)> = fitting
            .map(|section| (section.name.clone(), section.head.at))
            .collect();
        if declared.iter().all(|(known, _)| known != name) {
            self.program.references.push(Reference {
                at,
                kind,
                name: name.to_owned(),
                declared,
            });
        }
    }
}
