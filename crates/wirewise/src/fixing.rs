//! Safe fixes: shown as a diff, or written to the files.

use crate::files::Files;
use crate::output;
use anyhow::Context;
use ww_base::{Limits, SourceId};
use ww_finding::Finding;
use ww_report::mending::{self, Asked, Mended, State, Texts};

/// What the safe fixes of the findings that are wanted come to, all together.
/// `found` is what was found in the files as they are, of all rules.
pub(crate) fn mend(
    files: &Files,
    found: &State,
    limits: &Limits,
    wants: &dyn Fn(&Finding) -> bool,
) -> Mended {
    let texts = files.texts();
    let again = |changed: &Texts| {
        let mut files = files.with(changed, limits);
        State {
            findings: ww_rules::review(&files.model, limits, &files.texts()).0,
            problems: std::mem::take(&mut files.problems).len(),
        }
    };
    let asked = Asked {
        text_of: &|source: SourceId| texts.get(source.0 as usize).copied(),
        again: &again,
        wants,
    };
    let mended = mending::mend(found, &asked);
    for title in &mended.left {
        output::complain(&format!(
            "not applied, as another finding would come or this one would stay: {title}"
        ));
    }
    mended
}

/// The changes as a unified diff that `patch -p1` takes.
pub(crate) fn diff(mended: &Mended, files: &Files) -> String {
    let texts = files.texts();
    let of = |(source, new): (&SourceId, &String)| {
        let old = texts.get(source.0 as usize)?;
        let path = &files.inputs.get(source.0 as usize)?.path;
        let path = path.trim_start_matches("./");
        let mut options = diffy::DiffOptions::new();
        options
            .set_original_filename(format!("a/{path}"))
            .set_modified_filename(format!("b/{path}"));
        let patch = options.create_patch(old, new);
        let formatter = diffy::PatchFormatter::new().suppress_blank_empty(false);
        Some(formatter.fmt_patch(&patch).to_string())
    };
    mended.texts.iter().filter_map(of).collect()
}

/// Writes the changed files. Each is written beside the old one and then put in its place, so that
/// nothing is lost when that fails.
#[expect(
    clippy::disallowed_methods,
    reason = "changing the files that the user names is what --fix asks for"
)]
pub(crate) fn apply(mended: &Mended, files: &Files) -> anyhow::Result<()> {
    for (source, text) in &mended.texts {
        let Some(input) = files.inputs.get(source.0 as usize) else {
            continue;
        };
        let path = &input.path;
        let is_as_read = std::fs::read(path).is_ok_and(|now| {
            let texts = files.texts();
            texts
                .get(source.0 as usize)
                .is_some_and(|old| old.as_bytes() == now)
        });
        if !is_as_read {
            output::complain(&format!(
                "{path} is not changed: it is no file with UTF-8 text, or somebody has changed it meanwhile"
            ));
            continue;
        }
        let beside = format!("{path}.wirewise-new");
        std::fs::write(&beside, text)
            .and_then(|()| {
                std::fs::set_permissions(&beside, std::fs::metadata(path)?.permissions())
            })
            .and_then(|()| std::fs::rename(&beside, path))
            .with_context(|| format!("cannot write the fixes to {path}"))?;
    }
    for title in &mended.applied {
        output::complain(&format!("applied: {title}"));
    }
    Ok(())
}
