//! What pages promise and tools say.

use super::*;
use crate::page::tests::PAGE;

/// A tool that finds `a-rule` in every capture of two frames or more.
fn tool(frames: Option<(u64, u64)>) -> impl Fn(Example<'_>) -> Diagnosis {
    move |example| {
        let Example::Capture(pcap) = example else {
            return Diagnosis::default();
        };
        let fires = pcap.len() >= 24 + 2 * (16 + 54);
        let found = Found {
            rule: "a-rule".to_owned(),
            place: frames.map(|(first, last)| Place {
                file: None,
                first,
                last,
            }),
        };
        Diagnosis {
            found: if fires { vec![found] } else { Vec::new() },
            text: "a-rule at 2  \n\n".to_owned(),
        }
    }
}

fn messages(markdown: &str, tool: &dyn Fn(Example<'_>) -> Diagnosis) -> Vec<String> {
    let page = parse(markdown).unwrap();
    run_page(Path::new("a_rule.md"), &page, Outputs::Compare, tool)
        .iter()
        .map(Failure::to_string)
        .collect()
}

#[test]
fn a_tool_that_keeps_every_promise_passes() {
    assert_eq!(messages(PAGE, &tool(Some((1, 2)))), [""; 0]);
}

#[test]
fn every_broken_promise_is_reported_with_its_line() {
    let elsewhere = messages(PAGE, &tool(Some((1, 1))));
    assert_eq!(
        elsewhere,
        ["a_rule.md:13: `a-rule` must point to frame or step 2, but points to frame or step 1"]
    );

    let mute = messages(PAGE, &|_| Diagnosis::default());
    assert_eq!(
        mute[0],
        "a_rule.md:13: `a-rule` must fire here; found: nothing"
    );
    assert!(mute[1].starts_with("a_rule.md:19: the tool prints something else"));

    let noisy = PAGE.replace("0 > S\n```\n## Fix", "0 > S\n+1 > S\n```\n## Fix");
    let noisy = messages(&noisy, &tool(Some((2, 2))));
    assert_eq!(
        noisy,
        ["a_rule.md:23: `a-rule` must be silent here, but points to frame or step 2"]
    );

    let broken = messages(&PAGE.replace("+1ms < R.", "+1ms < Q."), &tool(Some((2, 2))));
    assert!(
        broken[0].starts_with("a_rule.md:17: `Q.` are no flags"),
        "{broken:?}"
    );
}

#[test]
fn files_that_follow_one_another_are_one_example() {
    let file = |name: &str, text: &str| format!("```conf file={name}\n{text}```\n");
    let fires = file("a.conf", "one\ntwo  # finds\n") + &file("b.conf", "three\n");
    let silent = file("a.conf", "one\n") + &file("a.conf", "four\n");
    let (head, rest) = PAGE.split_once("```capture").unwrap();
    let (_, tail) = rest.split_once("## Fix").unwrap();
    let page = format!("{head}{fires}### Silent\n{silent}## Fix{tail}");
    let seen = std::cell::RefCell::new(Vec::new());
    let found = messages(&page, &|example| {
        let Example::Files(files) = example else {
            return Diagnosis::default();
        };
        seen.borrow_mut().push(files.to_vec());
        let two = files.iter().find(|(_, text)| text.contains("two"));
        let found = two.map(|(file, _)| Found {
            rule: "a-rule".to_owned(),
            place: Some(Place {
                file: Some(file.clone()),
                first: 2,
                last: 2,
            }),
        });
        Diagnosis {
            found: found.into_iter().collect(),
            text: String::new(),
        }
    });
    assert_eq!(found, [""; 0]);
    let names = |files: &[(String, String)]| files.iter().map(|f| f.0.clone()).collect();
    let seen: Vec<Vec<String>> = seen.borrow().iter().map(|files| names(files)).collect();
    assert_eq!(
        seen,
        [vec!["a.conf", "b.conf"], vec!["a.conf"], vec!["a.conf"]]
    );
}

#[test]
fn findings_about_the_whole_capture_need_no_mark() {
    let unmarked = PAGE.replace("# finds", "");
    assert_eq!(messages(&unmarked, &tool(None)), [""; 0]);
    assert!(messages(&unmarked, &tool(Some((2, 2))))[0].contains("no line is marked"));
}

#[test]
#[expect(clippy::disallowed_methods, reason = "rewriting is about files")]
fn outputs_are_rewritten_in_place() {
    let folder = std::env::temp_dir().join(format!("wirewise-pages-{}", std::process::id()));
    let file = folder.join("a_rule.md");
    std::fs::create_dir_all(&folder).unwrap();
    for stale in ["a-rule at 7\nand more\n", ""] {
        std::fs::write(&file, PAGE.replace("a-rule at 2\n", stale)).unwrap();
        let before = run_pages(&folder, Outputs::Compare, &tool(Some((2, 2))));
        assert_eq!(before.len(), 1);
        assert_eq!(
            run_pages(&folder, Outputs::Rewrite, &tool(Some((2, 2)))),
            []
        );
        assert_eq!(std::fs::read_to_string(&file).unwrap(), PAGE);
    }
    std::fs::remove_dir_all(&folder).unwrap();
    assert!(
        run_pages(&folder, Outputs::Compare, &tool(None))[0]
            .message
            .contains("no page")
    );
}
