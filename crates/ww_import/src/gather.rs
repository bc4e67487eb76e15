//! All files of a consultation as one declared network.

use crate::include::{AtHand, is_pattern};
use crate::nft::{self, Included, Includes};
use crate::service::{self, Intake};
use crate::sets::NamedSets;
use crate::{Format, embedded, iproute, ipset, iptables, kube, recognise, wireguard};
use std::collections::{BTreeMap, BTreeSet};
use ww_base::{Limits, Partial, Problem, SourceId};
use ww_model::filter::{Family, Ruleset};
use ww_model::{Device, Model};

/// One file.
#[derive(Clone, Copy, Debug)]
pub struct Text<'a> {
    /// How spans in it name it.
    pub source: SourceId,
    /// Its path, as the user named it.
    pub path: &'a str,
    /// The device whose rules it holds: files with the same word are one device's. Says nothing of
    /// manifests, which are all of one cluster.
    pub device: &'a str,
    /// What stands in it.
    pub bytes: &'a [u8],
}

/// What the files declare, and what could not be understood of them.
#[derive(Debug, Default)]
pub struct Gathered {
    /// The declared network.
    pub model: Model,
    /// What was not understood, file by file.
    pub problems: Vec<Problem>,
}

/// Reads all files. Files of no known format are left out.
pub fn gather(texts: &[Text<'_>], limits: &Limits) -> Gathered {
    let mut gathered = Gathered::default();
    let mut devices: BTreeMap<&str, Vec<(Format, &Text<'_>)>> = BTreeMap::new();
    let mut manifests = Vec::new();
    let mut others = Vec::new();
    let texts: Vec<Text<'_>> = texts.iter().map(without_dot).collect();
    let texts = texts.as_slice();
    for text in texts {
        match recognise(text.path, text.bytes) {
            Format::Kubernetes => manifests.push((text.source, text.path, text.bytes)),
            Format::Unknown => {}
            format if format.is_of_packets() => {
                devices.entry(text.device).or_default().push((format, text));
            }
            format => others.push((format, *text)),
        }
    }
    for (name, files) in devices {
        gathered.devices(name, &files, limits);
    }
    let mut intake = Intake::new(limits);
    service::read_facts(&others, &mut intake);
    gathered.model.cluster = gathered.keep(kube::import_observed(manifests, limits, &mut intake));
    let places = std::mem::take(&mut intake.pending.files);
    let embedded = embedded::cut(places, texts, limits.document_bytes);
    others.extend(embedded.iter().filter_map(|inner| inner.text(texts)));
    service::read(&others, &mut intake);
    let (services, problems) = intake.finish();
    gathered.model.services = services;
    gathered.problems.extend(problems);
    gathered
}

/// A text whose path names it as other files do: without the `./` of the folder that was given.
fn without_dot<'t>(text: &Text<'t>) -> Text<'t> {
    Text {
        path: text.path.strip_prefix("./").unwrap_or(text.path),
        ..*text
    }
}

impl Gathered {
    fn keep<T>(&mut self, partial: Partial<T>) -> T {
        self.problems.extend(partial.problems);
        partial.value
    }

