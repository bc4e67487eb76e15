//! Who reaches whom, as a list, as CSV and as a graph.

use super::text::some_members;
use crate::Style;
use crate::sheet::{Sheet, Tone};
use std::fmt::Write as _;
use ww_reach::answer::Matrix;

/// The groups with their members, then a line per edge.
pub fn text(matrix: &Matrix, style: Style) -> String {
    let mut sheet = Sheet::new(style);
    sheet.paragraph(0, Tone::Bold, "Groups that behave alike");
    for (index, members) in matrix.groups.iter().enumerate() {
        let name = name(index);
        sheet.hanging(
            &[(2, Tone::Cyan, &name)],
            6,
            Tone::Plain,
            &some_members(members),
        );
    }
    sheet.gap();
    sheet.paragraph(0, Tone::Bold, "Who reaches whom");
    if matrix.edges.is_empty() {
        sheet.paragraph(2, Tone::Plain, "nobody reaches anybody");
    }
    for edge in &matrix.edges {
        let ends = format!("{} → {}", name(edge.from), name(edge.to));
        sheet.hanging(&[(2, Tone::Cyan, &ends)], 14, Tone::Plain, &edge.with);
    }
    sheet.finish()
}

/// A group's short name: A to Z, then A2 and so on.
fn name(index: usize) -> String {
    let letter = char::from(b'A' + (index % 26) as u8);
    match index / 26 {
        0 => letter.to_string(),
        round => format!("{letter}{}", round + 1),
    }
}

/// One line per edge: source members, destination members, connections (RFC 4180).
pub fn csv(matrix: &Matrix) -> String {
    let mut text = "from,to,with\r\n".to_owned();
    let members = |index: usize| {
        matrix
            .groups
            .get(index)
            .map_or(String::new(), |all| all.join(" "))
    };
    for edge in &matrix.edges {
        let cells = [members(edge.from), members(edge.to), edge.with.clone()];
        let cells: Vec<String> = cells.iter().map(|cell| quoted(cell)).collect();
        text.push_str(&cells.join(","));
        text.push_str("\r\n");
    }
    text
}

fn quoted(cell: &str) -> String {
    if cell.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell.to_owned()
    }
}

/// The graph in the language of Graphviz.
pub fn dot(matrix: &Matrix) -> String {
    let mut text = "digraph reach {\n  node [shape=box];\n".to_owned();
    for (index, members) in matrix.groups.iter().enumerate() {
        let label = escaped(&members.join("\n"));
        let _ = writeln!(text, "  g{index} [label=\"{label}\"];");
    }
    for edge in &matrix.edges {
        let label = escaped(&edge.with);
        let _ = writeln!(
            text,
            "  g{} -> g{} [label=\"{label}\"];",
            edge.from, edge.to
        );
    }
    text.push_str("}\n");
    text
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use ww_reach::answer::Edge;

    fn matrix() -> Matrix {
        Matrix {
            groups: vec![
                vec!["shop/api".into(), "shop/web".into()],
                vec!["shop/db \"main\"".into()],
            ],
            edges: vec![Edge {
                from: 0,
                to: 1,
                with: "TCP 5432,5433".into(),
            }],
        }
    }

    #[test]
    fn a_matrix_is_readable_in_every_form() {
        assert_eq!(
            text(&matrix(), Style::default()),
            "Groups that behave alike\n  A   shop/api, shop/web\n  B   shop/db \"main\"\n\n\
             Who reaches whom\n  A → B       TCP 5432,5433\n"
        );
        assert_eq!(
            csv(&matrix()),
            "from,to,with\r\nshop/api shop/web,\"shop/db \"\"main\"\"\",\"TCP 5432,5433\"\r\n"
        );
        assert_eq!(
            dot(&matrix()),
            "digraph reach {\n  node [shape=box];\n  g0 [label=\"shop/api\\nshop/web\"];\n  \
             g1 [label=\"shop/db \\\"main\\\"\"];\n  g0 -> g1 [label=\"TCP 5432,5433\"];\n}\n"
        );
    }
}
