//! `time-without-unit`: a number without a unit that was probably meant in another one.

use crate::declared::at;
use crate::operand::said;
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use std::collections::BTreeSet;
use ww_base::{SourceSpan, Span};
use ww_finding::{Edit, Fix, Safety, Support};
use ww_model::service::BareTime;

rule! {
    name: "time-without-unit",
    family: "timeouts",
    layer: App,
    class: Connectivity,
    severity: High,
    owner: Configuration,
    summary: "A time without a unit is taken for a thousand times less or more than it was probably meant",
    needs: [Programs],
    explains: [],
    page: "time_without_unit.md",
    check: check,
}

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let mut told = BTreeSet::new();
    for program in &declared.model.services.programs {
        for bare in &program.bare_times {
            if told.insert(bare.at) {
                reports.add(story(declared, &program.name, bare));
            }
        }
    }
}

fn story(declared: &Declared<'_>, program: &str, bare: &BareTime) -> Story {
    let BareTime {
        setting, number, ..
    } = bare;
    let (taken, meant) = (said(bare.taken), said(bare.meant));
    let story = Story::proved(
        format!(
            "{program} takes `{setting}` of {number} for {taken}; it was probably meant as {meant}"
        ),
        format!("whoever wrote it did mean {taken}"),
    )
    .support(Support::Declared)
    .show(at(
        bare.at,
        format!("{number} without a unit is {taken} to {program}"),
    ));
    [bare.meant, bare.taken]
        .into_iter()
        .fold(story, |story, span| {
            story.fix(Fix {
                title: format!("If {} is meant, write so: {}", said(span), written(span)),
                safety: Safety::Review,
                edits: edit(declared, bare, span).into_iter().collect(),
            })
        })
}

/// The number with its unit, in seconds where that is a whole number.
fn written(span: Span) -> String {
    if span.0 % 1_000_000_000 == 0 {
        format!("{}s", span.0 / 1_000_000_000)
    } else {
        format!("{}ms", span.0 / 1_000_000)
    }
}

fn edit(declared: &Declared<'_>, bare: &BareTime, span: Span) -> Option<Edit> {
    let number = bare.number.to_string();
    let start = u32::try_from(declared.text(bare.at)?.rfind(&number)?).ok()?;
    let start = bare.at.start + start;
    let end = start + u32::try_from(number.len()).ok()?;
    Some(Edit {
        span: SourceSpan {
            start,
            end,
            ..bare.at
        },
        replace_with: written(span),
    })
}
