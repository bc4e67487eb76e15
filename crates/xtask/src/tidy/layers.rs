//! Crates depend only on crates of a lower rank, and share the workspace's lints and versions.

use std::collections::BTreeMap;

use toml::{Table, Value};

use super::{Complaint, Tree};

/// Arrows that ranks would allow, and why they are forbidden all the same.
const FORBIDDEN: [(&str, &str, &str); 1] = [(
    "ww_report",
    "ww_rules",
    "reports are handed the rules' identities, never the rules",
)];

/// The crate that opens sockets, and the lowest rank that may use it.
const PROBE: (&str, i64) = ("ww_probe", 6);

/// Crates with lints of their own, because they make system calls.
const OWN_LINTS: [&str; 1] = ["ww_sys"];

/// A crate's manifest.
struct Manifest<'a> {
    path: &'a str,
    name: &'a str,
    table: Table,
}

/// Checks every manifest below `crates/`.
pub(super) fn check(tree: &Tree) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    let mut manifests = Vec::new();
    for (path, text) in tree.files("crates/", "/Cargo.toml") {
        let Some(name) = path.split('/').nth(1) else {
            continue;
        };
        match text.parse::<Table>() {
            Ok(table) => manifests.push(Manifest { path, name, table }),
            Err(error) => {
                complaints.push(Complaint::new(path, 0, format!("cannot be read: {error}")));
            }
        }
    }
    let ranks: BTreeMap<&str, i64> = manifests
        .iter()
        .filter_map(|manifest| Some((manifest.name, manifest.rank()?)))
        .collect();
    for manifest in &manifests {
        complaints.extend(manifest.check_itself());
        for (name, dependency) in manifest.dependencies() {
            let arrow = manifest.check_arrow(name, &ranks);
            let version = manifest.check_version(name, dependency);
            complaints.extend([arrow, version].into_iter().flatten());
        }
    }
    complaints
}

