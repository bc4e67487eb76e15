//! `mesh-tls-contradicts`: callers are told one way to encrypt, and the called ones another.

use super::host::{Host, behind};
use crate::declared::at;
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use std::collections::BTreeSet;
use ww_base::{Gap, Setting, SourceSpan};
use ww_finding::Support;
use ww_model::Model;
use ww_model::kube::{PortRef, Service};
use ww_model::service::{MeshPolicy, MeshTls, PeerTls};

rule! {
    name: "mesh-tls-contradicts",
    family: "mesh",
    layer: Tls,
    class: Connectivity,
    severity: High,
    owner: Configuration,
    summary: "A mesh tells callers to encrypt in a way that those who are called refuse: every request fails",
    needs: [Programs],
    explains: [],
    page: "mesh_tls_contradicts.md",
    check: check,
}

/// The namespace whose settings hold for the whole mesh, unless it was installed otherwise.
const ROOT: &str = "istio-system";

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let mesh = &declared.model.services.mesh;
    let mut told = BTreeSet::new();
    for policy in &mesh.policies {
        let (Some(mode), Some(place)) = (policy.tls.value(), policy.tls.span()) else {
            continue;
        };
        let Some(host) = Host::of(&policy.host, &policy.namespace) else {
            continue;
        };
        let case = Case {
            model: declared.model,
            policy,
            place,
            host,
        };
        if *mode == MeshTls::IstioMutual
            && let Some(without) = case.without_sidecar()
        {
            if told.insert(place) {
                reports.add(case.nobody_decrypts(without));
            }
            continue;
        }
        match case.demand() {
            Ok(Some(demand)) if demand.refuses(*mode) => {
                if told.insert(place) {
                    reports.add(case.refused(*mode, &demand));
                }
            }
            Ok(_) => {}
            Err(gap) => reports.gap(gap),
        }
    }
}

/// What callers are told, and about whom.
struct Case<'m> {
    model: &'m Model,
    policy: &'m MeshPolicy,
    place: SourceSpan,
    host: Host,
}

/// What the called ones demand.
struct Demand<'m> {
    peers: &'m PeerTls,
    strict: &'m Setting<bool>,
}

impl Demand<'_> {
    fn refuses(&self, mode: MeshTls) -> bool {
        match mode {
            MeshTls::Disable | MeshTls::Simple => self.strict.value() == Some(&true),
            MeshTls::IstioMutual => self.strict.is_off(),
            MeshTls::Mutual => false,
        }
    }
}

impl<'m> Case<'m> {
    /// Where it is written that the called pods have no proxy of the mesh.
    fn without_sidecar(&self) -> Option<SourceSpan> {
        let service = self.host.service(self.model)?;
        let units = behind(self.model, service);
        let without = |unit: &&&ww_model::service::Unit| unit.has_sidecar.value() == Some(&false);
        let first = units.first()?;
        (units.iter().filter(without).count() == units.len())
            .then(|| first.has_sidecar.span())
            .flatten()
    }

