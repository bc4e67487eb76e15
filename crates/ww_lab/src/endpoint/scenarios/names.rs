//! Names that do not exist, are not answered, or are answered in two ways.

use super::super::servers::answer_each;
use crate::endpoint::{Scenario, Servers, Site, address};
use crate::error::LabError;
use crate::traffic::ms;
use std::net::TcpStream;

/// RCODEs.
const SERVFAIL: u8 = 2;
const REFUSED: u8 = 5;

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario::healthy(
        "two-resolvers",
        "two resolvers that agree",
        "http://one.lab.example/",
        |site| {
            let servers = web(site)?.and_names(
                site,
                address::SECOND,
                "host-record=one.lab.example,10.79.2.2",
            )?;
            site.resolve_by(&[address::SERVER, address::SECOND], "")?;
            Ok(servers)
        },
    ),
    Scenario::healthy(
        "long-answer",
        "an answer that comes in fragments",
        "http://long.lab.example/",
        long_answer,
    ),
    Scenario::healthy(
        "search-list",
        "a search list that is tried first and knows nothing",
        "http://one.lab.example/",
        |site| {
            site.resolve_by(
                &[address::SERVER],
                "search a.lab.example b.lab.example\noptions ndots:5",
            )?;
            web(site)
        },
    ),
    Scenario::healthy(
        "short-name",
        "a short name that the search list completes",
        "http://one/",
        |site| {
            site.resolve_by(&[address::SERVER], "search a.lab.example lab.example")?;
            web(site)
        },
    ),
    Scenario::faulty(
        "fragments-dropped",
        "fragments of the answer are dropped",
        "http://long.lab.example/",
        "dns-fragments-dropped",
        |site| {
            site.filter("ip frag-off & 0x3fff != 0 drop")?;
            long_answer(site)
        },
    ),
    Scenario::faulty(
        "names-over-udp-alone",
        "the answer is too long for UDP, and TCP to the resolver is dropped",
        "http://one.lab.example/",
        "dns-tcp-blocked",
        |site| {
            site.filter("tcp dport 53 drop")?;
            Servers::default().scripted_names(site, address::SERVER, |query| {
                let mut answer = code(query, 0)?;
                *answer.get_mut(2)? |= 0x02;
                Some(answer)
            })
        },
    ),
    Scenario::faulty(
        "ipv6-addresses-not-answered",
        "questions for AAAA are dropped",
        "http://one.lab.example/",
        "dns-unanswered",
        |site| {
            Servers::default()
                .scripted_names(site, address::SERVER, |query| {
                    let (_, kind) = question(query)?;
                    if kind == 28 { None } else { found(query) }
                })?
                .scripted(site, "[::]:80", fine)
        },
    ),
    Scenario::faulty(
        "suffix-answers",
        "a wildcard in the search list's domain answers in place of the name",
        "http://one.lab.example/",
        "dns-search-expansion",
        |site| {
            site.resolve_by(
                &[address::SERVER],
                "search corp.lab.example\noptions ndots:5",
            )?;
            Servers::names(site, "address=/corp.lab.example/10.79.2.3")?
                .scripted(site, "[::]:80", fine)
        },
    ),
    Scenario::faulty(
        "system-asks-nobody",
        "nsswitch.conf has no dns among its sources",
        "http://one.lab.example/",
        "dns-answers-disagree",
        |site| {
            site.resolve_by_files()?;
            web(site)
        },
    ),
    Scenario::faulty(
        "no-such-name",
        "the name does not exist",
        "http://nowhere.lab.example/",
        "dns-name-not-found",
        web,
    ),
    Scenario::faulty(
        "no-address",
        "the name has no address",
        "http://text.lab.example/",
        "dns-no-address",
        |site| {
            Servers::names(site, "txt-record=text.lab.example,words")?
                .scripted(site, "[::]:80", fine)
        },
    ),
    Scenario::faulty(
        "refused",
        "the resolver refuses",
        "http://one.lab.example/",
        "dns-refused",
        |site| {
            Servers::default().scripted_names(site, address::SERVER, |query| code(query, REFUSED))
        },
    ),
    Scenario::faulty(
        "server-failure",
        "the resolver fails",
        "http://one.lab.example/",
        "dns-server-failure",
        |site| {
            Servers::default().scripted_names(site, address::SERVER, |query| code(query, SERVFAIL))
        },
    ),
    Scenario::faulty(
        "resolver-silent",
        "the resolver does not answer",
        "http://one.lab.example/",
        "dns-unanswered",
        |site| {
            let servers = web(site)?;
            site.filter("meta l4proto { tcp, udp } th dport 53 drop")?;
            Ok(servers)
        },
    ),
    Scenario::faulty(
        "resolver-closed",
        "nobody listens at the resolver's address",
        "http://one.lab.example/",
        "dns-unanswered",
        |_| Ok(Servers::default()),
    ),
    Scenario::faulty(
        "first-resolver-silent",
        "the first of two resolvers does not answer",
        "http://one.lab.example/",
        "dns-unanswered",
        |site| {
            let servers = web(site)?;
            site.resolve_by(&[address::NOBODY, address::SERVER], "")?;
            site.filter("ip daddr 10.79.2.99 drop")?;
            Ok(servers)
        },
    ),
    Scenario::faulty(
        "resolvers-disagree",
        "the second resolver does not know the name",
        "http://one.lab.example/",
        "dns-answers-disagree",
        |site| {
            let servers = web(site)?.and_names(site, address::SECOND, "")?;
            site.resolve_by(&[address::SERVER, address::SECOND], "")?;
            Ok(servers)
        },
    ),
    Scenario::faulty(
        "slow-resolver",
        "the resolver takes long",
        "http://one.lab.example/",
        "dns-slow",
        |site| {
            Servers::default()
                .scripted_names(site, address::SERVER, |query| {
                    std::thread::sleep(ms(700));
                    found(query)
                })?
                .scripted(site, "[::]:80", fine)
        },
    ),
];

