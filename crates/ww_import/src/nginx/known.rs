//! Which directives there are.

use super::tree::Directive;
use crate::service::Intake;
use std::collections::BTreeSet;
use std::sync::LazyLock;

/// Names of the directives of nginx and of modules that are often built in, one a line.
const NAMES: &str = include_str!("../../data/nginx.directives");

/// Blocks that hold pairs of words and not directives.
const OF_PAIRS: [&str; 7] = [
    "map",
    "geo",
    "geoip2",
    "types",
    "split_clients",
    "match",
    "charset_map",
];

/// Says of each name that nobody knows where it stands first.
pub(super) fn tell_unknown(directives: &[Directive], intake: &mut Intake<'_>) {
    static KNOWN: LazyLock<BTreeSet<&str>> = LazyLock::new(|| NAMES.lines().collect());
    let mut told = BTreeSet::new();
    let mut ahead: Vec<&Directive> = directives.iter().rev().collect();
    while let Some(directive) = ahead.pop() {
        let name = directive.name.text.as_str();
        if !name.is_empty() && !KNOWN.contains(name) && told.insert(name) {
            let message = format!(
                "`{name}` is no directive of nginx that wirewise knows; if a module brings it, check by hand what it changes"
            );
            intake.unsupported(directive.name.at, message);
        }
        if !OF_PAIRS.contains(&name) {
            ahead.extend(directive.inner().iter().rev());
        }
    }
}
