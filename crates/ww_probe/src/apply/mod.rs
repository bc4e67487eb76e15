//! What is spoken beyond HTTP: each protocol is asked its first question at every address.

mod banner;
mod call;
mod datagram;
mod greet;
mod grpc;
mod ldap;
mod mailbox;
mod mysql;
mod nameserver;
mod postgres;
mod redis;
mod smtp;
mod ssh;
mod starttls;
mod stun;
mod talk;
mod upgrade;
mod websocket;

pub(crate) use datagram::{DatagramReply, binding, root_servers};
pub(crate) use starttls::{enter, name as starttls_name};
pub(crate) use stun::Binding;

use crate::tls::together;
use crate::walk::Walker;
use std::net::{IpAddr, SocketAddr};
use ww_evidence::transcript::Service;

/// Puts the first question of the target's protocol to each address: those over UDP to all, others where a
/// connection could be opened.
pub(crate) async fn ask(walker: &Walker<'_>, targets: &[SocketAddr], open: &[SocketAddr]) {
    together(targets.iter().map(|&to| over_udp(walker, to))).await;
    together(open.iter().map(|&to| over_tcp(walker, to))).await;
}

async fn over_udp(walker: &Walker<'_>, to: SocketAddr) {
    match walker.target.service {
        Service::Stun => datagram::stun(walker, to).await,
        Service::Dns => datagram::nameserver(walker, to).await,
        _ => {}
    }
}

async fn over_tcp(walker: &Walker<'_>, to: SocketAddr) {
    match walker.target.service {
        Service::Tcp
        | Service::Postgres
        | Service::Mysql
        | Service::Redis
        | Service::Smtp
        | Service::Imap
        | Service::Pop3
        | Service::Ldap
        | Service::Ssh
        | Service::Dns => greet::greet(walker, to).await,
        Service::Ws | Service::Wss => upgrade::ask(walker, to).await,
        Service::Grpc | Service::Grpcs => Box::pin(call::ask(walker, to)).await,
        Service::Tls
        | Service::Http
        | Service::Https
        | Service::Stun
        | Service::DnsOverTls
        | Service::DnsOverHttps => {}
    }
}

/// The target as a request names it: its host, and its port where that is not the usual one.
fn authority(walker: &Walker<'_>) -> String {
    let target = walker.target;
    let host = if target.host.parse::<IpAddr>().is_ok_and(|ip| ip.is_ipv6()) {
        format!("[{}]", target.host)
    } else {
        target.host.clone()
    };
    let usual = if target.service.is_tls() { 443 } else { 80 };
    if target.port == usual {
        host
    } else {
        format!("{host}:{}", target.port)
    }
}
