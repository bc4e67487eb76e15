//! Certificates and handshakes.

use crate::endpoint::certificates::{Leaf, Signer, TRUSTING};
use crate::endpoint::{Scenario, Servers, Site, address};
use crate::error::LabError;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};

const HTTPS: &str = "https://one.lab.example/";

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario::healthy("https", "HTTPS with a good certificate", HTTPS, |site| {
        secured(site, Leaf::default(), "")
    })
    .with(TRUSTING),
    Scenario::healthy(
        "https-chain",
        "HTTPS with a chain of three",
        HTTPS,
        |site| {
            let leaf = Leaf {
                signer: Signer::Below,
                ..Leaf::default()
            };
            secured(site, leaf, "")
        },
    )
    .with(TRUSTING),
    Scenario::healthy(
        "https-both-families",
        "HTTPS over both families",
        "https://both.lab.example/",
        |site| secured(site, Leaf::default(), ""),
    )
    .with(TRUSTING),
    Scenario::healthy("https-1.3-only", "TLS 1.3 alone", HTTPS, |site| {
        secured(site, Leaf::default(), "ssl_protocols TLSv1.3;")
    })
    .with(TRUSTING),
    Scenario::healthy("https-1.2-only", "TLS 1.2 alone", HTTPS, |site| {
        secured(site, Leaf::default(), "ssl_protocols TLSv1.2;")
    })
    .with(TRUSTING),
    Scenario::healthy(
        "client-certificate-optional",
        "a client certificate is asked for and not needed",
        HTTPS,
        |site| {
            secured(
                site,
                Leaf::default(),
                "ssl_client_certificate @/root.pem; ssl_verify_client optional;",
            )
        },
    )
    .with(TRUSTING),
    Scenario::faulty(
        "expired",
        "the certificate has expired",
        HTTPS,
        "certificate-expired",
        |site| {
            let leaf = Leaf {
                left: -3,
                ..Leaf::default()
            };
            secured(site, leaf, "")
        },
    )
    .with(TRUSTING),
    Scenario::faulty(
        "not-yet-valid",
        "the certificate is not valid yet",
        HTTPS,
        "certificate-not-yet-valid",
        |site| {
            let leaf = Leaf {
                since: -5,
                ..Leaf::default()
            };
            secured(site, leaf, "")
        },
    )
    .with(TRUSTING),
    Scenario::faulty(
        "expiring",
        "the certificate expires in three days",
        HTTPS,
        "certificate-expiring",
        |site| {
            let leaf = Leaf {
                left: 3,
                ..Leaf::default()
            };
            secured(site, leaf, "")
        },
    )
    .with(TRUSTING),
    Scenario::faulty(
        "other-name",
        "the certificate is for another name",
        HTTPS,
        "certificate-name-mismatch",
        |site| {
            let leaf = Leaf {
                names: &["other.example"],
                ..Leaf::default()
            };
            secured(site, leaf, "")
        },
    )
    .with(TRUSTING),
    Scenario::faulty(
        "incomplete-chain",
        "the intermediate certificate is not sent",
        HTTPS,
        "certificate-chain-incomplete",
        |site| {
            let leaf = Leaf {
                signer: Signer::Below,
                complete: false,
                ..Leaf::default()
            };
            secured(site, leaf, "")
        },
    )
    .with(TRUSTING),
    Scenario::faulty(
        "unknown-root",
        "the certificate comes of a root that is not trusted",
        HTTPS,
        "certificate-untrusted",
        |site| {
            let leaf = Leaf {
                signer: Signer::Stranger,
                ..Leaf::default()
            };
            secured(site, leaf, "")
        },
    )
    .with(TRUSTING)
    .beside(&["certificate-chain-incomplete"]),
    Scenario::faulty(
        "self-signed",
        "the certificate signs itself",
        HTTPS,
        "certificate-untrusted",
        |site| {
            let leaf = Leaf {
                signer: Signer::Itself,
                ..Leaf::default()
            };
            secured(site, leaf, "")
        },
    )
    .with(TRUSTING),
    Scenario::faulty(
        "one-backend-by-certificate",
        "one of two backends behind HAProxy, each with its own certificate, fails",
        HTTPS,
        "backend-outlier",
        |site| {
            let names = &["one.lab.example"];
            let leaf = Leaf {
                names,
                ..Leaf::default()
            };
            site.certify("good", leaf)?;
            site.certify("bad", leaf)?;
            let folder = site.folder.display();
            let backend = |port: u16, name: &str, status: u16| {
                format!(
                    "server {{ listen 127.0.0.1:{port} ssl; ssl_certificate {folder}/{name}.pem; \
                     ssl_certificate_key {folder}/{name}.key; location / {{ return {status}; }} }}\n"
                )
            };
            let both = backend(8441, "good", 200) + &backend(8442, "bad", 500);
            let balancer = "defaults\n  mode tcp\n  timeout connect 2s\n  timeout client 9s\n  timeout server 9s\n\
                 listen l\n  bind 10.79.2.2:443\n  balance roundrobin\n  server a 127.0.0.1:8441\n  server b 127.0.0.1:8442\n";
            Servers::names(site, "")?
                .nginx(site, 80, &format!("server {{ listen 80; }}\n{both}"))?
                .haproxy(site, 443, balancer)
        },
    )
    .with(&["--cacert", "@/root.pem", "--repeat", "80"])
    .beside(&["http-server-errors", "certificates-differ"]),
    Scenario::faulty(
        "one-address-expired",
        "one of two addresses has an expired certificate",
        "https://two.lab.example/",
        "certificate-expired",
        |site| {
            two_certificates(
                site,
                Leaf {
                    left: -3,
                    ..Leaf::default()
                },
            )
        },
    )
    .with(TRUSTING)
    .beside(&["certificates-differ", "certificate-untrusted"]),
    Scenario::faulty(
        "one-address-unknown-root",
        "one of two addresses has a certificate of a root that is not trusted",
        "https://two.lab.example/",
        "certificate-untrusted",
        |site| {
            two_certificates(
                site,
                Leaf {
                    signer: Signer::Stranger,
                    ..Leaf::default()
                },
            )
        },
    )
    .with(TRUSTING)
    .beside(&["certificates-differ"]),
    Scenario::faulty(
        "one-address-other-name",
        "one of two addresses has a certificate for another name",
        "https://two.lab.example/",
        "certificate-name-mismatch",
        |site| {
            two_certificates(
                site,
                Leaf {
                    names: &["other.example"],
                    ..Leaf::default()
                },
            )
        },
    )
    .with(TRUSTING)
    .beside(&["certificates-differ"]),
    Scenario::faulty(
        "client-certificate-needed",
        "a client certificate is needed",
        HTTPS,
        "client-certificate-missing",
        |site| {
            secured(
                site,
                Leaf::default(),
                "ssl_client_certificate @/root.pem; ssl_verify_client on;",
            )
        },
    )
    .with(TRUSTING),
    Scenario::faulty(
        "unknown-name-rejected",
        "the server rejects handshakes for the name",
        HTTPS,
        "tls-handshake-rejected",
        |site| {
            site.certify("leaf", Leaf::default())?;
            Servers::names(site, "")?.nginx(
                site,
                443,
                "server { listen 443 ssl; ssl_reject_handshake on; }",
            )
        },
    )
    .with(TRUSTING),
    Scenario::faulty(
        "plain-on-tls-port",
        "plain HTTP is spoken on the TLS port",
        HTTPS,
        "tls-on-plaintext-port",
        |site| {
            Servers::names(site, "")?.nginx(
                site,
                443,
                "server { listen 443; return 200 \"ok\\n\"; }",
            )
        },
    ),
    Scenario::faulty(
        "tls-on-plain-port",
        "TLS is spoken on the plain port",
        "http://one.lab.example:8443/",
        "plaintext-on-tls-port",
        |site| {
            site.certify("leaf", Leaf::default())?;
            Servers::names(site, "")?.nginx(site, 8443, &server(site, "8443", "leaf", ""))
        },
    ),
    Scenario::faulty(
        "old-version-only",
        "the server speaks TLS 1.0 alone",
        HTTPS,
        "tls-obsolete-version",
        |site| gnutls(site, "NORMAL:-VERS-ALL:+VERS-TLS1.0:%NO_EXTENSIONS"),
    )
    .with(TRUSTING)
    .beside(&["tls-weak-cipher", "tls-handshake-rejected"]),
    Scenario::faulty(
        "old-version-too",
        "the server speaks TLS 1.0 too",
        HTTPS,
        "tls-obsolete-version",
        |site| gnutls(site, "NORMAL:+VERS-TLS1.0:+VERS-TLS1.1"),
    )
    .with(TRUSTING),
    Scenario::faulty(
        "weak-suites",
        "the server accepts 3DES",
        HTTPS,
        "tls-weak-cipher",
        |site| gnutls(site, "NORMAL:-VERS-TLS1.0:-VERS-TLS1.1:+3DES-CBC:+RSA"),
    )
    .with(&[
        "--cacert",
        "@/root.pem",
        "--depth",
        "deep",
        "--max-time",
        "25",
    ]),
    Scenario::faulty(
        "no-http2",
        "a gRPC endpoint does not offer HTTP/2",
        "grpcs://one.lab.example/",
        "alpn-mismatch",
        |site| secured(site, Leaf::default(), ""),
    )
    .with(TRUSTING)
    .beside(&["grpc-unimplemented", "grpc-unhealthy"]),
    Scenario::faulty(
        "closes-on-hello",
        "the server closes when it sees the ClientHello",
        HTTPS,
        "tls-handshake-rejected",
        |site| Servers::names(site, "")?.scripted(site, "[::]:443", closes),
    ),
    Scenario::faulty(
        "ssh-on-tls-port",
        "an SSH server listens on the TLS port",
        HTTPS,
        "tls-on-plaintext-port",
        |site| Servers::names(site, "")?.scripted(site, "[::]:443", greets),
    ),
    Scenario::faulty(
        "large-hello-dropped",
        "a box before the server drops ClientHellos of more than 1,000 bytes",
        HTTPS,
        "large-client-hello-dropped",
        |site| {
            site.certify("leaf", Leaf::default())?;
            Servers::names(site, "")?
                .nginx(site, 8443, &server(site, "8443", "leaf", ""))?
                .scripted(site, "0.0.0.0:443", small_hellos_only)
        },
    )
    .with(TRUSTING),
    Scenario::faulty(
        "path-mtu-certificates",
        "the server's certificates do not fit through the path",
        HTTPS,
        "path-mtu-black-hole",
        |site| {
            // Several certificates make the answer larger than the path takes.
            let leaf = Leaf {
                signer: Signer::Below,
                ..Leaf::default()
            };
            let servers = secured(site, leaf, "")?;
            site.filter("iifname right ip length > 1000 drop")?;
            Ok(servers)
        },
    )
    .with(TRUSTING),
];

