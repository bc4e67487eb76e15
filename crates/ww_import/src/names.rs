//! Names that stand for numbers: protocols, services, ICMP types (IANA registries, and the words
//! that iptables and ipset have for them).

use crate::text::number_in;

/// A protocol by name, in any case, or number. `all` and 0 are 0.
pub(crate) fn protocol(text: &str) -> Option<u8> {
    number_in(text).or_else(|| {
        let name = text.to_ascii_lowercase();
        find(PROTOCOLS, &name)
    })
}

/// A port by number or by the name of the service.
pub(crate) fn port(text: &str) -> Option<u16> {
    number_in(text).or_else(|| find(SERVICES, text))
}

/// `PORT`, or `FIRST:LAST` with either end left out; both ends included, the wrong way round too.
pub(crate) fn ports(text: &str, separator: char) -> Option<(u16, u16)> {
    let Some((first, last)) = text.split_once(separator) else {
        return port(text).map(|port| (port, port));
    };
    let first = if first.is_empty() {
        Some(0)
    } else {
        port(first)
    };
    let last = if last.is_empty() {
        Some(u16::MAX)
    } else {
        port(last)
    };
    first.zip(last)
}

fn find<T: Copy>(table: &[(&str, T)], name: &str) -> Option<T> {
    table
        .iter()
        .find_map(|(known, value)| (*known == name).then_some(*value))
}

/// ICMP messages of one kind: a type, and its first and last code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct IcmpKind {
    /// The type.
    pub(crate) kind: u8,
    /// The codes, first and last.
    pub(crate) codes: (u8, u8),
}

/// An ICMP message by name or unambiguous beginning of one, `TYPE` or `TYPE/CODE`.
pub(crate) fn icmp(text: &str) -> Option<IcmpKind> {
    message(text, ICMP)
}

/// An ICMPv6 message in the same way.
pub(crate) fn icmp6(text: &str) -> Option<IcmpKind> {
    message(text, ICMP6)
}

fn message(text: &str, table: &[(&str, u8, Option<u8>)]) -> Option<IcmpKind> {
    if text.starts_with(|c: char| c.is_ascii_digit()) {
        let (kind, code) = match text.split_once('/') {
            Some((kind, code)) => (number_in(kind)?, Some(number_in(code)?)),
            None => (number_in(text)?, None),
        };
        return Some(of_code(kind, code));
    }
    let name = text.to_ascii_lowercase();
    let starting = || table.iter().filter(|(known, ..)| known.starts_with(&name));
    let exact = table.iter().find(|(known, ..)| *known == name);
    let only = || starting().next().filter(|_| starting().count() == 1);
    exact
        .or_else(only)
        .filter(|_| !name.is_empty())
        .map(|(_, kind, code)| of_code(*kind, *code))
}

fn of_code(kind: u8, code: Option<u8>) -> IcmpKind {
    IcmpKind {
        kind,
        codes: code.map_or((0, u8::MAX), |code| (code, code)),
    }
}

const PROTOCOLS: &[(&str, u8)] = &[
    ("all", 0),
    ("ip", 0),
    ("hopopt", 0),
    ("icmp", 1),
    ("igmp", 2),
    ("ggp", 3),
    ("ipencap", 4),
    ("st", 5),
    ("tcp", 6),
    ("egp", 8),
    ("igp", 9),
    ("pup", 12),
    ("udp", 17),
    ("hmp", 20),
    ("xns-idp", 22),
    ("rdp", 27),
    ("iso-tp4", 29),
    ("dccp", 33),
    ("xtp", 36),
    ("ddp", 37),
    ("idpr-cmtp", 38),
    ("ipv6", 41),
    ("ipv6-route", 43),
    ("ipv6-frag", 44),
    ("idrp", 45),
    ("rsvp", 46),
    ("gre", 47),
    ("esp", 50),
    ("ipsec-esp", 50),
    ("ah", 51),
    ("ipsec-ah", 51),
    ("skip", 57),
    ("icmpv6", 58),
    ("icmp6", 58),
    ("ipv6-icmp", 58),
    ("ipv6-nonxt", 59),
    ("ipv6-opts", 60),
    ("rspf", 73),
    ("vmtp", 81),
    ("eigrp", 88),
    ("ospf", 89),
    ("ospfigp", 89),
    ("ax.25", 93),
    ("ipip", 94),
    ("etherip", 97),
    ("encap", 98),
    ("pim", 103),
    ("ipcomp", 108),
    ("vrrp", 112),
    ("carp", 112),
    ("l2tp", 115),
    ("isis", 124),
    ("sctp", 132),
    ("fc", 133),
    ("mh", 135),
    ("ipv6-mh", 135),
    ("mobility-header", 135),
    ("udplite", 136),
    ("mpls-in-ip", 137),
    ("manet", 138),
    ("hip", 139),
    ("shim6", 140),
    ("wesp", 141),
    ("rohc", 142),
    ("ethernet", 143),
];

