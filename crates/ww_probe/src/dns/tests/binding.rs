//! HTTPS records that lead to other names, ports and addresses, or nowhere.

use super::server::{Asked, Said, server, wired};
use super::*;
use crate::dns::Endpoint;
use crate::dns::wire::CNAME;
use ww_evidence::transcript::BindingOutcome;

/// The data of a record with this priority and target, and with these parameters as they are on the wire.
fn data(priority: u8, target: &str, parameters: &[u8]) -> Vec<u8> {
    let target = match target {
        "." => vec![0],
        name => wired(name),
    };
    [&[0, priority], target.as_slice(), parameters].concat()
}

/// What is found with a server that knows `records` of HTTPS besides the addresses that `address` gives.
async fn follow(
    port: u16,
    records: fn(&Asked) -> Option<Said>,
    address: fn(&str) -> Option<&'static str>,
) -> (Vec<Endpoint>, Vec<Step>) {
    let server = server(move |asked| match asked.kind {
        HTTPS => records(asked).or_else(|| asked.fail(0)),
        A => match address(&asked.name) {
            Some(address) => asked.gives(address),
            None => asked.fail(0),
        },
        _ => asked.fail(0),
    });
    let mut target = target("a.example", Service::Https);
    target.port = port;
    let (found, steps) = resolve_all(&[server.await], target, options(), |_| {}).await;
    (found.bound, steps)
}

/// Where the record was found to lead, when it is nowhere.
fn ends(steps: &[Step]) -> Vec<(String, BindingOutcome)> {
    let ends = steps.iter().filter_map(|step| match &step.seen {
        Seen::Binding(probe) => Some((probe.name.clone(), probe.outcome.clone())),
        _ => None,
    });
    ends.collect()
}

fn https(asked: &Asked, data: &[u8]) -> Said {
    asked.reply().record(0, &asked.name, HTTPS, data)
}

fn only_a(name: &str) -> Option<&'static str> {
    (name == "a.example").then_some("192.0.2.1")
}

#[test]
fn aliases_lead_through_other_aliases_to_endpoints() {
    run(async {
        let (bound, steps) = follow(
            443,
            |asked| match asked.name.as_str() {
                "a.example" => Some(https(asked, &data(0, "b.example", &[]))),
                "b.example" => Some(
                    asked
                        .reply()
                        .record(0, "b.example", CNAME, &wired("c.example"))
                        .record(
                            0,
                            "c.example",
                            HTTPS,
                            &data(2, ".", b"\0\x01\0\x03\x02h2\0\x02\0\0"),
                        )
                        .record(
                            0,
                            "c.example",
                            HTTPS,
                            &data(1, "d.example", b"\0\x03\0\x02\x20\xfb"),
                        ),
                ),
                _ => None,
            },
            |name| match name {
                "a.example" => Some("192.0.2.1"),
                "c.example" => Some("192.0.2.3"),
                "d.example" => Some("192.0.2.4"),
                _ => None,
            },
        )
        .await;
        let places: Vec<String> = bound
            .iter()
            .map(|one| {
                let at = one.addresses.first().expect("an address");
                format!("{} {at}:{} {}", one.name, one.port, one.protocols.join(" "))
            })
            .collect();
        assert_eq!(
            places,
            [
                "d.example 192.0.2.4:8443 http/1.1",
                "c.example 192.0.2.3:443 h2"
            ]
        );
        assert_eq!(
            bound[1].record,
            r#"c.example HTTPS 2 . alpn="h2" no-default-alpn"#
        );
        assert!(bound[1].no_default_alpn);
        let bound_lookups: Vec<String> = lookups(&steps)
            .iter()
            .filter(|lookup| lookup.by_binding)
            .map(|lookup| format!("{} {}", lookup.kind, lookup.name))
            .collect();
        assert_eq!(
            bound_lookups,
            [
                "HTTPS b.example",
                "A d.example",
                "AAAA d.example",
                "A c.example",
                "AAAA c.example"
            ]
        );
    });
}

#[test]
fn an_alias_of_a_name_without_records_leads_to_its_addresses() {
    run(async {
        let (bound, _) = follow(
            443,
            |asked| match asked.name.as_str() {
                "a.example" => Some(https(asked, &data(0, "b.example", &[]))),
                _ => None,
            },
            |name| (name == "b.example").then_some("192.0.2.2"),
        )
        .await;
        let [one] = bound.as_slice() else {
            panic!("{bound:?}");
        };
        assert_eq!((one.name.as_str(), one.port), ("b.example", 443));
        assert_eq!(one.protocols, ["http/1.1"]);
        assert_eq!(one.record, "a.example HTTPS 0 b.example");
    });
}

