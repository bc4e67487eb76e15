//! How far a connection came.

use ww_evidence::{Reset, Side, TcpFlow};

/// How far a connection came, as far as the capture shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Nobody answered the SYN.
    NoAnswer,
    /// A reset answered the SYN.
    Refused,
    /// The SYN-ACK came, the client's ACK did not.
    HalfOpen,
    /// Neither side has closed.
    Open,
    /// One side has closed its half.
    HalfClosed,
    /// Both sides have closed.
    Closed,
    /// The client broke it off.
    ResetByClient,
    /// The server, or somebody in its name, broke it off.
    ResetByServer,
}

impl State {
    /// The state of a connection.
    pub fn of(flow: &TcpFlow) -> State {
        let handshake = &flow.handshake;
        if handshake.refused.is_some() {
            return State::Refused;
        }
        if handshake.syn.is_some() && flow.sent_by_server.frames == 0 {
            return State::NoAnswer;
        }
        let [client, server] = [&flow.sent_by_client, &flow.sent_by_server];
        let broken = |side: &Side| {
            side.reset
                .as_deref()
                .is_some_and(|reset| !is_hasty_close(reset))
        };
        if broken(server) {
            return State::ResetByServer;
        }
        if broken(client) {
            return State::ResetByClient;
        }
        let closed = |side: &Side| side.fin.is_some() || side.reset.is_some();
        match (closed(client), closed(server)) {
            (true, true) => State::Closed,
            (true, false) | (false, true) => State::HalfClosed,
            _ if handshake.syn_ack.is_some() && handshake.ack.is_none() => State::HalfOpen,
            _ => State::Open,
        }
    }

    /// The word in tables and JSON.
    pub fn word(self) -> &'static str {
        match self {
            State::NoAnswer => "no answer",
            State::Refused => "refused",
            State::HalfOpen => "half-open",
            State::Open => "open",
            State::HalfClosed => "half-closed",
            State::Closed => "closed",
            State::ResetByClient => "reset by client",
            State::ResetByServer => "reset by server",
        }
    }
}

/// A reset that answers the other side's FIN ends what was ending anyway.
fn is_hasty_close(reset: &Reset) -> bool {
    reset.after_peer_fin
}
