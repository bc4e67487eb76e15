//! Seeds of the targets that read files: the importers' fixtures, the files on the rules' pages,
//! the examples, and what stands in `WIREWISE_CORPORA` when it is set.

use super::Result;
use std::fs;
use std::path::{Path, PathBuf};
use wirewise_fuzz::declared::SERVICE_FILES;
use ww_import::{Format, recognise};

/// Longer files are no seeds.
const LONGEST_SEED_BYTES: usize = 6 << 10;

/// Seeds of one format are no more than this many.
const MOST_OF_A_FORMAT: usize = 400;

/// Files of the project that declare something.
const FOLDERS: [&str; 3] = [
    "../crates/ww_import/testdata",
    "../examples",
    "../crates/ww_rules/src",
];

/// Writes them all; how many.
pub(super) fn write(root: &Path, corpus: &Path) -> Result<usize> {
    let mut folders: Vec<PathBuf> = FOLDERS.iter().map(|folder| root.join(folder)).collect();
    folders.extend(std::env::var_os("WIREWISE_CORPORA").map(PathBuf::from));
    let mut counts = std::collections::BTreeMap::new();
    let mut index = 0;
    while let Some(folder) = folders.get(index).cloned() {
        index += 1;
        let mut entries: Vec<PathBuf> = fs::read_dir(folder)?
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<std::io::Result<_>>()?;
        entries.sort();
        for path in entries {
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let Ok(text) = fs::read(&path) else { continue };
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let texts = if name.ends_with(".md") {
                fences(&String::from_utf8_lossy(&text))
            } else {
                vec![(name.into_owned(), text)]
            };
            for (name, text) in texts {
                let format = recognise(&name, &text);
                let count: &mut usize = counts.entry(format).or_default();
                if format != Format::Unknown
                    && text.len() <= LONGEST_SEED_BYTES
                    && *count < MOST_OF_A_FORMAT
                {
                    *count += 1;
                    seed(corpus, format, *count, &name, &text)?;
                }
            }
        }
    }
    Ok(counts.values().sum())
}

/// The files on a page, by their names.
fn fences(page: &str) -> Vec<(String, Vec<u8>)> {
    let fence = |part: &str| {
        let (head, rest) = part.split_once('\n')?;
        let name = head.split("file=").nth(1)?.split_whitespace().next()?;
        let text = rest.split("\n```").next()?;
        Some((name.to_owned(), text.as_bytes().to_vec()))
    };
    page.split("\n```").filter_map(fence).collect()
}

fn seed(corpus: &Path, format: Format, number: usize, name: &str, text: &[u8]) -> Result<()> {
    let targets: &[&str] = match format {
        Format::Iptables | Format::Ipset => &["iptables_rules"],
        Format::Nft => &["nft_text"],
        Format::NftJson => &["nft_json"],
        Format::Kubernetes => &["cluster"],
        Format::IpRoute | Format::WireGuard => &["routes"],
        _ => &[],
    };
    let mut named = format!("a/{name}\n").into_bytes();
    named.extend(text);
    let mut as_service = vec![service_byte(name)];
    as_service.extend(text);
    for (target, text) in targets
        .iter()
        .map(|target| (*target, text))
        .chain([("declared", &*named), ("services", &*as_service)])
    {
        let folder = corpus.join(target);
        fs::create_dir_all(&folder)?;
        let mut bytes = text.to_vec();
        if format == Format::Ipset && target == "iptables_rules" {
            bytes.push(0);
        }
        fs::write(folder.join(format!("{format:?}-{number}")), bytes)?;
    }
    Ok(())
}

/// The byte by which the target `services` gives a file this name, or one like it.
fn service_byte(name: &str) -> u8 {
    let fits = |known: &&str| {
        let (stem, ending) = known.rsplit_once('.').unwrap_or((known, ""));
        *known == name || (name.contains(stem) && name.ends_with(ending))
    };
    let place = SERVICE_FILES.iter().position(|known| fits(&known));
    place.map_or(u8::MAX, |place| u8::try_from(place).unwrap_or(u8::MAX))
}
