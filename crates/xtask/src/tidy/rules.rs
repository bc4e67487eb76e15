//! A rule is one file with its page beside it, named alike, and listed once.

use super::{Complaint, Tree};

const RULES: &str = "crates/ww_rules/src/";
const CATALOGUE: &str = "crates/ww_rules/src/catalogue.rs";

/// What a file that declares a rule holds.
const DECLARATION: &str = "rule! {";

/// Checks the rules' folders.
pub(super) fn check(tree: &Tree) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    let catalogue = tree.0.get(CATALOGUE).map_or("", String::as_str);
    for (path, text) in tree.files(RULES, ".rs") {
        if let Some((family, name)) = family_and_name(path, ".rs")
            && let Some(line) = declaration_line(text)
        {
            complaints.extend(check_rule(
                tree,
                catalogue,
                (path, text, line),
                (family, name),
            ));
        }
    }
    for (path, _) in tree.files(RULES, ".md") {
        let source = format!("{}.rs", path.trim_end_matches(".md"));
        let declares = tree
            .0
            .get(&source)
            .is_some_and(|text| declaration_line(text).is_some());
        if !declares {
            complaints.push(Complaint::new(
                path,
                0,
                format!("no rule is declared in {source}"),
            ));
        }
    }
    complaints
}

/// The line on which a file declares its rule.
fn declaration_line(text: &str) -> Option<usize> {
    text.lines()
        .position(|line| line.trim_end() == DECLARATION)
        .map(|index| index + 1)
}

/// `tcp` and `packet_loss` of `crates/ww_rules/src/tcp/packet_loss.rs`.
fn family_and_name<'a>(path: &'a str, end: &str) -> Option<(&'a str, &'a str)> {
    path.strip_prefix(RULES)?.strip_suffix(end)?.split_once('/')
}

fn check_rule(
    tree: &Tree,
    catalogue: &str,
    (path, text, line): (&str, &str, usize),
    (family, name): (&str, &str),
) -> Vec<Complaint> {
    let page = format!("{}.md", path.trim_end_matches(".rs"));
    let file = name.rsplit('/').next().unwrap_or(name);
    let is_snake = file
        .chars()
        .all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_');
    let listed = format!("{family}::{name}::RULE");
    let is_listed = catalogue
        .split(|letter: char| !(letter.is_alphanumeric() || letter == '_' || letter == ':'))
        .any(|word| word.trim_start_matches("crate::") == listed);
    let expected = [
        (
            !name.contains('/'),
            "rules stand directly in their family's folder".to_owned(),
        ),
        (
            is_snake,
            "the file is named after its rule, in snake_case".to_owned(),
        ),
        (
            tree.0.contains_key(&page),
            format!("its page {page} is missing"),
        ),
        (
            text.contains(&format!("name: \"{}\",", file.replace('_', "-"))),
            format!(
                "the rule of this file is named `{}`",
                file.replace('_', "-")
            ),
        ),
        (
            text.contains(&format!("family: \"{family}\",")),
            format!("the rule's family is `{family}`"),
        ),
        (
            text.contains(&format!("page: \"{file}.md\",")),
            format!("the rule's page is `{file}.md`"),
        ),
        (
            is_listed,
            format!("the rule is not listed: add `&{listed}` to {CATALOGUE}"),
        ),
    ];
    expected
        .into_iter()
        .filter(|(holds, _)| !holds)
        .map(|(_, message)| Complaint::new(path, line, message))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{said, tree};
    use super::*;

    const RULE: &str = "rule! {\n    name: \"packet-loss\",\n    family: \"tcp\",\n    page: \"packet_loss.md\",\n}\n";
    const FILE: &str = "crates/ww_rules/src/tcp/packet_loss.rs";
    const PAGE: (&str, &str) = ("crates/ww_rules/src/tcp/packet_loss.md", "# packet-loss");
    const LISTED: (&str, &str) = (CATALOGUE, "&[&tcp::packet_loss::RULE]");

    #[test]
    fn a_rule_with_page_and_place_in_the_list_is_tidy() {
        let helper = ("crates/ww_rules/src/tcp/shared.rs", "fn help() {}\n");
        assert_eq!(
            said(&check(&tree(&[(FILE, RULE), PAGE, LISTED, helper]))),
            [""; 0]
        );
    }

    #[test]
    fn what_is_missing_is_named() {
        let lonely = said(&check(&tree(&[(FILE, RULE)])));
        assert_eq!(lonely.len(), 2, "{lonely:?}");
        assert!(lonely[0].ends_with("packet_loss.md is missing"));
        assert!(lonely[1].contains("add `&tcp::packet_loss::RULE`"));
        let orphan = said(&check(&tree(&[PAGE])));
        assert!(orphan[0].contains("no rule is declared"));
        let other = RULE
            .replace("packet-loss", "loss")
            .replace("\"tcp\"", "\"ip\"");
        let other = said(&check(&tree(&[(FILE, &other), PAGE, LISTED])));
        assert_eq!(other.len(), 2, "{other:?}");
        let listed = (
            "crates/ww_rules/src/catalogue.rs",
            "&tcp::old_packet_loss::RULE",
        );
        assert_eq!(check(&tree(&[(FILE, RULE), PAGE, listed])).len(), 1);
    }
}
