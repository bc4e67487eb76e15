//! HAProxy configurations (HAProxy 1.8 to 3.3).
//!
//! Lines become sections; each proxy is read with the `defaults` in force for it. Binds are
//! listeners, and each backend that a frontend leads to is a call.

mod backend;
mod check;
mod condition;
mod frontend;
mod limit;
mod line;
mod lower;
mod proxy;
mod section;
mod server;
mod tls;
mod value;

use crate::Text;
use crate::service::{Intake, folder};

/// Reads all texts of HAProxy. A text without `global` belongs to the one of its folder that has it.
pub(crate) fn read(texts: &[Text<'_>], intake: &mut Intake<'_>) {
    let mut wholes: Vec<(&str, Vec<section::Section>)> = Vec::new();
    let mut parts = Vec::new();
    for text in texts {
        let sections = section::read(text, intake);
        if sections.iter().any(|section| section.kind == "global") {
            wholes.push((text.path, sections));
        } else {
            parts.push((text.path, sections));
        }
    }
    for (path, sections) in parts {
        let mut neighbours = wholes.iter_mut();
        match neighbours.find(|(whole, _)| folder(whole) == folder(path)) {
            Some((_, whole)) => whole.extend(sections),
            None => wholes.push((path, sections)),
        }
    }
    for (path, sections) in &wholes {
        lower::lower(path, sections, intake);
    }
}

#[cfg(test)]
mod tests;
