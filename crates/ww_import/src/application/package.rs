//! Packages that an application depends on, with their versions.

use crate::Text;
use crate::service::file_name;
use serde_json::Value;
use ww_base::{Locus, SourceId, SourceSpan, Sourced};
use ww_model::service::Version;

/// What an application depends on.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Package {
    pub(super) name: String,
    /// Its version, when exactly one is written.
    pub(super) version: Option<Sourced<Version>>,
}

/// What a file of packages says.
#[derive(Default)]
pub(super) struct Manifest {
    /// The application's own name.
    pub(super) name: Option<String>,
    pub(super) packages: Vec<Package>,
    /// The command that starts it (`scripts.start`), with its place.
    pub(super) start: Option<Sourced<String>>,
    /// The version of the runtime, when exactly one is written.
    pub(super) runtime: Option<Sourced<Version>>,
    /// Why it could not be read, and where.
    pub(super) problem: Option<(String, SourceSpan)>,
}

/// Reads a file of packages by its name.
pub(super) fn read(text: &Text<'_>) -> Manifest {
    let content = String::from_utf8_lossy(text.bytes);
    match file_name(text.path).to_ascii_lowercase().as_str() {
        "package.json" => package_json(&content, text),
        "package-lock.json" => package_lock(&content, text),
        "pipfile.lock" | "pipfile" | "pyproject.toml" => by_lines(&content, text.source, toml_line),
        "poetry.lock" => poetry_lock(&content, text.source),
        "requirements.txt" => by_lines(&content, text.source, requirement),
        "gemfile.lock" => by_lines(&content, text.source, gem),
        "go.mod" => go_mod(&content, text.source),
        _ => Manifest::default(),
    }
}

/// A version that stands alone: `1.2.3`, `v1.2`, also behind `==`; not a range.
fn exact(text: &str) -> Option<Version> {
    let text = text.trim().trim_start_matches('=').trim();
    let is_range = text.contains(['^', '~', '>', '<', '*', '|', ' ', ',']);
    Version::parse(text).filter(|_| !is_range)
}

fn sourced(version: Option<Version>, at: SourceSpan) -> Option<Sourced<Version>> {
    version.map(|value| Sourced {
        value,
        at: Locus::Text(at),
    })
}

fn json(content: &str, text: &Text<'_>) -> Result<Value, (String, SourceSpan)> {
    serde_json::from_str(content).map_err(|error| {
        let line = error.line().saturating_sub(1);
        let before: usize = content.split_inclusive('\n').take(line).map(str::len).sum();
        let start = (before + error.column()).min(text.bytes.len()) as u32;
        let at = SourceSpan {
            source: text.source,
            start,
            end: start,
        };
        (format!("not JSON: {error}"), at)
    })
}

/// Where `"key": …"value"` of a member stands in a text that is JSON: the first place where the
/// quoted key is followed by a colon and the quoted value.
fn place(content: &str, source: SourceId, key: &str, value: &str) -> SourceSpan {
    let quoted_key = serde_json::to_string(key).unwrap_or_default();
    let quoted_value = serde_json::to_string(value).unwrap_or_default();
    let mut found = content.match_indices(&quoted_key).filter_map(|(at, _)| {
        let behind = content.get(at + quoted_key.len()..)?;
        let behind = behind.trim_start().strip_prefix(':')?.trim_start();
        let behind = behind.strip_prefix(&quoted_value)?;
        Some((at, content.len() - behind.len()))
    });
    let (start, end) = found.next().unwrap_or((0, 0));
    SourceSpan {
        source,
        start: start as u32,
        end: end as u32,
    }
}

