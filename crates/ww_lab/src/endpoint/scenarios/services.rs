//! What is spoken beyond HTTP, by the servers that people run.

use super::super::daemons::Health;
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
    Scenario::healthy("coturn", "a STUN server", STUN, |site| {
        Servers::names(site, "")?.coturn(site)
    }),
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

/// An account from anywhere.
const ANYBODY: &str = "CREATE USER probe IDENTIFIED BY 'x';";

fn redis(site: &Site, options: &[&str]) -> Result<Servers, LabError> {
    let mut args = vec!["--save", "", "--dir", "@"];
    args.extend(options);
    Servers::names(site, "")?.daemon(site, 6379, Path::new("redis-server"), &args)
}
