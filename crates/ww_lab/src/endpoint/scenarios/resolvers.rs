//! Name servers over TLS and over HTTPS: whole, closed, in another's name, and without the path.

use super::names::{code, fine};
use crate::endpoint::certificates::{Leaf, Signer};
use crate::endpoint::{Scenario, Servers, Site, address};
use crate::error::LabError;

const TARGET: &str = "http://one.lab.example/";

/// The certificate of a resolver.
const RESOLVER: Leaf = Leaf {
    names: &["dns.lab.example", "10.79.2.2"],
    since: 100,
    left: 200,
    signer: Signer::Root,
    complete: true,
};

const OVER_TLS: &[&str] = &[
    "--cacert",
    "@/root.pem",
    "--dns-server",
    "tls://10.79.2.2#dns.lab.example",
];

const OVER_HTTPS: &[&str] = &[
    "--cacert",
    "@/root.pem",
    "--dns-server",
    "https://10.79.2.2/dns-query#dns.lab.example",
];

const CLEAR_AND_OVER_TLS: &[&str] = &[
    "--cacert",
    "@/root.pem",
    "--dns-server",
    "10.79.2.2",
    "--dns-server",
    "tls://10.79.2.2#dns.lab.example",
];

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario::healthy(
        "names-over-tls",
        "a resolver over TLS (unbound) with a good certificate",
        TARGET,
        |site| served(site, RESOLVER, &[853], ""),
    )
    .with(OVER_TLS),
    Scenario::healthy(
        "names-over-tls-by-address",
        "a resolver over TLS whose certificate is for its address",
        TARGET,
        |site| served(site, RESOLVER, &[853], ""),
    )
    .with(&["--cacert", "@/root.pem", "--dns-server", "tls://10.79.2.2"]),
    Scenario::healthy(
        "names-over-https",
        "a resolver over HTTPS (unbound), named by its name",
        TARGET,
        |site| served(site, RESOLVER, &[443], ""),
    )
    .with(&[
        "--cacert",
        "@/root.pem",
        "--resolve",
        "dns.lab.example:443:10.79.2.2",
        "--dns-server",
        "https://dns.lab.example/dns-query",
    ]),
    Scenario::healthy(
        "names-three-ways",
        "one resolver in clear text, over TLS and over HTTPS",
        TARGET,
        |site| served(site, RESOLVER, &[853, 443, 53], ""),
    )
    .with(&[
        "--cacert",
        "@/root.pem",
        "--dns-server",
        "10.79.2.2",
        "--dns-server",
        "tls://10.79.2.2#dns.lab.example",
        "--dns-server",
        "https://10.79.2.2/dns-query#dns.lab.example",
    ]),
    Scenario::faulty(
        "names-over-tls-closed",
        "nobody listens at the resolver's port 853",
        TARGET,
        "connection-refused",
        |site| served(site, RESOLVER, &[53], ""),
    )
    .with(CLEAR_AND_OVER_TLS),
    Scenario::faulty(
        "names-over-tls-dropped",
        "port 853 is dropped on the way, and there is no other resolver",
        TARGET,
        "syn-unanswered",
        |site| {
            site.filter("tcp dport 853 drop")?;
            served(site, RESOLVER, &[853], "")
        },
    )
    .with(OVER_TLS),
    Scenario::faulty(
        "names-over-tls-expired",
        "the resolver's certificate has expired",
        TARGET,
        "certificate-expired",
        |site| served(site, Leaf { left: -3, ..RESOLVER }, &[853], ""),
    )
    .with(OVER_TLS),
    Scenario::faulty(
        "names-over-tls-other-name",
        "the resolver's certificate is for another name",
        TARGET,
        "certificate-name-mismatch",
        |site| {
            let leaf = Leaf {
                names: &["other.lab.example"],
                ..RESOLVER
            };
            served(site, leaf, &[853], "")
        },
    )
    .with(OVER_TLS),
    Scenario::faulty(
        "names-over-https-untrusted",
        "a stranger signed the certificate of the resolver over HTTPS",
        TARGET,
        "certificate-untrusted",
        |site| {
            let leaf = Leaf {
                signer: Signer::Stranger,
                ..RESOLVER
            };
            served(site, leaf, &[443], "")
        },
    )
    .with(OVER_HTTPS),
    Scenario::faulty(
        "names-over-https-other-path",
        "the resolver over HTTPS has another path",
        TARGET,
        "dns-over-https-missing",
        |site| served(site, RESOLVER, &[443], "http-endpoint: \"/resolve\""),
    )
    .with(OVER_HTTPS),
    Scenario::faulty(
        "names-over-https-bad-gateway",
        "nginx stands before a resolver over HTTPS that is not there",
        TARGET,
        "http-server-errors",
        |site| {
            site.certify("leaf", RESOLVER)?;
            let server = format!(
                "server {{ listen 443 ssl http2; ssl_certificate {0}/leaf.pem; ssl_certificate_key {0}/leaf.key;
                 location / {{ proxy_pass http://127.0.0.1:9; }} }}",
                site.folder.display()
            );
            Servers::default()
                .nginx(site, 443, &server)?
                .scripted(site, "[::]:80", fine)
        },
    )
    .with(OVER_HTTPS),
    Scenario::faulty(
        "names-over-tls-no-such-name",
        "the resolver over TLS does not know the name, and that in clear text does",
        TARGET,
        "dns-answers-disagree",
        |site| {
            site.certify("leaf", RESOLVER)?;
            Servers::names(site, "")?
                .encrypted_names(site, &[853], "local-zone: \"one.lab.example.\" always_nxdomain")?
                .scripted(site, "[::]:80", fine)
        },
    )
    .with(CLEAR_AND_OVER_TLS),
    Scenario::faulty(
        "names-in-clear-text-dropped",
        "port 53 is dropped on the way, and the same resolver is asked over TLS",
        TARGET,
        "dns-unanswered",
        |site| {
            site.filter("meta l4proto { tcp, udp } th dport 53 drop")?;
            served(site, RESOLVER, &[853, 53], "")
        },
    )
    .with(CLEAR_AND_OVER_TLS),
    Scenario::faulty(
        "names-too-long-for-clear-text",
        "the answer over UDP is cut short, TCP port 53 is dropped, and another resolver is asked over TLS",
        TARGET,
        "dns-tcp-blocked",
        |site| {
            site.filter("tcp dport 53 drop")?;
            site.certify("leaf", RESOLVER)?;
            Servers::default()
                .scripted_names(site, address::SECOND, |query| {
                    let mut answer = code(query, 0)?;
                    *answer.get_mut(2)? |= 0x02;
                    Some(answer)
                })?
                .encrypted_names(site, &[853], "")?
                .scripted(site, "[::]:80", fine)
        },
    )
    .with(&[
        "--cacert",
        "@/root.pem",
        "--dns-server",
        "10.79.2.3",
        "--dns-server",
        "tls://10.79.2.2#dns.lab.example",
    ]),
];

/// A web server, and the resolver that knows it.
fn served(site: &Site, leaf: Leaf, ports: &[u16], options: &str) -> Result<Servers, LabError> {
    site.certify("leaf", leaf)?;
    Servers::default()
        .encrypted_names(site, ports, options)?
        .scripted(site, "[::]:80", fine)
}
