//! The map of a network: as a tree of text, as JSON, and as graphs.

use crate::Style;
use crate::json::{SCHEMA_VERSION, Tool, document};
use crate::sheet::{Sheet, Tone};
use serde::Serialize;
use std::fmt::Write as _;
use ww_reach::map::{Link, Map, ZoneKind};

/// Members shown per zone; JSON and graphs have all.
const MEMBERS: usize = 24;

/// Zones with their members and what leads out of them.
pub fn text(map: &Map, style: Style) -> String {
    let mut sheet = Sheet::new(style);
    for (index, zone) in map.zones.iter().enumerate() {
        sheet.gap();
        let title = format!("{} {}", zone.kind.word(), zone.name);
        let title = match zone.kind {
            ZoneKind::Outside => zone.name.clone(),
            _ => title,
        };
        sheet.hanging(
            &[(0, Tone::Bold, &title)],
            title.chars().count() + 2,
            Tone::Dim,
            &zone.boundary,
        );
        for (name, remark) in zone.members.iter().take(MEMBERS) {
            sheet.hanging(
                &[(2, Tone::Dim, "├"), (4, Tone::Plain, name)],
                6 + name.chars().count(),
                Tone::Dim,
                remark,
            );
        }
        if zone.members.len() > MEMBERS {
            let more = format!("and {} more", zone.members.len() - MEMBERS);
            sheet.paragraph(4, Tone::Dim, &more);
        }
        for link in map.links.iter().filter(|link| link.from == index) {
            let target = map
                .zones
                .get(link.to)
                .map_or("?", |zone| zone.name.as_str());
            let target = if link.to == index { "itself" } else { target };
            let text = format!("{target}{}: {}", counted(link), link.with);
            sheet.hanging(&[(2, Tone::Cyan, "→")], 4, Tone::Plain, &text);
        }
    }
    sheet.finish()
}

fn counted(link: &Link) -> String {
    match link.pairs {
        Some((from, to)) => format!(" ({from} to {to})"),
        None => String::new(),
    }
}

#[derive(Serialize)]
struct MapEntry<'a> {
    schema_version: u32,
    tool: Tool,
    zones: Vec<ZoneEntry<'a>>,
    links: Vec<LinkEntry<'a>>,
}

#[derive(Serialize)]
struct ZoneEntry<'a> {
    name: &'a str,
    kind: &'static str,
    boundary: &'a str,
    members: Vec<MemberEntry<'a>>,
}

#[derive(Serialize)]
struct MemberEntry<'a> {
    name: &'a str,
    remark: &'a str,
}

#[derive(Serialize)]
struct LinkEntry<'a> {
    from: usize,
    to: usize,
    with: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    from_members: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to_members: Option<usize>,
}

/// The map as JSON; links name zones by index.
///
/// # Errors
/// When a value cannot be serialised, which no value of these types can cause.
pub fn json(map: &Map) -> serde_json::Result<String> {
    let zones = map.zones.iter().map(|zone| ZoneEntry {
        name: &zone.name,
        kind: zone.kind.word(),
        boundary: &zone.boundary,
        members: zone
            .members
            .iter()
            .map(|(name, remark)| MemberEntry { name, remark })
            .collect(),
    });
    let links = map.links.iter().map(|link| LinkEntry {
        from: link.from,
        to: link.to,
        with: &link.with,
        from_members: link.pairs.map(|(from, _)| from),
        to_members: link.pairs.map(|(_, to)| to),
    });
    document(&MapEntry {
        schema_version: SCHEMA_VERSION,
        tool: Tool::THIS,
        zones: zones.collect(),
        links: links.collect(),
    })
}

/// The map as a Mermaid flowchart: a subgraph per zone.
pub fn mermaid(map: &Map) -> String {
    let mut out = "flowchart LR\n".to_owned();
    for (index, zone) in map.zones.iter().enumerate() {
        let label = mermaid_text(&format!("{} ({})", zone.name, zone.kind.word()));
        let _ = writeln!(out, "  subgraph z{index}[\"{label}\"]");
        for (nth, (name, _)) in zone.members.iter().enumerate() {
            let _ = writeln!(out, "    z{index}m{nth}[\"{}\"]", mermaid_text(name));
        }
        if zone.members.is_empty() {
            let _ = writeln!(out, "    z{index}m0((\" \"))");
        }
        out.push_str("  end\n");
    }
    for link in &map.links {
        let label = mermaid_text(&link.with);
        let _ = writeln!(out, "  z{} -->|\"{label}\"| z{}", link.from, link.to);
    }
    out
}

/// Quotes would end the label, and some characters are Mermaid's own.
fn mermaid_text(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('"', "&quot;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// The map in the language of Graphviz: a cluster per zone.
pub fn dot(map: &Map) -> String {
    let mut out = "digraph map {\n  compound=true;\n  node [shape=box];\n".to_owned();
    for (index, zone) in map.zones.iter().enumerate() {
        let label = dot_text(&format!("{} ({})", zone.name, zone.kind.word()));
        let _ = writeln!(out, "  subgraph cluster_{index} {{\n    label=\"{label}\";");
        for (nth, (name, _)) in zone.members.iter().enumerate() {
            let _ = writeln!(out, "    z{index}m{nth} [label=\"{}\"];", dot_text(name));
        }
        if zone.members.is_empty() {
            let _ = writeln!(out, "    z{index}m0 [label=\"\", shape=point];");
        }
        out.push_str("  }\n");
    }
    for link in &map.links {
        let _ = writeln!(
            out,
            "  z{0}m0 -> z{1}m0 [ltail=cluster_{0}, lhead=cluster_{1}, label=\"{2}\"];",
            link.from,
            link.to,
            dot_text(&link.with)
        );
    }
    out.push_str("}\n");
    out
}

fn dot_text(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

#[cfg(test)]
mod tests {
    use super::*;
    use ww_reach::map::Zone;

    fn map() -> Map {
        let zone = |name: &str, kind, members: &[(&str, &str)]| Zone {
            name: name.to_owned(),
            kind,
            boundary: "open".to_owned(),
            members: members
                .iter()
                .map(|(name, remark)| ((*name).to_owned(), (*remark).to_owned()))
                .collect(),
        };
        Map {
            zones: vec![
                zone(
                    "shop",
                    ZoneKind::Namespace,
                    &[("Pod \"api\"", "guarded inward")],
                ),
                zone("outside the cluster", ZoneKind::Outside, &[]),
            ],
            links: vec![Link {
                from: 1,
                to: 0,
                with: "TCP 443".to_owned(),
                pairs: Some((1, 1)),
            }],
        }
    }

    #[test]
    fn a_map_reads_well_in_every_form() {
        assert_eq!(
            text(&map(), Style::default()),
            "namespace shop  open\n  ├ Pod \"api\"  guarded inward\n\noutside the cluster  open\n  \
             → shop (1 to 1): TCP 443\n"
        );
        let mermaid = mermaid(&map());
        assert!(
            mermaid.contains("    z0m0[\"Pod &quot;api&quot;\"]\n"),
            "{mermaid}"
        );
        assert!(mermaid.ends_with("  z1 -->|\"TCP 443\"| z0\n"), "{mermaid}");
        let dot = dot(&map());
        assert!(dot.contains("z0m0 [label=\"Pod \\\"api\\\"\"];"), "{dot}");
        assert!(
            json(&map())
                .expect("plain data")
                .contains("\"from_members\": 1")
        );
    }
}