#[test]
fn aliases_in_a_circle_and_without_end_are_left() {
    run(async {
        let (bound, steps) = follow(
            443,
            |asked| {
                let next = if asked.name == "b.example" {
                    "A.example"
                } else {
                    "b.example"
                };
                Some(https(asked, &data(0, next, &[])))
            },
            only_a,
        )
        .await;
        assert_eq!(bound, []);
        let circle = ("A.example".to_owned(), BindingOutcome::AliasLoop);
        assert_eq!(ends(&steps), [circle]);
        let (bound, steps) = follow(
            443,
            |asked| {
                let next = format!("x{}", asked.name);
                Some(https(asked, &data(0, &next, &[])))
            },
            only_a,
        )
        .await;
        assert_eq!(bound, []);
        let ends = ends(&steps);
        assert!(
            matches!(ends.as_slice(), [(_, BindingOutcome::TooManyAliases)]),
            "{ends:?}"
        );
        let asked = lookups(&steps).iter().filter(|one| one.by_binding).count();
        assert_eq!(asked, 9);
    });
}

#[test]
fn what_leads_nowhere_says_why() {
    run(async {
        let (bound, steps) =
            follow(443, |asked| Some(https(asked, &data(0, ".", &[]))), only_a).await;
        assert_eq!(bound, []);
        let none = ("a.example".to_owned(), BindingOutcome::NoService);
        assert_eq!(ends(&steps), [none]);
        // The dot stands for the owner, which begins with the port.
        let (bound, steps) =
            follow(8443, |asked| Some(https(asked, &data(1, ".", &[]))), only_a).await;
        assert_eq!(bound, []);
        let owner = "_8443._https.a.example".to_owned();
        assert_eq!(ends(&steps), [(owner, BindingOutcome::NoAddress)]);
    });
}

#[test]
fn hints_that_the_name_does_not_have_stand_apart() {
    run(async {
        let (bound, steps) = follow(
            443,
            |asked| {
                let hints = b"\0\x04\0\x08\xc0\0\x02\x01\xc0\0\x02\x63";
                Some(https(asked, &data(1, ".", hints)))
            },
            only_a,
        )
        .await;
        let [one] = bound.as_slice() else {
            panic!("{bound:?}");
        };
        assert_eq!(one.addresses, [IpAddr::from([192, 0, 2, 1])]);
        assert_eq!(one.hints, [IpAddr::from([192, 0, 2, 99])]);
        // What was asked of the target itself is not asked again.
        assert_eq!(lookups(&steps).len(), 3);
    });
}

#[test]
fn what_no_answer_tells_is_no_lack_of_addresses() {
    run(async {
        let fails = server(|asked| match (asked.kind, asked.name.as_str()) {
            (HTTPS, "a.example") => Some(https(asked, &data(1, "b.example", &[]))),
            (A, "a.example") => asked.gives("192.0.2.1"),
            (AAAA, "a.example") | (A, "b.example") => asked.fail(0),
            _ => asked.fail(2),
        });
        let at = [fails.await];
        for families in [Families::Both, Families::V4] {
            let options = Options {
                families,
                ..options()
            };
            let target = target("a.example", Service::Https);
            let (found, steps) = resolve_all(&at, target, options, |_| {}).await;
            assert_eq!((found.bound.as_slice(), ends(&steps)), (&[][..], vec![]));
            assert!(lookups(&steps).iter().any(|one| one.by_binding));
        }
    });
}

#[test]
fn hints_of_a_family_that_is_not_told_are_left() {
    run(async {
        let fails = server(|asked| match asked.kind {
            HTTPS => {
                let hint = b"\0\x06\0\x10\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x07";
                Some(https(asked, &data(1, ".", hint)))
            }
            A => asked.gives("192.0.2.1"),
            _ => asked.fail(2),
        });
        let target = target("a.example", Service::Https);
        let (found, _) = resolve_all(&[fails.await], target, options(), |_| {}).await;
        let [one] = found.bound.as_slice() else {
            panic!("{:?}", found.bound);
        };
        assert_eq!((one.addresses.len(), one.hints.as_slice()), (1, &[][..]));
    });
}

#[test]
fn records_that_clients_leave_out_lead_nowhere() {
    run(async {
        let cases: [fn(&Asked) -> Option<Said>; 2] = [
            |asked| {
                let good = data(1, "b.example", &[]);
                let bad = data(2, ".", b"\0\x03\0\x01\x50");
                Some(https(asked, &good).record(0, &asked.name, HTTPS, &bad))
            },
            |asked| Some(https(asked, &data(1, "b.example", b"\0\x02\0\0"))),
        ];
        for records in cases {
            let (bound, steps) = follow(443, records, only_a).await;
            assert_eq!((bound.as_slice(), ends(&steps).len()), (&[][..], 0));
            let LookupOutcome::Answered(answer) = &lookups(&steps)[2].outcome else {
                panic!("an answer");
            };
            assert!(answer.bindings.iter().any(|one| one.fault.is_some()));
        }
    });
}

#[test]
fn a_record_that_clients_must_know_more_for_is_left_out() {
    run(async {
        let (bound, steps) = follow(
            443,
            |asked| {
                let parameters = b"\0\0\0\x02\xff\0\xff\0\0\x01x";
                let strange = data(1, ".", parameters);
                Some(https(asked, &strange).record(
                    0,
                    &asked.name,
                    HTTPS,
                    &data(2, ".", b"\0\x01\0\x03\x02h2"),
                ))
            },
            only_a,
        )
        .await;
        assert_eq!(bound.len(), 1, "{bound:?}");
        assert!(ends(&steps).is_empty());
        assert!(bound[0].record.contains(" 2 . "), "{bound:?}");
    });
}