/// A name whose answer has some 2500 bytes: a chain of long aliases.
fn long_answer(site: &Site) -> Result<Servers, LabError> {
    let label = |nth: usize| {
        let part = "x".repeat(58);
        format!("{part}{nth:02}.{part}{nth:02}.{part}{nth:02}.lab.example")
    };
    let chain: Vec<String> = (10..22).map(label).collect();
    let links = chain.windows(2).filter_map(|pair| match pair {
        [alias, name] => Some(format!("cname={alias},{name}")),
        _ => None,
    });
    let mut options = vec!["edns-packet-max=4096".to_owned()];
    options.push(format!("cname=long.lab.example,{}", label(10)));
    options.extend(links);
    options.push(format!("cname={},one.lab.example", label(21)));
    let options = options.join("\n");
    Servers::names(site, &options)?.scripted(site, "[::]:80", fine)
}

fn web(site: &Site) -> Result<Servers, LabError> {
    Servers::names(site, "")?.scripted(site, "[::]:80", fine)
}

pub(super) fn fine(stream: TcpStream, _: usize) {
    answer_each(
        stream,
        ms(0),
        b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 3\r\n\r\nok\n",
    );
}

/// The question of a query, and its type.
fn question(query: &[u8]) -> Option<(&[u8], u16)> {
    let mut at = 12;
    while *query.get(at)? != 0 {
        at += usize::from(*query.get(at)?) + 1;
    }
    let kind = u16::from_be_bytes([*query.get(at + 1)?, *query.get(at + 2)?]);
    Some((query.get(12..at + 5)?, kind))
}

/// An answer without records and with this code.
pub(super) fn code(query: &[u8], rcode: u8) -> Option<Vec<u8>> {
    answer(query, rcode, &[])
}

/// The server's address for A, nothing for other types.
fn found(query: &[u8]) -> Option<Vec<u8>> {
    let (_, kind) = question(query)?;
    match kind {
        1 => answer(
            query,
            0,
            &[0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 10, 79, 2, 2],
        ),
        _ => answer(query, 0, &[]),
    }
}

fn answer(query: &[u8], rcode: u8, record: &[u8]) -> Option<Vec<u8>> {
    let (question, _) = question(query)?;
    let mut answer = query.get(..2)?.to_vec();
    let count = u8::from(!record.is_empty());
    answer.extend([0x81, 0x80 | rcode, 0, 1, 0, count, 0, 0, 0, 0]);
    answer.extend(question);
    answer.extend(record);
    Some(answer)
}
