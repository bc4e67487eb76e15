//! HTTPS records followed to the endpoints that they name (RFC 9460 section 3).

use super::ask::{Ask, shell_word};
use super::resolver::Resolver;
use super::wire::{A, AAAA, HTTPS, same};
use super::{Resolving, Said};
use crate::recorder::Asked;
use std::net::IpAddr;
use ww_base::{Gap, Order};
use ww_evidence::transcript::{
    Answer, BindingFault, BindingOutcome, BindingProbe, Seen, ServiceBinding,
};

/// Aliases that are followed: as many as clients follow at least (RFC 9460 section 2.4.2), with CNAME records that lead
/// from one to the next.
const ALIASES: usize = 8;

/// Endpoints that are looked at, those of the lowest priority first.
const ENDPOINTS: usize = 4;

/// An endpoint that an HTTPS record names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Endpoint {
    /// The record: its owner, its type and its data.
    pub(crate) record: String,
    /// The name to which it leads.
    pub(crate) name: String,
    /// The port there.
    pub(crate) port: u16,
    /// The protocols that are spoken there.
    pub(crate) protocols: Vec<String>,
    /// HTTP/1.1 is not among them unless the record names it.
    pub(crate) no_default_alpn: bool,
    /// The addresses of the name.
    pub(crate) addresses: Vec<IpAddr>,
    /// Addresses that the record gives the name, and its own records do not.
    pub(crate) hints: Vec<IpAddr>,
}

/// Where records lead.
enum End<'a> {
    /// To these, in the order in which clients try them.
    Services(Vec<&'a ServiceBinding>),
    /// To another name.
    Alias(&'a ServiceBinding),
    /// Nowhere: there are none, or no client uses them.
    None,
}

/// What the records of an answer are for a client.
fn end(answer: &Answer) -> End<'_> {
    let records = || answer.bindings.iter();
    if records().any(|one| matches!(one.fault, Some(BindingFault::Malformed(_)))) {
        return End::None;
    }
    // An alias makes clients leave the others out (RFC 9460 section 2.4.1).
    if let Some(alias) = records().find(|record| record.is_alias()) {
        return End::Alias(alias);
    }
    let is_usable = |record: &&ServiceBinding| record.fault.is_none() && record.is_understood();
    let mut usable: Vec<&ServiceBinding> = records().filter(is_usable).collect();
    usable.put_in_order_by_key(|record| record.priority);
    if usable.is_empty() {
        End::None
    } else {
        End::Services(usable)
    }
}

impl Resolving<'_, '_> {
    /// Follows what a name server said of the target's HTTPS record.
    pub(super) async fn endpoints(&self, resolver: &mut Resolver, said: &Said) -> Vec<Endpoint> {
        let Some(first) = &said.https else {
            return Vec::new();
        };
        let mut answer = first.clone();
        let mut passed: Vec<String> = self.https_name().into_iter().collect();
        for _ in 0..=ALIASES {
            let alias = match end(&answer) {
                End::None => return Vec::new(),
                End::Services(records) => {
                    return self.services(resolver, said, &answer, &records).await;
                }
                End::Alias(alias) => alias.clone(),
            };
            let record = text(&answer, &alias);
            if alias.target == "." {
                self.ends(record, &alias.owner, BindingOutcome::NoService);
                return Vec::new();
            }
            passed.extend(aliases_in(&answer));
            if passed.iter().any(|name| same(name, &alias.target)) {
                self.ends(record, &alias.target, BindingOutcome::AliasLoop);
                return Vec::new();
            }
            passed.push(alias.target.clone());
            let ask = Ask {
                by_binding: true,
                why: format!("{record}: what is there?").into(),
                ..Ask::new(&resolver.server, &alias.target, HTTPS)
            };
            let Some(next) = resolver.question(self.walker, &ask).await else {
                return Vec::new();
            };
            if next.bindings.is_empty() {
                return self.plain(resolver, said, record, &alias).await;
            }
            answer = next;
        }
        let last = passed.last().cloned().unwrap_or_default();
        let record = first.bindings.first().map(|alias| text(first, alias));
        self.ends(
            record.unwrap_or_default(),
            &last,
            BindingOutcome::TooManyAliases,
        );
        Vec::new()
    }

    /// An alias that leads to a name without such records leads to its addresses (RFC 9460 section 3).
    async fn plain(
        &self,
        resolver: &mut Resolver,
        said: &Said,
        record: String,
        alias: &ServiceBinding,
    ) -> Vec<Endpoint> {
        let bare = ServiceBinding {
            owner: alias.owner.clone(),
            priority: 1,
            target: alias.target.clone(),
            ..ServiceBinding::default()
        };
        let found = self.endpoint(resolver, said, record, &bare).await;
        found.into_iter().collect()
    }

