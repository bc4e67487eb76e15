//! TLS: what a ClientHello that leads to no handshake may mean.

use super::{Cause, Entry, Kind, Sender, cause, plain};
use crate::Admits;
use crate::Control::{
    AnyVersion, ClearText, OtherName, OtherProtocols, OwnSmallSegments, SameAgain, SmallSegments,
    UsualHello, WithoutName,
};

/// A server's certificates are the first thing that fills a segment: where they vanish, small segments come through
/// (RFC 2923 section 2.1). Filters that judge by the name in the hello let another name, or none, pass.
pub(super) static SILENT: Entry = Entry {
    sender: Sender::Nobody,
    controls: &[SameAgain, SmallSegments, WithoutName, OtherName],
    causes: &[
        cause(
            "path-mtu-black-hole",
            Kind::Connectivity,
            "full packets of the server vanish",
            &[(SameAgain, Admits::FAILS), (SmallSegments, Admits::ANSWERS)],
        )
        .between(),
        cause(
            "tls-handshake-rejected",
            Kind::Policy,
            "hellos with this name are dropped",
            &[
                (SameAgain, Admits::FAILS),
                (SmallSegments, Admits::FAILS),
                (WithoutName, Admits::ANSWERS),
            ],
        )
        .between(),
        cause(
            "tls-handshake-rejected",
            Kind::Policy,
            "hellos without a name, or with this one, are dropped",
            &[
                (SameAgain, Admits::FAILS),
                (SmallSegments, Admits::FAILS),
                (WithoutName, Admits::FAILS),
                (OtherName, Admits::ANSWERS),
            ],
        )
        .between(),
        cause(
            "request-unanswered",
            Kind::Application,
            "the server takes connections and answers no hello",
            &[
                (SameAgain, Admits::FAILS),
                (SmallSegments, Admits::FAILS),
                (WithoutName, Admits::FAILS),
                (OtherName, Admits::FAILS),
            ],
        ),
        cause(
            "intermittent-failure",
            Kind::Performance,
            "it was silent by chance",
            &[(SameAgain, Admits::ANSWERS)],
        ),
    ],
    would_tell: "a capture at the server (does the hello arrive, and an answer leave?)",
};

const BY_NAME: Cause = cause(
    "tls-handshake-rejected",
    Kind::Policy,
    "this name is rejected",
    &[(WithoutName, Admits::ANSWERS)],
);

const BY_SOME_NAMES: Cause = cause(
    "tls-handshake-rejected",
    Kind::Policy,
    "this name is rejected, and hellos without one",
    &[(WithoutName, Admits::FAILS), (OtherName, Admits::ANSWERS)],
);

const OLD_ALONE: Cause = cause(
    "tls-obsolete-version",
    Kind::Application,
    "obsolete versions alone are taken",
    &[
        (WithoutName, Admits::FAILS),
        (OtherName, Admits::FAILS),
        (AnyVersion, Admits::DEGRADED),
    ],
);

const NOTHING_COMMON: Cause = cause(
    "tls-handshake-rejected",
    Kind::Application,
    "a suite, a group or a signature in common is missing",
    &[
        (WithoutName, Admits::FAILS),
        (OtherName, Admits::FAILS),
        (AnyVersion, Admits::WORKS),
    ],
);

const NO_HELLO: Cause = cause(
    "tls-handshake-rejected",
    Kind::Application,
    "no hello is taken, whatever it offers",
    &[
        (WithoutName, Admits::FAILS),
        (OtherName, Admits::FAILS),
        (AnyVersion, Admits::FAILS),
    ],
);

/// Servers, and filters that read the name, end connections without a word where an alert would be due (RFC 8446
/// section 6).
pub(super) static ENDED: Entry = Entry {
    sender: Sender::Somebody,
    controls: &[WithoutName, OtherName, AnyVersion],
    causes: &[BY_NAME, BY_SOME_NAMES, OLD_ALONE, NOTHING_COMMON, NO_HELLO],
    would_tell: "the log of the server (did it end the connection?)",
};

