//! Answers that come, with fields that say something wrong about them.

use crate::endpoint::certificates::{Leaf, TRUSTING};
use crate::endpoint::{Scenario, Servers, Site};
use crate::error::LabError;

const HTTP: &str = "http://one.lab.example/";
const HTTPS: &str = "https://one.lab.example/";

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario::healthy(
        "hsts",
        "http redirects to https, which sends Strict-Transport-Security",
        HTTP,
        |site| upgraded(site, "", HSTS, ""),
    )
    .with(TRUSTING),
    Scenario::healthy(
        "redirect-to-https",
        "http redirects to https, without Strict-Transport-Security",
        HTTP,
        |site| upgraded(site, "", "", "add_header Set-Cookie 'session=1; Secure; HttpOnly';"),
    )
    .with(TRUSTING),
    Scenario::healthy(
        "https-api",
        "an interface that speaks https alone",
        HTTPS,
        |site| upgraded(site, "", "", "add_header Set-Cookie session=1;"),
    )
    .with(TRUSTING),
    Scenario::faulty(
        "hsts-on-http",
        "Strict-Transport-Security stands in the server of port 80",
        HTTP,
        "hsts-ignored",
        |site| upgraded(site, HSTS, "", ""),
    )
    .with(TRUSTING),
    Scenario::faulty(
        "hsts-comma",
        "a comma in place of a semicolon",
        HTTPS,
        "hsts-ignored",
        |site| {
            let comma =
                "add_header Strict-Transport-Security 'max-age=31536000, includeSubDomains' always;";
            upgraded(site, "", comma, "")
        },
    )
    .with(TRUSTING),
    Scenario::faulty(
        "hsts-missing",
        "a session in clear text at every visit",
        HTTP,
        "hsts-missing",
        |site| upgraded(site, "", "", "add_header Set-Cookie 'session=1; HttpOnly';"),
    )
    .with(TRUSTING),
];

const HSTS: &str = "add_header Strict-Transport-Security 'max-age=31536000' always;";

/// nginx, whose http redirects to https, with further lines of each of the two, and of the page.
fn upgraded(site: &Site, http: &str, https: &str, page: &str) -> Result<Servers, LabError> {
    site.certify("leaf", Leaf::default())?;
    let folder = site.folder.display();
    Servers::names(site, "")?.nginx(
        site,
        443,
        &format!(
            "server {{ listen 80; {http} location / {{ return 301 https://$host$request_uri; }} }}\n\
             server {{ listen 443 ssl; ssl_certificate {folder}/leaf.pem; ssl_certificate_key {folder}/leaf.key; \
             {https} location / {{ default_type text/plain; {page} return 200 \"ok\\n\"; }} }}"
        ),
    )
}