    async fn services(
        &self,
        resolver: &mut Resolver,
        said: &Said,
        answer: &Answer,
        records: &[&ServiceBinding],
    ) -> Vec<Endpoint> {
        if records.len() > ENDPOINTS {
            self.walker.recorder.gap(Gap::new(
                format!(
                    "endpoints of the HTTPS record of {} beyond the first {ENDPOINTS}",
                    self.walker.target.host
                ),
                "a walk to each of them by its name and port",
            ));
        }
        let mut endpoints = Vec::new();
        for record in records.iter().take(ENDPOINTS) {
            let text = text(answer, record);
            endpoints.extend(self.endpoint(resolver, said, text, record).await);
        }
        endpoints
    }

    /// The endpoint of one record; none where its name has no address or none is known, which is written down.
    async fn endpoint(
        &self,
        resolver: &mut Resolver,
        said: &Said,
        text: String,
        record: &ServiceBinding,
    ) -> Option<Endpoint> {
        let name = record.effective_target();
        let known = said.of(name);
        let told = if known.addresses().is_empty() || known.silent {
            self.said_of(resolver, name, &text).await
        } else {
            known
        };
        let addresses = told.addresses();
        // Where it is not told which addresses of a family the name has, it may have the hints.
        let is_told = |hint: &IpAddr| told.finds(if hint.is_ipv4() { A } else { AAAA }).is_some();
        let hints: Vec<IpAddr> = record
            .hints
            .iter()
            .copied()
            .filter(|hint| is_told(hint) && !addresses.contains(hint))
            .collect();
        if addresses.is_empty() && hints.is_empty() {
            if [A, AAAA].iter().all(|&kind| told.finds(kind).is_some()) {
                self.ends(text, name, BindingOutcome::NoAddress);
            } else {
                self.walker.recorder.gap(Gap::new(
                    format!(
                        "what is at {name}, where {text} leads: not all of its addresses are known"
                    ),
                    format!("dig {name} A and dig {name} AAAA"),
                ));
            }
            return None;
        }
        Some(Endpoint {
            record: text,
            name: name.to_owned(),
            port: record.port.unwrap_or(self.walker.target.port),
            protocols: record.protocols(),
            no_default_alpn: record.no_default_alpn,
            addresses,
            hints,
        })
    }

    /// What a server says of a name's addresses.
    async fn said_of(&self, resolver: &mut Resolver, name: &str, record: &str) -> Said {
        let mut said = Said::default();
        for &kind in self.kinds() {
            let ask = Ask {
                by_binding: true,
                why: format!("{record}: where is that?").into(),
                ..Ask::new(&resolver.server, name, kind)
            };
            match resolver.question(self.walker, &ask).await {
                Some(answer) => said.answers.push((kind, answer)),
                None => said.silent = true,
            }
        }
        said
    }

    /// A record that leads to no endpoint.
    fn ends(&self, record: String, name: &str, outcome: BindingOutcome) {
        let owner = record.split(' ').next().unwrap_or_default();
        let command = if outcome == BindingOutcome::NoAddress {
            format!("dig {} A", shell_word(name))
        } else {
            format!("dig {} HTTPS", shell_word(owner))
        };
        let asked = Asked::now(command).because("where does the HTTPS record lead?");
        let seen = BindingProbe {
            record,
            name: name.to_owned(),
            outcome,
            ..BindingProbe::default()
        };
        self.walker.recorder.answer(asked, Seen::Binding(seen));
    }
}

impl Said {
    /// What it says of one name, be it the target's or one that it is an alias of.
    fn of(&self, name: &str) -> Said {
        let answers = self.answers.iter().cloned().map(|(kind, mut answer)| {
            answer.records.retain(|record| same(&record.name, name));
            (kind, answer)
        });
        Said {
            answers: answers.collect(),
            silent: self.silent,
            ..Said::default()
        }
    }
}

/// The names that CNAME records of an answer lead through.
fn aliases_in(answer: &Answer) -> impl Iterator<Item = String> {
    let aliases = answer.records.iter().filter(|one| one.kind == "CNAME");
    aliases.map(|one| one.data.clone())
}

/// A record as a zone file has it.
fn text(answer: &Answer, binding: &ServiceBinding) -> String {
    let begins = format!("{} {} ", binding.priority, binding.target);
    let found = answer.records.iter().find(|record| {
        record.kind == "HTTPS"
            && same(&record.name, &binding.owner)
            && format!("{} ", record.data).starts_with(&begins)
    });
    let data = found.map_or(begins.trim_end(), |record| record.data.as_str());
    format!("{} HTTPS {data}", binding.owner)
}