/// The same with an alert: the server, or what ends TLS in its place, says no.
pub(super) static ALERT: Entry = Entry {
    sender: Sender::Known,
    controls: &[WithoutName, OtherName, AnyVersion],
    causes: &[BY_NAME, BY_SOME_NAMES, OLD_ALONE, NOTHING_COMMON, NO_HELLO],
    would_tell: "the log of the server",
};

/// Alert 112 (RFC 6066 section 3).
pub(super) static ALERT_NAME: Entry = Entry {
    sender: Sender::Known,
    controls: &[WithoutName, OtherName],
    causes: &[
        cause(
            "tls-handshake-rejected",
            Kind::Application,
            "no site of the server has this name",
            &[(WithoutName, Admits::ANSWERS), (OtherName, Admits::FAILS)],
        ),
        cause(
            "tls-handshake-rejected",
            Kind::Application,
            "no site has this name, and none is shown without one",
            &[(WithoutName, Admits::FAILS), (OtherName, Admits::FAILS)],
        ),
        cause(
            "tls-handshake-rejected",
            Kind::Policy,
            "this name alone is rejected",
            &[(OtherName, Admits::ANSWERS)],
        ),
    ],
    would_tell: "the sites of the server's configuration",
};

/// Alert 70 (RFC 8446 section 6.2).
pub(super) static ALERT_VERSION: Entry = Entry {
    sender: Sender::Known,
    controls: &[AnyVersion],
    causes: &[
        cause(
            "tls-obsolete-version",
            Kind::Application,
            "obsolete versions alone are taken",
            &[(AnyVersion, Admits::DEGRADED)],
        ),
        cause(
            "tls-handshake-rejected",
            Kind::Application,
            "a version of today is taken, but not in the usual hello",
            &[(AnyVersion, Admits::WORKS)],
        ),
        cause(
            "tls-handshake-rejected",
            Kind::Application,
            "no version is taken",
            &[(AnyVersion, Admits::FAILS)],
        ),
    ],
    would_tell: "the versions in the server's configuration",
};

/// Alert 120 (RFC 7301 section 3.2).
pub(super) static ALERT_PROTOCOL: Entry = Entry {
    sender: Sender::Known,
    controls: &[OtherProtocols],
    causes: &[
        cause(
            "alpn-mismatch",
            Kind::Application,
            "the protocols that clients need are not offered",
            &[(OtherProtocols, Admits::ANSWERS)],
        ),
        cause(
            "tls-handshake-rejected",
            Kind::Application,
            "the handshake fails without ALPN too",
            &[(OtherProtocols, Admits::FAILS)],
        ),
    ],
    would_tell: "the protocols in the server's configuration",
};

/// A server that knows ALPN and shares no protocol may go on without one (RFC 7301 section 3.2 would have an alert).
pub(super) static PROTOCOL_IGNORED: Entry = Entry {
    sender: Sender::Known,
    controls: &[OtherProtocols],
    causes: &[
        cause(
            "alpn-mismatch",
            Kind::Application,
            "HTTP/2 is switched off",
            &[(OtherProtocols, Admits::ANSWERS)],
        ),
        cause(
            "alpn-mismatch",
            Kind::Application,
            "what ends TLS knows no ALPN",
            &[(OtherProtocols, Admits::FAILS)],
        ),
    ],
    would_tell: "",
};

