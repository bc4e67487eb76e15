//! What is said about one opening.

use ww_base::SourceSpan;
use ww_finding::{Edit, Fix, Safety, Severity, Support};

use super::ports::Service;
use crate::Story;
use crate::declared::at;

/// Something that everybody can reach.
pub(crate) struct Opening {
    /// The services, each once.
    pub(crate) services: Vec<&'static Service>,
    /// Where: `this device`, `Service shop/db`.
    pub(crate) whose: String,
    /// By what: `accepted from every IPv4 address`.
    pub(crate) how: String,
    /// How we know.
    pub(crate) support: Support,
    /// Where to look, the deciding line first.
    pub(crate) places: Vec<(SourceSpan, String)>,
    /// How much it hurts, where it is no service for strangers.
    pub(crate) severity: Severity,
    /// What would prove it wrong.
    pub(crate) refuter: String,
    /// A replacement that closes it.
    pub(crate) closing: Option<(String, Edit)>,
    /// What to do.
    pub(crate) advice: String,
}

/// The story of an opening.
pub(crate) fn story(opening: Opening) -> Story {
    let names: Vec<String> = opening.services.iter().map(|one| one.words()).collect();
    let for_strangers = opening.services.iter().all(|one| one.is_for_strangers);
    let severity = if for_strangers {
        Severity::Low
    } else {
        opening.severity
    };
    let mut story = Story::proved(
        format!(
            "{} of {} is {}",
            names.join(", "),
            opening.whose,
            opening.how
        ),
        opening.refuter,
    )
    .support(opening.support)
    .severity(severity);
    for (place, says) in opening.places {
        story = story.show(at(place, says));
    }
    if let Some((title, edit)) = opening.closing {
        story = story.fix(Fix {
            title,
            safety: Safety::Review,
            edits: vec![edit],
        });
    }
    story.advise(opening.advice)
}