/// One server block of nginx.
pub(super) fn server(site: &Site, listens: &str, certificate: &str, more: &str) -> String {
    let folder = site.folder.display();
    let more = more.replace('@', &folder.to_string());
    format!(
        "server {{ listen {listens} ssl; ssl_certificate {folder}/{certificate}.pem; \
         ssl_certificate_key {folder}/{certificate}.key; {more} \
         location / {{ default_type text/plain; return 200 \"ok\\n\"; }} }}\n"
    )
}

/// HTTPS by nginx: a good certificate at the first address, this one at the second.
fn two_certificates(site: &Site, second: Leaf) -> Result<Servers, LabError> {
    site.certify("good", Leaf::default())?;
    site.certify("bad", second)?;
    let first = server(site, &format!("{}:443", address::SERVER), "good", "");
    let second = server(site, &format!("{}:443", address::SECOND), "bad", "");
    Servers::names(site, "")?.nginx(site, 443, &format!("{first}{second}"))
}

/// HTTPS by nginx with this certificate.
fn secured(site: &Site, leaf: Leaf, more: &str) -> Result<Servers, LabError> {
    site.certify("leaf", leaf)?;
    let both = server(site, "443", "leaf", &format!("listen [::]:443 ssl; {more}"));
    Servers::names(site, "")?.nginx(site, 443, &both)
}

