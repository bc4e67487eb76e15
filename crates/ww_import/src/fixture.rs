//! What the tests of the readers share: texts at hand, what they declare, and places in them.

use crate::{Gathered, Text, gather};
use ww_base::{Limits, Locus, Problem, SourceId, SourceSpan};

/// Texts with these paths, numbered in their order.
pub(crate) fn texts<'t, B: AsRef<[u8]> + ?Sized>(files: &[(&'t str, &'t B)]) -> Vec<Text<'t>> {
    (0..)
        .zip(files)
        .map(|(number, &(path, bytes))| Text {
            source: SourceId(number),
            path,
            device: "",
            bytes: bytes.as_ref(),
        })
        .collect()
}

/// What files with these paths declare together.
pub(crate) fn gathered<B: AsRef<[u8]> + ?Sized>(files: &[(&str, &B)]) -> Gathered {
    gather(&texts(files), &Limits::default())
}

/// What stands at a place of a text.
pub(crate) fn shown(text: &str, at: SourceSpan) -> &str {
    text.get(at.start as usize..at.end as usize).unwrap()
}

/// Every problem with a range has it within the text, whatever its bytes.
pub(crate) fn stand_in(problems: &[Problem], text: impl AsRef<[u8]>) {
    let length = text.as_ref().len();
    for problem in problems {
        if let Locus::Text(at) = problem.at {
            assert!(
                at.start <= at.end && at.end as usize <= length,
                "{problem:?}"
            );
        }
    }
}
