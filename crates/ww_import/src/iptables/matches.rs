//! The matches of iptables 1.8 and of xtables-addons that are common.

use super::extension::{Extension, Meaning};
use super::{conntrack, fields, ports, set};
use Meaning::{Aside as Beside, Each, Match, Whole};
use ww_model::filter::UnknownReason::{Dynamic, NotModelled};
use ww_model::filter::{Aside, Family};

/// The match of this name.
pub(super) fn find(name: &str) -> Option<&'static Extension> {
    let name = match name {
        "icmpv6" | "ipv6-icmp" => "icmp6",
        "ipv6-mh" => "mh",
        other => other,
    };
    MATCHES.iter().find(|one| one.name == name)
}

/// The match that a protocol, by name or number, brings with it.
pub(super) fn of_protocol(protocol: &str) -> Option<&'static Extension> {
    let name = match crate::names::protocol(protocol)? {
        1 => "icmp",
        6 => "tcp",
        17 => "udp",
        33 => "dccp",
        44 => "frag",
        50 => "esp",
        51 => "ah",
        58 => "icmp6",
        108 => "ipcomp",
        132 => "sctp",
        135 => "mh",
        136 => "udplite",
        _ => return None,
    };
    find(name)
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

const MATCHES: &[Extension] = &[
    both(
        "tcp",
        "sport= source-port= dport= destination-port= syn tcp-flags== tcp-option=",
        Match(ports::transport),
    ),
    both(
        "udp",
        "sport= source-port= dport= destination-port=",
        Match(ports::transport),
    ),
    both(
        "udplite",
        "sport= source-port= dport= destination-port=",
        Match(ports::transport),
    ),
    both(
        "sctp",
        "sport= source-port= dport= destination-port= chunk-types==",
        Match(ports::transport),
    ),
    both(
        "dccp",
        "sport= source-port= dport= destination-port= dccp-types= dccp-option=",
        Match(ports::transport),
    ),
    both(
        "multiport",
        "sports= source-ports= dports= destination-ports= ports=",
        Match(ports::multiport),
    ),
    both(
        "mport",
        "sports= source-ports= dports= destination-ports= ports=",
        Match(ports::multiport),
    ),
    only(Family::Ip4, "icmp", "+icmp-type=", Match(fields::icmp)),
    only(Family::Ip6, "icmp6", "+icmpv6-type=", Match(fields::icmp)),
    both("state", "state=", Match(conntrack::state)),
    both(
        "conntrack",
        "ctstate= ctproto= ctorigsrc= ctorigdst= ctreplsrc= ctrepldst= ctorigsrcport= \
         ctorigdstport= ctreplsrcport= ctrepldstport= ctstatus= ctexpire= ctdir=",
        Match(conntrack::conntrack),
    ),
    both(
        "set",
        "match-set== set== return-nomatch update-counters update-subcounters packets-eq= \
         packets-lt= packets-gt= bytes-eq= bytes-lt= bytes-gt=",
        Match(set::member),
    ),
    both("comment", "+comment=", Beside(Aside::Comment)),
    both("mark", "mark=", Match(fields::mark)),
    both("connmark", "mark=", Match(fields::connmark)),
    both(
        "iprange",
        "+src-range= +dst-range= +source-range= +destination-range=",
        Match(fields::iprange),
    ),
    both(
        "addrtype",
        "src-type= dst-type= limit-iface-in limit-iface-out",
        Match(fields::addrtype),
    ),
    both("length", "length=", Match(fields::length)),
    only(
        Family::Ip4,
        "ttl",
        "ttl= ttl-eq= ttl-lt= ttl-gt=",
        Match(fields::hop_limit),
    ),
    only(
        Family::Ip6,
        "hl",
        "hl= hl-eq= hl-lt= hl-gt=",
        Match(fields::hop_limit),
    ),
    both("dscp", "dscp= dscp-class=", Match(fields::dscp)),
    both("tos", "tos=", Match(fields::tos)),
    both(
        "ecn",
        "ecn-tcp-cwr ecn-tcp-ece ecn-ip-ect=",
        Match(fields::ecn),
    ),
    both(
        "ah",
        "ahspi= ahlen= ahres",
        Match(fields::security_parameters),
    ),
    both("esp", "espspi=", Match(fields::security_parameters)),
    both("ipcomp", "+ipcompspi= +compres", Each(NotModelled)),
    both("mac", "+mac-source=", Each(NotModelled)),
    both(
        "owner",
        "+uid-owner= +gid-owner= +socket-exists suppl-groups +pid-owner= +sid-owner= +cmd-owner=",
        Each(NotModelled),
    ),
    both("pkttype", "+pkt-type=", Each(NotModelled)),
    both(
        "physdev",
        "physdev-in= physdev-out= physdev-is-in physdev-is-out physdev-is-bridged",
        Each(NotModelled),
    ),
    both("realm", "+realm=", Each(NotModelled)),
    both("devgroup", "+src-group= +dst-group=", Each(NotModelled)),
    both("helper", "+helper=", Each(NotModelled)),
    both("tcpmss", "+mss=", Each(NotModelled)),
    both("cgroup", "+path= +cgroup=", Each(NotModelled)),
    both("connlabel", "+label= set", Whole(NotModelled)),
    both("u32", "+u32=", Each(NotModelled)),
    both("bpf", "+bytecode= +object-pinned=", Whole(NotModelled)),
    both(
        "string",
        "from= to= algo= +string= +hex-string= icase",
        Whole(NotModelled),
    ),
    both(
        "policy",
        "dir= pol= strict reqid= spi= proto= mode= tunnel-src= tunnel-dst= next",
        Whole(NotModelled),
    ),
    both(
        "socket",
        "transparent nowildcard restore-skmark",
        Whole(NotModelled),
    ),
    both(
        "rpfilter",
        "loose validmark accept-local invert",
        Whole(NotModelled),
    ),
    both("osf", "+genre= ttl= log=", Whole(NotModelled)),
    both(
        "cluster",
        "cluster-total-nodes= +cluster-local-node= +cluster-local-nodemask= cluster-hash-seed=",
        Whole(NotModelled),
    ),
    both("l2tp", "+tid= +sid= +pversion= +type=", Each(NotModelled)),
    both("unclean", "", Whole(NotModelled)),
    both(
        "geoip",
        "src-cc= source-country= dst-cc= destination-country=",
        Each(NotModelled),
    ),
    both(
        "ipp2p",
        "edk dc kazaa gnu bit apple winmx soul ares debug ipp2p",
        Whole(NotModelled),
    ),
    both("layer7", "l7proto= l7dir= l7pkt", Whole(NotModelled)),
    both("ndpi", "all any*", Whole(NotModelled)),
    both(
        "ipv4options",
        "flags= any ssrr lsrr no-srr rr ts ra",
        Whole(NotModelled),
    ),
    only(Family::Ip6, "eui64", "", Whole(NotModelled)),
    only(
        Family::Ip6,
        "frag",
        "fragid= fraglen= fragres fragfirst fragmore fraglast",
        Whole(NotModelled),
    ),
    only(Family::Ip6, "dst", "dst-len= dst-opts=", Whole(NotModelled)),
    only(Family::Ip6, "hbh", "hbh-len= hbh-opts=", Whole(NotModelled)),
    only(
        Family::Ip6,
        "ipv6header",
        "header= soft",
        Whole(NotModelled),
    ),
    only(Family::Ip6, "mh", "mh-type=", Each(NotModelled)),
    only(
        Family::Ip6,
        "rt",
        "rt-type= rt-segsleft= rt-len= rt-0-res rt-0-addrs= rt-0-not-strict",
        Whole(NotModelled),
    ),
    only(
        Family::Ip6,
        "srh",
        "srh-next-hdr= srh-hdr-len-eq= srh-hdr-len-gt= srh-hdr-len-lt= srh-segs-left-eq= \
         srh-segs-left-gt= srh-segs-left-lt= srh-last-entry-eq= srh-last-entry-gt= \
         srh-last-entry-lt= srh-tag= srh-psid= srh-nsid= srh-lsid=",
        Whole(NotModelled),
    ),
    both("limit", "limit= limit-burst=", Whole(Dynamic)),
    both(
        "hashlimit",
        "+hashlimit= +hashlimit-upto= +hashlimit-above= hashlimit-burst= hashlimit-mode= \
         hashlimit-name= hashlimit-htable-size= hashlimit-htable-max= \
         hashlimit-htable-gcinterval= hashlimit-htable-expire= hashlimit-srcmask= \
         hashlimit-dstmask= hashlimit-rate-match hashlimit-rate-interval=",
        Whole(Dynamic),
    ),
    both(
        "dstlimit",
        "dstlimit* dstlimit-mode= dstlimit-name= dstlimit-burst=",
        Whole(Dynamic),
    ),
    both(
        "recent",
        "+set +rcheck +update +remove seconds= reap hitcount= rttl name= rsource rdest mask=",
        Whole(Dynamic),
    ),
    both(
        "connlimit",
        "+connlimit-upto= +connlimit-above= connlimit-mask= connlimit-saddr connlimit-daddr",
        Whole(Dynamic),
    ),
    both(
        "connbytes",
        "connbytes= connbytes-dir= connbytes-mode=",
        Whole(Dynamic),
    ),
    both("quota", "+quota=", Whole(Dynamic)),
    both(
        "quota2",
        "quota= name= grow packets no-change",
        Whole(Dynamic),
    ),
    both("nfacct", "+nfacct-name=", Whole(Dynamic)),
    both(
        "statistic",
        "+mode= probability= every= packet=",
        Whole(Dynamic),
    ),
    both("random", "average=", Whole(Dynamic)),
    both("nth", "every= counter= start= packet=", Whole(Dynamic)),
    both(
        "time",
        "datestart= datestop= timestart= timestop= monthdays= weekdays= days= kerneltz utc \
         localtz contiguous",
        Whole(Dynamic),
    ),
    both("cpu", "+cpu=", Each(Dynamic)),
    both(
        "rateest",
        "rateest= rateest1= rateest2= rateest-delta rateest-bps* rateest-bps1* rateest-bps2* \
         rateest-pps* rateest-pps1* rateest-pps2* rateest-lt rateest-gt rateest-eq",
        Whole(Dynamic),
    ),
    both(
        "ipvs",
        "ipvs vproto= vaddr= vport= vdir= vmethod= vportctl=",
        Whole(Dynamic),
    ),
    both("condition", "condition=", Each(Dynamic)),
    both(
        "psd",
        "psd-weight-threshold= psd-delay-threshold= psd-lo-ports-weight= psd-hi-ports-weight=",
        Whole(Dynamic),
    ),
    both(
        "iface",
        "iface= dev-in dev-out up down broadcast loopback pointtopoint running noarp \
         arp promisc multicast dynamic lower-up dormant",
        Whole(NotModelled),
    ),
];
