//! The targets of iptables 1.8 and of xtables-addons that are common.

use super::extension::{Extension, Meaning};
use super::target;
use Meaning::{Act, Aside as Beside, Target, Whole};
use ww_model::filter::UnknownReason::{Dynamic, NotModelled};
use ww_model::filter::{Action, Aside, Family, Verdict};

/// The target of this name.
pub(super) fn find(name: &str) -> Option<&'static Extension> {
    TARGETS.iter().find(|one| one.name == name)
}

const fn both(name: &'static str, options: &'static str, meaning: Meaning) -> Extension {
    Extension {
        name,
        family: None,
        options,
        meaning,
    }
}

const fn only(
    family: Family,
    name: &'static str,
    options: &'static str,
    meaning: Meaning,
) -> Extension {
    Extension {
        name,
        family: Some(family),
        options,
        meaning,
    }
}

const TARGETS: &[Extension] = &[
    both("ACCEPT", "", Act(Action::Verdict(Verdict::Accept))),
    both("DROP", "", Act(Action::Verdict(Verdict::Drop))),
    both("RETURN", "", Act(Action::Verdict(Verdict::Return))),
    both("REJECT", "reject-with=", Target(target::reject)),
    both(
        "LOG",
        "log-level= log-prefix= log-tcp-sequence log-tcp-options log-ip-options log-uid \
         log-macdecode",
        Beside(Aside::Log),
    ),
    both(
        "NFLOG",
        "nflog-group= nflog-prefix= nflog-range= nflog-size= nflog-threshold=",
        Beside(Aside::Log),
    ),
    both(
        "ULOG",
        "ulog-nlgroup= ulog-prefix= ulog-cprange= ulog-qthreshold=",
        Beside(Aside::Log),
    ),
    both("AUDIT", "+type=", Beside(Aside::Log)),
    both("TRACE", "", Beside(Aside::Log)),
    both(
        "LOGMARK",
        "log-level= log-prefix= log-nfmark log-ctmark",
        Beside(Aside::Log),
    ),
    both(
        "MARK",
        "set-mark= set-xmark= and-mark= or-mark= xor-mark=",
        Target(target::mark),
    ),
    both(
        "CONNMARK",
        "set-mark= set-xmark= and-mark= or-mark= xor-mark= save-mark restore-mark mask= nfmask= \
         ctmask= left-shift-mark= right-shift-mark=",
        Target(target::connmark),
    ),
    both(
        "DNAT",
        "to-destination= random persistent",
        Target(target::destination),
    ),
    both(
        "SNAT",
        "to-source= random random-fully persistent",
        Target(target::source),
    ),
    both(
        "MASQUERADE",
        "to-ports= random random-fully",
        Target(target::masquerade),
    ),
    both("REDIRECT", "to-ports= random", Target(target::redirect)),
    both("NETMAP", "to=", Target(target::netmap)),
    both("NOTRACK", "", Act(Action::Untrack)),
    both(
        "CT",
        "notrack helper= timeout= ctevents= expevents= zone= zone-orig= zone-reply=",
        Target(target::ct),
    ),
    both("QUEUE", "", Whole(Dynamic)),
    both(
        "NFQUEUE",
        "queue-num= queue-balance= queue-bypass queue-cpu-fanout",
        Whole(Dynamic),
    ),
    both(
        "SET",
        "add-set== del-set== map-set== timeout= exist map-mark map-prio map-queue",
        Target(target::set),
    ),
    both("DSCP", "set-dscp= set-dscp-class=", Target(target::dscp)),
    both(
        "TOS",
        "set-tos= and-tos= or-tos= xor-tos=",
        Target(target::tos),
    ),
    both(
        "TCPMSS",
        "+set-mss= +clamp-mss-to-pmtu",
        Beside(Aside::Effect),
    ),
    only(
        Family::Ip4,
        "TTL",
        "+ttl-set= +ttl-dec= +ttl-inc=",
        Beside(Aside::Effect),
    ),
    only(
        Family::Ip6,
        "HL",
        "+hl-set= +hl-dec= +hl-inc=",
        Beside(Aside::Effect),
    ),
    both("CLASSIFY", "+set-class=", Beside(Aside::Effect)),
    both("CHECKSUM", "+checksum-fill", Beside(Aside::Effect)),
    only(
        Family::Ip4,
        "ECN",
        "+ecn-tcp-remove ecn-tcp-cwr= ecn-tcp-ece= ecn-ip-ect=",
        Beside(Aside::Effect),
    ),
    both("TCPOPTSTRIP", "strip-options=", Beside(Aside::Effect)),
    both(
        "IDLETIMER",
        "timeout= +label= send_nl_msg* alarm",
        Beside(Aside::Effect),
    ),
    both(
        "LED",
        "+led-trigger-id= led-delay= led-always-blink",
        Beside(Aside::Effect),
    ),
    both(
        "RATEEST",
        "+rateest-name= rateest-interval= rateest-ewmalog=",
        Beside(Aside::NamedCount),
    ),
    both("SECMARK", "+selctx=", Beside(Aside::Effect)),
    both("CONNSECMARK", "+save +restore", Beside(Aside::Effect)),
    both("TEE", "+gateway= oif=", Beside(Aside::Log)),
    both("ACCOUNT", "addr= tname=", Beside(Aside::NamedCount)),
    both(
        "HMARK",
        "hmark-tuple= +hmark-mod= hmark-offset= hmark-src-prefix= hmark-dst-prefix= \
         hmark-sport-mask= hmark-dport-mask= hmark-spi-mask= hmark-proto-mask= hmark-rnd=",
        Whole(NotModelled),
    ),
    both(
        "IPMARK",
        "addr= and-mask= or-mask= shift=",
        Whole(NotModelled),
    ),
    both(
        "TPROXY",
        "+on-port= on-ip= tproxy-mark=",
        Whole(NotModelled),
    ),
    both(
        "SYNPROXY",
        "sack-perm timestamp wscale= mss= ecn",
        Whole(NotModelled),
    ),
    both("TARPIT", "tarpit honeypot reset", Whole(NotModelled)),
    both("DELUDE", "", Whole(NotModelled)),
    both("CHAOS", "delude tarpit", Whole(NotModelled)),
    both("ECHO", "", Whole(NotModelled)),
    both("MIRROR", "", Whole(NotModelled)),
    only(
        Family::Ip4,
        "CLUSTERIP",
        "new hashmode= clustermac= total-nodes= local-node= hash-init=",
        Whole(NotModelled),
    ),
    only(
        Family::Ip6,
        "DNPT",
        "+src-pfx= dst-pfx=",
        Whole(NotModelled),
    ),
    only(
        Family::Ip6,
        "SNPT",
        "+src-pfx= dst-pfx=",
        Whole(NotModelled),
    ),
    both("RAWDNAT", "to-destination=", Whole(NotModelled)),
    both("RAWSNAT", "to-source=", Whole(NotModelled)),
    both("SAME", "to= nodst random", Whole(NotModelled)),
    both("BALANCE", "to-destination=", Whole(NotModelled)),
    both("ROUTE", "oif= iif= gw= continue tee", Whole(NotModelled)),
    both("IMQ", "todev=", Beside(Aside::Effect)),
];
