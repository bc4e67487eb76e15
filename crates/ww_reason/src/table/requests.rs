//! Requests and greetings: what a question over an open connection that gets no proper answer may mean.

use super::{Entry, Kind, Sender, cause, plain};
use crate::Admits;
use crate::Control::{
    OtherBackends, OwnSmallSegments, QuicVersions, SameAgain, SmallSegments, Tls,
};

/// Answers of a segment or more are lost in a black hole as certificates are; a server for TLS waits for a hello.
pub(super) static SILENT: Entry = Entry {
    sender: Sender::Nobody,
    controls: &[SameAgain, SmallSegments, OwnSmallSegments, Tls],
    causes: &[
        cause(
            "path-mtu-black-hole",
            Kind::Connectivity,
            "full packets of the server vanish",
            &[
                (SameAgain, Admits::FAILS),
                (SmallSegments, Admits::ANSWERS),
                (Tls, Admits::FAILS),
            ],
        )
        .between(),
        cause(
            "path-mtu-black-hole",
            Kind::Connectivity,
            "full packets of ours vanish",
            &[
                (SameAgain, Admits::FAILS),
                (SmallSegments, Admits::FAILS),
                (OwnSmallSegments, Admits::ANSWERS),
                (Tls, Admits::FAILS),
            ],
        )
        .between(),
        cause(
            "plaintext-on-tls-port",
            Kind::Application,
            "the port wants TLS",
            &[(Tls, Admits::ANSWERS)],
        ),
        cause(
            "request-unanswered",
            Kind::Application,
            "the application does not answer",
            &[
                (SameAgain, Admits::FAILS),
                (SmallSegments, Admits::FAILS),
                (OwnSmallSegments, Admits::FAILS),
                (Tls, Admits::FAILS),
            ],
        ),
        cause(
            "intermittent-failure",
            Kind::Performance,
            "it was silent by chance",
            &[(SameAgain, Admits::ANSWERS), (Tls, Admits::FAILS)],
        ),
    ],
    would_tell: "the application's log, or a thread dump,",
};

/// A server for TLS closes what is no hello, mostly without an alert.
pub(super) static ENDED: Entry = Entry {
    sender: Sender::Somebody,
    controls: &[Tls],
    causes: &[
        cause(
            "plaintext-on-tls-port",
            Kind::Application,
            "the port wants TLS",
            &[(Tls, Admits::ANSWERS)],
        ),
        cause(
            "request-unanswered",
            Kind::Application,
            "the application, or a proxy before it, ends the connection",
            &[(Tls, Admits::FAILS)],
        ),
    ],
    would_tell: "the log of the server",
};

/// Seven bytes of an alert are no answer of HTTP.
pub(super) static STRANGE: Entry = Entry {
    sender: Sender::Known,
    controls: &[Tls],
    causes: &[
        cause(
            "plaintext-on-tls-port",
            Kind::Application,
            "the port wants TLS",
            &[(Tls, Admits::ANSWERS)],
        ),
        cause(
            "http-answer-broken",
            Kind::Application,
            "another protocol is spoken there",
            &[(Tls, Admits::FAILS)],
        ),
    ],
    would_tell: "",
};

/// The same for protocols that begin with a greeting.
pub(super) static GREETING_MISSING: Entry = Entry {
    sender: Sender::Somebody,
    controls: &[Tls],
    causes: &[
        cause(
            "plaintext-on-tls-port",
            Kind::Application,
            "the port wants TLS",
            &[(Tls, Admits::ANSWERS)],
        ),
        cause(
            "greeting-missing",
            Kind::Application,
            "another protocol is spoken there, or none",
            &[(Tls, Admits::FAILS)],
        ),
    ],
    would_tell: "",
};

/// Whoever speaks QUIC answers an unknown version with those it knows (RFC 9000 section 6).
pub(super) static HTTP3: Entry = Entry {
    sender: Sender::Nobody,
    controls: &[QuicVersions],
    causes: &[
        cause(
            "http3-advertised-unreachable",
            Kind::Connectivity,
            "nobody answers QUIC: UDP is dropped, or nothing listens",
            &[(QuicVersions, Admits::FAILS)],
        ),
        cause(
            "http3-advertised-unreachable",
            Kind::Application,
            "QUIC is spoken, and no request comes through",
            &[(QuicVersions, Admits::ANSWERS)],
        ),
    ],
    would_tell: "ss -lun on the server (does something listen on the UDP port?)",
};

/// One backend that fails while all others never do is not chance; one that fails more than others is no outlier yet.
pub(super) static TRIALS: Entry = Entry {
    sender: Sender::Somebody,
    controls: &[OtherBackends],
    causes: &[
        cause(
            "backend-outlier",
            Kind::Application,
            "one backend fails, and the others do not",
            &[(OtherBackends, Admits::WORKS)],
        ),
        cause(
            "intermittent-failure",
            Kind::Performance,
            "failures fall on all alike",
            &[(OtherBackends, Admits::AILS)],
        ),
    ],
    would_tell: "the logs of all backends at the times of the failures",
};

plain! {
    ANSWER_BROKEN: Known says Application "http-answer-broken", "the server breaks its protocol";
    SERVER_ERROR: Known says Application "http-server-errors", "a proxy cannot reach what is behind it, or the application fails";
    GATEWAY_TIMEOUT: Known says Performance "http-gateway-timeout", "what is behind the proxy takes longer than it waits";
    BODY_CUT: Somebody says Application "response-truncated", "the server, or a proxy before it, gave up";
    ANSWER_LATE: Nobody says Performance "slow-application", "the application takes its time";
    REDIRECTS_CIRCLE: Known says Application "redirect-loop", "two places send requests to one another";
    REDIRECTS_NOWHERE: Known says Application "redirect-target-unreachable", "the redirect names a place that nobody serves";
    NOT_CACHEABLE: Known says Application "response-not-cacheable", "its header fields forbid it";
    TRANSPORT_POLICY_MISSING: Known says Policy "hsts-missing", "the server does not send it";
    TRANSPORT_POLICY_IGNORED: Known says Policy "hsts-ignored", "it comes over clear text, or cannot be read";
    CODING_BROKEN: Known says Application "content-encoding-broken", "the server, or a proxy before it, codes it wrongly";
    CODING_MISSING: Known says Performance "response-not-compressed", "compression is switched off for it";
    VARY_MISSING: Known says Application "vary-missing", "caches are not told of the two forms";
    CLOCKS_DIFFER: Known says Application "clock-skew", "the clock of the server, or of this host, is wrong";
    EVENTS_IN_BURSTS: Nobody says Application "event-stream-buffered", "a proxy collects the answer";
    GREETING_REFUSED: Known says Policy "greeting-refused", "the server takes no more, or not from here";
    PASSWORDS_IN_CLEAR: Known says Policy "starttls-not-offered", "TLS is switched off, and logins without it are not";
    GRPC_UNHEALTHY: Known says Application "grpc-unhealthy", "the server says so of itself";
    GRPC_UNKNOWN: Known says Application "grpc-unimplemented", "the call reaches another server, or none of gRPC";
    UPGRADE_REFUSED: Known says Application "websocket-upgrade-refused", "a proxy does not pass the upgrade on, or nobody serves it there";
    IDLE_ENDED: Known says Application "idle-connection-reset", "the server ends connections that are quiet";
    IDLE_FORGOTTEN: Nobody says Policy "idle-connection-dropped", "a device on the way forgets connections that are quiet";
}
