//! Rules that never decide, and what decides in their place.

use std::collections::BTreeMap;

use ww_base::Order;
use ww_model::filter::Hook;

use super::{Asked, steps, too_large};
use crate::answer::Shadowed;
use crate::symbolic::Version;
use crate::walk::By;

impl Asked<'_> {
    /// Rules that accept, refuse or translate, and never do so for any packet, in order of
    /// appearance.
    ///
    /// # Errors
    /// A sentence, when the rules are too intricate for an exact answer.
    pub fn shadowed(&self) -> Result<Vec<Shadowed>, String> {
        let mut both: Option<BTreeMap<By, Vec<By>>> = None;
        for version in [Version::V4, Version::V6] {
            let found = self.shadowed_in(version)?;
            both = Some(match both {
                None => found,
                // Idle in one version of IP only is not idle.
                Some(known) => known
                    .into_iter()
                    .filter_map(|(rule, mut covered)| {
                        covered.extend(found.get(&rule)?);
                        Some((rule, covered))
                    })
                    .collect(),
            });
        }
        Ok(both
            .unwrap_or_default()
            .into_iter()
            .filter_map(|(rule, mut covered_by)| {
                covered_by.put_in_order();
                covered_by.dedup();
                Some(Shadowed {
                    rule: steps::decider(self.device, rule)?,
                    covered_by: covered_by
                        .into_iter()
                        .filter_map(|by| steps::decider(self.device, by))
                        .collect(),
                })
            })
            .collect())
    }

    fn shadowed_in(&self, version: Version) -> Result<BTreeMap<By, Vec<By>>, String> {
        let mut universe = self.universe(version)?;
        let mut find = || {
            let mut functions = Vec::new();
            for route in [Hook::Input, Hook::Forward, Hook::Output] {
                functions.push((route, universe.compile(0, self.stack.as_ref(), route)?));
            }
            let functions: Vec<_> = functions
                .iter()
                .map(|(route, function)| (*route, function))
                .collect();
            universe.shadowed(0, self.stack.as_ref(), &functions)
        };
        let shadows = find().map_err(too_large)?;
        Ok(shadows
            .into_iter()
            .map(|shadow| (shadow.rule, shadow.covered_by))
            .collect())
    }
}
