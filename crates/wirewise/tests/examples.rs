//! The captures in `examples` are made from the texts beside them. `UPDATE=1` makes them again.
#![expect(
    clippy::disallowed_methods,
    reason = "tests read files; where that fails, they fail"
)]

use std::path::Path;

#[test]
fn every_example_is_what_its_text_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let mut checked = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let text = entry.unwrap().path();
        if text.extension().is_some_and(|end| end == "capture") {
            let source = std::fs::read_to_string(&text).unwrap();
            let compiled = ww_testkit::capture_text::compile(&source).unwrap().pcap;
            let pcap = text.with_extension("pcap");
            if std::env::var_os("UPDATE").is_some() {
                std::fs::write(&pcap, &compiled).unwrap();
            }
            assert!(
                std::fs::read(&pcap).unwrap() == compiled,
                "{}",
                pcap.display()
            );
            checked += 1;
        }
    }
    assert!(checked > 0, "there are no examples");
}
