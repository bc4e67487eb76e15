//! The chain of DNSSEC over what hostile servers say: of a zone whose key they do not have, and of one of their own.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::sync::OnceLock;
use wirewise_fuzz::frames::Bytes;
use wirewise_fuzz::zones::{NOW, World};
use ww_evidence::transcript::SecurityVerdict;
use ww_probe::{TrustAnchors, validate_answers};

/// What a chain may ask and check at most.
const QUESTIONS: u32 = 64;
const CHECKS: u32 = 128;

const VICTIM: &str = "www.good.test";
const OWN: [&str; 3] = ["www.evil.test", "a.b.evil.test", "evil.test"];
const KINDS: [&str; 4] = ["A", "AAAA", "CNAME", "DS"];

static WORLD: OnceLock<(World, TrustAnchors)> = OnceLock::new();

fuzz_target!(|bytes: &[u8]| {
    let (world, anchors) = WORLD.get_or_init(world);
    let mut bytes = Bytes(bytes);
    let target = bytes.u8();
    let own = OWN.get(usize::from(target & 3));
    let name = own.copied().unwrap_or(VICTIM);
    let kind = match own {
        Some(_) => KINDS[usize::from(target >> 2 & 3)],
        None => "A",
    };
    let judged = validate_answers(name, kind, anchors, NOW, |name, kind| {
        world.reply(&mut bytes, name, kind)
    });
    let judged = judged.expect("a name and a type");
    assert!(judged.questions <= QUESTIONS && judged.checks <= CHECKS);
    if own.is_none() {
        let is_denied = matches!(
            judged.verdict,
            SecurityVerdict::Bogus | SecurityVerdict::Indeterminate
        );
        assert!(is_denied, "forged: {judged:?}");
    }
});

/// The zones; with the key of the zone the same answer is secure, so that the target does not prove what is always so.
fn world() -> (World, TrustAnchors) {
    let world = World::default();
    let anchors = TrustAnchors::parse(&world.anchor()).expect("an anchor");
    let honest = validate_answers(VICTIM, "A", &anchors, NOW, |name, kind| {
        let is_victim = name.trim_end_matches('.') == VICTIM && kind == 1;
        Some(if is_victim {
            world.address()
        } else {
            world.honest(name, kind)
        })
    });
    let honest = honest.expect("a name and a type");
    assert_eq!(honest.verdict, SecurityVerdict::Secure, "{honest:?}");
    (world, anchors)
}
