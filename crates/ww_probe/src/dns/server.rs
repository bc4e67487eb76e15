//! Whom a question goes to.

use super::ask::{over_tcp, over_udp};
use super::channel::Channel;
use super::named::NameServer;
use super::wire::Question;
use crate::walk::Walker;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use ww_evidence::transcript::DnsVia;

/// A name server.
#[derive(Clone, Debug)]
pub(crate) enum Server {
    /// Over UDP and TCP.
    Plain(SocketAddr),
    /// Over a connection that is kept.
    Encrypted(Rc<Channel>),
}

impl PartialEq for Server {
    fn eq(&self, other: &Server) -> bool {
        match (self, other) {
            (Server::Plain(one), Server::Plain(other)) => one == other,
            (Server::Encrypted(one), Server::Encrypted(other)) => Rc::ptr_eq(one, other),
            _ => false,
        }
    }
}

impl Eq for Server {}

impl From<SocketAddr> for Server {
    fn from(address: SocketAddr) -> Server {
        Server::Plain(address)
    }
}

impl From<&Server> for Server {
    fn from(server: &Server) -> Server {
        server.clone()
    }
}

impl From<NameServer> for Server {
    fn from(server: NameServer) -> Server {
        match server {
            NameServer::Plain(address) => Server::Plain(address),
            NameServer::Encrypted(server) => Server::Encrypted(Rc::new(Channel::new(server))),
        }
    }
}

impl Server {
    /// Its address, where it is known.
    pub(super) fn address(&self) -> Option<SocketAddr> {
        match self {
            Server::Plain(address) => Some(*address),
            Server::Encrypted(channel) => channel.address(),
        }
    }

    /// How an answer of it came: where there is a choice, over TCP or UDP.
    pub(super) fn via(&self, tcp: bool) -> DnsVia {
        match self {
            Server::Plain(address) if tcp => DnsVia::Tcp(*address),
            Server::Plain(address) => DnsVia::Udp(*address),
            Server::Encrypted(channel) => channel.via(),
        }
    }

    /// An answer came from it.
    pub(super) fn is_of(&self, via: &DnsVia) -> bool {
        [false, true].into_iter().any(|tcp| self.via(tcp) == *via)
    }

    /// The beginning of a command that asks it, and options that go behind the name.
    pub(super) fn dig(&self) -> (String, String) {
        match self {
            Server::Plain(address) => (
                format!("dig @{}{}", address.ip(), port_option(*address)),
                String::new(),
            ),
            Server::Encrypted(channel) => channel.dig(),
        }
    }

    /// Puts a question. `None`: what came is no message; that step is written.
    ///
    /// # Errors
    ///
    /// It could not be put, or the connection fails.
    pub(super) async fn exchange(
        &self,
        walker: &Walker<'_>,
        tcp: bool,
        question: &Question<'_>,
        message: &[u8],
    ) -> io::Result<Option<Vec<u8>>> {
        match self {
            Server::Plain(address) if tcp => over_tcp(*address, question, message).await.map(Some),
            Server::Plain(address) => over_udp(*address, question, message).await.map(Some),
            Server::Encrypted(channel) => channel.exchange(walker, question, message).await,
        }
    }
}

/// The option of dig and delv for a port that is not the usual one.
pub(super) fn port_option(server: SocketAddr) -> String {
    match server.port() {
        53 => String::new(),
        port => format!(" -p {port}"),
    }
}
