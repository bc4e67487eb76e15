//! `dns-delegation-differs`: a zone and its parent name different servers.

use super::servers::{Place, all, answer, listed, named, same};
use crate::rule::rule;
use crate::{Sighting, Sightings, Story, Subject, Walk};
use ww_base::Order;
use ww_evidence::transcript::{Answer, Record, Step};

rule! {
    name: "dns-delegation-differs",
    family: "dns",
    layer: Dns,
    class: Connectivity,
    severity: Low,
    owner: Configuration,
    summary: "The parent zone delegates a zone to other name servers than the zone itself names",
    needs: [Endpoint],
    explains: [],
    page: "dns_delegation_differs.md",
    sight: sight,
    say: say,
}

/// What both sides say.
struct Sides<'a> {
    zone: &'a str,
    parent: (&'a Step, Vec<String>),
    own: (&'a Step, Vec<String>),
}

impl Sides<'_> {
    fn parent_alone(&self) -> Vec<String> {
        missing(&self.parent.1, &self.own.1)
    }

    fn own_alone(&self) -> Vec<String> {
        missing(&self.own.1, &self.parent.1)
    }
}

/// Names of one list that the other one lacks.
fn missing(these: &[String], those: &[String]) -> Vec<String> {
    let lacks = |name: &&String| !those.iter().any(|other| same(name, other));
    these.iter().filter(lacks).cloned().collect()
}

fn sides<'a>(walk: &Walk<'a>) -> Option<Sides<'a>> {
    let by_parent = |said: &'a Answer, zone: &str| {
        // A server of both zones answers for the zone itself.
        (!said.authoritative && !said.truncated && said.rcode == "NOERROR")
            .then(|| names(&said.authority, zone))
            .filter(|names| !names.is_empty())
    };
    let (zone, parent) = all(walk).find_map(|(step, lookup)| {
        let said = answer(lookup).filter(|_| lookup.delegation && lookup.kind == "NS")?;
        Some((lookup.name.as_str(), (step, by_parent(said, &lookup.name)?)))
    })?;
    let own = all(walk).find_map(|(step, lookup)| {
        let is_own = lookup.authoritative_server && lookup.kind == "NS" && same(&lookup.name, zone);
        let said = answer(lookup).filter(|said| is_own && said.authoritative && !said.truncated)?;
        let names = names(&said.records, zone);
        (!names.is_empty()).then_some((step, names))
    })?;
    Some(Sides { zone, parent, own })
}

/// The name servers of a zone among records, sorted.
fn names(records: &[Record], zone: &str) -> Vec<String> {
    let mut names: Vec<String> = records
        .iter()
        .filter(|record| record.kind == "NS" && same(&record.name, zone))
        .map(|record| record.data.to_ascii_lowercase())
        .collect();
    names.put_in_order();
    names.dedup();
    names
}

fn sight(walk: &Walk<'_>, sightings: &mut Sightings) {
    let Some(sides) = sides(walk) else {
        return;
    };
    if sides.parent_alone().is_empty() && sides.own_alone().is_empty() {
        return;
    }
    let at = |step: &Step| {
        super::servers::lookup(step)
            .and_then(|lookup| Place::of(&lookup.via))
            .map(named)
            .unwrap_or_default()
    };
    let (parent, own) = (sides.parent.0, sides.own.0);
    sightings.add(
        Sighting::new(Subject::Step(parent.number), "")
            .show(walk.at(
                parent,
                format!(
                    "{}, of the parent, delegates {} to {}",
                    at(parent),
                    sides.zone,
                    listed(&sides.parent.1)
                ),
            ))
            .show(walk.at(
                own,
                format!("{}, of the zone, names {}", at(own), listed(&sides.own.1)),
            )),
    );
}

fn say(walk: &Walk<'_>, _: &[Sighting]) -> Story {
    let Some(sides) = sides(walk) else {
        return Story::observed("", "");
    };
    let zone = sides.zone;
    let parts: Vec<String> = [
        ("the parent alone names", sides.parent_alone()),
        ("the zone alone names", sides.own_alone()),
    ]
    .into_iter()
    .filter(|(_, names)| !names.is_empty())
    .map(|(who, names)| format!("{who} {}", listed(&names)))
    .collect();
    Story::observed(
        format!(
            "the zone {zone} and its parent name different servers: {}",
            parts.join(", ")
        ),
        format!("the same names in dig {zone} NS +trace and in dig {zone} NS"),
    )
    .advise("Give the registrar, or whoever runs the parent zone, the servers that the zone names; a server that moved must be changed there too")
    .advise("Keep servers that are to go until both sides have forgotten them: the larger of the two TTLs")
}
