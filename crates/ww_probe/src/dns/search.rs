//! Search lists: which names a C library makes of one, and in which order it asks for them.

use super::wire::same;
use ww_evidence::transcript::ResolverSetup;

/// Suffixes that are tried at most.
const SUFFIXES: usize = 8;

/// A name that a search list makes of the target's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Expanded {
    /// The name.
    pub(super) name: String,
    /// The libraries that ask for it.
    pub(super) by: Vec<String>,
}

/// The names that glibc or musl asks for besides the name itself. `exists`: the name itself is found, so
/// that what is only tried after it is not.
pub(super) fn expanded(name: &str, setup: &ResolverSetup, exists: bool) -> Vec<Expanded> {
    let mut all: Vec<Expanded> = Vec::new();
    for (library, names) in [("glibc", glibc(name, setup)), ("musl", musl(name, setup))] {
        for one in names {
            if same(&one, name) {
                if exists {
                    break;
                }
                continue;
            }
            match all.iter_mut().find(|known| same(&known.name, &one)) {
                Some(known) => known.by.push(library.to_owned()),
                None => all.push(Expanded {
                    name: one,
                    by: vec![library.to_owned()],
                }),
            }
        }
    }
    all
}

/// As glibc 2.36 does it (`resolv/res_query.c`): a name with enough dots is asked as it is before the
/// suffixes, any other one after them.
fn glibc(name: &str, setup: &ResolverSetup) -> Vec<String> {
    let mut names: Vec<String> = suffixed(name, setup).collect();
    let plain = name.trim_end_matches('.').to_owned();
    if name.ends_with('.') {
        return vec![plain];
    }
    if dots(name) >= setup.ndots {
        names.insert(0, plain);
    } else if dots(name) > 0 || !setup.options.iter().any(|option| option == "no-tld-query") {
        names.push(plain);
    }
    names
}

/// As musl 1.2 does it (`src/network/lookup_name.c`): a name with enough dots is asked as it is and
/// nothing else.
fn musl(name: &str, setup: &ResolverSetup) -> Vec<String> {
    let plain = name.trim_end_matches('.').to_owned();
    if name.ends_with('.') || dots(name) >= setup.ndots {
        return vec![plain];
    }
    suffixed(name, setup).chain([plain]).collect()
}

fn dots(name: &str) -> u32 {
    name.bytes().filter(|&byte| byte == b'.').count() as u32
}

fn suffixed(name: &str, setup: &ResolverSetup) -> impl Iterator<Item = String> {
    setup
        .search
        .iter()
        .filter(|suffix| !suffix.is_empty() && *suffix != ".")
        .take(SUFFIXES)
        .map(move |suffix| format!("{name}.{suffix}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setup(ndots: u32) -> ResolverSetup {
        ResolverSetup {
            search: ["shop.svc.cluster.local", "cluster.local"]
                .map(str::to_owned)
                .to_vec(),
            ndots,
            ..ResolverSetup::default()
        }
    }

    fn names(name: &str, ndots: u32, exists: bool) -> Vec<(String, String)> {
        expanded(name, &setup(ndots), exists)
            .into_iter()
            .map(|one| (one.name, one.by.join(" ")))
            .collect()
    }

    fn pair(name: &str, by: &str) -> (String, String) {
        (name.to_owned(), by.to_owned())
    }

    #[test]
    fn a_name_with_few_dots_gets_the_suffixes_first() {
        let both = [
            pair("api.example.com.shop.svc.cluster.local", "glibc musl"),
            pair("api.example.com.cluster.local", "glibc musl"),
        ];
        assert_eq!(names("api.example.com", 5, true), both);
        assert_eq!(names("api.example.com", 5, false), both);
    }

    #[test]
    fn a_name_with_enough_dots_gets_them_of_glibc_alone_and_only_if_it_is_not_found() {
        assert_eq!(names("api.shop", 1, true), []);
        assert_eq!(
            names("api.shop", 1, false),
            [
                pair("api.shop.shop.svc.cluster.local", "glibc"),
                pair("api.shop.cluster.local", "glibc"),
            ]
        );
    }

    #[test]
    fn a_final_dot_or_an_empty_list_means_the_name_as_it_is() {
        assert_eq!(names("api.", 5, false), []);
        assert_eq!(expanded("api", &ResolverSetup::default(), false), []);
    }

    #[test]
    fn a_single_label_is_not_asked_for_alone_where_that_is_switched_off() {
        let mut setup = setup(1);
        assert_eq!(glibc("api", &setup).last().map(String::as_str), Some("api"));
        setup.options.push("no-tld-query".to_owned());
        assert_eq!(
            glibc("api", &setup).last().map(String::as_str),
            Some("api.cluster.local")
        );
    }
}
