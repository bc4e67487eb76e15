//! What is spoken beyond HTTP, by the servers that people run.

use super::super::daemons::Health;
use super::answers::fine;
use crate::endpoint::certificates::{Leaf, Signer, TRUSTING};
use crate::endpoint::{Scenario, Servers, Site};
use crate::error::LabError;
use std::path::Path;

const POSTGRES: &str = "postgres://one.lab.example";
const MYSQL: &str = "mysql://one.lab.example";
const REDIS: &str = "redis://one.lab.example";
const SSH: &str = "ssh://one.lab.example";
const SMTP: &str = "smtp://one.lab.example";
const STUN: &str = "stun://one.lab.example";
const GRPC: &str = "grpc://one.lab.example:50051";

/// Every client, with a password.
const ALL_CLIENTS: &str = "host all all 0.0.0.0/0 scram-sha-256";

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario::healthy("postgresql", "PostgreSQL", POSTGRES, |site| {
        Servers::names(site, "")?.postgres(site, &[], ALL_CLIENTS)
    }),
    Scenario::faulty(
        "postgresql-full",
        "PostgreSQL with one connection, which is taken",
        POSTGRES,
        "greeting-refused",
        |site| {
            // Whoever has not proved who they are takes a place too.
            const STARTUP: &[u8] = b"\0\0\0\x14\0\x03\0\0user\0admin\0\0";
            let settings = ["max_connections=1", "superuser_reserved_connections=0"];
            Servers::names(site, "")?
                .postgres(site, &settings, ALL_CLIENTS)?
                .holding(site, 5432, STARTUP, b'R')
        },
    ),
    Scenario::healthy(
        "postgresql-tls",
        "PostgreSQL that takes nobody without TLS",
        POSTGRES,
        |site| postgres_tls(site, Leaf::default()),
    )
    .with(TRUSTING),
    Scenario::faulty(
        "postgresql-expired",
        "the certificate of PostgreSQL has expired",
        POSTGRES,
        "certificate-expired",
        |site| {
            let leaf = Leaf {
                left: -3,
                ..Leaf::default()
            };
            postgres_tls(site, leaf)
        },
    )
    .with(TRUSTING),
    Scenario::healthy(
        "postgresql-self-signed",
        "PostgreSQL with a certificate of its own making, as Debian sets it up",
        POSTGRES,
        |site| {
            let leaf = Leaf {
                signer: Signer::Itself,
                ..Leaf::default()
            };
            postgres_tls(site, leaf)
        },
    ),
    Scenario::faulty(
        "postgres-elsewhere",
        "a web server listens where PostgreSQL is expected",
        POSTGRES,
        "greeting-missing",
        |site| Servers::names(site, "")?.nginx(site, 5432, "server { listen 5432; return 200; }"),
    ),
    Scenario::healthy("mariadb", "MariaDB", MYSQL, |site| {
        Servers::names(site, "")?.mariadb(site, &[], ANYBODY)
    }),
    Scenario::faulty(
        "mariadb-host-not-allowed",
        "MariaDB has no account for the client's host",
        MYSQL,
        "greeting-refused",
        |site| Servers::names(site, "")?.mariadb(site, &[], ""),
    ),
    Scenario::healthy("mariadb-tls", "MariaDB with TLS", MYSQL, |site| {
        mariadb_tls(site, Leaf::default())
    })
    .with(TRUSTING),
    Scenario::faulty(
        "mariadb-other-name",
        "the certificate of MariaDB is for another name",
        MYSQL,
        "certificate-name-mismatch",
        |site| {
            let leaf = Leaf {
                names: &["other.example"],
                ..Leaf::default()
            };
            mariadb_tls(site, leaf)
        },
    )
    .with(TRUSTING),
    Scenario::healthy("redis-server", "Redis with a password", REDIS, |site| {
        redis(site, &["--port", "6379", "--requirepass", "x"])
    }),
    Scenario::faulty(
        "redis-protected",
        "Redis in protected mode",
        REDIS,
        "greeting-refused",
        |site| redis(site, &["--port", "6379"]),
    ),
    Scenario::faulty(
        "redis-full",
        "Redis with one connection, which is taken",
        REDIS,
        "greeting-refused",
        |site| {
            redis(
                site,
                &["--port", "6379", "--requirepass", "x", "--maxclients", "1"],
            )?
            .holding(site, 6379, b"PING\r\n", b'-')
        },
    ),
    Scenario::faulty(
        "redis-tls-alone",
        "Redis that speaks TLS alone",
        REDIS,
        "plaintext-on-tls-port",
        |site| {
            site.certify("leaf", Leaf::default())?;
            site.lend("leaf")?;
            redis(
                site,
                &[
                    "--port",
                    "0",
                    "--tls-port",
                    "6379",
                    "--tls-cert-file",
                    "@/leaf.pem",
                    "--tls-key-file",
                    "@/leaf.key",
                    "--tls-ca-cert-file",
                    "@/../root.pem",
                    "--tls-auth-clients",
                    "no",
                ],
            )
        },
    ),
    Scenario::healthy("openssh", "OpenSSH", SSH, |site| {
        Servers::names(site, "")?.openssh(site, &[])
    }),
    Scenario::faulty(
        "openssh-full",
        "OpenSSH with one connection that has not logged in, and no more allowed",
        SSH,
        "greeting-refused",
        |site| {
            Servers::names(site, "")?
                .openssh(site, &["MaxStartups=1:100:1"])?
                .holding(site, 22, b"", b'S')
        },
    ),
    Scenario::healthy("aiosmtpd", "an SMTP server", SMTP, |site| {
        Servers::names(site, "")?.smtp(site, &[])
    }),
    Scenario::healthy(
        "aiosmtpd-starttls",
        "an SMTP server with STARTTLS",
        SMTP,
        |site| smtp_starttls(site, Leaf::default()),
    )
    .with(TRUSTING),
    Scenario::faulty(
        "aiosmtpd-incomplete-chain",
        "an SMTP server that does not send the intermediate certificate",
        SMTP,
        "certificate-chain-incomplete",
        |site| {
            let leaf = Leaf {
                signer: Signer::Below,
                complete: false,
                ..Leaf::default()
            };
            smtp_starttls(site, leaf)
        },
    )
    .with(TRUSTING),
    Scenario::healthy("coturn", "a STUN server", STUN, |site| {
        Servers::names(site, "")?.coturn(site)
    }),
    Scenario::faulty(
        "stun-closed",
        "nobody listens for STUN",
        STUN,
        "greeting-missing",
        |site| Servers::names(site, ""),
    ),
    Scenario::faulty(
        "stunnel-old-version",
        "stunnel speaks TLS 1.1 and 1.2",
        "https://one.lab.example/",
        "tls-obsolete-version",
        |site| {
            site.certify("leaf", Leaf::default())?;
            site.lend("leaf")?;
            site.write("stunnel.conf", STUNNEL)?;
            Servers::names(site, "")?
                .scripted(site, "127.0.0.1:9000", fine)?
                .daemon(site, 443, Path::new("stunnel4"), &["@/../stunnel.conf"])
        },
    )
    .with(TRUSTING),
    Scenario::healthy("grpc-serving", "a gRPC server that serves", GRPC, |site| {
        Servers::names(site, "")?.grpc(site, Health::Serving)
    }),
    Scenario::faulty(
        "grpc-not-serving",
        "a gRPC server that says that it does not serve",
        GRPC,
        "grpc-unhealthy",
        |site| Servers::names(site, "")?.grpc(site, Health::NotServing),
    ),
    Scenario::faulty(
        "grpc-other-service",
        "a gRPC server without the service that is asked for",
        "grpc://one.lab.example:50051/shop.Cart",
        "grpc-unimplemented",
        |site| Servers::names(site, "")?.grpc(site, Health::Missing),
    ),
];

