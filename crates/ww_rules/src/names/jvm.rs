//! Options of Java virtual machines, wherever they are written.

use ww_base::{Locus, SourceSpan};
use ww_model::service::Unit;

/// Variables whose words the machine itself or usual scripts take for options.
const VARIABLES: [&str; 7] = [
    "JAVA_TOOL_OPTIONS",
    "JDK_JAVA_OPTIONS",
    "_JAVA_OPTIONS",
    "JAVA_OPTS",
    "JVM_OPTS",
    "CATALINA_OPTS",
    "JAVA_ARGS",
];

/// The options that a unit starts a Java virtual machine with, each with its place.
pub(super) fn options(unit: &Unit) -> Vec<(&str, SourceSpan)> {
    let variables = unit.environment.iter();
    let variables = variables
        .filter(|(name, _)| VARIABLES.contains(&name.as_str()) || name.ends_with("_JAVA_OPTS"));
    let texts = variables
        .map(|(_, value)| value)
        .chain(&unit.command)
        .filter_map(|text| match text.at {
            Locus::Text(at) => Some((text.value.as_str(), at)),
            _ => None,
        });
    texts
        .flat_map(|(text, at)| {
            let words =
                text.split(|letter: char| letter.is_whitespace() || matches!(letter, '"' | '\''));
            words
                .filter(|word| word.starts_with("-D"))
                .map(move |word| (word, at))
        })
        .collect()
}

/// The value of a property among options, the last one that sets it.
pub(super) fn property<'u>(
    options: &[(&'u str, SourceSpan)],
    name: &str,
) -> Option<(&'u str, SourceSpan)> {
    options.iter().rev().find_map(|(word, at)| {
        let rest = word.strip_prefix("-D")?.strip_prefix(name)?;
        let value = rest.strip_prefix('=').or(rest.is_empty().then_some(""))?;
        Some((value, *at))
    })
}
