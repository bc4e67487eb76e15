//! SARIF 2.1.0, for code review: the whole catalogue of rules, and a result for every finding.

use crate::Sources;
use crate::json::{Tool, document};
use serde::Serialize;
use std::collections::BTreeSet;
use ww_base::{Locus, SourceSpan};
use ww_finding::{Consultation, Exhibit, Finding, Fix, RuleMeta, Severity};

/// The report as indented JSON, ending with a newline.
///
/// # Errors
/// When a value cannot be serialised, which no value of these types can cause.
pub fn render(
    consultation: &Consultation,
    sources: &Sources<'_>,
    rules: &[&RuleMeta],
) -> serde_json::Result<String> {
    let results = consultation.findings.iter();
    document(&Log {
        schema: "https://json.schemastore.org/sarif-2.1.0.json",
        version: "2.1.0",
        runs: [Run {
            tool: Driven {
                driver: Driver {
                    name: Tool::THIS.name,
                    version: Tool::THIS.version,
                    rules: rules.iter().map(|rule| Descriptor::new(rule)).collect(),
                },
            },
            column_kind: "unicodeCodePoints",
            results: results
                .map(|finding| Outcome::new(finding, sources, rules))
                .collect(),
        }],
    })
}

#[derive(Serialize)]
struct Log<'a> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Run<'a> {
    tool: Driven<'a>,
    column_kind: &'static str,
    results: Vec<Outcome<'a>>,
}

#[derive(Serialize)]
struct Driven<'a> {
    driver: Driver<'a>,
}

#[derive(Serialize)]
struct Driver<'a> {
    name: &'static str,
    version: &'static str,
    rules: Vec<Descriptor<'a>>,
}

#[derive(Serialize)]
struct Words<'a> {
    text: &'a str,
}

#[derive(Serialize)]
struct Help<'a> {
    text: &'a str,
    markdown: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor<'a> {
    id: &'a str,
    short_description: Words<'a>,
    help: Help<'a>,
    default_configuration: Configuration,
    properties: Properties<'a>,
}

#[derive(Serialize)]
struct Configuration {
    level: &'static str,
}

#[derive(Serialize)]
struct Properties<'a> {
    tags: BTreeSet<&'a str>,
}

impl<'a> Descriptor<'a> {
    fn new(rule: &'a RuleMeta) -> Descriptor<'a> {
        Descriptor {
            id: rule.name,
            short_description: Words { text: rule.summary },
            help: Help {
                text: rule.summary,
                markdown: (rule.page)(),
            },
            default_configuration: Configuration {
                level: level(rule.severity),
            },
            properties: Properties {
                tags: BTreeSet::from([rule.family, rule.class.word(), rule.layer.word()]),
            },
        }
    }
}

/// SARIF knows three levels that matter.
fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low | Severity::Info => "note",
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Outcome<'a> {
    rule_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule_index: Option<usize>,
    level: &'static str,
    message: Owned,
    locations: Vec<Location<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    related_locations: Vec<Location<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    fixes: Vec<Repair<'a>>,
}

#[derive(Serialize)]
struct Owned {
    text: String,
}

impl<'a> Outcome<'a> {
    fn new(finding: &'a Finding, sources: &Sources<'a>, rules: &[&RuleMeta]) -> Outcome<'a> {
        let locations: Vec<Location<'a>> = finding
            .exhibits
            .iter()
            .filter_map(|exhibit| Location::new(exhibit, sources))
            .collect();
        let mut locations = locations.into_iter();
        let advice: Vec<&str> = finding.fixes.iter().map(|fix| fix.title.as_str()).collect();
        let fixes = finding.fixes.iter();
        Outcome {
            rule_id: finding.rule,
            rule_index: rules.iter().position(|rule| rule.name == finding.rule),
            level: level(finding.severity),
            message: Owned {
                text: [&[finding.headline.as_str()], advice.as_slice()]
                    .concat()
                    .join(". "),
            },
            locations: locations.next().into_iter().collect(),
            related_locations: locations.collect(),
            fixes: fixes.filter_map(|fix| Repair::new(fix, sources)).collect(),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Location<'a> {
    physical_location: Physical<'a>,
    message: Words<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Physical<'a> {
    artifact_location: Artifact<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<Region>,
}

#[derive(Serialize)]
struct Artifact<'a> {
    uri: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Region {
    start_line: u32,
    start_column: u32,
    end_line: u32,
    end_column: u32,
}

impl Region {
    fn new(span: SourceSpan, sources: &Sources<'_>) -> Option<Region> {
        let range = sources.range(span)?;
        Some(Region {
            start_line: range.line,
            start_column: range.column,
            end_line: range.end_line,
            end_column: range.end_column,
        })
    }
}

impl<'a> Location<'a> {
    fn new(exhibit: &'a Exhibit, sources: &Sources<'a>) -> Option<Location<'a>> {
        let (source, region) = match &exhibit.at {
            Locus::Text(span) => (span.source, Region::new(*span, sources)),
            Locus::Frames(frames) => (frames.source, None),
            Locus::Whole(source) | Locus::Probe { source, .. } => (*source, None),
            Locus::Assumed { .. } => return None,
        };
        Some(Location {
            physical_location: Physical {
                artifact_location: Artifact {
                    uri: sources.path(source),
                },
                region,
            },
            message: Words {
                text: &exhibit.says,
            },
        })
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Repair<'a> {
    description: Words<'a>,
    artifact_changes: Vec<ArtifactChange<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ArtifactChange<'a> {
    artifact_location: Artifact<'a>,
    replacements: [Replacement<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Replacement<'a> {
    deleted_region: Region,
    inserted_content: Words<'a>,
}

impl<'a> Repair<'a> {
    /// A fix with edits; one that only a person can do is part of the message.
    fn new(fix: &'a Fix, sources: &Sources<'a>) -> Option<Repair<'a>> {
        let changes: Vec<ArtifactChange<'a>> = fix
            .edits
            .iter()
            .filter_map(|edit| {
                Some(ArtifactChange {
                    artifact_location: Artifact {
                        uri: sources.path(edit.span.source),
                    },
                    replacements: [Replacement {
                        deleted_region: Region::new(edit.span, sources)?,
                        inserted_content: Words {
                            text: &edit.replace_with,
                        },
                    }],
                })
            })
            .collect();
        (!changes.is_empty()).then_some(Repair {
            description: Words { text: &fix.title },
            artifact_changes: changes,
        })
    }
}
