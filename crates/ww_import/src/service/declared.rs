//! Names that manifests declare, and names that they use.
//!
//! Objects come in any order, in many files; whether a name leads somewhere is judged when all of
//! them are read. A namespace that is not written may be any, as it is often given on the command
//! line: a name is lost only where files declare others of its kind in the very same namespace.

use super::Intake;
use crate::document::View;
use crate::service::written;
use std::collections::{BTreeMap, BTreeSet};
use ww_base::SourceSpan;
use ww_model::service::{Reference, ReferenceKind};

/// A name of a kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) kind: ReferenceKind,
    /// The namespace; none when it is not written, and for names of hosts.
    pub(crate) namespace: Option<String>,
    /// An object's name, or a host's. A declared host may begin with `*`.
    pub(crate) name: String,
    /// What is meant of it: a subset, a port.
    pub(crate) part: Option<String>,
    /// The API that declares objects of the kind, where several have one of that name.
    pub(crate) api: &'static str,
}

impl Named {
    /// The name of an object.
    pub(crate) fn object(kind: ReferenceKind, namespace: Option<&str>, name: &str) -> Named {
        Named {
            kind,
            namespace: namespace.map(str::to_owned),
            name: name.to_owned(),
            part: None,
            api: "",
        }
    }

    /// The same name in an API.
    pub(crate) fn of_api(mut self, api: &'static str) -> Named {
        self.api = api;
        self
    }

    /// A part of what the name names.
    pub(crate) fn part(mut self, kind: ReferenceKind, part: &str) -> Named {
        self.kind = kind;
        self.part = Some(part.to_owned());
        self
    }

    /// Whether the namespaces can be the same one.
    fn shares_namespace(&self, other: &Named) -> bool {
        let both = self.namespace.as_ref().zip(other.namespace.as_ref());
        both.is_none_or(|(mine, other)| mine == other)
    }

    /// Whether this declares what the other one names, their parts left aside.
    fn declares(&self, used: &Named) -> bool {
        if let Some(end) = self.name.strip_prefix('*') {
            return match (used.is_host(), &used.namespace) {
                (true, _) => used.name.ends_with(end),
                (false, Some(namespace)) => {
                    format!("{}.{namespace}.svc.cluster.local", used.name).ends_with(end)
                }
                (false, None) => true,
            };
        }
        self.name == used.name && self.shares_namespace(used)
    }

    fn is_host(&self) -> bool {
        self.name.contains('.')
    }

    /// As reports show it.
    fn shown(&self) -> String {
        self.part.clone().unwrap_or_else(|| self.name.clone())
    }
}

/// Who uses a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum User {
    /// The mesh.
    Mesh,
    /// An object that says how many of a unit there are.
    Autoscaler,
    /// The program with this index.
    Program(usize),
}

/// All names.
#[derive(Debug, Default)]
pub(crate) struct Names {
    declared: Vec<(Named, SourceSpan)>,
    used: Vec<(Named, SourceSpan, User)>,
}

impl Names {
    pub(crate) fn declare(&mut self, name: Named, at: SourceSpan) {
        self.declared.push((name, at));
    }

    pub(crate) fn require(&mut self, name: Named, at: SourceSpan, by: User) {
        self.used.push((name, at, by));
    }

    /// The names that lead nowhere, at most so many.
    pub(super) fn judged(self, most: usize) -> Vec<(User, Reference)> {
        let index = Index::of(&self.declared);
        let lost = self.used.iter().filter(|(used, ..)| index.lacks(used));
        lost.take(most)
            .map(|(used, at, by)| {
                let reference = Reference {
                    at: *at,
                    kind: used.kind,
                    name: used.shown(),
                    declared: index.beside(used),
                };
                (*by, reference)
            })
            .collect()
    }
}

/// Declared names, to be looked up.
struct Index<'n> {
    all: &'n [(Named, SourceSpan)],
    by_name: BTreeMap<(ReferenceKind, &'static str, &'n str), Vec<&'n Named>>,
    wild: Vec<&'n Named>,
    /// Kinds with the namespaces in which files declare something of them; hosts apart.
    places: BTreeSet<(ReferenceKind, &'static str, bool, Option<&'n str>)>,
}

impl<'n> Index<'n> {
    fn of(all: &'n [(Named, SourceSpan)]) -> Index<'n> {
        let mut index = Index {
            all,
            by_name: BTreeMap::new(),
            wild: Vec::new(),
            places: BTreeSet::new(),
        };
        for (name, _) in all {
            if name.name.starts_with('*') {
                index.wild.push(name);
            } else {
                let key = (name.kind, name.api, name.name.as_str());
                index.by_name.entry(key).or_default().push(name);
            }
            let place = (
                name.kind,
                name.api,
                name.is_host(),
                name.namespace.as_deref(),
            );
            // One that has no parts says nothing of the parts of others.
            if name.part.as_deref() != Some("") {
                index.places.insert(place);
            }
        }
        index
    }

    /// Declarations of what a name names, whatever their parts.
    fn owners(&self, used: &Named) -> Vec<&'n Named> {
        let exact = self.by_name.get(&(used.kind, used.api, used.name.as_str()));
        let wild = self
            .wild
            .iter()
            .filter(|name| name.kind == used.kind && name.api == used.api);
        let all = exact.into_iter().flatten().chain(wild);
        all.copied().filter(|name| name.declares(used)).collect()
    }

    /// Whether the files declare such names but not this one.
    fn lacks(&self, used: &Named) -> bool {
        let owners = self.owners(used);
        if used.kind == ReferenceKind::ServicePort && owners.is_empty() {
            return false;
        }
        let is_it = |name: &&Named| name.part.is_none() || name.part == used.part;
        !owners.iter().any(is_it) && (!owners.is_empty() || self.judges(used))
    }

