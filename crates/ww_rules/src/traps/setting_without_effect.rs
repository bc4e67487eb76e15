//! `setting-without-effect`: a setting is taken out of force by another one.

use crate::declared::at;
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use std::collections::BTreeMap;
use ww_base::{Order, SourceSpan};
use ww_finding::{Severity, Support};
use ww_model::service::Shadowed;

rule! {
    name: "setting-without-effect",
    family: "traps",
    layer: App,
    class: Connectivity,
    severity: Low,
    owner: Configuration,
    summary: "A setting that stands in an outer place does not hold inside, because something else is set there",
    needs: [Programs],
    explains: [],
    page: "setting_without_effect.md",
    check: check,
}

/// How many of the settings that are lost are shown.
const SHOWN: usize = 5;

/// Headers by which servers know whom a request is for, whose it is, and how it came. What is lost of
/// them changes answers.
const TELLING: [&str; 5] = [
    "host",
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-forwarded-host",
    "x-real-ip",
];

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let services = &declared.model.services;
    let of_programs = services.programs.iter();
    let of_programs = of_programs.map(|program| (program.name.as_str(), &program.shadowed));
    let of_mesh = [("mesh", &services.mesh.shadowed)];
    for (name, shadowed) in of_programs.chain(of_mesh) {
        let mut lost: BTreeMap<SourceSpan, Vec<&Shadowed>> = BTreeMap::new();
        for one in shadowed {
            lost.entry(one.by).or_default().push(one);
        }
        for (by, mut lost) in lost {
            lost.put_in_order_by_key(|one| one.at);
            lost.dedup_by_key(|one| one.at);
            reports.add_all(lost.len() as u64, story(name, by, &lost));
        }
    }
}

fn story(name: &str, by: SourceSpan, lost: &[&Shadowed]) -> Story {
    let mut names: Vec<&str> = lost.iter().map(|one| one.setting.as_str()).collect();
    names.dedup();
    let listed = match names.as_slice() {
        [first, second, third, rest @ ..] if !rest.is_empty() => {
            format!("{first}, {second}, {third} and {} more", rest.len())
        }
        names => names.join(", "),
    };
    let because = lost.first().map_or("", |one| one.because.as_str());
    let header = |one: &&&Shadowed| {
        let header = one.setting.strip_prefix("proxy_set_header ");
        header.is_some_and(|name| TELLING.contains(&name.to_ascii_lowercase().as_str()))
    };
    let is_telling = lost.iter().any(|one| header(&one));
    let story = Story::proved(
        format!("{name}: {listed} holds no more inside: {because}"),
        "it was meant to be left out there",
    )
    .support(Support::Declared);
    let story = lost.iter().take(SHOWN).fold(story, |story, one| {
        story.show(at(one.at, format!("{} has no effect there", one.setting)))
    });
    let story = story
        .show(at(by, "takes it out of force"))
        .advise("Repeat it where it has to hold, or put both into one file that is included in every such place");
    if is_telling {
        story.severity(Severity::Medium)
    } else {
        story
    }
}
