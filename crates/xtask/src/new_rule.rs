//! `cargo xtask new-rule FAMILY NAME`: a rule's file and page, ready to be filled in.

use std::path::Path;
use std::process::ExitCode;

use crate::tidy::root;

const RULES: &str = "crates/ww_rules/src";

/// Writes the two files of a new rule and says which lines make it known.
#[expect(
    clippy::disallowed_methods,
    reason = "the chore writes files of the project"
)]
pub(crate) fn run(args: &[String]) -> ExitCode {
    let [family, name] = args else {
        eprintln!(
            "usage: cargo xtask new-rule FAMILY NAME, such as: cargo xtask new-rule tcp packet-loss"
        );
        return ExitCode::from(2);
    };
    let written = templates(family, name).and_then(|files| {
        let paths = files.iter().map(|(path, _)| path.as_str());
        if let Some(known) = paths.clone().find(|path| root().join(path).exists()) {
            return Err(format!("{known} exists"));
        }
        let folder = Path::new(RULES).join(family);
        if !root().join(&folder).is_dir() {
            return Err(format!(
                "there is no family `{family}`: {} is missing",
                folder.display()
            ));
        }
        files.iter().try_for_each(|(path, text)| {
            std::fs::write(root().join(path), text).map_err(|error| format!("{path}: {error}"))
        })?;
        Ok(paths.map(str::to_owned).collect::<Vec<_>>())
    });
    match written {
        Ok(paths) => {
            let file = name.replace('-', "_");
            println!("wrote {}", paths.join(" and "));
            println!("add to {RULES}/{family}/mod.rs:  pub(crate) mod {file};");
            println!("add to {RULES}/catalogue.rs, in order:  &{family}::{file}::RULE,");
            ExitCode::SUCCESS
        }
        Err(message) => {
            eprintln!("{message}");
            ExitCode::from(4)
        }
    }
}

/// The paths and texts of a rule's file and page.
fn templates(family: &str, name: &str) -> Result<[(String, String); 2], String> {
    for word in [family, name] {
        let is_word = word.starts_with(|letter: char| letter.is_ascii_lowercase())
            && word.chars().all(|letter| {
                letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-'
            });
        if !is_word {
            return Err(format!(
                "`{word}` is no name: write lower case and hyphens, such as packet-loss"
            ));
        }
    }
    let file = name.replace('-', "_");
    let fill = |template: &str| {
        template
            .replace("@family", family)
            .replace("@name", name)
            .replace("@file", &file)
    };
    Ok([
        (
            format!("{RULES}/{family}/{file}.rs"),
            fill(include_str!("new_rule/rule.rs.template")),
        ),
        (
            format!("{RULES}/{family}/{file}.md"),
            fill(include_str!("new_rule/page.md.template")),
        ),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_carry_the_names() {
        let [(source, rule), (page, words)] = templates("tcp", "packet-loss").unwrap();
        assert_eq!(source, "crates/ww_rules/src/tcp/packet_loss.rs");
        assert_eq!(page, "crates/ww_rules/src/tcp/packet_loss.md");
        assert!(rule.contains("name: \"packet-loss\",\n    family: \"tcp\","));
        assert!(rule.contains("page: \"packet_loss.md\","));
        assert!(words.starts_with("# packet-loss\n"));
        assert!(!rule.contains('@') && !words.contains('@'));
    }

    #[test]
    fn names_are_kebab_case() {
        for name in ["Packet", "packet_loss", "", "9lives", "../x"] {
            assert!(templates("tcp", name).is_err(), "{name}");
        }
    }
}
