//! `default-changed-between-versions`: an image does not say which version runs, and a default that is
//! in force differs between versions.

use crate::declared::at;
use crate::operand::said;
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use std::collections::{BTreeMap, BTreeSet};
use ww_base::{Locus, Setting, SourceSpan, Span};
use ww_chain::{Party, PartyId};
use ww_finding::Support;
use ww_model::service::{Program, TlsVersion};

rule! {
    name: "default-changed-between-versions",
    family: "traps",
    layer: App,
    class: Connectivity,
    severity: Info,
    owner: Configuration,
    summary: "The tag of an image leaves the version open, and defaults that are in force here differ between versions",
    needs: [Workloads],
    explains: [],
    page: "default_changed_between_versions.md",
    check: check,
}

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let chains = declared.chains();
    for (index, party) in chains.parties.iter().enumerate() {
        let Some((program, image)) = party.program.zip(image(party)) else {
            continue;
        };
        // When the called ones close is known of these: what it means that connections are kept is
        // judged there.
        let judged = chains.hops_from(PartyId(index)).filter(|hop| {
            let listener = hop.listener.map(|listener| &listener.side.keepalive_idle);
            listener.is_some_and(|idle| !idle.is_unknown())
        });
        let judged: BTreeSet<SourceSpan> = judged.map(|hop| hop.call.at).collect();
        let changed = changed(program, &judged);
        if !changed.is_empty() {
            reports.add(story(party, image, &changed));
        }
    }
}

/// The image whose tag leaves the version open: what is written, and where.
fn image<'m>(party: &Party<'m>) -> Option<(&'m str, SourceSpan)> {
    let program = party.program?;
    let unit = party.units.iter().copied().find(|unit| {
        let product = unit.product.as_ref();
        product.is_some_and(|product| product.component == program.product.component)
    })?;
    let image = unit.image.as_ref()?;
    match image.at {
        Locus::Text(at) => Some((image.value.as_str(), at)),
        _ => None,
    }
}

/// A default that differs between versions: each value with the versions that have it.
struct Changed {
    values: Vec<(String, String)>,
    /// Where it would be set.
    place: SourceSpan,
}

/// The defaults in force of a program that differ between versions, by their names.
fn changed(program: &Program, judged: &BTreeSet<SourceSpan>) -> BTreeMap<String, Changed> {
    let mut found = BTreeMap::new();
    for call in &program.calls {
        let side = &call.side;
        if !judged.contains(&call.at) {
            note(&mut found, &side.reuses, call.at, |kept| {
                if *kept { "on" } else { "off" }.to_owned()
            });
        }
        note_time(&mut found, &side.keepalive_idle, call.at);
        note_time(&mut found, &side.max_lifetime, call.at);
        note_time(&mut found, &side.first_byte, call.at);
        note_time(&mut found, &side.total, call.at);
        note_time(&mut found, &side.probe_after, call.at);
        if let Some(tls) = &call.tls {
            note(&mut found, &tls.versions, call.at, |all| versions(all));
        }
    }
    for listener in &program.listeners {
        note_time(&mut found, &listener.side.keepalive_idle, listener.at);
        note_time(&mut found, &listener.side.request, listener.at);
        note_time(&mut found, &listener.side.header, listener.at);
        if let Some(tls) = &listener.tls {
            note(&mut found, &tls.versions, listener.at, |all| versions(all));
        }
    }
    found
}

fn note_time(found: &mut BTreeMap<String, Changed>, setting: &Setting<Span>, place: SourceSpan) {
    note(found, setting, place, |span| said(*span));
}

fn note<T>(
    found: &mut BTreeMap<String, Changed>,
    setting: &Setting<T>,
    place: SourceSpan,
    words: impl Fn(&T) -> String,
) {
    let Setting::Either(values) = setting else {
        return;
    };
    let Some((_, because)) = values.first() else {
        return;
    };
    let values = values.iter();
    let values = values.map(|(value, because)| (words(value), because.versions.clone()));
    found
        .entry(because.directive.clone())
        .or_insert_with(|| Changed {
            values: values.collect(),
            place,
        });
}

fn versions(versions: &[TlsVersion]) -> String {
    let words: Vec<&str> = versions.iter().map(|version| version.word()).collect();
    words.join(", ")
}

fn story(
    party: &Party<'_>,
    (image, image_at): (&str, SourceSpan),
    changed: &BTreeMap<String, Changed>,
) -> Story {
    let name = &party.name;
    let listed: Vec<String> = changed
        .iter()
        .map(|(setting, changed)| {
            let values: Vec<String> = changed
                .values
                .iter()
                .map(|(value, versions)| format!("{value} ({versions})"))
                .collect();
            format!("{setting} is {}", values.join(" or "))
        })
        .collect();
    let story = Story::proved(
        format!(
            "{image} does not say which version {name} is, and defaults that hold here depend on it: {}",
            listed.join("; ")
        ),
        "a version that is fixed elsewhere, as by a digest or in wirewise.toml",
    )
    .support(Support::Declared)
    .show(at(image_at, "any version that the tag stands for at the time"));
    let story = changed.iter().fold(story, |story, (setting, changed)| {
        story.show(at(
            changed.place,
            format!("the default of {setting} holds here"),
        ))
    });
    story.advise("Fix the version (`image: NAME:1.2.3`), or write these settings, so that the next pull changes nothing")
}