fn package_json(content: &str, text: &Text<'_>) -> Manifest {
    let root = match json(content, text) {
        Ok(root) => root,
        Err(problem) => {
            return Manifest {
                problem: Some(problem),
                ..Manifest::default()
            };
        }
    };
    let word = |path: &str| root.pointer(path).and_then(Value::as_str);
    let mut manifest = Manifest {
        name: word("/name").map(str::to_owned),
        ..Manifest::default()
    };
    if let Some(dependencies) = root.get("dependencies").and_then(Value::as_object) {
        for (name, version) in dependencies {
            let version = version.as_str().unwrap_or_default();
            let at = place(content, text.source, name, version);
            manifest.packages.push(Package {
                name: name.clone(),
                version: sourced(exact(version), at),
            });
        }
    }
    manifest.start = word("/scripts/start").map(|line| Sourced {
        value: line.to_owned(),
        at: Locus::Text(place(content, text.source, "start", line)),
    });
    manifest.runtime = word("/engines/node").and_then(|version| {
        let at = place(content, text.source, "node", version);
        sourced(exact(version.trim_end_matches(".x")), at)
    });
    manifest
}

fn package_lock(content: &str, text: &Text<'_>) -> Manifest {
    let root = match json(content, text) {
        Ok(root) => root,
        Err(problem) => {
            return Manifest {
                problem: Some(problem),
                ..Manifest::default()
            };
        }
    };
    let mut manifest = Manifest::default();
    let direct = root
        .pointer("/packages//dependencies")
        .and_then(Value::as_object);
    for name in direct.into_iter().flat_map(serde_json::Map::keys) {
        let locked = root
            .get("packages")
            .and_then(|it| it.get(format!("node_modules/{name}")));
        let Some(version) = locked.and_then(|it| it.get("version")?.as_str()) else {
            continue;
        };
        let key = format!("\"node_modules/{name}\"");
        let start = content.find(&key).unwrap_or(0);
        let inner = content.get(start..).unwrap_or_default();
        let at = place(inner, text.source, "version", version);
        let at = SourceSpan {
            start: at.start + start as u32,
            end: at.end + start as u32,
            ..at
        };
        manifest.packages.push(Package {
            name: name.clone(),
            version: sourced(exact(version), at),
        });
    }
    manifest
}

/// One package on each line.
fn by_lines(
    content: &str,
    source: SourceId,
    read: impl Fn(&str) -> Option<(String, Option<Version>)>,
) -> Manifest {
    let mut manifest = Manifest::default();
    for line in crate::text::lines(source, content.as_bytes()) {
        if let Some((name, version)) = read(&line.text) {
            manifest.packages.push(Package {
                name,
                version: sourced(version, line.at),
            });
        }
    }
    manifest
}

/// The name that a line begins with, in small letters and with dashes, and what stands behind it.
fn name_of(line: &str) -> Option<(String, &str)> {
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    let end = line.find(|letter| !is_part(letter)).unwrap_or(line.len());
    let (name, behind) = line.split_at_checked(end)?;
    let name = name.to_ascii_lowercase().replace('_', "-");
    (!name.is_empty()).then_some((name, behind))
}

/// A line of `requirements.txt`.
fn requirement(line: &str) -> Option<(String, Option<Version>)> {
    let line = line.split([';', '#']).next()?.trim();
    let (name, behind) = name_of(line)?;
    let behind = behind.trim_start();
    let behind = if behind.starts_with('[') {
        behind.split_once(']')?.1.trim_start()
    } else {
        behind
    };
    let version = behind.strip_prefix("==").and_then(exact);
    Some((name, version))
}

/// A line of `pyproject.toml` or `Pipfile`: `name = "1.2"`, or a quoted requirement of a list.
fn toml_line(line: &str) -> Option<(String, Option<Version>)> {
    if let Some(quoted) = line.strip_prefix(['"', '\'']) {
        let end = quoted.find(['"', '\''])?;
        return requirement(quoted.get(..end)?);
    }
    let (name, behind) = name_of(line)?;
    let value = behind.trim_start().strip_prefix('=')?.trim();
    let version = value.trim_matches(['"', '\'']);
    Some((name, exact(version)))
}

/// A line of `Gemfile.lock`: `puma (6.4.0)`.
fn gem(line: &str) -> Option<(String, Option<Version>)> {
    let (name, behind) = name_of(line)?;
    let version = behind.trim().strip_prefix('(')?.strip_suffix(')')?;
    Some((name, exact(version)))
}

