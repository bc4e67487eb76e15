//! Sizes, transports, and servers that fall short of them.

use super::*;

#[test]
fn a_truncated_answer_is_fetched_over_tcp() {
    run(async {
        let server = server(|asked| match (asked.kind, asked.tcp) {
            (A, false) => asked.reply().cut(),
            (A, true) => asked.gives("192.0.2.1"),
            _ => asked.fail(0),
        });
        let (found, steps) = resolve(
            &[server.await],
            target("a.example", Service::Tcp),
            options(),
            |_| {},
        )
        .await;
        assert_eq!(found, ["192.0.2.1:443"]);
        assert_eq!(
            told(&steps),
            [
                "A a.example 4096: NOERROR",
                "A a.example tcp: NOERROR",
                "AAAA a.example 4096: NOERROR",
            ]
        );
        assert_eq!(steps[1].why, "the answer over UDP is cut short");
        assert!(
            steps[1].command.ends_with(" a.example A +tcp"),
            "{}",
            steps[1].command
        );
    });
}

#[test]
fn what_was_cut_short_is_used_where_tcp_is_silent() {
    run(async {
        let server = server(|asked| match (asked.kind, asked.tcp) {
            (_, true) => None,
            (A, false) => asked.gives("192.0.2.1")?.cut(),
            _ => asked.fail(0),
        });
        let (found, steps) = resolve(
            &[server.await],
            target("a.example", Service::Tcp),
            options(),
            |_| {},
        )
        .await;
        assert_eq!(found, ["192.0.2.1:443"]);
        assert_eq!(told(&steps)[1], "A a.example tcp: silence");
    });
}

#[test]
fn large_answers_that_are_lost_are_told_from_chance() {
    run(async {
        let size = server(|asked| match asked.size {
            Some(4096) if asked.kind == A && !asked.tcp => None,
            _ if asked.kind == A && !asked.tcp => asked.reply().cut(),
            _ if asked.kind == A => asked.gives("192.0.2.1"),
            _ => asked.fail(0),
        });
        let (found, steps) = resolve(
            &[size.await],
            target("a.example", Service::Tcp),
            options(),
            |_| {},
        )
        .await;
        assert_eq!(found, ["192.0.2.1:443"]);
        assert_eq!(
            in_any_order(&steps[1..6]),
            [
                "A a.example 1232: NOERROR",
                "A a.example 4096: silence",
                "A a.example plain: NOERROR",
                "A a.example tcp: NOERROR",
                "AAAA a.example plain: NOERROR",
            ]
        );
        assert_eq!(told(&steps)[6..], ["AAAA a.example 1232: NOERROR"]);
        let lost = RefCell::new(1);
        let chance = server(move |asked| {
            if lost.replace(0) == 1 {
                return None;
            }
            if asked.kind == A {
                asked.gives("192.0.2.1")
            } else {
                asked.fail(0)
            }
        });
        let (_, steps) = resolve(
            &[chance.await],
            target("a.example", Service::Tcp),
            options(),
            |_| {},
        )
        .await;
        assert_eq!(
            in_any_order(&steps[1..5]),
            [
                "A a.example 1232: NOERROR",
                "A a.example 4096: NOERROR",
                "A a.example plain: NOERROR",
                "AAAA a.example plain: NOERROR",
            ]
        );
        assert_eq!(told(&steps)[5..], ["AAAA a.example 4096: NOERROR"]);
    });
}

/// Questions that were put side by side.
fn in_any_order(steps: &[Step]) -> Vec<String> {
    let mut told = told(steps);
    told.sort();
    told
}

#[test]
fn what_is_asked_after_silence_is_chosen_and_says_so() {
    run(async {
        let silent = server(|_| None).await;
        let target = target("a.example", Service::Tcp);
        let (_, steps) = resolve(&[silent], target, options(), |_| {}).await;
        assert_eq!(steps[0].chosen, None);
        let choice = |step: &Step| step.chosen.clone().expect("a choice");
        for step in &steps[1..5] {
            let chosen = choice(step);
            assert_eq!(chosen.symptom, "a name server is silent");
            assert_eq!((chosen.raised_by, chosen.packets), (1, 4));
            assert_eq!((chosen.controls.len(), chosen.causes.len()), (4, 6));
            assert!(
                chosen.bits > 1.0 && chosen.bits <= chosen.open,
                "{chosen:?}"
            );
            assert!(step.why.starts_with("nothing came"), "{}", step.why);
        }
        let last = choice(&steps[5]);
        assert_eq!((last.raised_by, last.controls), (1, vec!["TCP".to_owned()]));
        assert_eq!(
            last.causes,
            ["UDP to it is dropped", "it is down, or nothing gets there"]
        );
        assert_eq!(steps.len(), 6);
    });
}

#[test]
fn a_server_that_drops_edns_is_asked_without_it() {
    run(async {
        let server = server(|asked| match (asked.size, asked.kind) {
            (Some(_), _) => None,
            (None, A) => asked.gives("192.0.2.1"),
            _ => asked.fail(0),
        });
        let four = Options {
            families: Families::V4,
            ..options()
        };
        let target = target("a.example", Service::Https);
        let (found, steps) = resolve(&[server.await], target, four, |_| {}).await;
        assert_eq!(found, ["192.0.2.1:443"]);
        assert_eq!(
            told(&steps).last().map(String::as_str),
            Some("HTTPS a.example plain: NOERROR")
        );
        assert_eq!(steps.len(), 6, "{:?}", told(&steps));
    });
}

