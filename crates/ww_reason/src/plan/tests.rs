//! What is chosen, and when nothing is.

use super::*;
use Reading::{Fails, Works};

const RICH: Budget = Budget {
    time: Span::from_secs(60),
    packets: 100,
};

fn offer(control: Control, packets: u32, answered_ms: i64, waited_ms: i64) -> Offer {
    Offer {
        control,
        packets,
        answered: Span::from_millis(answered_ms),
        waited: Span::from_millis(waited_ms),
    }
}

/// What a control is expected to tell in the light of what is known, bits.
fn information(symptom: Symptom, readings: &Readings, control: Control) -> f64 {
    let causes = answer(symptom, readings).causes;
    weigh(&causes, &[offer(control, 0, 0, 0)]).bits
}

#[test]
fn information_is_what_the_table_crosses_out() {
    // A filter that forbids the port, or one that forbids the host: one bit, and the other port tells all of it.
    let none = Readings::default();
    let told = information(Symptom::ConnectRejected, &none, Control::OtherPort);
    assert!((told - 1.0).abs() < 1e-9, "{told}");
    // A control that says the same whatever the cause tells nothing.
    let told = information(Symptom::ConnectRejected, &none, Control::Path);
    assert!(told.abs() < 1e-9, "{told}");
    // Three causes, of which one allows one of three readings: worked out by hand. The reading "fails" has the weight
    // 1/9 + 1/9 + 1/3 and leaves 1.371 bits, the two others leave one bit each.
    let told = information(Symptom::ConnectReset, &none, Control::OtherService);
    let (weight, left) = (5.0 / 9.0, 0.4 * 5f64.log2() + 0.6 * (5f64 / 3.0).log2());
    let by_hand = 3f64.log2() - (weight * left + (1.0 - weight));
    assert!((told - by_hand).abs() < 1e-9, "{told} {by_hand}");
    // What is known already is not told again.
    let known = none.with(Control::OtherPort, Works);
    let told = information(Symptom::ConnectRejected, &known, Control::OtherPort);
    assert!(told.abs() < 1e-9, "{told}");
}

#[test]
fn a_cheaper_control_that_tells_less_is_asked_first() {
    let none = Readings::default();
    let symptom = Symptom::ConnectSilent;
    let more = information(symptom, &none, Control::OtherPort);
    let less = information(symptom, &none, Control::OwnTable);
    assert!(more > less && less > 0.0, "{more} {less}");
    let ports = offer(Control::OtherPort, 2, 2_000, 2_000);
    let table = offer(Control::OwnTable, 0, 1, 1);
    let choice = choose(symptom, &none, &[ports, table], RICH).expect("a choice");
    assert_eq!(choice.controls, [Control::OwnTable], "{choice:?}");
    // At the same price the one that tells more is.
    let table = offer(Control::OwnTable, 2, 2_000, 2_000);
    let choice = choose(symptom, &none, &[ports, table], RICH).expect("a choice");
    assert_eq!(
        choice.controls.first(),
        Some(&Control::OtherPort),
        "{choice:?}"
    );
}

#[test]
fn what_waits_together_is_asked_together() {
    let none = Readings::default();
    let offers = [
        Control::SameAgain,
        Control::SmallSegments,
        Control::WithoutName,
        Control::OtherName,
    ]
    .map(|control| offer(control, 5, 50, 5_000));
    let choice = choose(Symptom::HelloSilent, &none, &offers, RICH).expect("a choice");
    assert!(choice.controls.len() > 1, "{choice:?}");
    assert_eq!(choice.worst, Span::from_secs(5));
    assert_eq!(choice.packets as usize, 5 * choice.controls.len());
    // Packets at the price of seconds are not thrown in for a little more.
    let dear = offers.map(|one| Offer {
        packets: 400,
        ..one
    });
    let budget = Budget {
        packets: 10_000,
        ..RICH
    };
    let choice = choose(Symptom::HelloSilent, &none, &dear, budget).expect("a choice");
    assert_eq!(choice.controls.len(), 1, "{choice:?}");
}

#[test]
fn nothing_is_asked_that_tells_nothing_or_cannot_be_paid() {
    let none = Readings::default();
    let ports = offer(Control::OtherPort, 2, 20, 2_000);
    let symptom = Symptom::ConnectRejected;
    assert!(choose(symptom, &none, &[ports], RICH).is_some());
    let budgets = [
        Budget {
            time: Span::from_secs(1),
            ..RICH
        },
        Budget { packets: 1, ..RICH },
    ];
    for budget in budgets {
        assert_eq!(choose(symptom, &none, &[ports], budget), None);
    }
    // One cause is left.
    let known = none.clone().with(Control::OtherPort, Fails);
    assert_eq!(choose(symptom, &known, &[ports], RICH), None);
    // Nothing tells causes apart that differ in nothing.
    let path = offer(Control::Path, 4, 20, 1_000);
    assert_eq!(choose(symptom, &none, &[path], RICH), None);
    assert_eq!(
        choose(Symptom::CertificateExpired, &none, &[ports], RICH),
        None
    );
}

#[test]
fn what_controls_cost_is_what_readings_make_likely() {
    // Two causes: one makes it work (in one of two ways), the other makes it fail. Half of the time it is waited for.
    let none = Readings::default();
    let ports = offer(Control::OtherPort, 2, 0, 2_000);
    let choice = choose(Symptom::ConnectRejected, &none, &[ports], RICH).expect("a choice");
    assert_eq!(choice.expected, Span::from_secs(1));
    assert!((choice.bits - 1.0).abs() < 1e-9 && (choice.open - 1.0).abs() < 1e-9);
}
