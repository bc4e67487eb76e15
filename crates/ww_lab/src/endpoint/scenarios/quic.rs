//! HTTP/3 where Alt-Svc promises it: nginx over TCP, the server of ngtcp2 over QUIC.

use super::secured::server;
use crate::endpoint::certificates::{Leaf, Signer, TRUSTING};
use crate::endpoint::{Scenario, Servers, Site, address};
use crate::error::LabError;

const HTTPS: &str = "https://one.lab.example/";

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario::healthy(
        "http3",
        "HTTP/3 beside HTTP/1.1 and HTTP/2",
        HTTPS,
        |site| beside(site, "tcp", &[]),
    )
    .with(TRUSTING),
    Scenario::faulty(
        "http3-other-name",
        "the certificate within QUIC is for another name",
        HTTPS,
        "certificate-name-mismatch",
        |site| {
            let leaf = Leaf {
                names: &["other.example"],
                ..Leaf::default()
            };
            site.certify("quic", leaf)?;
            beside(site, "quic", &[])
        },
    )
    .with(TRUSTING),
    Scenario::faulty(
        "http3-unknown-root",
        "the certificate within QUIC comes of a root that is not trusted",
        HTTPS,
        "certificate-untrusted",
        |site| {
            let leaf = Leaf {
                signer: Signer::Stranger,
                ..Leaf::default()
            };
            site.certify("quic", leaf)?;
            beside(site, "quic", &[])
        },
    )
    .with(TRUSTING),
    Scenario::faulty(
        "http3-no-common-group",
        "QUIC is answered, and no handshake comes about",
        HTTPS,
        "http3-advertised-unreachable",
        |site| beside(site, "tcp", &["--groups=-GROUP-ALL:+GROUP-SECP521R1"]),
    )
    .with(TRUSTING),
];

/// nginx, which promises HTTP/3, and a server of it with this certificate and these options.
fn beside(site: &Site, certificate: &str, options: &[&str]) -> Result<Servers, LabError> {
    site.certify("tcp", Leaf::default())?;
    let promise = "add_header alt-svc 'h3=\":443\"; ma=60' always;";
    let folder = site.folder.join("pages");
    std::fs::create_dir_all(&folder).map_err(LabError::io("create a folder for pages"))?;
    std::fs::write(folder.join("index.html"), "ok\n").map_err(LabError::io("write a page"))?;
    let mut args = vec!["--quiet", "--htdocs=@/pages"];
    args.extend(options);
    let (key, pem) = (
        format!("@/{certificate}.key"),
        format!("@/{certificate}.pem"),
    );
    args.extend([address::SERVER, "443", &key, &pem]);
    Servers::names(site, "")?
        .nginx(site, 443, &server(site, "443 http2", "tcp", promise))?
        .datagrams(site, 443, "gtlsserver", &args)
}
