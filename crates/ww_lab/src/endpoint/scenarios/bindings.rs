//! HTTPS records, served by nsd behind unbound, that lead where the service is, or astray.

use super::secured::server;
use crate::endpoint::authorities::Zone;
use crate::endpoint::certificates::{Leaf, TRUSTING};
use crate::endpoint::{Scenario, Servers, Site, address};
use crate::error::LabError;

const HTTPS: &str = "https://one.lab.example/";

const OTHER_PORT: &str = "https://one.lab.example:8443/";

/// HTTP/2 and HTTP/1.1 at the first address.
const TWO: &str = "10.79.2.2:443 http2";

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario::healthy(
        "https-record",
        "an HTTPS record whose protocols are spoken and whose hint is the address",
        HTTPS,
        |site| {
            bound(site, "one.lab 60 IN HTTPS 1 . alpn=\"h2\" ipv4hint=10.79.2.2")?
                .nginx(site, 443, &server(site, TWO, "leaf", ""))
        },
    )
    .with(TRUSTING),
    Scenario::healthy(
        "https-record-http3",
        "an HTTPS record that promises HTTP/3, which is spoken",
        HTTPS,
        |site| {
            let servers = bound(site, "one.lab 60 IN HTTPS 1 . alpn=\"h3,h2\"")?;
            let folder = site.folder.join("pages");
            std::fs::create_dir_all(&folder)
                .map_err(LabError::io("create a folder for pages"))?;
            std::fs::write(folder.join("index.html"), "ok\n")
                .map_err(LabError::io("write a page"))?;
            let (key, pem) = ("@/leaf.key", "@/leaf.pem");
            let args = ["--quiet", "--htdocs=@/pages", address::SERVER, "443", key, pem];
            servers
                .nginx(site, 443, &server(site, TWO, "leaf", ""))?
                .datagrams(site, 443, "gtlsserver", &args)
        },
    )
    .with(TRUSTING),
    Scenario::healthy(
        "https-record-alias",
        "aliases, one of them a CNAME, that lead to another host and port",
        HTTPS,
        |site| {
            elsewhere(
                site,
                "one.lab 60 IN HTTPS 0 svc.lab\nsvc.lab 60 IN CNAME cdn.lab\ncdn.lab 60 IN A 10.79.2.4\ncdn.lab 60 IN HTTPS 1 . alpn=\"h2\" no-default-alpn port=8443",
                Leaf::default(),
            )
        },
    )
    .with(TRUSTING),
    Scenario::healthy(
        "https-record-other-hint",
        "a hint that is none of the addresses, where the service is too",
        HTTPS,
        |site| {
            let both = server(site, TWO, "leaf", "listen 10.79.2.4:443 ssl http2;");
            bound(site, "one.lab 60 IN HTTPS 1 . alpn=\"h2\" ipv4hint=10.79.2.4")?
                .nginx(site, 443, &both)
        },
    )
    .with(TRUSTING),
    Scenario::healthy(
        "https-record-of-port",
        "an HTTPS record for another port, which names its host",
        OTHER_PORT,
        |site| {
            bound(site, "_8443._https.one.lab 60 IN HTTPS 1 one.lab alpn=\"h2\"")?
                .nginx(site, 8443, &server(site, "10.79.2.2:8443 http2", "leaf", ""))
        },
    )
    .with(TRUSTING),
    Scenario::faulty(
        "https-record-http3-unserved",
        "an HTTPS record promises HTTP/3, and nobody listens",
        HTTPS,
        "http3-advertised-unreachable",
        |site| {
            bound(site, "one.lab 60 IN HTTPS 1 . alpn=\"h3,h2\"")?
                .nginx(site, 443, &server(site, TWO, "leaf", ""))
        },
    )
    .with(TRUSTING),
    Scenario::faulty(
        "https-record-http2-alone-unserved",
        "an HTTPS record leaves HTTP/2 alone, and the server speaks HTTP/1.1",
        HTTPS,
        "alpn-mismatch",
        |site| {
            bound(site, "one.lab 60 IN HTTPS 1 . alpn=\"h2\" no-default-alpn")?
                .nginx(site, 443, &server(site, "10.79.2.2:443", "leaf", ""))
        },
    )
    .with(TRUSTING),
    Scenario::faulty(
        "https-record-http2-unserved",
        "an HTTPS record promises HTTP/2, and the server speaks HTTP/1.1",
        HTTPS,
        "alpn-mismatch",
        |site| {
            bound(site, "one.lab 60 IN HTTPS 1 . alpn=\"h2\"")?
                .nginx(site, 443, &server(site, "10.79.2.2:443", "leaf", ""))
        },
    )
    .with(TRUSTING),
    Scenario::faulty(
        "https-record-port-closed",
        "an HTTPS record names a port where nobody listens",
        HTTPS,
        "https-record-unreachable",
        |site| {
            bound(site, "one.lab 60 IN HTTPS 1 . alpn=\"h2\" port=8443")?
                .nginx(site, 443, &server(site, TWO, "leaf", ""))
        },
    )
    .with(TRUSTING),
    Scenario::faulty(
        "https-record-without-address",
        "an HTTPS record names a host without an address",
        HTTPS,
        "https-record-unreachable",
        |site| {
            bound(site, "one.lab 60 IN HTTPS 1 svc.lab alpn=\"h2\"\nsvc.lab 60 IN TXT \"here\"")?
                .nginx(site, 443, &server(site, TWO, "leaf", ""))
        },
    )
    .with(TRUSTING),
    Scenario::faulty(
        "https-record-of-port-with-dot",
        "an HTTPS record for another port has a dot for its target, which is its own name",
        OTHER_PORT,
        "https-record-unreachable",
        |site| {
            bound(site, "_8443._https.one.lab 60 IN HTTPS 1 . alpn=\"h2\"")?
                .nginx(site, 8443, &server(site, "10.79.2.2:8443 http2", "leaf", ""))
        },
    )
    .with(TRUSTING),
    Scenario::faulty(
        "https-record-other-certificate",
        "an HTTPS record leads to a server with a certificate for its own name",
        HTTPS,
        "https-record-unreachable",
        |site| {
            let leaf = Leaf {
                names: &["cdn.lab.example"],
                ..Leaf::default()
            };
            elsewhere(
                site,
                "one.lab 60 IN HTTPS 1 cdn.lab alpn=\"h2\" port=8443\ncdn.lab 60 IN A 10.79.2.4",
                leaf,
            )
        },
    )
    .with(TRUSTING),
    Scenario::faulty(
        "https-record-circle",
        "aliases of HTTPS records lead in a circle",
        HTTPS,
        "https-record-unreachable",
        |site| {
            bound(site, "one.lab 60 IN HTTPS 0 svc.lab\nsvc.lab 60 IN HTTPS 0 one.lab")?
                .nginx(site, 443, &server(site, TWO, "leaf", ""))
        },
    )
    .with(TRUSTING),
    Scenario::faulty(
        "https-record-stale-hint",
        "a hint is an address that the name had, where nobody listens any more",
        HTTPS,
        "dns-stale-address",
        |site| {
            bound(site, "one.lab 60 IN HTTPS 1 . alpn=\"h2\" ipv4hint=10.79.2.5")?
                .nginx(site, 443, &server(site, TWO, "leaf", ""))
        },
    )
    .with(TRUSTING),
    Scenario::faulty(
        "https-record-malformed",
        "an HTTPS record that was written as bytes, port before alpn",
        HTTPS,
        "https-record-malformed",
        |site| {
            site.certify("leaf", Leaf::default())?;
            Servers::names(
                site,
                "dns-rr=one.lab.example,65,0001000003000220fb00010003026832",
            )?
            .nginx(site, 443, &server(site, TWO, "leaf", ""))
        },
    )
    .with(TRUSTING),
];

/// A zone with the name that is walked and these records, at the second address, and a resolver at the first; and a
/// certificate for the name.
fn bound(site: &Site, records: &str) -> Result<Servers, LabError> {
    site.certify("leaf", Leaf::default())?;
    let records =
        format!("@ 300 IN NS ns\nns 300 IN A 10.79.2.3\none.lab 60 IN A 10.79.2.2\n{records}");
    let zone = Zone {
        name: "example",
        serial: 1,
        records: &records,
    };
    Servers::default()
        .nsd(site, address::SECOND, &[zone])?
        .resolver(site)
}

/// The same with the service at the third address and port 8443 as well, with this certificate.
fn elsewhere(site: &Site, records: &str, leaf: Leaf) -> Result<Servers, LabError> {
    let servers = bound(site, records)?;
    site.certify("other", leaf)?;
    let own = server(site, TWO, "leaf", "");
    let other = server(site, "10.79.2.4:8443 http2", "other", "");
    servers.nginx(site, 443, &format!("{own}{other}"))
}