/// `poetry.lock`: a name on one line, its version on the next.
fn poetry_lock(content: &str, source: SourceId) -> Manifest {
    let mut manifest = Manifest::default();
    let value = |line: &str, key: &str| {
        let behind = line.strip_prefix(key)?.trim_start().strip_prefix('=')?;
        Some(behind.trim().trim_matches('"').to_owned())
    };
    for line in crate::text::lines(source, content.as_bytes()) {
        if let Some(name) = value(&line.text, "name") {
            manifest.packages.push(Package {
                name: name.to_ascii_lowercase().replace('_', "-"),
                version: None,
            });
        } else if let (Some(version), Some(package)) =
            (value(&line.text, "version"), manifest.packages.last_mut())
        {
            package.version = sourced(exact(&version), line.at);
        }
    }
    manifest
}

/// `go.mod`: the module's name, Go's version, what is required.
fn go_mod(content: &str, source: SourceId) -> Manifest {
    let mut manifest = Manifest::default();
    for line in crate::text::lines(source, content.as_bytes()) {
        let text = line.text.strip_prefix("require ").unwrap_or(&line.text);
        let mut words = text.split_whitespace();
        match (words.next(), words.next()) {
            (Some("module"), Some(name)) => {
                manifest.name = name.rsplit('/').next().map(str::to_owned);
            }
            (Some("go"), Some(version)) => {
                manifest.runtime = sourced(exact(version), line.at);
            }
            (Some(name), Some(version)) if version.starts_with('v') => {
                manifest.packages.push(Package {
                    name: name.to_owned(),
                    version: sourced(exact(version), line.at),
                });
            }
            _ => {}
        }
    }
    manifest
}

#[cfg(test)]
mod tests {
    use super::read;
    use crate::Text;
    use ww_base::{Locus, SourceId};

    fn told(path: &str, content: &str) -> Vec<String> {
        let text = Text {
            source: SourceId(0),
            path,
            device: "",
            bytes: content.as_bytes(),
        };
        let manifest = read(&text);
        assert_eq!(manifest.problem, None);
        let packages = manifest.packages.into_iter();
        packages
            .map(|package| match package.version {
                Some(version) => {
                    let Locus::Text(at) = version.at else {
                        panic!("{version:?}");
                    };
                    let place = content.get(at.start as usize..at.end as usize).unwrap();
                    format!("{} {} at {place}", package.name, version.value)
                }
                None => package.name,
            })
            .collect()
    }

    #[test]
    fn packages_have_the_version_that_is_written_exactly() {
        let text = "{\"dependencies\": {\"express\": \"^4.18.0\", \"pg\": \"8.11.0\"}}";
        let wanted = ["express", "pg 8.11.0 at \"pg\": \"8.11.0\""];
        assert_eq!(told("package.json", text), wanted);
        let text = "Flask[async]==2.0.1 ; x\n# no\nrequests>=2\n-r base.txt\n";
        let wanted = ["flask 2.0.1 at Flask[async]==2.0.1 ; x", "requests"];
        let found = told("requirements.txt", text);
        assert_eq!(found[..2], wanted);
        let text = "[[package]]\nname = \"gunicorn\"\nversion = \"20.1.0\"\n";
        let wanted = ["gunicorn 20.1.0 at version = \"20.1.0\""];
        assert_eq!(told("poetry.lock", text), wanted);
        let text = "GEM\n  specs:\n    puma (6.4.0)\n      nio4r (~> 2.0)\n";
        let wanted = ["puma 6.4.0 at puma (6.4.0)", "nio4r"];
        assert_eq!(told("Gemfile.lock", text), wanted);
        let text = "module example.com/shop\n\ngo 1.21\nrequire (\n\tgorm.io/gorm v1.25.0\n)\n";
        assert_eq!(
            told("go.mod", text),
            ["gorm.io/gorm 1.25.0 at gorm.io/gorm v1.25.0"]
        );
    }

    #[test]
    fn what_is_no_json_has_its_place() {
        let text = Text {
            source: SourceId(0),
            path: "package.json",
            device: "",
            bytes: b"{\"a\": }",
        };
        let (message, at) = read(&text).problem.unwrap();
        assert!(message.starts_with("not JSON"), "{message}");
        assert_eq!(at.start, 7);
    }
}
