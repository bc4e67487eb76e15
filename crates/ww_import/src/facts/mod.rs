//! `wirewise.toml`: what a team states because no file says it.
//!
//! Versions decide which defaults hold, so the file is read before all others.

mod fields;
mod program;
#[cfg(test)]
mod tests;

use crate::Text;
use crate::service::Intake;
use fields::Fields;
use toml::de::DeTable;
use ww_base::{Locus, Setting, SourceSpan, Sourced};
use ww_model::service::{Demand, Middlebox, Product, Silence, Version};

/// Reads the files of statements.
pub(crate) fn read(texts: &[Text<'_>], intake: &mut Intake<'_>) {
    for text in texts {
        read_text(text, intake);
    }
}

fn read_text(text: &Text<'_>, intake: &mut Intake<'_>) {
    let bound = intake.limits.document_bytes as usize;
    let bytes = text.bytes.get(..bound).unwrap_or(text.bytes);
    let written = match std::str::from_utf8(bytes) {
        Ok(written) => written,
        Err(error) => {
            let end = error.valid_up_to();
            intake.malformed(
                span(text, end, end + 1),
                "wirewise.toml has to be UTF-8: nothing from this byte on was read",
            );
            bytes
                .get(..end)
                .and_then(|good| std::str::from_utf8(good).ok())
                .unwrap_or_default()
        }
    };
    let (parsed, errors) = DeTable::parse_recoverable(written);
    for error in errors {
        let range = error.span().unwrap_or_default();
        let at = span(text, range.start, range.end.max(range.start + 1));
        intake.malformed(at, format!("this is not TOML: {}", error.message()));
    }
    let whole = span(text, 0, bytes.len());
    let root = Fields::new(parsed.get_ref(), text, whole, "wirewise.toml");
    root.known(
        &["versions", "middleboxes", "demands", "programs", "names"],
        intake,
    );
    if let Some(versions) = root.table("versions", intake) {
        read_versions(&versions, intake);
    }
    if let Some(names) = root.table("names", intake) {
        read_names(&names, intake);
    }
    for fields in root.tables("middleboxes", intake) {
        let read = middlebox(&fields, intake);
        intake.services.facts.middleboxes.extend(read);
    }
    for fields in root.tables("demands", intake) {
        let read = demand(&fields, intake);
        intake.services.facts.demands.extend(read);
    }
    for fields in root.tables("programs", intake) {
        let read = program::program(&fields, text.path, intake);
        intake.services.facts.programs.extend(read);
    }
}

/// A range of a text; inside it, whatever the numbers.
fn span(text: &Text<'_>, start: usize, end: usize) -> SourceSpan {
    let length = text.bytes.len();
    let start = start.min(length.saturating_sub(1));
    SourceSpan {
        source: text.source,
        start: start as u32,
        end: end.clamp(start, length) as u32,
    }
}

fn read_versions(versions: &Fields<'_>, intake: &mut Intake<'_>) {
    for (component, at, written) in versions.texts(intake) {
        let tables = intake.defaults.tables().iter();
        let components: Vec<&str> = tables.map(|table| table.component.as_str()).collect();
        let is_known = components.contains(&component.as_str());
        if let (false, Some(nearest)) = (is_known, fields::nearest(&component, &components)) {
            let message = format!(
                "there is no table of defaults for `{component}`: did you mean `{nearest}`?"
            );
            intake.unsupported(at, message);
        }
        match Version::parse(&written) {
            Some(value) => {
                let at = Locus::Text(at);
                let version = (component, Sourced { value, at });
                intake.services.facts.versions.push(version);
            }
            None => intake.malformed(
                at,
                format!("a version has to begin with a number, as \"1.25.3\", not \"{written}\""),
            ),
        }
    }
}

fn read_names(names: &Fields<'_>, intake: &mut Intake<'_>) {
    for (alias, at, name) in names.texts(intake) {
        let sourced = |value| Sourced {
            value,
            at: Locus::Text(at),
        };
        let pair = (sourced(alias), sourced(name));
        intake.services.facts.names.push(pair);
    }
}

fn middlebox(fields: &Fields<'_>, intake: &mut Intake<'_>) -> Option<Middlebox> {
    const THEN: [(&str, Silence); 2] = [("drop", Silence::Drop), ("reset", Silence::Reset)];
    fields.known(&["name", "component", "idle", "then", "from", "to"], intake);
    let name = fields.name(intake)?;
    let product = Product::named(fields.text("component", intake).unwrap_or_default());
    let idle = intake.defaults.time(&product, "idle timeout");
    let then = intake.defaults.word(&product, "then");
    Some(Middlebox {
        at: fields.at(),
        name,
        idle: fields.time("idle", intake).or(idle),
        then: fields.word("then", &THEN, intake).or(then.map(|word| {
            if word == "reset" {
                Silence::Reset
            } else {
                Silence::Drop
            }
        })),
        from: fields.words("from", intake),
        to: fields.words("to", intake),
    })
}

fn demand(fields: &Fields<'_>, intake: &mut Intake<'_>) -> Option<Demand> {
    let known = [
        "name",
        "per_second",
        "mean",
        "p99",
        "longest",
        "start",
        "target",
        "detect",
        "most_per_second",
        "idempotent",
    ];
    fields.known(&known, intake);
    let name = fields.name(intake)?;
    let demand = Demand {
        at: Some(fields.at()),
        name,
        per_second: fields.real("per_second", intake),
        mean: fields.time("mean", intake),
        p99: fields.time("p99", intake),
        longest: fields.time("longest", intake),
        start: fields.time("start", intake),
        target: fields.time("target", intake),
        detect: fields.time("detect", intake),
        most_per_second: fields.real("most_per_second", intake),
        is_idempotent: fields.flag("idempotent", intake),
    };
    contradiction(&demand, intake);
    Some(demand)
}

/// Says which of two times cannot both be true: the mean, 99 of 100 and the longest rise.
fn contradiction(demand: &Demand, intake: &mut Intake<'_>) {
    let rising = [
        ("mean", &demand.mean, "longest", &demand.longest),
        ("p99", &demand.p99, "longest", &demand.longest),
    ];
    for (less, small, more, large) in rising {
        let values = (small, large);
        if let (Setting::Set(small), Setting::Set(large)) = values
            && small.value > large.value
            && let Locus::Text(at) = small.at
        {
            let (small, large) = (small.value, large.value);
            let message =
                format!("`{less}` is {small}, but `{more}` is only {large}: correct one of them");
            intake.malformed(at, message);
        }
    }
}
