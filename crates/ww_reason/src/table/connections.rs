//! Connections: what a SYN without a SYN-ACK may mean.

use super::{Entry, Kind, Sender, cause, plain};
use crate::Admits;
use crate::Control::{OtherPort, OtherService, OwnPorts, OwnQueue, OwnTable, Path, SameFamily};

/// A host that is up answers a SYN to a closed port with a reset (RFC 9293 section 3.5.2), so that silence of one port
/// alone is somebody's doing: a filter, or Linux with a full accept queue, which drops what it cannot take. A host
/// whose other ports answer late shows loss, not a filter.
pub(super) static SILENT: Entry = Entry {
    sender: Sender::Nobody,
    controls: &[OtherPort, Path, OwnTable, OwnQueue],
    causes: &[
        cause(
            "syn-unanswered",
            Kind::Policy,
            "a filter drops what goes to this port",
            &[
                (OtherPort, Admits::ANSWERS),
                (Path, Admits::FAILS),
                (OwnTable, Admits::ANSWERS),
                (OwnQueue, Admits::ANSWERS),
            ],
        )
        .between(),
        cause(
            "syn-unanswered",
            Kind::Connectivity,
            "the host is down, or nothing gets there",
            &[
                (OtherPort, Admits::FAILS),
                (Path, Admits::FAILS),
                (OwnTable, Admits::ANSWERS),
                (OwnQueue, Admits::ANSWERS),
            ],
        )
        .between(),
        cause(
            "syn-unanswered",
            Kind::Connectivity,
            "this host's own table of connections is full",
            &[(OwnTable, Admits::FAILS), (OwnQueue, Admits::ANSWERS)],
        ),
        cause(
            "intermittent-failure",
            Kind::Performance,
            "SYNs are lost now and then",
            &[
                (Path, Admits::ANSWERS),
                (OwnTable, Admits::ANSWERS),
                (OwnQueue, Admits::ANSWERS),
            ],
        )
        .between(),
        cause(
            "intermittent-failure",
            Kind::Performance,
            "so many SYNs are lost that none of these got through",
            &[
                (OtherPort, Admits::DEGRADED),
                (Path, Admits::FAILS),
                (OwnTable, Admits::ANSWERS),
                (OwnQueue, Admits::ANSWERS),
            ],
        )
        .between(),
        cause(
            "accept-queue-overflow",
            Kind::Application,
            "the server's accept queue is full",
            &[(OtherPort, Admits::ANSWERS), (OwnQueue, Admits::AILS)],
        ),
    ],
    would_tell: "a capture at the server (does the SYN arrive?) and nstat -az TcpExtListenOverflows there (is its queue full?)",
};

/// A reset does not tell who sent it: what would, its hop limit, takes a raw socket to see.
pub(super) static RESET: Entry = Entry {
    sender: Sender::Somebody,
    controls: &[OtherService],
    causes: &[
        cause(
            "connection-refused",
            Kind::Application,
            "nothing listens on the port",
            &[],
        ),
        cause(
            "connection-refused",
            Kind::Policy,
            "a filter answers for the port with resets",
            &[],
        )
        .between(),
        cause(
            "connection-refused",
            Kind::Connectivity,
            "the address is not that of the server",
            &[(OtherService, Admits::FAILS)],
        ),
    ],
    would_tell: "ss -ltn on the server (does something listen on the port?)",
};

/// RFC 1812 section 5.2.7.1 and RFC 4443 section 3.1 have codes for what is forbidden; a TCP port is never unreachable
/// by itself (RFC 1122 section 3.2.2.1 leaves that to protocols without a reset).
pub(super) static REJECTED: Entry = Entry {
    sender: Sender::Known,
    controls: &[OtherPort],
    causes: &[
        cause(
            "icmp-rejected",
            Kind::Policy,
            "a filter forbids this port",
            &[(OtherPort, Admits::ANSWERS)],
        )
        .between(),
        cause(
            "icmp-rejected",
            Kind::Policy,
            "a filter forbids the host",
            &[(OtherPort, Admits::FAILS)],
        )
        .between(),
    ],
    would_tell: "the rules of the filter that says so",
};

/// What a router says it may unsay: a route that is just changing.
pub(super) static UNREACHABLE: Entry = Entry {
    sender: Sender::Known,
    controls: &[Path],
    causes: &[
        cause(
            "host-unreachable",
            Kind::Connectivity,
            "the way ends where it is said to",
            &[(Path, Admits::FAILS)],
        )
        .between(),
        cause(
            "intermittent-failure",
            Kind::Connectivity,
            "the way comes and goes",
            &[(Path, Admits::ANSWERS)],
        )
        .between(),
    ],
    would_tell: "ip route get on the router that says so",
};

/// `EADDRNOTAVAIL` comes for want of a port (ip(7), `ip_local_port_range`) or, for IPv6, of an address.
pub(super) static NO_PORT: Entry = Entry {
    sender: Sender::Known,
    controls: &[OwnPorts],
    causes: &[
        cause(
            "local-ports-exhausted",
            Kind::Application,
            "connections of this host use up its ports",
            &[(OwnPorts, Admits::AILS)],
        ),
        cause(
            "host-unreachable",
            Kind::Connectivity,
            "this host has no address of the family",
            &[(OwnPorts, Admits::WORKS)],
        ),
    ],
    would_tell: "ss -s, and ip -6 addr",
};

/// A SYN is repeated when it, or its answer, is lost, and when Linux drops it for want of room in the accept queue.
pub(super) static LATE: Entry = Entry {
    sender: Sender::Nobody,
    controls: &[OwnQueue],
    causes: &[
        cause(
            "handshake-retransmitted",
            Kind::Performance,
            "a SYN or its answer was lost",
            &[(OwnQueue, Admits::ANSWERS)],
        )
        .between(),
        cause(
            "accept-queue-overflow",
            Kind::Application,
            "the server's accept queue was full",
            &[(OwnQueue, Admits::AILS)],
        ),
    ],
    would_tell: "nstat -az TcpExtListenOverflows on the server (was its queue full?)",
};

/// One family fails as a whole for another reason than one server does.
pub(super) static PARTLY_OPEN: Entry = Entry {
    sender: Sender::Known,
    controls: &[SameFamily],
    causes: &[
        cause(
            "one-address-broken",
            Kind::Connectivity,
            "this address fails, and others of its family do not",
            &[(SameFamily, Admits::ANSWERS)],
        ),
        cause(
            "address-family-broken",
            Kind::Connectivity,
            "the whole family fails",
            &[(SameFamily, Admits::FAILS)],
        ),
    ],
    would_tell: "",
};

plain! {
    NOT_SENT: Known says Connectivity "host-unreachable", "this host finds no way there, or forbids it";
}
