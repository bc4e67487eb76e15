//! Which versions, suites and groups an address accepts.

use super::ask::{Heard, Manner};
use super::groups::{self, GROUPS, Group};
use super::hello::{Hello, MOST_SUITES};
use super::hellos::Prober;
use super::reply::Until;
use super::together::together;
use ww_evidence::tls::{
    Authentication, Encryption, KeyExchange, SUITES, Suite, TlsVersion, Weakness,
};
use ww_evidence::transcript::{HelloReply, Suites, TlsSurvey};

/// The alert by which a server refuses a version, whatever the suites.
const PROTOCOL_VERSION: u8 = 70;

/// Asks for each version with one hello. `known` was accepted before.
pub(super) async fn versions(
    prober: &Prober<'_, '_>,
    known: Option<(TlsVersion, u16)>,
) -> TlsSurvey {
    let asks = TlsVersion::ALL.map(|version| async move {
        if let Some((_, suite)) = known.filter(|(accepted, _)| *accepted == version) {
            return Some(one_suite(version, suite));
        }
        let offered: Vec<u16> = ranked(version).into_iter().take(MOST_SUITES).collect();
        let suite = accepted(prober, version, &offered).await.ok()?;
        Some(one_suite(version, suite))
    });
    TlsSurvey {
        to: Some(prober.to),
        versions: together(asks).await.into_iter().flatten().collect(),
        groups: Vec::new(),
        versions_only: true,
    }
}

fn one_suite(version: TlsVersion, suite: u16) -> Suites {
    Suites {
        version: version.name().to_owned(),
        suites: vec![Suite::name_of(suite)],
        server_order: None,
    }
}

/// Asks for every suite of every version, and for every group.
pub(super) async fn everything(prober: &Prober<'_, '_>) -> TlsSurvey {
    let asks = TlsVersion::ALL.map(|version| async move {
        let found = suites(prober, version).await;
        (version, found)
    });
    let found = together(asks).await;
    let groups = groups_of(prober, &found).await;
    let versions = found
        .into_iter()
        .filter(|(_, found)| !found.suites.is_empty())
        .map(|(version, found)| Suites {
            version: version.name().to_owned(),
            suites: found.suites.into_iter().map(Suite::name_of).collect(),
            server_order: found.server_order,
        })
        .collect();
    TlsSurvey {
        to: Some(prober.to),
        versions,
        groups: groups.into_iter().map(groups::name).collect(),
        versions_only: false,
    }
}

/// The accepted suites of one version.
#[derive(Clone, Debug, Default)]
struct Found {
    suites: Vec<u16>,
    server_order: Option<bool>,
}

/// Offers suites in portions; of each, the server chooses until it wants none of those that are left.
async fn suites(prober: &Prober<'_, '_>, version: TlsVersion) -> Found {
    let all = ranked(version);
    let mut lists: Vec<Vec<u16>> = Vec::new();
    for portion in all.chunks(MOST_SUITES) {
        let mut left = portion.to_vec();
        let mut chosen = Vec::new();
        loop {
            match accepted(prober, version, &left).await {
                Ok(suite) => {
                    left.retain(|&offered| offered != suite);
                    chosen.push(suite);
                }
                // A version that is refused, or a server that says nothing, is not asked again.
                Err(HelloReply::Alert(PROTOCOL_VERSION) | HelloReply::NotTls(_))
                    if chosen.is_empty() =>
                {
                    return Found::default();
                }
                Err(HelloReply::Silence | HelloReply::NotSent(_)) if lists.is_empty() => {
                    return Found::default();
                }
                Err(_) => break,
            }
            if left.is_empty() {
                break;
            }
        }
        if !chosen.is_empty() {
            lists.push(chosen);
        }
    }
    in_order(prober, version, &all, lists).await
}

/// Puts the lists that the portions gave into one, in the server's order where it has one.
async fn in_order(
    prober: &Prober<'_, '_>,
    version: TlsVersion,
    offered: &[u16],
    mut lists: Vec<Vec<u16>>,
) -> Found {
    let count: usize = lists.iter().map(Vec::len).sum();
    if count < 2 {
        return Found {
            suites: lists.concat(),
            server_order: None,
        };
    }
    let place = |suite: &u16| offered.iter().position(|one| one == suite);
    let own_order = if lists.iter().any(|list| !list.is_sorted_by_key(place)) {
        true
    } else {
        let mut backwards: Vec<u16> = lists.concat();
        backwards.truncate(MOST_SUITES);
        let first = backwards.first().copied();
        let forwards = accepted(prober, version, &backwards).await.ok();
        backwards.reverse();
        let chosen = accepted(prober, version, &backwards).await.ok();
        chosen == forwards || (forwards != first && chosen != backwards.first().copied())
    };
    let mut suites = Vec::new();
    while own_order && lists.len() > 1 {
        let heads: Vec<u16> = lists
            .iter()
            .filter_map(|list| list.first().copied())
            .collect();
        let Ok(next) = accepted(prober, version, &heads).await else {
            break;
        };
        suites.push(next);
        for list in &mut lists {
            list.retain(|&suite| suite != next);
        }
        lists.retain(|list| !list.is_empty());
    }
    suites.extend(lists.concat());
    Found {
        suites,
        server_order: Some(own_order),
    }
}