/// A hello with a key share of ML-KEM takes two packets. What loses it is told by sending the same in other packets,
/// and something else in the same ones (tldr.fail).
pub(super) static LARGE_LOST: Entry = Entry {
    sender: Sender::Nobody,
    controls: &[UsualHello, SmallSegments, ClearText, OwnSmallSegments],
    causes: &[
        cause(
            "path-mtu-black-hole",
            Kind::Connectivity,
            "full packets of ours vanish",
            &[
                (UsualHello, Admits::ANSWERS),
                (SmallSegments, Admits::ANSWERS),
                (ClearText, Admits::FAILS),
                (OwnSmallSegments, Admits::ANSWERS),
            ],
        )
        .between(),
        cause(
            "large-client-hello-dropped",
            Kind::Policy,
            "packets of this size are dropped",
            &[
                (UsualHello, Admits::ANSWERS),
                (SmallSegments, Admits::ANSWERS),
                (ClearText, Admits::FAILS),
                (OwnSmallSegments, Admits::FAILS),
            ],
        )
        .between(),
        cause(
            "large-client-hello-dropped",
            Kind::Policy,
            "large hellos in one packet are dropped",
            &[
                (UsualHello, Admits::ANSWERS),
                (SmallSegments, Admits::ANSWERS),
                (ClearText, Admits::ANSWERS),
            ],
        )
        .between(),
        cause(
            "large-client-hello-dropped",
            Kind::Application,
            "the server, or what reads hellos before it, takes no large one",
            &[
                (UsualHello, Admits::ANSWERS),
                (SmallSegments, Admits::FAILS),
                (ClearText, Admits::ANSWERS),
            ],
        ),
        cause(
            "large-client-hello-dropped",
            Kind::Connectivity,
            "nothing of this size is taken",
            &[
                (UsualHello, Admits::ANSWERS),
                (SmallSegments, Admits::FAILS),
                (ClearText, Admits::FAILS),
            ],
        ),
        cause(
            "intermittent-failure",
            Kind::Performance,
            "hellos of any size fail now and then",
            &[(UsualHello, Admits::FAILS)],
        ),
    ],
    would_tell: "a capture at the server (do the large packets arrive?)",
};

/// What reads a hello with one read fails when it comes in two (tldr.fail).
pub(super) static SPLIT_LOST: Entry = Entry {
    sender: Sender::Nobody,
    controls: &[SameAgain, UsualHello],
    causes: &[
        cause(
            "large-client-hello-dropped",
            Kind::Application,
            "hellos in two segments are not taken",
            &[(SameAgain, Admits::FAILS), (UsualHello, Admits::ANSWERS)],
        ),
        cause(
            "intermittent-failure",
            Kind::Performance,
            "it failed by chance",
            &[(SameAgain, Admits::ANSWERS)],
        ),
        cause(
            "intermittent-failure",
            Kind::Performance,
            "hellos fail now and then, in however many segments",
            &[(SameAgain, Admits::FAILS), (UsualHello, Admits::FAILS)],
        ),
    ],
    would_tell: "a capture at the server (do both segments arrive?)",
};

plain! {
    CERTIFICATE_DEMANDED: Known says Policy "client-certificate-missing", "the server takes nobody without a certificate";
    CLEAR_TEXT_ANSWERS: Known says Application "tls-on-plaintext-port", "the port speaks clear text";
    CERTIFICATE_EXPIRED: Known says Application "certificate-expired", "the certificate was not renewed in time";
    CERTIFICATE_EARLY: Known says Application "certificate-not-yet-valid", "the certificate begins later, or a clock is wrong";
    CERTIFICATE_ENDING: Known says Application "certificate-expiring", "the certificate was not renewed yet";
    CERTIFICATE_OF_OTHER: Known says Application "certificate-name-mismatch", "the server shows another site's certificate";
    CERTIFICATE_ALONE: Known says Application "certificate-chain-incomplete", "the server does not send the intermediate";
    CERTIFICATE_UNTRUSTED: Known says Policy "certificate-untrusted", "the issuer is not trusted here";
    CERTIFICATE_WEAK: Known says Policy "certificate-weak", "the key or the signature is too weak";
    CERTIFICATES_DIFFER: Known says Application "certificates-differ", "the addresses are not configured alike";
    OBSOLETE_VERSION: Known says Policy "tls-obsolete-version", "the server allows obsolete versions";
    WEAK_SUITE: Known says Policy "tls-weak-cipher", "the server allows weak suites";
}