/// HTTPS by GnuTLS with these priorities.
fn gnutls(site: &Site, priorities: &str) -> Result<Servers, LabError> {
    site.certify("leaf", Leaf::default())?;
    Servers::names(site, "")?.program(
        site,
        "gnutls-serv",
        &[
            "--http",
            "--quiet",
            "--port=443",
            "--x509certfile=@/leaf.pem",
            "--x509keyfile=@/leaf.key",
            &format!("--priority={priorities}"),
        ],
        "10.79.2.2:443",
    )
}

fn closes(mut stream: TcpStream, _: usize) {
    // What it says is of no interest.
    let _ = stream.read(&mut [0; 4096]);
}

fn greets(mut stream: TcpStream, _: usize) {
    let _ = stream.write_all(b"SSH-2.0-OpenSSH_9.2\r\n");
    let _ = stream.read(&mut [0; 4096]);
}

/// Passes a connection on to port 8443 if its first record fits into 1,000 bytes; else it says nothing more.
fn small_hellos_only(mut client: TcpStream, _: usize) {
    let mut hello = [0; 1_000];
    let mut length = 0;
    loop {
        let room = hello.get_mut(length..).unwrap_or_default();
        match client.read(room) {
            Ok(count) if count > 0 => length += count,
            _ => break,
        }
        let record = hello
            .first_chunk()
            .map(|[_, _, _, high, low]| 5 + usize::from(u16::from_be_bytes([*high, *low])));
        if record.is_some_and(|record| length >= record) {
            return pass_on(client, hello.get(..length).unwrap_or_default());
        }
    }
}

/// Both directions of a connection, until one side ends.
fn pass_on(client: TcpStream, hello: &[u8]) {
    let Ok(mut server) = TcpStream::connect((address::SERVER, 8443)) else {
        return;
    };
    let (Ok(mut from_client), Ok(mut to_server)) = (client.try_clone(), server.try_clone()) else {
        return;
    };
    if to_server.write_all(hello).is_err() {
        return;
    }
    let mut client = client;
    let there = std::thread::spawn(move || {
        // One side that is gone ends both.
        let _ = std::io::copy(&mut from_client, &mut to_server);
        let _ = to_server.shutdown(Shutdown::Write);
    });
    let _ = std::io::copy(&mut server, &mut client);
    let _ = client.shutdown(Shutdown::Both);
    let _ = there.join();
}