const SERVICES: &[(&str, u16)] = &[
    ("tcpmux", 1),
    ("echo", 7),
    ("discard", 9),
    ("systat", 11),
    ("daytime", 13),
    ("netstat", 15),
    ("qotd", 17),
    ("chargen", 19),
    ("ftp-data", 20),
    ("ftp", 21),
    ("ssh", 22),
    ("telnet", 23),
    ("smtp", 25),
    ("mail", 25),
    ("time", 37),
    ("whois", 43),
    ("tacacs", 49),
    ("domain", 53),
    ("bootps", 67),
    ("bootpc", 68),
    ("tftp", 69),
    ("gopher", 70),
    ("finger", 79),
    ("http", 80),
    ("www", 80),
    ("kerberos", 88),
    ("iso-tsap", 102),
    ("pop3", 110),
    ("pop-3", 110),
    ("sunrpc", 111),
    ("portmapper", 111),
    ("auth", 113),
    ("ident", 113),
    ("nntp", 119),
    ("ntp", 123),
    ("epmap", 135),
    ("loc-srv", 135),
    ("netbios-ns", 137),
    ("netbios-dgm", 138),
    ("netbios-ssn", 139),
    ("imap", 143),
    ("imap2", 143),
    ("snmp", 161),
    ("snmptrap", 162),
    ("snmp-trap", 162),
    ("xdmcp", 177),
    ("bgp", 179),
    ("irc", 194),
    ("z3950", 210),
    ("ptp-event", 319),
    ("ptp-general", 320),
    ("ldap", 389),
    ("svrloc", 427),
    ("https", 443),
    ("snpp", 444),
    ("microsoft-ds", 445),
    ("kpasswd", 464),
    ("submissions", 465),
    ("ssmtp", 465),
    ("smtps", 465),
    ("urd", 465),
    ("isakmp", 500),
    ("exec", 512),
    ("biff", 512),
    ("login", 513),
    ("who", 513),
    ("shell", 514),
    ("syslog", 514),
    ("printer", 515),
    ("talk", 517),
    ("ntalk", 518),
    ("route", 520),
    ("router", 520),
    ("uucp", 540),
    ("klogin", 543),
    ("kshell", 544),
    ("dhcpv6-client", 546),
    ("dhcpv6-server", 547),
    ("afpovertcp", 548),
    ("rtsp", 554),
    ("nntps", 563),
    ("submission", 587),
    ("asf-rmcp", 623),
    ("ipp", 631),
    ("ldaps", 636),
    ("tinc", 655),
    ("kerberos-adm", 749),
    ("domain-s", 853),
    ("rsync", 873),
    ("ftps-data", 989),
    ("ftps", 990),
    ("telnets", 992),
    ("imaps", 993),
    ("pop3s", 995),
    ("socks", 1080),
    ("rmiregistry", 1099),
    ("openvpn", 1194),
    ("ms-sql-s", 1433),
    ("ms-sql-m", 1434),
    ("l2f", 1701),
    ("l2tp", 1701),
    ("radius", 1812),
    ("radius-acct", 1813),
    ("cisco-sccp", 2000),
    ("nfs", 2049),
    ("cvspserver", 2401),
    ("icpv2", 3130),
    ("icp", 3130),
    ("isns", 3205),
    ("iscsi-target", 3260),
    ("mysql", 3306),
    ("ms-wbt-server", 3389),
    ("nut", 3493),
    ("distcc", 3632),
    ("daap", 3689),
    ("svn", 3690),
    ("subversion", 3690),
    ("sieve", 4190),
    ("epmd", 4369),
    ("ntske", 4460),
    ("ipsec-nat-t", 4500),
    ("iax", 4569),
    ("munin", 4949),
    ("sip", 5060),
    ("sip-tls", 5061),
    ("sips", 5061),
    ("xmpp-client", 5222),
    ("jabber-client", 5222),
    ("xmpp-server", 5269),
    ("jabber-server", 5269),
    ("mdns", 5353),
    ("postgresql", 5432),
    ("postgres", 5432),
    ("nrpe", 5666),
    ("amqps", 5671),
    ("amqp", 5672),
    ("x11", 6000),
    ("redis", 6379),
    ("syslog-tls", 6514),
    ("ircd", 6667),
    ("babel", 6696),
    ("ircs-u", 6697),
    ("bacula-dir", 9101),
    ("bacula-fd", 9102),
    ("bacula-sd", 9103),
    ("http-alt", 8080),
    ("webcache", 8080),
    ("tproxy", 8081),
    ("puppet", 8140),
    ("git", 9418),
    ("webmin", 10000),
    ("zabbix-agent", 10050),
    ("zabbix-trapper", 10051),
    ("nbd", 10809),
    ("hkp", 11371),
];

