//! Applications: what they depend on, the server that they are, whom they call.
//!
//! The files of a folder are one application. It is lowered once for each unit that starts it, with
//! the unit's command and variables, and once without if none does. Only what is sure is lowered: a
//! value behind a variable is not known, and defaults hold only where the code that would change
//! them was seen.

mod attempts;
mod client;
mod code;
mod command;
mod expr;
mod gather;
mod java;
mod known;
mod lower;
mod names;
mod package;
mod server;
mod source;
#[cfg(test)]
mod tests;
mod written;

use crate::Text;
use crate::service::{Intake, is_built, starters};

/// Reads all applications.
pub(crate) fn read(texts: &[Text<'_>], intake: &mut Intake<'_>) {
    let applications = gather::applications(texts, intake);
    let folders: Vec<&str> = applications.iter().map(|it| it.folder.as_str()).collect();
    let starters = starters(intake, &folders);
    for (application, starters) in applications.iter().zip(starters) {
        if starters.is_empty() {
            lower::application(application, None, intake);
        }
        for unit in starters {
            lower::application(application, Some(unit), intake);
        }
    }
}

/// Makes the programs of units of which no file of an application was read, but whose command starts
/// a server that is known.
pub(crate) fn commanded(intake: &mut Intake<'_>) {
    for index in 0..intake.services.units.len() {
        let unit = intake.services.units.get(index);
        let Some(unit) = unit.filter(|unit| unit.program.is_none() && !is_built(intake, unit))
        else {
            continue;
        };
        if let Some(application) = gather::of_command(unit) {
            lower::application(&application, Some(index), intake);
        }
    }
}