    /// The narrowest statement about the pods: theirs, their namespace's, the mesh's. None where
    /// nothing is stated; a gap where it is not known whom a statement is about.
    fn demand(&self) -> Result<Option<Demand<'m>>, Gap> {
        let peers = &self.model.services.mesh.peers;
        let namespace = self.host.namespace();
        let own = |peers: &&PeerTls| Some(peers.namespace.as_str()) == namespace;
        let of_pods: Vec<&PeerTls> = peers
            .iter()
            .filter(own)
            .filter(|peers| !peers.selector.is_empty())
            .collect();
        if !of_pods.is_empty() {
            let Some(service) = self
                .host
                .service(self.model)
                .filter(|it| it.selector.is_some())
            else {
                return Err(Gap::new(
                    format!("which pods are behind {}", self.policy.host),
                    "the manifest of its Service",
                ));
            };
            let mut about = of_pods.into_iter().filter(|peers| selects(peers, service));
            if let Some(peers) = about.next() {
                let is_only = about.next().is_none();
                return Ok(is_only.then(|| self.at_port(peers)).flatten());
            }
        }
        let whole = |namespace: &str| {
            let mut all = peers
                .iter()
                .filter(|peers| peers.namespace == namespace && peers.selector.is_empty());
            let first = all.next();
            first.filter(|_| all.next().is_none())
        };
        let says = |peers: &&PeerTls| !peers.strict.is_unknown();
        let narrow = namespace.and_then(whole).filter(says);
        let found = narrow.or_else(|| whole(ROOT).filter(says));
        Ok(found.and_then(|peers| self.at_port(peers)))
    }

    /// What holds for the ports that the policy is about; none when single ports are exempt and it is
    /// not known which of them are called.
    fn at_port(&self, peers: &'m PeerTls) -> Option<Demand<'m>> {
        let strict = &peers.strict;
        if peers.ports.is_empty() {
            return Some(Demand { peers, strict });
        }
        let service = self.host.service(self.model)?;
        let called = service
            .ports
            .iter()
            .filter(|port| self.policy.port.is_none_or(|number| number == port.number));
        for port in called {
            let PortRef::Number(target) = port.target else {
                return None;
            };
            if peers.ports.iter().all(|(exempt, _)| *exempt != target) {
                return Some(Demand { peers, strict });
            }
        }
        None
    }

    fn refused(&self, mode: MeshTls, demand: &Demand<'_>) -> Story {
        let (host, peers) = (&self.policy.host, &demand.peers.name);
        let (asks, takes) = match mode {
            MeshTls::IstioMutual => ("with the mesh's certificates", "takes plain text only"),
            MeshTls::Simple => (
                "with TLS but without a certificate of their own",
                "refuses all that do not show the mesh's certificate",
            ),
            MeshTls::Disable | MeshTls::Mutual => (
                "in plain text",
                "refuses all that do not show the mesh's certificate",
            ),
        };
        let strict_at = match demand.strict {
            Setting::Set(_) => demand.strict.span(),
            Setting::Off(ww_base::Locus::Text(span)) => Some(*span),
            _ => None,
        };
        Story::proved(
            format!(
                "Callers are told to call {host} {asks} ({}), but PeerAuthentication {peers} {takes}: \
                 every request ends with 503",
                self.policy.name
            ),
            format!("pods behind {host} without a proxy of the mesh, or another PeerAuthentication that holds for them"),
        )
        .support(Support::Declared)
        .show(at(self.place, format!("{host} is called {asks}")))
        .show(at(
            strict_at.unwrap_or(demand.peers.at),
            format!("{peers} {takes}"),
        ))
        .advise("Take `tls` out of the DestinationRule: the mesh then encrypts wherever the other side can")
        .advise("Or write ISTIO_MUTUAL there, and STRICT or PERMISSIVE in the PeerAuthentication")
    }

    fn nobody_decrypts(&self, without: SourceSpan) -> Story {
        let host = &self.policy.host;
        Story::proved(
            format!(
                "Callers are told to call {host} with the mesh's certificates ({}), but its pods have no \
                 proxy of the mesh: nobody there speaks TLS, and every request ends with 503",
                self.policy.name
            ),
            format!("a program behind {host} that speaks TLS itself with the mesh's certificates"),
        )
        .support(Support::Declared)
        .show(at(self.place, "ISTIO_MUTUAL is asked for"))
        .show(at(without, "these pods get no proxy"))
        .advise("Take `tls` out of the DestinationRule, or give these pods a proxy")
    }
}

/// Whether a statement about single pods is about those behind a Service.
fn selects(peers: &PeerTls, service: &Service) -> bool {
    let selector = service.selector.iter().flatten();
    let labels: Vec<(&String, &String)> = selector.collect();
    peers
        .selector
        .iter()
        .all(|(key, value)| labels.contains(&(key, value)))
}