    /// The devices of one folder: as a rule one. A text that declares a chain which the ones
    /// before it have declared already is another device's: an older version, or another host. Sets
    /// are read first, as rules refer to them.
    fn devices(&mut self, name: &str, files: &[(Format, &Text<'_>)], limits: &Limits) {
        let mut sets = NamedSets::default();
        for text in of(files, &[Format::Ipset]) {
            sets.extend(self.keep(ipset::read(text.source, text.bytes, limits)));
        }
        let mut first = Device {
            name: name.to_owned(),
            ..Device::default()
        };
        let mut others = Vec::new();
        let mut filters = Vec::new();
        for text in of(files, &[Format::Iptables]) {
            let rules = iptables::read(text.source, text.bytes, None, &sets, limits);
            filters.push((text, self.keep(rules)));
        }
        filters.extend(self.nftables(files, limits));
        for (text, filter) in filters {
            if repeats(&first.filter, &filter) {
                others.push(Device {
                    name: text.path.to_owned(),
                    filter,
                    ..Device::default()
                });
            } else {
                first.filter.append(filter);
            }
        }
        for text in of(files, &[Format::IpRoute]) {
            let stack = self.keep(iproute::read(text.source, text.bytes, limits));
            first.stack.append(stack);
        }
        for text in of(files, &[Format::WireGuard]) {
            let tunnel = wireguard::read(text.source, text.bytes, stem(text.path), limits);
            first.stack.append(self.keep(tunnel));
        }
        first.stack.imply_routes();
        self.model.devices.push(first);
        self.model.devices.extend(others);
    }

    /// The rule sets of nftables; a text that another one includes is no rule set of its own.
    fn nftables<'f, 'b>(
        &mut self,
        files: &[(Format, &'f Text<'b>)],
        limits: &Limits,
    ) -> Vec<(&'f Text<'b>, Ruleset)> {
        let mut includes = AtHand::new(of(files, &[Format::Nft]).collect());
        let mut read = Vec::new();
        for text in of(files, &[Format::Nft, Format::NftJson]) {
            let rules = if recognise(text.path, text.bytes) == Format::NftJson {
                nft::read_json(text.source, text.bytes, limits)
            } else {
                nft::read(text.source, text.bytes, &mut includes, limits)
            };
            read.push((text, rules));
        }
        let parts = includes.parts();
        read.retain(|(text, _)| !parts.contains(&text.source));
        read.into_iter()
            .map(|(text, rules)| (text, self.keep(rules)))
            .collect()
    }
}

/// The texts of these formats, in order.
fn of<'f, 'b>(
    files: &[(Format, &'f Text<'b>)],
    formats: &[Format],
) -> impl Iterator<Item = &'f Text<'b>> {
    let fitting = files
        .iter()
        .filter(move |(format, _)| formats.contains(format));
    fitting.map(|(_, text)| *text)
}

/// The last part of a path, without what follows its last dot.
fn stem(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.rsplit_once('.').map_or(name, |(stem, _)| stem)
}

impl Includes for AtHand<'_> {
    fn find(&mut self, pattern: &str, from: SourceId) -> Result<Vec<Included>, String> {
        let folder = self.folder(from);
        let found = AtHand::find(self, pattern, from, &[folder]);
        if found.is_empty() && !is_pattern(pattern) {
            return Err("the file is not among those that were given".to_owned());
        }
        let included = found.into_iter().map(|text| Included {
            source: text.source,
            path: text.path.to_owned(),
            text: text.bytes.to_vec(),
        });
        Ok(included.collect())
    }
}

/// Whether a base chain of the second rule set is in the first one too.
fn repeats(known: &Ruleset, new: &Ruleset) -> bool {
    let bases = |rules: &Ruleset| -> BTreeSet<(Family, String, String)> {
        let chains = rules.chains.iter();
        chains
            .filter_map(|chain| {
                let family = chain.base.as_ref()?.family;
                Some((family, chain.table.clone(), chain.name.clone()))
            })
            .collect()
    };
    !bases(known).is_disjoint(&bases(new))
}

#[cfg(test)]
mod tests {
    use super::{Text, gather};
    use ww_base::{Limits, Locus, SourceId};

    const RULES: &str = "*filter\n:INPUT DROP [0:0]\nCOMMIT\n";
    const RULES6: &str =
        "# Generated by ip6tables-save v1.8.9\n*filter\n:INPUT DROP [0:0]\nCOMMIT\n";

    /// The devices of files in two folders: their names, and how many chains each has.
    fn devices(files: &[(&str, &str)]) -> Vec<(String, usize)> {
        let texts: Vec<Text<'_>> = (0..)
            .zip(files)
            .map(|(index, (path, text))| Text {
                source: SourceId(index),
                path,
                device: path.split('/').next().unwrap(),
                bytes: text.as_bytes(),
            })
            .collect();
        let model = gather(&texts, &Limits::default()).model;
        let devices = model.devices.into_iter();
        devices
            .map(|device| (device.name, device.filter.chains.len()))
            .collect()
    }

