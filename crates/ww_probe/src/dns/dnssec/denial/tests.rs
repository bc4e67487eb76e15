//! Proofs in the order of names and of digests.

use super::super::super::wire::{A, AAAA};
use super::*;

fn name(text: &str) -> Name {
    Name::parse(text).expect(text)
}

fn bit_map(kinds: &[u16]) -> Vec<u8> {
    let mut map = vec![0_u8; 8];
    for &kind in kinds {
        map[usize::from(kind / 8)] |= 0x80 >> (kind % 8);
    }
    let mut bytes = vec![0, map.len() as u8];
    bytes.extend(map);
    bytes
}

fn set(owner: &str, kind: u16, data: Vec<u8>) -> RecordSet {
    RecordSet {
        owner: name(owner),
        kind,
        ttl: 300,
        data: vec![data],
        signatures: Vec::new(),
    }
}

fn nsec(owner: &str, next: &str, kinds: &[u16]) -> RecordSet {
    let mut data = name(next).wire();
    data.extend(bit_map(kinds));
    set(owner, NSEC, data)
}

fn proofs(sets: &[RecordSet]) -> Proofs {
    Proofs::of(&name("example"), &sets.iter().collect::<Vec<_>>())
}

fn no_data(proofs: &Proofs, of: &str, kind: u16) -> Proof {
    proofs.no_data(&name(of), kind, &mut Budget::default())
}

fn no_name(proofs: &Proofs, of: &str) -> Proof {
    proofs.no_name(&name(of), &mut Budget::default())
}

#[test]
fn names_between_two_do_not_exist() {
    let all = proofs(&[
        nsec("example", "b.example", &[NS, SOA]),
        nsec("b.example", "d.example", &[A]),
        nsec("d.example", "example", &[A]),
    ]);
    assert_eq!(no_name(&all, "c.example"), Proof::Proven);
    assert_eq!(no_name(&all, "z.example"), Proof::Proven);
    assert_eq!(no_name(&all, "b.example"), Proof::Missing);
    assert_eq!(no_data(&all, "b.example", AAAA), Proof::Proven);
    assert_eq!(no_data(&all, "b.example", A), Proof::Missing);
    // What a wildcard would answer must be told as well.
    let part = proofs(&[nsec("b.example", "d.example", &[A])]);
    assert_eq!(no_name(&part, "c.example"), Proof::Missing);
}

#[test]
fn a_name_with_names_below_it_exists() {
    let all = proofs(&[nsec("b.example", "x.c.example", &[A])]);
    assert_eq!(no_data(&all, "c.example", A), Proof::Proven);
    assert_eq!(no_name(&all, "c.example"), Proof::Missing);
    let mut budget = Budget::default();
    assert_eq!(all.below(&name("c.example"), &mut budget), Below::SameZone);
}

#[test]
fn the_parents_side_of_a_cut_says_nothing_of_the_childs() {
    let all = proofs(&[nsec("c.example", "d.example", &[NS])]);
    assert_eq!(no_data(&all, "c.example", A), Proof::Missing);
    assert_eq!(no_data(&all, "c.example", DS), Proof::Proven);
    assert_eq!(no_name(&all, "www.c.example"), Proof::Missing);
    let mut budget = Budget::default();
    assert_eq!(all.below(&name("c.example"), &mut budget), Below::Unsigned);
    let childs = proofs(&[nsec("c.example", "d.example", &[NS, SOA])]);
    assert_eq!(
        childs.below(&name("c.example"), &mut budget),
        Below::NotProven(Proof::Missing)
    );
}

/// RFC 5155 appendix B: salt AABBCCDD, 12 iterations.
fn nsec3(label: &str, next: &str, opt_out: bool, iterations: u16, kinds: &[u16]) -> RecordSet {
    let mut data = vec![1, u8::from(opt_out)];
    data.extend(iterations.to_be_bytes());
    data.extend([4, 0xaa, 0xbb, 0xcc, 0xdd, 20]);
    data.extend(from_base32hex(next));
    data.extend(bit_map(kinds));
    set(&format!("{label}.example"), NSEC3, data)
}

fn from_base32hex(text: &str) -> Vec<u8> {
    let (mut held, mut bits, mut bytes) = (0_u64, 0, Vec::new());
    for digit in text.chars() {
        held = held << 5 | u64::from(digit.to_digit(32).expect("a digit"));
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push((held >> bits) as u8);
            held &= (1 << bits) - 1;
        }
    }
    bytes
}

#[test]
fn digests_are_those_of_rfc_5155() {
    // B.1: a.c.x.w.example does not exist; the closest encloser is x.w.example.
    let mut all = vec![
        nsec3(
            "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom",
            "2t7b4g4vsa5smi47k61mv5bv1a22bojr",
            true,
            12,
            &[NS, SOA],
        ),
        nsec3(
            "b4um86eghhds6nea196smvmlo4ors995",
            "gjeqe526plbf1g8mklp59enfd789njgi",
            true,
            12,
            &[A],
        ),
        nsec3(
            "35mthgpgcu1qg68fab165klnsnk3dpvl",
            "b4um86eghhds6nea196smvmlo4ors995",
            true,
            12,
            &[A],
        ),
    ];
    assert_eq!(
        no_name(&proofs(&all), "a.c.x.w.example"),
        Proof::ButForOptOut
    );
    assert_eq!(
        no_name(&proofs(&all[..2]), "a.c.x.w.example"),
        Proof::Missing
    );
    // B.2: ns1.example has no MX records.
    all = vec![nsec3(
        "2t7b4g4vsa5smi47k61mv5bv1a22bojr",
        "2vptu5timamqttgl4luu9kg21e0aor3s",
        false,
        12,
        &[A],
    )];
    assert_eq!(no_data(&proofs(&all), "ns1.example", AAAA), Proof::Proven);
    assert_eq!(no_data(&proofs(&all), "ns1.example", A), Proof::Missing);
}

#[test]
fn iterations_and_digests_have_bounds() {
    let next = "2vptu5timamqttgl4luu9kg21e0aor3s";
    let many = nsec3("2t7b4g4vsa5smi47k61mv5bv1a22bojr", next, false, 151, &[A]);
    assert_eq!(
        no_data(&proofs(&[many]), "ns1.example", AAAA),
        Proof::TooManyIterations
    );
    let few = nsec3("2t7b4g4vsa5smi47k61mv5bv1a22bojr", next, false, 150, &[A]);
    let all = proofs(&[few]);
    let mut budget = Budget::default();
    let deep = name(&format!("{}example", "a.".repeat(30)));
    for _ in 0..20 {
        all.no_name(&deep, &mut budget);
    }
    assert_eq!(all.no_name(&deep, &mut budget), Proof::TooMuchWork);
}