const ICMP: &[(&str, u8, Option<u8>)] = &[
    ("any", 255, None),
    ("echo-reply", 0, None),
    ("pong", 0, None),
    ("destination-unreachable", 3, None),
    ("network-unreachable", 3, Some(0)),
    ("host-unreachable", 3, Some(1)),
    ("protocol-unreachable", 3, Some(2)),
    ("port-unreachable", 3, Some(3)),
    ("fragmentation-needed", 3, Some(4)),
    ("source-route-failed", 3, Some(5)),
    ("network-unknown", 3, Some(6)),
    ("host-unknown", 3, Some(7)),
    ("network-prohibited", 3, Some(9)),
    ("host-prohibited", 3, Some(10)),
    ("tos-network-unreachable", 3, Some(11)),
    ("tos-host-unreachable", 3, Some(12)),
    ("communication-prohibited", 3, Some(13)),
    ("host-precedence-violation", 3, Some(14)),
    ("precedence-cutoff", 3, Some(15)),
    ("source-quench", 4, None),
    ("redirect", 5, None),
    ("network-redirect", 5, Some(0)),
    ("host-redirect", 5, Some(1)),
    ("tos-network-redirect", 5, Some(2)),
    ("tos-host-redirect", 5, Some(3)),
    ("echo-request", 8, None),
    ("ping", 8, None),
    ("router-advertisement", 9, None),
    ("router-solicitation", 10, None),
    ("time-exceeded", 11, None),
    ("ttl-exceeded", 11, None),
    ("ttl-zero-during-transit", 11, Some(0)),
    ("ttl-zero-during-reassembly", 11, Some(1)),
    ("parameter-problem", 12, None),
    ("ip-header-bad", 12, Some(0)),
    ("required-option-missing", 12, Some(1)),
    ("timestamp-request", 13, None),
    ("timestamp-reply", 14, None),
    ("address-mask-request", 17, None),
    ("address-mask-reply", 18, None),
];

const ICMP6: &[(&str, u8, Option<u8>)] = &[
    ("destination-unreachable", 1, None),
    ("no-route", 1, Some(0)),
    ("communication-prohibited", 1, Some(1)),
    ("beyond-scope", 1, Some(2)),
    ("address-unreachable", 1, Some(3)),
    ("port-unreachable", 1, Some(4)),
    ("failed-policy", 1, Some(5)),
    ("reject-route", 1, Some(6)),
    ("packet-too-big", 2, None),
    ("time-exceeded", 3, None),
    ("ttl-exceeded", 3, None),
    ("ttl-zero-during-transit", 3, Some(0)),
    ("ttl-zero-during-reassembly", 3, Some(1)),
    ("parameter-problem", 4, None),
    ("bad-header", 4, Some(0)),
    ("unknown-header-type", 4, Some(1)),
    ("unknown-option", 4, Some(2)),
    ("echo-request", 128, None),
    ("ping", 128, None),
    ("echo-reply", 129, None),
    ("pong", 129, None),
    ("router-solicitation", 133, None),
    ("router-advertisement", 134, None),
    ("neighbour-solicitation", 135, None),
    ("neighbor-solicitation", 135, None),
    ("neighbour-advertisement", 136, None),
    ("neighbor-advertisement", 136, None),
    ("redirect", 137, None),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_for_numbers() {
        assert_eq!(protocol("TCP"), Some(6));
        assert_eq!(protocol("0x11"), Some(17));
        assert_eq!(protocol("256"), None);
        assert_eq!(ports("ssh:", ':'), Some((22, u16::MAX)));
        assert_eq!(ports(":1023", ':'), Some((0, 1023)));
        assert_eq!(ports("65536", ':'), None);
    }

    #[test]
    fn icmp_messages_have_names_and_numbers() {
        let kind = |kind, codes| Some(IcmpKind { kind, codes });
        assert_eq!(icmp("fragmentation-needed"), kind(3, (4, 4)));
        assert_eq!(icmp("echo-req"), kind(8, (0, 255)));
        assert_eq!(icmp("3/1"), kind(3, (1, 1)));
        assert_eq!(icmp6("packet-too-big"), kind(2, (0, 255)));
        for text in ["", "echo", "3/", "256", "packet-too-big"] {
            assert_eq!(icmp(text), None, "{text}");
        }
    }
}
