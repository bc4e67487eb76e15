//! Which peer of a tunnel a packet is for, and whom it may come from.

use super::{Peer, Tunnel};
use std::net::IpAddr;

impl Tunnel {
    /// The peer behind which an address is: that of the longest prefix; of equal prefixes, the one
    /// said last. Packets to the address go to it, and only from it are packets of the address
    /// taken.
    pub fn peer_of(&self, address: IpAddr) -> Option<&Peer> {
        let claims = self.peers.iter().flat_map(|peer| {
            let allowed = peer.allowed.iter().map(|(prefix, _)| prefix);
            let fitting = allowed.filter(move |prefix| prefix.contains(address));
            fitting.map(move |prefix| (prefix.length(), peer))
        });
        let last_longest = claims.max_by_key(|(length, _)| *length);
        last_longest.map(|(_, peer)| peer)
    }

    /// Whether a packet from the address, which came through the tunnel from this peer, is taken.
    pub fn takes(&self, peer: &Peer, source: IpAddr) -> bool {
        let owner = self.peer_of(source);
        owner.is_some_and(|owner| owner.public_key == peer.public_key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ww_base::{SourceId, SourceSpan};

    const AT: SourceSpan = SourceSpan {
        source: SourceId(0),
        start: 0,
        end: 0,
    };

    fn peer(key: &str, allowed: &[&str]) -> Peer {
        Peer {
            public_key: key.to_owned(),
            at: AT,
            endpoint: None,
            allowed: allowed
                .iter()
                .map(|text| (text.parse().unwrap(), AT))
                .collect(),
            keepalive_s: None,
        }
    }

    #[test]
    fn the_longest_prefix_chooses_the_peer_and_the_last_said_wins() {
        let tunnel = Tunnel {
            interface: "wg0".to_owned(),
            at: AT,
            port: None,
            mark: None,
            peers: vec![
                peer("hub", &["0.0.0.0/0", "10.1.0.0/16"]),
                peer("site", &["10.1.0.0/16", "10.1.2.0/24"]),
                peer("phone", &["10.1.2.3/32"]),
            ],
        };
        let name = |address: &str| {
            let found = tunnel.peer_of(address.parse().unwrap());
            found.map(|peer| peer.public_key.as_str())
        };
        assert_eq!(name("192.0.2.1"), Some("hub"));
        assert_eq!(name("10.1.9.9"), Some("site"));
        assert_eq!(name("10.1.2.3"), Some("phone"));
        assert_eq!(name("2001:db8::1"), None);
        let from = "10.1.2.3".parse().unwrap();
        assert!(tunnel.takes(&tunnel.peers[2], from));
        assert!(!tunnel.takes(&tunnel.peers[0], from));
    }
}