#[test]
fn a_silent_server_is_given_up_and_keeps_no_other_waiting() {
    run(async {
        let silent = server(|_| None).await;
        let alive = server(|asked| {
            if asked.kind == A {
                asked.gives("192.0.2.1")
            } else {
                asked.fail(0)
            }
        })
        .await;
        let (found, steps) = resolve(
            &[silent, alive],
            target("a.example", Service::Tcp),
            options(),
            |_| {},
        )
        .await;
        assert_eq!(found, ["192.0.2.1:443"]);
        assert_eq!(
            told(&steps[..3]),
            [
                "A a.example 4096: NOERROR",
                "AAAA a.example 4096: NOERROR",
                "A a.example 4096: silence",
            ]
        );
        assert_eq!(
            in_any_order(&steps[3..]),
            [
                "A a.example 1232: silence",
                "A a.example 4096: silence",
                "A a.example plain: silence",
                "A a.example tcp: silence",
                "AAAA a.example plain: silence",
            ]
        );
    });
}

#[test]
fn a_server_that_is_silent_to_one_type_is_asked_for_others() {
    run(async {
        let server = server(|asked| match asked.kind {
            A => asked.gives("192.0.2.1"),
            AAAA => None,
            _ => asked.fail(0),
        });
        let target = target("a.example", Service::Https);
        let (found, steps) = resolve(&[server.await], target, options(), |_| {}).await;
        assert_eq!(found, ["192.0.2.1:443"]);
        assert_eq!(
            in_any_order(&steps[1..5]),
            [
                "AAAA a.example 1232: silence",
                "AAAA a.example 4096: silence",
                "AAAA a.example 4096: silence",
                "AAAA a.example plain: silence",
            ],
            "that it answers another type is known, and TCP tells nothing more"
        );
        assert_eq!(told(&steps)[5..], ["HTTPS a.example 4096: NOERROR"]);
    });
}

#[test]
fn a_closed_port_is_told_from_silence() {
    run(async {
        let closed = {
            let socket = std::net::UdpSocket::bind("127.0.0.1:0").expect("a port");
            socket.local_addr().expect("its address")
        };
        let (found, steps) = resolve(
            &[closed],
            target("a.example", Service::Tcp),
            options(),
            |_| {},
        )
        .await;
        assert!(found.is_empty());
        assert_eq!(
            told(&steps),
            ["A a.example 4096: closed", "A a.example tcp: closed"]
        );
    });
}

#[test]
fn a_server_that_answers_over_tcp_alone_is_asked_over_tcp() {
    run(async {
        let server = server(|asked| match (asked.tcp, asked.kind) {
            (false, _) => None,
            (true, A) => asked.gives("192.0.2.1"),
            _ => asked.fail(0),
        });
        let (found, steps) = resolve(
            &[server.await],
            target("a.example", Service::Tcp),
            options(),
            |_| {},
        )
        .await;
        assert_eq!(found, ["192.0.2.1:443"]);
        assert_eq!(
            told(&steps)[6..],
            ["AAAA a.example tcp: NOERROR"],
            "{:?}",
            told(&steps)
        );
    });
}

#[test]
fn a_failure_is_asked_for_again_without_validation() {
    run(async {
        let server = server(|asked| match (asked.unchecked, asked.kind) {
            (false, _) => asked.fail(2)?.because(7, "signature expired"),
            (true, A) => asked.gives("192.0.2.1"),
            (true, _) => asked.fail(0),
        });
        let (found, steps) = resolve(
            &[server.await],
            target("a.example", Service::Https),
            options(),
            |_| {},
        )
        .await;
        assert!(found.is_empty(), "programs are given nothing");
        assert_eq!(
            told(&steps)[..4],
            [
                "A a.example 4096: SERVFAIL",
                "A a.example 4096 unchecked: NOERROR",
                "AAAA a.example 4096: SERVFAIL",
                "AAAA a.example 4096 unchecked: NOERROR",
            ]
        );
        let LookupOutcome::Answered(answer) = &lookups(&steps)[0].outcome else {
            panic!("an answer");
        };
        assert_eq!(answer.extended_errors[0].code, 7);
        assert_eq!(answer.extended_errors[0].text, "signature expired");
    });
}

#[test]
fn a_server_without_edns_is_asked_without_it() {
    run(async {
        let server = server(|asked| match (asked.size, asked.kind) {
            (Some(_), _) => asked.fail(1),
            (None, A) => asked.gives("192.0.2.1"),
            _ => asked.fail(0),
        });
        let (found, steps) = resolve(
            &[server.await],
            target("a.example", Service::Tcp),
            options(),
            |_| {},
        )
        .await;
        assert_eq!(found, ["192.0.2.1:443"]);
        assert_eq!(
            told(&steps),
            [
                "A a.example 4096: FORMERR",
                "A a.example plain: NOERROR",
                "AAAA a.example plain: NOERROR",
            ]
        );
    });
}
