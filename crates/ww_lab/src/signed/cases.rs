//! Zones with one fault each, and what must be said of names in them.

use super::{Fault, Signed, Zone};

/// A question, and what must be said of its answer.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// The name.
    pub name: &'static str,
    /// The type.
    pub kind: &'static str,
    /// The verdict, as the transcript writes it.
    pub verdict: &'static str,
    /// Why, where it is not secure.
    pub reason: &'static str,
}

const fn secure(name: &'static str, kind: &'static str) -> Case {
    Case {
        name,
        kind,
        verdict: "secure",
        reason: "",
    }
}

const fn insecure(name: &'static str, kind: &'static str, reason: &'static str) -> Case {
    Case {
        name,
        kind,
        verdict: "insecure",
        reason,
    }
}

const fn bogus(name: &'static str, kind: &'static str, reason: &'static str) -> Case {
    Case {
        name,
        kind,
        verdict: "bogus",
        reason,
    }
}

/// The zones.
pub fn zones() -> Vec<Zone<'static>> {
    vec![
        Zone::signed("good").with(
            "mail A 192.0.2.25\nmail AAAA 2001:db8::25\n@ MX 10 Mail\n@ TXT \"v=spf1 -all\"\n_http._tcp SRV 0 5 80 www\na.deep TXT x\nalias CNAME www\ntwice CNAME alias\nmixed.Case A 192.0.2.3",
        ),
        Zone::signed("rsa").by("RSASHA256"),
        Zone::signed("rsa512").by("RSASHA512"),
        Zone::signed("rsa1").by("RSASHA1"),
        Zone::signed("p384").by("ECDSAP384SHA384"),
        Zone::signed("ed25519").by("ED25519"),
        Zone::signed("digests")
            .proving(Signed::Digests)
            .with("a.deep TXT x\n*.wild A 192.0.2.9"),
        Zone::signed("optout")
            .proving(Signed::OptOut)
            .with("child NS ns.test."),
        Zone::signed("child.optout").proving(Signed::Not),
        Zone::signed("plain").proving(Signed::Not),
        Zone::signed("expired").hours(-30 * 24, -3 * 24),
        Zone::signed("future").hours(3 * 24, 30 * 24),
        Zone::signed("expiring").hours(-29 * 24, 20),
        Zone::signed("digest").but(Fault::WrongDigest),
        Zone::signed("unknown").but(Fault::UnknownAlgorithm),
        Zone::signed("unsigned-ds").but(Fault::DelegationUnsigned),
        Zone::signed("missing").but(Fault::SignatureMissing("A")),
        Zone::signed("corrupt").but(Fault::SignatureCorrupt("A")),
        Zone::signed("corrupt-rsa")
            .by("RSASHA256")
            .but(Fault::SignatureCorrupt("A")),
        Zone::signed("keyless").but(Fault::KeysMissing),
        Zone::signed("keys-unsigned").but(Fault::KeysUnsigned),
        Zone::signed("denial").but(Fault::DenialMissing),
        Zone::signed("wild").with("* A 192.0.2.7\n*.text TXT x"),
        Zone::signed("links").with(
            "good CNAME www.rsa.test.\nbad CNAME www.expired.test.\nplain CNAME www.plain.test.\nnowhere CNAME nowhere.good.test.\nold DNAME good.test.",
        ),
    ]
}

/// The questions.
pub fn cases() -> Vec<Case> {
    vec![
        secure("www.good.test", "A"),
        secure("mail.good.test", "AAAA"),
        secure("good.test", "MX"),
        secure("good.test", "SOA"),
        secure("_http._tcp.good.test", "SRV"),
        secure("twice.good.test", "A"),
        secure("Mixed.CASE.good.test", "A"),
        secure("www.good.test", "AAAA"),
        secure("nowhere.good.test", "A"),
        secure("deep.good.test", "A"),
        secure("a.b.c.nowhere.good.test", "A"),
        secure("www.rsa.test", "A"),
        secure("www.rsa512.test", "A"),
        secure("www.rsa1.test", "A"),
        secure("www.p384.test", "A"),
        secure("www.ed25519.test", "A"),
        secure("www.digests.test", "A"),
        secure("www.digests.test", "AAAA"),
        secure("nowhere.digests.test", "A"),
        secure("deep.digests.test", "A"),
        secure("x.wild.digests.test", "A"),
        secure("x.wild.digests.test", "AAAA"),
        secure("www.optout.test", "A"),
        secure("www.expiring.test", "A"),
        secure("any.wild.test", "A"),
        secure("any.wild.test", "AAAA"),
        secure("any.text.wild.test", "TXT"),
        secure("good.links.test", "A"),
        secure("nowhere.links.test", "A"),
        secure("www.old.links.test", "A"),
        secure("good.test", "DS"),
        secure("nowhere.test", "A"),
        insecure("www.plain.test", "A", "unsigned-delegation"),
        insecure("nowhere.plain.test", "A", "unsigned-delegation"),
        insecure("www.child.optout.test", "A", "opt-out"),
        insecure("www.unknown.test", "A", "unsupported-algorithm"),
        insecure("plain.links.test", "A", "unsigned-delegation"),
        bogus("www.expired.test", "A", "signature-expired"),
        bogus("www.future.test", "A", "signature-not-yet-valid"),
        bogus("www.digest.test", "A", "key-not-at-parent"),
        bogus("www.unsigned-ds.test", "A", "signature-missing"),
        bogus("www.missing.test", "A", "signature-missing"),
        bogus("www.corrupt.test", "A", "signature-invalid"),
        bogus("www.corrupt-rsa.test", "A", "signature-invalid"),
        bogus("www.keyless.test", "A", "keys-missing"),
        bogus("www.keys-unsigned.test", "A", "signature-missing"),
        bogus("zz.denial.test", "A", "denial-missing"),
        bogus("bad.links.test", "A", "signature-expired"),
    ]
}