impl Manifest<'_> {
    fn complaint(&self, message: impl Into<String>) -> Complaint {
        Complaint::new(self.path, 0, message)
    }

    fn value(&self, path: &[&str]) -> Option<&Value> {
        let (first, rest) = path.split_first()?;
        rest.iter()
            .try_fold(self.table.get(*first)?, |value, key| value.get(*key))
    }

    fn rank(&self) -> Option<i64> {
        self.value(&["package", "metadata", "layer", "rank"])?
            .as_integer()
    }

    fn check_itself(&self) -> Vec<Complaint> {
        let mut complaints = Vec::new();
        if self.rank().is_none() {
            complaints.push(self.complaint("state [package.metadata.layer] rank = N"));
        }
        if self.value(&["package", "name"]).and_then(Value::as_str) != Some(self.name) {
            complaints.push(self.complaint(format!(
                "the package is named as its folder, `{}`",
                self.name
            )));
        }
        let shares_lints =
            self.value(&["lints", "workspace"]).and_then(Value::as_bool) == Some(true);
        if !shares_lints && !OWN_LINTS.contains(&self.name) {
            complaints.push(self.complaint("state [lints] workspace = true"));
        }
        complaints
    }

    /// Dependencies of the library or program and of its build, on every target; not those of
    /// tests.
    fn dependencies(&self) -> impl Iterator<Item = (&str, &Value)> {
        let targets = self.table.get("target").and_then(Value::as_table);
        let tables = std::iter::once(&self.table).chain(
            targets
                .into_iter()
                .flat_map(Table::values)
                .filter_map(Value::as_table),
        );
        tables.flat_map(|table| {
            ["dependencies", "build-dependencies"]
                .into_iter()
                .filter_map(|kind| table.get(kind).and_then(Value::as_table))
                .flatten()
                .map(|(name, dependency)| (name.as_str(), dependency))
        })
    }

    fn check_arrow(&self, name: &str, ranks: &BTreeMap<&str, i64>) -> Option<Complaint> {
        let (mine, theirs) = (self.rank()?, *ranks.get(name)?);
        if theirs >= mine {
            return Some(self.complaint(format!(
                "rank {mine} may not depend on `{name}`, rank {theirs}: arrows point strictly down"
            )));
        }
        let forbidden = FORBIDDEN
            .iter()
            .find(|(from, to, _)| *from == self.name && *to == name);
        if let Some((_, _, reason)) = forbidden {
            return Some(self.complaint(format!("may not depend on `{name}`: {reason}")));
        }
        (name == PROBE.0 && mine < PROBE.1).then(|| {
            self.complaint(format!(
                "only surfaces and the lab (rank {} and above) use `{name}`",
                PROBE.1
            ))
        })
    }

    fn check_version(&self, name: &str, dependency: &Value) -> Option<Complaint> {
        let is_shared = dependency.get("workspace").and_then(Value::as_bool) == Some(true);
        (!is_shared).then(|| {
            self.complaint(format!(
                "`{name}` is declared in the workspace; write workspace = true"
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{said, tree};
    use super::*;

    fn manifest(name: &str, rank: u8, dependencies: &str) -> String {
        format!(
            "[package]\nname = \"{name}\"\n[package.metadata.layer]\nrank = {rank}\n\
             [lints]\nworkspace = true\n[dependencies]\n{dependencies}"
        )
    }

    fn complaints(manifests: &[(&str, u8, &str)]) -> Vec<String> {
        let files: Vec<(String, String)> = manifests
            .iter()
            .map(|(name, rank, deps)| {
                (
                    format!("crates/{name}/Cargo.toml"),
                    manifest(name, *rank, deps),
                )
            })
            .collect();
        let files: Vec<(&str, &str)> = files
            .iter()
            .map(|(path, text)| (path.as_str(), text.as_str()))
            .collect();
        said(&check(&tree(&files)))
    }

    #[test]
    fn arrows_point_strictly_down() {
        let low = ("low", 1, "");
        assert_eq!(
            complaints(&[low, ("high", 2, "low.workspace = true")]),
            [""; 0]
        );
        let level = complaints(&[low, ("beside", 1, "low = { workspace = true }")]);
        assert!(
            level[0].contains("crates/beside/Cargo.toml: rank 1 may not depend on `low`, rank 1")
        );
        let target = "[target.'cfg(unix)'.build-dependencies]\nhigh.workspace = true";
        assert!(complaints(&[("high", 2, ""), ("low", 1, target)])[0].contains("strictly down"));
        let tests = "[dev-dependencies]\nhigh.workspace = true";
        assert_eq!(complaints(&[("high", 2, ""), ("low", 1, tests)]), [""; 0]);
    }

    #[test]
    fn some_arrows_are_forbidden_beyond_rank() {
        let report = ("ww_report", 5, "ww_rules.workspace = true");
        assert!(
            complaints(&[("ww_rules", 4, ""), report])[0].contains("handed the rules' identities")
        );
        let design = ("ww_design", 5, "ww_probe.workspace = true");
        assert!(
            complaints(&[("ww_probe", 2, ""), design])[0].contains("only surfaces and the lab")
        );
        let lab = ("ww_lab", 6, "ww_probe.workspace = true");
        assert_eq!(complaints(&[("ww_probe", 2, ""), lab]), [""; 0]);
    }

    #[test]
    fn manifests_state_what_every_manifest_states() {
        let bare = said(&check(&tree(&[(
            "crates/a/Cargo.toml",
            "[package]\nname = \"b\"\n",
        )])));
        assert_eq!(bare.len(), 3, "{bare:?}");
        assert!(complaints(&[("a", 1, "serde = \"1\"")])[0].contains("workspace = true"));
        let broken = said(&check(&tree(&[("crates/a/Cargo.toml", "[package")])));
        assert!(broken[0].contains("cannot be read"));
    }
}