/// The groups that are accepted: of those offered, the server names one until it wants none that is left.
async fn groups_of(prober: &Prober<'_, '_>, found: &[(TlsVersion, Found)]) -> Vec<Group> {
    let mut all = Vec::new();
    for (version, found) in found.iter().rev() {
        let suites: Vec<u16> = found
            .suites
            .iter()
            .copied()
            .filter(|&suite| {
                Suite::from_code(suite).is_some_and(|suite| {
                    matches!(suite.exchange(), KeyExchange::Apart | KeyExchange::Ecdhe)
                })
            })
            .collect();
        // Older versions know no other groups than TLS 1.2.
        if suites.is_empty() || *version < TlsVersion::Tls12 && !all.is_empty() {
            continue;
        }
        let mut hello = Hello::of(*version, &suites, prober.server_name());
        hello.groups = GROUPS.iter().map(|(group, _)| *group).collect();
        while !hello.groups.is_empty() {
            let manner = Manner {
                until: Until::KeyExchange,
                ..Manner::PLAIN
            };
            let heard = prober.quietly(&hello, manner).await;
            let Some(group) = heard.chosen.and_then(|chosen| chosen.group) else {
                break;
            };
            let before = hello.groups.len();
            hello.groups.retain(|&offered| offered != group);
            if hello.groups.len() == before {
                break;
            }
            if !all.contains(&group) {
                all.push(group);
            }
        }
    }
    all
}

/// The suite that the server chooses of these, or what it says instead.
async fn accepted(
    prober: &Prober<'_, '_>,
    version: TlsVersion,
    suites: &[u16],
) -> Result<u16, HelloReply> {
    let hello = Hello::of(version, suites, prober.server_name());
    let Heard { reply, chosen } = prober.quietly(&hello, Manner::PLAIN).await;
    match chosen {
        Some(chosen) if chosen.version == version.code() && suites.contains(&chosen.suite) => {
            Ok(chosen.suite)
        }
        // It answers with another version: the one that was asked for is refused.
        Some(_) => Err(HelloReply::Alert(PROTOCOL_VERSION)),
        None => Err(reply),
    }
}

/// Suites that fit a version, those that servers usually have first.
fn ranked(version: TlsVersion) -> Vec<u16> {
    let mut suites: Vec<Suite> = SUITES
        .iter()
        .copied()
        .filter(|suite| suite.fits(version))
        .collect();
    suites.sort_by_cached_key(|suite| {
        (
            rank(*suite),
            suite.encryption() != Encryption::Aead,
            suite.code,
        )
    });
    suites.into_iter().map(|suite| suite.code).collect()
}

fn rank(suite: Suite) -> u8 {
    let is_rare = ["ARIA", "CAMELLIA", "SEED", "CCM", "SM4"]
        .iter()
        .any(|cipher| suite.name.contains(cipher));
    let is_usual = matches!(
        suite.exchange(),
        KeyExchange::Apart | KeyExchange::Ecdhe | KeyExchange::Dhe | KeyExchange::Rsa
    ) && matches!(
        suite.authentication(),
        Authentication::Apart | Authentication::Rsa | Authentication::Ecdsa
    );
    match (is_usual, suite.weakness()) {
        (true, None) if !is_rare => 0,
        (true, Some(Weakness::Rc4 | Weakness::SmallBlocks)) => 1,
        (true, None) => 2,
        (true, Some(_)) => 3,
        (false, Some(Weakness::Anonymous)) => 4,
        (false, _) => 5,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_suites_are_in_the_first_portion() {
        let first: Vec<u16> = ranked(TlsVersion::Tls12)
            .into_iter()
            .take(MOST_SUITES)
            .collect();
        for suite in [
            0xC02F, 0xC02B, 0xCCA8, 0x009C, 0x002F, 0x0035, 0x000A, 0x0005,
        ] {
            assert!(first.contains(&suite), "{suite:04x}");
        }
        let all = ranked(TlsVersion::Tls10);
        assert!(all.len() > 100 && !all.contains(&0xC02F) && all.contains(&0x0001));
        assert_eq!(ranked(TlsVersion::Tls13).len(), 11);
    }
}
