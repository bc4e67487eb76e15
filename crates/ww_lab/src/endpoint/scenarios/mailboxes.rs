//! Mailboxes and directories, which begin in clear text and go on within TLS.

use crate::endpoint::certificates::{Leaf, TRUSTING};
use crate::endpoint::{Scenario, Servers, Site};
use crate::error::LabError;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

const IMAP: &str = "imap://one.lab.example";
const POP3: &str = "pop3://one.lab.example";
const LDAP: &str = "ldap://one.lab.example";

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario::healthy("dovecot-imap", "Dovecot with STARTTLS", IMAP, |site| {
        dovecot(site, Leaf::default(), ENCRYPTED)
    })
    .with(TRUSTING),
    Scenario::healthy("dovecot-pop3", "Dovecot with STLS", POP3, |site| {
        dovecot(site, Leaf::default(), ENCRYPTED)
    })
    .with(TRUSTING),
    Scenario::healthy(
        "dovecot-imaps",
        "Dovecot with TLS from the first byte",
        "imaps://one.lab.example",
        |site| dovecot(site, Leaf::default(), ENCRYPTED),
    )
    .with(TRUSTING),
    Scenario::healthy(
        "dovecot-no-passwords",
        "Dovecot without TLS, which takes no passwords in clear text",
        IMAP,
        |site| {
            dovecot(
                site,
                Leaf::default(),
                "ssl = no\ndisable_plaintext_auth = yes",
            )
        },
    ),
    Scenario::faulty(
        "dovecot-imap-clear",
        "Dovecot takes passwords of IMAP in clear text",
        IMAP,
        "starttls-not-offered",
        |site| dovecot(site, Leaf::default(), CLEAR),
    ),
    Scenario::faulty(
        "dovecot-pop3-clear",
        "Dovecot takes passwords of POP3 in clear text",
        POP3,
        "starttls-not-offered",
        |site| dovecot(site, Leaf::default(), CLEAR),
    ),
    Scenario::faulty(
        "dovecot-imap-expired",
        "the certificate behind STARTTLS has expired",
        IMAP,
        "certificate-expired",
        |site| dovecot(site, expired(), ENCRYPTED),
    )
    .with(TRUSTING),
    Scenario::faulty(
        "dovecot-pop3-other-name",
        "the certificate behind STLS is for another name",
        POP3,
        "certificate-name-mismatch",
        |site| {
            let leaf = Leaf {
                names: &["other.example"],
                ..Leaf::default()
            };
            dovecot(site, leaf, ENCRYPTED)
        },
    )
    .with(TRUSTING),
    Scenario::faulty(
        "imap-starttls-refused",
        "STARTTLS is offered and refused",
        IMAP,
        "tls-handshake-rejected",
        |site| {
            Servers::names(site, "")?
                .scripted(site, "[::]:143", |stream, _| imap(stream, b"NO not now"))
        },
    ),
    Scenario::faulty(
        "imap-starttls-in-clear",
        "STARTTLS is agreed to, and clear text follows",
        IMAP,
        "tls-handshake-rejected",
        |site| {
            Servers::names(site, "")?.scripted(site, "[::]:143", |stream, _| {
                imap(stream, b"OK begin\r\n* OK still here");
            })
        },
    ),
    Scenario::healthy("slapd", "OpenLDAP with StartTLS", LDAP, |site| {
        slapd(site, Leaf::default())
    })
    .with(TRUSTING),
    Scenario::faulty(
        "slapd-expired",
        "the certificate behind StartTLS has expired",
        LDAP,
        "certificate-expired",
        |site| slapd(site, expired()),
    )
    .with(TRUSTING),
    Scenario::faulty(
        "imap-at-ldap",
        "an IMAP server where LDAP is expected",
        "ldap://one.lab.example:143",
        "greeting-missing",
        |site| dovecot(site, Leaf::default(), ENCRYPTED),
    ),
];

fn expired() -> Leaf {
    Leaf {
        left: -3,
        ..Leaf::default()
    }
}

const ENCRYPTED: &str = "ssl = required";
const CLEAR: &str = "ssl = no\ndisable_plaintext_auth = no";

/// Dovecot 2.3 with this certificate and these lines.
fn dovecot(site: &Site, leaf: Leaf, lines: &str) -> Result<Servers, LabError> {
    site.certify("leaf", leaf)?;
    let folder = site.folder.display();
    site.write(
        "dovecot.conf",
        &format!(
            "base_dir = {folder}/dovecot\nlog_path = {folder}/dovecot.log\nprotocols = imap pop3\nlisten = 10.79.2.2\n\
             ssl_cert = <{folder}/leaf.pem\nssl_key = <{folder}/leaf.key\n{lines}\n\
             passdb {{\n  driver = static\n  args = nopassword=y\n}}\n\
             userdb {{\n  driver = static\n  args = uid=nobody gid=nogroup home=/nonexistent\n}}\n"
        ),
    )?;
    Servers::names(site, "")?.program(
        site,
        "dovecot",
        &["-F", "-c", "@/dovecot.conf"],
        "10.79.2.2:143",
    )
}

/// OpenLDAP with this certificate, and no entry but the one at the root.
fn slapd(site: &Site, leaf: Leaf) -> Result<Servers, LabError> {
    site.certify("leaf", leaf)?;
    let folder = site.folder.display();
    site.write(
        "slapd.conf",
        &format!(
            "pidfile {folder}/slapd.pid\nTLSCertificateFile {folder}/leaf.pem\nTLSCertificateKeyFile {folder}/leaf.key\n"
        ),
    )?;
    let listens = "ldap://10.79.2.2/";
    let args = ["-h", listens, "-f", "@/slapd.conf", "-d", "0"];
    Servers::names(site, "")?.program(site, "slapd", &args, "10.79.2.2:389")
}

/// Offers STARTTLS and answers it like this.
fn imap(mut stream: TcpStream, answer: &[u8]) {
    let _ = stream.write_all(b"* OK lab ready\r\n");
    let mut asked = [0; 512];
    while let Ok(count @ 1..) = stream.read(&mut asked) {
        let wants = String::from_utf8_lossy(asked.get(..count).unwrap_or_default()).into_owned();
        let said = if wants.contains("CAPABILITY") {
            b"* CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED\r\nw1 OK done\r\n".to_vec()
        } else if wants.contains("STARTTLS") {
            [b"w1 ", answer, b"\r\n"].concat()
        } else {
            return;
        };
        if stream.write_all(&said).is_err() {
            return;
        }
    }
}