    #[test]
    fn files_of_a_folder_are_one_device_until_one_repeats_another() {
        let files = [("a/v4", RULES), ("a/v6", RULES6), ("b/v4", RULES)];
        assert_eq!(devices(&files), [("a".into(), 2), ("b".into(), 1)]);
        let files = [("a/v4", RULES), ("a/v4.old", RULES), ("a/v6", RULES6)];
        assert_eq!(devices(&files), [("a".into(), 2), ("a/v4.old".into(), 1)]);
    }

    #[test]
    fn an_included_file_is_no_rule_set_of_its_own() {
        let main = "include \"/etc/nft/lan.nft\"\ntable ip fw {\n chain a { drop; }\n}\n";
        let part = "table ip lan {\n chain b { accept; }\n}\n";
        let files = [("a/lan.nft", part), ("a/main.nft", main)];
        let texts = [("a", 2)].map(|(name, chains)| (name.to_owned(), chains));
        assert_eq!(devices(&files), texts);
        let (first, second) = (SourceId(0), SourceId(1));
        let text = |source, path, text: &'static str| Text {
            source,
            path,
            device: "a",
            bytes: text.as_bytes(),
        };
        let missing = gather(&[text(first, "a/main.nft", main)], &Limits::default());
        assert_eq!(missing.problems.len(), 1);
        let wg = "[Interface]\nAddress = 10.9.0.1/24\nPrivateKey = x\n";
        let routes =
            "[{\"dst\":\"default\",\"gateway\":\"10.0.0.1\",\"dev\":\"eth0\",\"flags\":[]}]";
        let stack = gather(
            &[
                text(first, "a/wg0.conf", wg),
                text(second, "a/r.json", routes),
            ],
            &Limits::default(),
        );
        let stack = &stack.model.devices[0].stack;
        assert_eq!(stack.tunnels[0].interface, "wg0");
        assert!(
            stack
                .routes
                .iter()
                .any(|route| route.destination.length() == 0)
        );
    }
    #[test]
    fn files_that_include_one_another_are_one_rule_set_with_a_problem() {
        let one = "include \"two.nft\"\ntable ip one {\n chain a { drop; }\n}\n";
        let two = "table ip two {\n chain b { accept; }\n}\ninclude \"one.nft\"\n";
        let alone = "include \"alone.nft\"\ntable ip alone {\n chain c { drop; }\n}\n";
        let text = |number, path, text: &'static str| Text {
            source: SourceId(number),
            path,
            device: "a",
            bytes: text.as_bytes(),
        };
        let texts = [
            text(0, "a/one.nft", one),
            text(1, "a/two.nft", two),
            text(2, "a/alone.nft", alone),
        ];
        let gathered = gather(&texts, &Limits::default());
        let chains = &gathered.model.devices[0].filter.chains;
        let names: Vec<&str> = chains.iter().map(|chain| chain.name.as_str()).collect();
        assert_eq!(names, ["b", "a", "c"]);
        let told: Vec<(&str, &str)> = gathered
            .problems
            .iter()
            .map(|problem| {
                let Locus::Text(at) = problem.at else {
                    panic!("{problem:?} has no place");
                };
                let text = texts[at.source.0 as usize].bytes;
                let place = &text[at.start as usize..at.end as usize];
                (std::str::from_utf8(place).unwrap(), &*problem.message)
            })
            .collect();
        let itself = |path| format!("\"{path}\" includes itself");
        let (first, second) = (itself("a/one.nft"), itself("a/alone.nft"));
        assert_eq!(
            told,
            [("\"one.nft\"", &*first), ("\"alone.nft\"", &*second)]
        );
    }
}
