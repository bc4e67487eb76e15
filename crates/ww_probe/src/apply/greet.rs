//! Greetings: a connection, the protocol's first words, and what comes back.

use super::banner::Banner;
use super::ldap::Ldap;
use super::mailbox::{Imap, Pop3};
use super::mysql::Mysql;
use super::nameserver::OverTcp;
use super::postgres::Postgres;
use super::redis::Redis;
use super::smtp::Smtp;
use super::ssh::Ssh;
use super::talk::{self, Dialogue, End, Learned};
use crate::dice::Dice;
use crate::recorder::Asked;
use crate::tcp;
use crate::walk::Walker;
use std::net::SocketAddr;
use std::time::Duration;
use ww_evidence::transcript::{Greeting, GreetingOutcome, Seen, Service};

/// A server that speaks first does so at once; nobody waits longer where it need not.
const FIRST_WORD: Duration = Duration::from_secs(1);

/// How many times the usual wait a mail server is waited for: some let clients wait on purpose before they greet.
const SLOW_GREETING: u32 = 3;

/// Opens a connection, holds the conversation of the target's protocol and writes the step.
pub(super) async fn greet(walker: &Walker<'_>, to: SocketAddr) {
    let service = walker.target.service;
    let asked = Asked::now(command(service, to));
    let told = match service {
        Service::Postgres => postgres(walker, to).await,
        Service::Mysql => converse(walker, to, |_| Mysql::default()).await,
        Service::Redis => converse(walker, to, |_| Redis::default()).await,
        Service::Smtp => converse(walker, to, |from| Smtp::new(from.map(|from| from.ip()))).await,
        Service::Imap => converse(walker, to, |_| Imap::default()).await,
        Service::Pop3 => converse(walker, to, |_| Pop3::default()).await,
        Service::Ldap => converse(walker, to, |_| Ldap::default()).await,
        Service::Ssh => converse(walker, to, |_| Ssh::default()).await,
        Service::Dns => converse(walker, to, |_| OverTcp::new(Dice::shaken().next() as u16)).await,
        _ => converse(walker, to, |_| Banner::default()).await,
    };
    let Some((outcome, learned)) = told else {
        return;
    };
    walker.recorder.answer(
        asked,
        Seen::Greeting(Greeting {
            to: Some(to),
            service,
            outcome,
            says: learned.says,
            offers_tls: learned.offers_tls,
            takes_clear_passwords: learned.takes_clear_passwords,
        }),
    );
}

/// One conversation over a connection of its own; `None` when the time is up or no connection came about.
async fn converse<D: Dialogue>(
    walker: &Walker<'_>,
    to: SocketAddr,
    begin: impl FnOnce(Option<SocketAddr>) -> D,
) -> Option<(GreetingOutcome, Learned)> {
    let (dialogue, end, rest) = hold(walker, to, begin).await?;
    let learned = dialogue.learned();
    Some((talk::outcome(end, &learned, &rest), learned))
}

async fn hold<D: Dialogue>(
    walker: &Walker<'_>,
    to: SocketAddr,
    begin: impl FnOnce(Option<SocketAddr>) -> D,
) -> Option<(D, End, Vec<u8>)> {
    let (connect, stream) = tcp::connect(to, walker.patience()?).await;
    let mut stream = stream?;
    let patience = match walker.target.service {
        Service::Tcp => walker.patience()?.min(FIRST_WORD),
        Service::Smtp => walker.at_most(walker.options.patience * SLOW_GREETING)?,
        _ => walker.patience()?,
    };
    let mut dialogue = begin(connect.from);
    let (end, rest) = talk::talk(&mut stream, &mut dialogue, patience).await;
    Some((dialogue, end, rest))
}

/// PostgreSQL goes on within TLS where it offers it; what it says in clear takes a second connection.
async fn postgres(walker: &Walker<'_>, to: SocketAddr) -> Option<(GreetingOutcome, Learned)> {
    let (first, end, rest) = hold(walker, to, |_| Postgres::new()).await?;
    let learned = first.learned();
    if !first.wants_tls() {
        return Some((talk::outcome(end, &learned, &rest), learned));
    }
    match converse(walker, to, |_| Postgres::in_clear()).await {
        Some((outcome @ (GreetingOutcome::Fine | GreetingOutcome::Denied(_)), learned)) => {
            Some((outcome, learned))
        }
        // It offers TLS and takes nobody without.
        _ => Some((GreetingOutcome::Fine, learned)),
    }
}

fn command(service: Service, to: SocketAddr) -> String {
    let (ip, port) = (to.ip(), to.port());
    match service {
        Service::Postgres => {
            format!("psql -w 'hostaddr={ip} port={port} user=wirewise dbname=wirewise'")
        }
        Service::Mysql => format!("mysqladmin -h {ip} -P {port} ping"),
        Service::Redis => format!("redis-cli -h {ip} -p {port} ping"),
        Service::Smtp => format!("printf 'EHLO probe\\r\\nQUIT\\r\\n' | nc -w 5 {ip} {port}"),
        Service::Imap => {
            format!("printf 'a CAPABILITY\\r\\nb LOGOUT\\r\\n' | nc -w 5 {ip} {port}")
        }
        Service::Pop3 => format!("printf 'CAPA\\r\\nQUIT\\r\\n' | nc -w 5 {ip} {port}"),
        Service::Ldap => {
            format!("ldapsearch -x -H ldap://{to} -s base -b '' supportedExtension")
        }
        Service::Ssh => format!("ssh-keyscan -p {port} {ip}"),
        Service::Dns => format!("dig +tcp -p {port} @{ip} . NS"),
        _ => format!("nc -w 1 {ip} {port} </dev/null"),
    }
}
