//! Names: what a name server's silence or failure may mean.

use super::{Cause, Entry, Kind, Sender, cause, plain};
use crate::Admits;
use crate::Control::{
    Chain, OtherType, OverTcp, SameAgain, SearchedName, SmallAnswer, WithoutEdns,
    WithoutValidation, ZoneServers,
};

/// Fragments that are dropped lose answers of more than a packet, whatever the server (RFC 6891 section 6.2.5). Some
/// filters drop what has an OPT record, and some servers one type of question; none of the three is told from a dead
/// server but by asking less.
pub(super) static SERVER_SILENT: Entry = Entry {
    sender: Sender::Nobody,
    controls: &[SameAgain, SmallAnswer, WithoutEdns, OverTcp, OtherType],
    causes: &[
        cause(
            "dns-fragments-dropped",
            Kind::Policy,
            "fragments of large answers are dropped",
            &[(SameAgain, Admits::FAILS), (SmallAnswer, Admits::ANSWERS)],
        )
        .between(),
        cause(
            "dns-unanswered",
            Kind::Policy,
            "questions with EDNS are dropped",
            &[
                (SameAgain, Admits::FAILS),
                (SmallAnswer, Admits::FAILS),
                (WithoutEdns, Admits::ANSWERS),
            ],
        ),
        cause(
            "dns-unanswered",
            Kind::Application,
            "the server does not answer this type",
            &[
                (SameAgain, Admits::FAILS),
                (SmallAnswer, Admits::FAILS),
                (WithoutEdns, Admits::FAILS),
                (OtherType, Admits::ANSWERS),
            ],
        ),
        cause(
            "dns-unanswered",
            Kind::Policy,
            "UDP to it is dropped",
            &[
                (SameAgain, Admits::FAILS),
                (SmallAnswer, Admits::FAILS),
                (WithoutEdns, Admits::FAILS),
                (OverTcp, Admits::ANSWERS),
                (OtherType, Admits::FAILS),
            ],
        )
        .between(),
        cause(
            "dns-unanswered",
            Kind::Connectivity,
            "it is down, or nothing gets there",
            &[
                (SameAgain, Admits::FAILS),
                (SmallAnswer, Admits::FAILS),
                (WithoutEdns, Admits::FAILS),
                (OverTcp, Admits::FAILS),
                (OtherType, Admits::FAILS),
            ],
        )
        .between(),
        cause(
            "dns-unanswered",
            Kind::Performance,
            "a datagram was lost by chance",
            &[(SameAgain, Admits::ANSWERS)],
        ),
    ],
    would_tell: "a capture at the name server (does the question arrive?)",
};

/// A validating resolver answers SERVFAIL for what it cannot validate and gives it with CD (RFC 4035 section 3.2.2);
/// one that cannot reach the zone's servers has nothing to give with CD either. Whether they are there, they tell
/// themselves.
pub(super) static SERVER_FAILURE: Entry = Entry {
    sender: Sender::Known,
    controls: &[WithoutValidation, Chain, ZoneServers],
    causes: &[
        cause(
            "dnssec-bogus",
            Kind::Policy,
            "the zone's signatures do not hold",
            &[(WithoutValidation, Admits::ANSWERS), (Chain, Admits::AILS)],
        ),
        cause(
            "dns-server-failure",
            Kind::Application,
            "its own validation is wrong: its clock, or its trust anchor",
            &[
                (WithoutValidation, Admits::ANSWERS),
                (Chain, Admits::ANSWERS),
            ],
        ),
        cause(
            "dns-server-failure",
            Kind::Connectivity,
            "it cannot reach the zone's servers",
            &[
                (WithoutValidation, Admits::FAILS),
                (ZoneServers, Admits::ANSWERS),
            ],
        ),
        cause(
            "dns-server-failure",
            Kind::Application,
            "the zone's servers fail",
            &[
                (WithoutValidation, Admits::FAILS),
                (ZoneServers, Admits::AILS),
            ],
        ),
    ],
    would_tell: "delv +vtrace, and the log of the name server",
};

const ELSEWHERE: Cause = cause(
    "dns-answers-disagree",
    Kind::Application,
    "the resolver is stale or sees another view",
    &[(ZoneServers, Admits::ANSWERS)],
);

const BY_SUFFIX: Cause = cause(
    "dns-search-expansion",
    Kind::Application,
    "programs find it with a suffix alone",
    &[
        (ZoneServers, Admits::FAILS),
        (SearchedName, Admits::ANSWERS),
    ],
);

/// A negative answer is the zone's own where the zone's servers give it too (RFC 2308).
pub(super) static NOT_FOUND: Entry = Entry {
    sender: Sender::Known,
    controls: &[ZoneServers, SearchedName],
    causes: &[
        ELSEWHERE,
        BY_SUFFIX,
        cause(
            "dns-name-not-found",
            Kind::Application,
            "the name does not exist",
            &[(ZoneServers, Admits::FAILS), (SearchedName, Admits::FAILS)],
        ),
    ],
    would_tell: "dig +trace (what do the zone's own servers say?)",
};

/// The same for a name that exists.
pub(super) static WITHOUT_ADDRESS: Entry = Entry {
    sender: Sender::Known,
    controls: &[ZoneServers, SearchedName],
    causes: &[
        ELSEWHERE,
        BY_SUFFIX,
        cause(
            "dns-no-address",
            Kind::Application,
            "the zone has no address for it",
            &[(ZoneServers, Admits::FAILS), (SearchedName, Admits::FAILS)],
        ),
    ],
    would_tell: "dig +trace (what do the zone's own servers say?)",
};

plain! {
    REFUSES: Known says Policy "dns-refused", "the server answers others, or for other names";
    CUT_SHORT: Nobody says Policy "dns-tcp-blocked", "TCP to the name server is blocked";
    SLOW: Nobody says Performance "dns-slow", "the name server, or the way there, is slow";
    ANSWERS_DIFFER: Known says Application "dns-answers-disagree", "one of them is stale or sees another view";
    WEB_ANSWERS: Known says Application "dns-over-https-missing", "the path is another one, or a proxy passes no questions on";
    LAME: Known says Application "dns-lame-delegation", "the server does not have the zone";
    DELEGATIONS_DIFFER: Known says Application "dns-delegation-differs", "one of both lists was not kept";
    EXPANDED: Known says Application "dns-search-expansion", "the search list turns the name into another one";
    CHAIN_BROKEN: Known says Policy "dnssec-bogus", "a zone's signatures do not hold";
    BINDING_MALFORMED: Known says Application "https-record-malformed", "the record was written by hand, or by a program that does not know its form";
    BINDING_ASTRAY: Known says Application "https-record-unreachable", "the record names an endpoint that is not there";
    HINT_ASTRAY: Known says Application "dns-stale-address", "the record was not changed when the address was";
    CHAIN_ENDING: Known says Application "dnssec-signature-expiring", "a zone is not signed again in time";
}
