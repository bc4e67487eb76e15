//! `weak-cipher-suites`: suites are allowed that protect nothing, or that can be broken.

use crate::declared::at;
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use std::collections::BTreeSet;
use ww_finding::{Severity, Support};
use ww_model::service::Program;

rule! {
    name: "weak-cipher-suites",
    family: "tls_config",
    layer: Tls,
    class: Security,
    severity: Medium,
    owner: Configuration,
    summary: "Suites with NULL, EXPORT, RC4, DES, MD5 or without authentication are allowed by name",
    needs: [Programs],
    explains: [],
    page: "weak_cipher_suites.md",
    check: check,
}

/// What makes a suite weak, as OpenSSL and RFCs write it within names of suites, and why; and whether
/// it is open to anybody on the way.
const WEAK: [(&str, &str, bool); 9] = [
    ("NULL", "encrypts nothing", true),
    ("ENULL", "encrypts nothing", true),
    ("ANULL", "authenticates nobody", true),
    ("ADH", "authenticates nobody", true),
    ("AECDH", "authenticates nobody", true),
    ("EXP", "has keys of 40 or 56 bits", true),
    ("RC4", "is forbidden by RFC 7465", false),
    (
        "DES",
        "is broken (56 bits) or has blocks of 64 bits (SWEET32)",
        false,
    ),
    ("MD5", "authenticates with MD5", false),
];

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let mut told = BTreeSet::new();
    for program in &declared.model.services.programs {
        for listener in &program.listeners {
            let suites = listener.tls.as_ref().map(|tls| &tls.suites);
            let Some((suites, place)) = suites.and_then(|it| Some((it.value()?, it.span()?)))
            else {
                continue;
            };
            let weak = weak(suites);
            if !weak.is_empty() && told.insert(place) {
                reports.add(story(program, place, &weak));
            }
        }
    }
}

/// Whether a list lets weak suites in.
pub(crate) fn has_weak(suites: &[String]) -> bool {
    !weak(suites).is_empty()
}

/// A word that lets weak suites in, and what is weak in them.
type Weak<'s> = (&'s str, &'static str, bool);

/// The words of an OpenSSL list (ciphers(1)) that let weak suites in. `!` takes suites out for good,
/// wherever it stands; `-` takes out those before it; `+` only moves them.
fn weak(suites: &[String]) -> Vec<Weak<'_>> {
    let words = || {
        let all = suites.iter().flat_map(|suite| suite.split([':', ',', ' ']));
        all.map(|word| word.trim_matches(['"', '\'']))
            .filter(|word| !word.is_empty())
    };
    let never: Vec<String> = words()
        .filter_map(|word| word.strip_prefix('!'))
        .map(str::to_uppercase)
        .collect();
    let mut found: Vec<Weak<'_>> = Vec::new();
    for word in words() {
        if let Some(gone) = word.strip_prefix('-') {
            let gone = gone.to_uppercase();
            found.retain(|(held, ..)| !is_taken_out(held, &gone));
        } else if !word.starts_with(['!', '+', '@'])
            && !never.iter().any(|gone| is_taken_out(word, gone))
        {
            let mark = WEAK.iter().find(|(mark, ..)| has_mark(word, mark));
            found.extend(mark.map(|(_, why, is_open)| (word, *why, *is_open)));
        }
    }
    found
}

/// Whether a name of a suite or a class of suites has a mark as one of its parts.
fn has_mark(word: &str, mark: &str) -> bool {
    let upper = word.to_uppercase();
    upper.split(['-', '_', '+']).any(|part| match mark {
        "EXP" => part.starts_with("EXP"),
        "DES" => matches!(part, "DES" | "3DES" | "DES40"),
        _ => part == mark,
    })
}

/// Whether what an exclusion names holds a suite or a class.
fn is_taken_out(word: &str, gone: &str) -> bool {
    let upper = word.to_uppercase();
    let same = match gone {
        "ENULL" | "NULL" => has_mark(word, "NULL") || upper == "ENULL",
        "ANULL" => ["ANULL", "ADH", "AECDH"]
            .iter()
            .any(|mark| has_mark(word, mark)),
        "3DES" | "DES" => has_mark(word, "DES"),
        "EXPORT" | "EXP" | "LOW" => has_mark(word, "EXP"),
        _ => gone.split('+').all(|part| has_mark(word, part)),
    };
    same || upper == gone
}

fn story(program: &Program, place: ww_base::SourceSpan, weak: &[Weak<'_>]) -> Story {
    let name = &program.name;
    let words: Vec<String> = weak
        .iter()
        .map(|(word, why, _)| format!("{word} ({why})"))
        .collect();
    let is_open = weak.iter().any(|(.., is_open)| *is_open);
    let story = Story::proved(
        format!("{name} lets clients choose weak suites: {}", words.join(", ")),
        format!("a library of TLS in {name} that was built without these suites: openssl ciphers -v with the list"),
    )
    .support(Support::Declared)
    .show(at(place, "the list of suites"))
    .advise("Leave them out: suites of TLS 1.2 with ECDHE and AES-GCM or ChaCha20-Poly1305, and those of TLS 1.3");
    if is_open {
        story.severity(Severity::High)
    } else {
        story
    }
}

#[cfg(test)]
mod tests {
    use super::weak;

    fn words(list: &str) -> Vec<String> {
        let suites: Vec<String> = list.split(':').map(str::to_owned).collect();
        weak(&suites)
            .iter()
            .map(|(word, ..)| (*word).to_owned())
            .collect()
    }

    #[test]
    fn suites_are_weak_by_a_part_of_their_name() {
        assert_eq!(words("ECDHE-RSA-RC4-SHA:AES128-SHA"), ["ECDHE-RSA-RC4-SHA"]);
        assert_eq!(words("DES-CBC3-SHA"), ["DES-CBC3-SHA"]);
        assert_eq!(
            words("TLS_RSA_WITH_3DES_EDE_CBC_SHA"),
            ["TLS_RSA_WITH_3DES_EDE_CBC_SHA"]
        );
        assert_eq!(words("EXP-RC2-CBC-MD5:eNULL:ADH-AES128-SHA").len(), 3);
        assert!(words("ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-CHACHA20-POLY1305").is_empty());
    }

    #[test]
    fn exclusions_take_suites_out_wherever_they_stand() {
        assert!(words("HIGH:!aNULL:!MD5").is_empty());
        assert!(words("!3DES:DES-CBC3-SHA").is_empty());
        assert!(words("RC4-SHA:HIGH:!RC4").is_empty());
        assert!(words("EXPORT:!EXP:kEDH+AESGCM").is_empty());
        assert!(words("RC4-SHA:-RC4:HIGH").is_empty());
        assert_eq!(words("-RC4:RC4-SHA:HIGH"), ["RC4-SHA"]);
        assert!(words("HIGH:+RC4:+3DES").is_empty());
        assert!(words("RC4-MD5:!MD5").is_empty());
        assert!(words("ADH-AES128-SHA:!aNULL").is_empty());
    }
}
