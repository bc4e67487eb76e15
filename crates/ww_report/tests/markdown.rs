//! The report as Markdown holds what the report as text holds.

mod sample;

use ww_report::markdown::render;

#[test]
fn every_finding_has_a_section_with_its_places_and_all_fixes() {
    let consultation = sample::full();
    let text = render(&consultation, &sample::sources(&consultation.inputs));
    assert!(text.starts_with("# "), "{text}");
    for (number, finding) in (1..).zip(&consultation.findings) {
        let heading = format!("\n## F{number} {}: ", finding.severity);
        let section = text.split(&heading).nth(1).expect("a section");
        let section = section.split("\n## ").next().expect("its body");
        let shown = section.matches("\n- ").count();
        assert!(shown >= finding.exhibits.len(), "{section}");
        let last = format!("\n{}. ", finding.fixes.len());
        assert!(
            finding.fixes.is_empty() || section.contains(&last),
            "{section}"
        );
    }
    assert!(text.contains("\n## Not judged\n"), "{text}");
    assert!(text.contains(":3`"), "{text}");
}
