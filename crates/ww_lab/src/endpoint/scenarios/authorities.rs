//! A zone at two servers (nsd): whole, with an old copy, without one, and with a parent that names others.

use super::names::fine;
use crate::endpoint::authorities::Zone;
use crate::endpoint::{Scenario, Servers, Site, address};
use crate::error::LabError;

const TARGET: &str = "http://one.lab.example/";

const DEEP: &[&str] = &["--depth", "deep", "--max-time", "20"];

/// The zone above, which delegates to both servers.
const PARENT: &str = "@ 300 IN NS ns
ns 300 IN A 10.79.2.3
lab 300 IN NS ns1.lab
lab 300 IN NS ns2.lab
ns1.lab 300 IN A 10.79.2.4
ns2.lab 300 IN A 10.79.2.5";

/// The zone.
const RECORDS: &str = "@ 300 IN NS ns1
@ 300 IN NS ns2
ns1 300 IN A 10.79.2.4
ns2 300 IN A 10.79.2.5
one 60 IN A 10.79.2.2";

/// The zone without the name that is walked.
const EARLIER: &str = "@ 300 IN NS ns1
@ 300 IN NS ns2
ns1 300 IN A 10.79.2.4
ns2 300 IN A 10.79.2.5";

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario::healthy(
        "zone-at-two-servers",
        "a zone at two servers that hold the same, and a parent that names both",
        TARGET,
        |site| served(site, PARENT, &[lab(7, RECORDS)]),
    )
    .with(DEEP),
    Scenario::healthy(
        "zone-at-its-parents-servers",
        "one server has the zone and the zone above it",
        TARGET,
        |site| {
            let records = "@ 300 IN NS ns.example.\none 60 IN A 10.79.2.2";
            let above = Zone {
                name: "example",
                serial: 1,
                records: "@ 300 IN NS ns\nns 300 IN A 10.79.2.3\nlab 300 IN NS ns",
            };
            Servers::default()
                .nsd(site, address::SECOND, &[above, lab(7, records)])?
                .resolver(site)?
                .scripted(site, "[::]:80", fine)
        },
    )
    .with(DEEP),
    Scenario::faulty(
        "zone-old-at-one-server",
        "the second server holds an earlier version of the zone",
        TARGET,
        "dns-answers-disagree",
        |site| served(site, PARENT, &[lab(6, RECORDS)]),
    )
    .with(DEEP),
    Scenario::faulty(
        "zone-lacks-the-name-at-one-server",
        "the second server holds an earlier version, in which the name is missing",
        TARGET,
        "dns-answers-disagree",
        |site| served(site, PARENT, &[lab(6, EARLIER)]),
    )
    .with(DEEP),
    Scenario::faulty(
        "zone-refused-by-one-server",
        "the second server does not have the zone (nsd refuses)",
        TARGET,
        "dns-lame-delegation",
        |site| {
            let other = Zone {
                name: "other.example",
                ..lab(1, "@ 300 IN NS ns1")
            };
            served(site, PARENT, &[other])
        },
    )
    .with(DEEP),
    Scenario::faulty(
        "zone-delegated-to-a-resolver",
        "the second server is a resolver (unbound), which answers from its cache",
        TARGET,
        "dns-lame-delegation",
        |site| {
            first(site, PARENT, RECORDS)?
                .resolver_below_example(site, address::FOURTH)?
                .scripted(site, "[::]:80", fine)
        },
    )
    .with(DEEP),
    Scenario::faulty(
        "zone-silent-at-one-server",
        "questions to the second server are dropped",
        TARGET,
        "dns-unanswered",
        |site| {
            site.filter("ip daddr 10.79.2.5 drop")?;
            served(site, PARENT, &[lab(7, RECORDS)])
        },
    )
    .with(DEEP),
    Scenario::faulty(
        "zone-delegated-to-others",
        "the parent names a server that the zone does not name, and lacks one that it does",
        TARGET,
        "dns-delegation-differs",
        |site| {
            let parent = "@ 300 IN NS ns
ns 300 IN A 10.79.2.3
lab 300 IN NS ns1.lab
lab 300 IN NS old
ns1.lab 300 IN A 10.79.2.4
old 300 IN A 10.79.2.5";
            served(site, parent, &[lab(7, RECORDS)])
        },
    )
    .with(DEEP),
    Scenario::healthy(
        "service-at-two-hosts",
        "a service whose SRV records name two hosts, each with a port of its own",
        SERVICE,
        |site| {
            let names = "_web._tcp 60 IN SRV 10 0 8080 one\n_web._tcp 60 IN SRV 20 0 80 two\ntwo 60 IN A 10.79.2.3";
            service(site, names)?.scripted(site, "[::]:8080", fine)
        },
    ),
    Scenario::faulty(
        "service-host-missing",
        "the second host of a service does not exist",
        SERVICE,
        "dns-name-not-found",
        |site| {
            service(
                site,
                "_web._tcp 60 IN SRV 10 0 80 one\n_web._tcp 60 IN SRV 20 0 80 gone",
            )
        },
    ),
    Scenario::faulty(
        "service-host-without-address",
        "the only host of a service has no address",
        SERVICE,
        "dns-no-address",
        |site| {
            service(
                site,
                "_web._tcp 60 IN SRV 10 0 80 text\ntext 60 IN TXT words",
            )
        },
    ),
    Scenario::faulty(
        "service-port-closed",
        "nobody listens at the port that an SRV record names",
        SERVICE,
        "connection-refused",
        |site| service(site, "_web._tcp 60 IN SRV 10 0 8081 one"),
    ),
];

/// A service that is named by SRV records.
const SERVICE: &str = "tcp://_web._tcp.lab.example:80";

/// The zone with these records more at its two servers.
fn service(site: &Site, more: &str) -> Result<Servers, LabError> {
    let records = format!("{RECORDS}\n{more}");
    first(site, PARENT, &records)?
        .nsd(site, address::FOURTH, &[lab(7, &records)])?
        .scripted(site, "[::]:80", fine)
}

fn lab(serial: u32, records: &str) -> Zone<'_> {
    Zone {
        name: "lab.example",
        serial,
        records,
    }
}

/// The resolver, the zone above, and the zone's first server.
fn first(site: &Site, above: &str, records: &str) -> Result<Servers, LabError> {
    let above = Zone {
        name: "example",
        serial: 1,
        records: above,
    };
    Servers::default()
        .nsd(site, address::SECOND, &[above])?
        .nsd(site, address::THIRD, &[lab(7, records)])?
        .resolver(site)
}

/// The same with the second server, and a web server.
fn served(site: &Site, above: &str, second: &[Zone<'_>]) -> Result<Servers, LabError> {
    first(site, above, RECORDS)?
        .nsd(site, address::FOURTH, second)?
        .scripted(site, "[::]:80", fine)
}