    /// Whether files declare anything of the kind where this name would be declared.
    fn judges(&self, used: &Named) -> bool {
        let (kind, api, is_host) = (used.kind, used.api, used.is_host());
        let of_kind = |it: &&(ReferenceKind, &str, bool, Option<&str>)| it.0 == kind && it.1 == api;
        let mut there = self
            .places
            .range((kind, api, false, None)..)
            .take_while(of_kind);
        if matches!(kind, ReferenceKind::Subset | ReferenceKind::ServicePort) {
            return there.next().is_some();
        }
        let own = used.namespace.as_deref();
        there.any(|it| it.2 == is_host && it.3 == own)
    }

    /// What is declared where the name should be: parts of the same thing, or things of its kind.
    fn beside(&self, used: &Named) -> Vec<(String, SourceSpan)> {
        let of_kind = || {
            let is_it = |name: &Named| name.kind == used.kind && name.api == used.api;
            self.all.iter().filter(move |(name, _)| is_it(name))
        };
        let parts: Vec<_> = of_kind()
            .filter(|(name, _)| used.part.is_some() && name.declares(used))
            .collect();
        let shown = |(name, at): &(Named, SourceSpan)| (name.shown(), *at);
        if !parts.is_empty() {
            // A thing without parts is declared with an empty one.
            let named = parts
                .into_iter()
                .filter(|(name, _)| name.part.as_deref() != Some(""));
            return named.map(shown).collect();
        }
        of_kind()
            .filter(|(name, _)| name.shares_namespace(used))
            .map(shown)
            .collect()
    }
}

/// Declares the Services of manifests and their ports.
pub(super) fn object(kind: &str, object: View<'_>, _path: &str, intake: &mut Intake<'_>) {
    let api = written::text(object, &["apiVersion"]).unwrap_or("v1");
    if kind != "Service" || api != "v1" {
        return;
    }
    let namespace = written::text(object, &["metadata", "namespace"]);
    let Some((at, name)) = written::entry(object, &["metadata", "name"]) else {
        return;
    };
    let service = Named::object(
        ReferenceKind::Service,
        namespace,
        name.text().unwrap_or_default(),
    );
    let ports = object.get("spec").into_iter();
    for port in ports.flat_map(|spec| written::list(spec, "ports")) {
        for (at, part) in ["port", "name"]
            .iter()
            .filter_map(|key| port.get_with_key(key))
        {
            let part = part.text().unwrap_or_default();
            let name = service.clone().part(ReferenceKind::ServicePort, part);
            intake.names.declare(name, at);
        }
    }
    intake.names.declare(service, at);
}

#[cfg(test)]
mod tests {
    use super::*;
    use ww_base::SourceId;

    fn at(start: u32) -> SourceSpan {
        SourceSpan {
            source: SourceId(0),
            start,
            end: start + 1,
        }
    }

    fn lost(declared: &[(Option<&str>, &str)], used: (Option<&str>, &str)) -> Vec<String> {
        let mut names = Names::default();
        for (start, (namespace, name)) in (0..).zip(declared) {
            let name = Named::object(ReferenceKind::Service, *namespace, name);
            names.declare(name, at(start));
        }
        let name = Named::object(ReferenceKind::Service, used.0, used.1);
        names.require(name, at(90), User::Mesh);
        let lost = names.judged(10).into_iter();
        lost.flat_map(|(_, reference)| reference.declared)
            .map(|(name, _)| name)
            .collect()
    }

    #[test]
    fn a_name_is_lost_only_among_names_of_its_kind() {
        let shop = Some("shop");
        assert_eq!(lost(&[(shop, "web")], (shop, "wbe")), ["web"]);
        assert!(lost(&[(shop, "web")], (shop, "web")).is_empty());
        assert!(lost(&[], (shop, "wbe")).is_empty());
        assert!(lost(&[(Some("other"), "web")], (shop, "wbe")).is_empty());
        assert!(lost(&[(shop, "web")], (None, "api.example.com")).is_empty());
    }

    #[test]
    fn a_namespace_that_is_not_written_may_be_any() {
        assert!(lost(&[(None, "web")], (Some("shop"), "web")).is_empty());
        assert!(lost(&[(Some("shop"), "web")], (None, "web")).is_empty());
        assert!(lost(&[(None, "web")], (Some("shop"), "wbe")).is_empty());
        assert_eq!(lost(&[(None, "web")], (None, "wbe")), ["web"]);
    }

    #[test]
    fn a_star_declares_what_ends_so() {
        let declared = [(None, "*.example.com")];
        assert!(lost(&declared, (None, "api.example.com")).is_empty());
        assert_eq!(
            lost(&declared, (None, "api.example.org")),
            ["*.example.com"]
        );
    }

    #[test]
    fn a_part_is_lost_among_the_parts_of_the_same_thing() {
        let host = Named::object(ReferenceKind::Subset, Some("shop"), "web");
        let other = Named::object(ReferenceKind::Subset, Some("shop"), "db");
        let mut names = Names::default();
        names.declare(host.clone().part(ReferenceKind::Subset, "v1"), at(0));
        names.declare(other.clone().part(ReferenceKind::Subset, "v2"), at(1));
        for part in ["v1", "v2"] {
            let name = host.clone().part(ReferenceKind::Subset, part);
            names.require(name, at(9), User::Mesh);
        }
        let lost = names.judged(10);
        assert_eq!(lost.len(), 1);
        assert_eq!(lost[0].1.name, "v2");
        assert_eq!(lost[0].1.declared, [("v1".to_owned(), at(0))]);
    }
}