/// Old versions before a server of HTTP.
const STUNNEL: &str = "foreground = yes\npid =\nsslVersionMin = TLSv1.1\nsslVersionMax = TLSv1.2\n\
    securityLevel = 0\nciphers = ECDHE+AESGCM:ECDHE+AES:@SECLEVEL=0\n\
    [web]\naccept = 443\nconnect = 127.0.0.1:9000\ncert = leaf.pem\nkey = leaf.key\n";

/// PostgreSQL that takes nobody without TLS, with this certificate.
fn postgres_tls(site: &Site, leaf: Leaf) -> Result<Servers, LabError> {
    site.certify("leaf", leaf)?;
    site.lend("leaf")?;
    let settings = [
        "ssl=on",
        "ssl_cert_file=@/leaf.pem",
        "ssl_key_file=@/leaf.key",
    ];
    Servers::names(site, "")?.postgres(site, &settings, "hostssl all all 0.0.0.0/0 scram-sha-256")
}

/// MariaDB with this certificate.
fn mariadb_tls(site: &Site, leaf: Leaf) -> Result<Servers, LabError> {
    site.certify("leaf", leaf)?;
    site.lend("leaf")?;
    let options = ["--ssl-cert=@/leaf.pem", "--ssl-key=@/leaf.key"];
    Servers::names(site, "")?.mariadb(site, &options, ANYBODY)
}

/// An SMTP server with this certificate.
fn smtp_starttls(site: &Site, leaf: Leaf) -> Result<Servers, LabError> {
    site.certify("leaf", leaf)?;
    let options = [
        "--tlscert",
        "@/leaf.pem",
        "--tlskey",
        "@/leaf.key",
        "--no-requiretls",
    ];
    Servers::names(site, "")?.smtp(site, &options)
}

/// An account from anywhere.
const ANYBODY: &str = "CREATE USER probe IDENTIFIED BY 'x';";

fn redis(site: &Site, options: &[&str]) -> Result<Servers, LabError> {
    let mut args = vec!["--save", "", "--dir", "@"];
    args.extend(options);
    Servers::names(site, "")?.daemon(site, 6379, Path::new("redis-server"), &args)
}
