//! `ejection-takes-all`: a failure that all servers share leaves nobody to ask.

use super::guards::{self, Guard};
use crate::mend::set_number;
use crate::operand::{Known, each, said};
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use std::collections::BTreeSet;
use ww_finding::Support;

rule! {
    name: "ejection-takes-all",
    family: "breakers",
    layer: Http,
    class: Connectivity,
    severity: Medium,
    owner: Configuration,
    summary: "Outlier detection may leave out every server: a failure that they share becomes a whole outage",
    needs: [Programs],
    explains: [],
    page: "ejection_takes_all.md",
    check: check,
}

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let mut told = BTreeSet::new();
    for guard in guards::all(declared) {
        if let Some((share, panic)) = judge(&guard)
            && told.insert(guard.side.outlier.at)
        {
            reports.add(story(declared, &guard, &share, panic.as_ref()));
        }
    }
}

/// Whether all servers may be left out: the share that may be, and what says that nothing brings
/// them back.
pub(super) fn judge(guard: &Guard<'_>) -> Option<(Known<u64>, Option<Known<u64>>)> {
    let outlier = &guard.side.outlier;
    outlier.at?;
    let share = each(&outlier.max_percent).into_iter().next()?;
    let panic = each(&outlier.panic_percent).into_iter().next();
    let keeps_none = match &panic {
        Some(percent) => percent.value == 0,
        None => outlier.panic_percent.is_off(),
    };
    let is_written = share.at.is_some();
    (is_written && share.value >= 100 && keeps_none).then_some((share, panic))
}

fn story(
    declared: &Declared<'_>,
    guard: &Guard<'_>,
    share: &Known<u64>,
    panic: Option<&Known<u64>>,
) -> Story {
    let (name, outlier) = (&guard.name, &guard.side.outlier);
    let failures = each(&outlier.consecutive).into_iter().next();
    let after = match failures.as_ref().map(|known| known.value) {
        None => "failures".to_owned(),
        Some(1) => "one failure".to_owned(),
        Some(count) => format!("{count} failures in a row"),
    };
    let time = each(&outlier.ejection).into_iter().next();
    let time = time.map_or_else(String::new, |known| format!(" for {}", said(known.value)));
    let story = Story::proved(
        format!(
            "{name}: each server is left out{time} after {after}, up to {} % of them, and nothing keeps \
             the last: a failure that all share, as a slow database, leaves nobody to ask",
            share.value
        ),
        "another place, as a second zone, that takes the requests when all servers here are left out",
    )
    .support(Support::Declared)
    .show(share.show(
        guard.at,
        &format!("up to {} % of the servers may be left out", share.value),
    ));
    let story = match panic {
        Some(known) => story.show(known.show(
            outlier.at.unwrap_or(guard.at),
            "no share of healthy servers below which all are used again",
        )),
        None => story,
    };
    let story = match &failures {
        Some(known) => story.show(known.show(guard.at, &format!("one is left out after {after}"))),
        None => story,
    };
    let back = if guard.component == "istio" {
        "minHealthPercent: 50"
    } else {
        "healthy_panic_threshold of 50"
    };
    let title = format!(
        "Leave out at most half of the servers at once, or use all again when few are left ({back})"
    );
    story.fix(set_number(declared, (share, guard.at), 50, title))
}
