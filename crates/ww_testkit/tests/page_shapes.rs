//! Every rule's page has the shape of a page, and every capture on it compiles.

#![expect(clippy::disallowed_methods, reason = "pages are files of the project")]

use std::path::Path;

use ww_testkit::{capture_text, page};

#[test]
fn every_page_is_a_page_and_its_captures_compile() {
    let rules = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("ww_rules/src");
    let pages = page::pages_below(&rules);
    assert!(!pages.is_empty(), "no page below {}", rules.display());
    let mut complaints = Vec::new();
    for path in pages {
        let mut complain = |line: usize, message: String| {
            complaints.push(format!("{}:{line}: {message}", path.display()));
        };
        match page::parse(&std::fs::read_to_string(&path).unwrap()) {
            Err(error) => complain(error.line, error.message),
            Ok(page) => page
                .fences
                .iter()
                .filter(|fence| fence.kind == "capture")
                .filter_map(|fence| Some((fence.line, capture_text::compile(&fence.text).err()?)))
                .for_each(|(line, error)| complain(line + error.line, error.message)),
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[test]
fn the_page_of_a_new_rule_is_a_page() {
    let template = include_str!("../../xtask/src/new_rule/page.md.template");
    let page = page::parse(&template.replace("@name", "a-rule")).unwrap();
    for fence in page.fences {
        assert!(capture_text::compile(&fence.text).unwrap().frames > 0);
    }
}
