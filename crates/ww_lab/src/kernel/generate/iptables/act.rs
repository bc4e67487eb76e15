//! What a rule does.

use super::{Maker, Position, USER_CHAINS};
use ww_model::packet::protocol;

impl Maker<'_> {
    pub(super) fn target(&mut self, at: Position, proto: Option<u8>) -> String {
        match at.table {
            "raw" => self
                .draw
                .one(&[" -j CT --notrack", " -j ACCEPT", " -j NOTRACK", " -j DROP"])
                .to_owned(),
            "nat" => self.translation(at, proto),
            "mangle" if !self.draw.once_in(4) => self.marking(),
            _ => self.verdict(at, proto),
        }
    }

    fn verdict(&mut self, at: Position, proto: Option<u8>) -> String {
        let next_user = at.user.map_or(0, |number| number + 1);
        let callable = USER_CHAINS.saturating_sub(next_user) as u64;
        match self.draw.rng.below(10) {
            0..2 => " -j DROP".into(),
            5 if at.table == "filter" => self.rejection(proto),
            6 => " -j RETURN".into(),
            7..9 if callable > 0 => {
                let to = next_user as u64 + self.draw.rng.below(callable);
                format!(" -j u{to}")
            }
            9 if callable > 0 => {
                let to = next_user as u64 + self.draw.rng.below(callable);
                format!(" -g u{to}")
            }
            _ => " -j ACCEPT".into(),
        }
    }

    fn rejection(&mut self, proto: Option<u8>) -> String {
        let with = if proto == Some(protocol::TCP) && self.draw.once_in(2) {
            "tcp-reset"
        } else if self.draw.v6 {
            self.draw.one(&[
                "icmp6-port-unreachable",
                "icmp6-adm-prohibited",
                "icmp6-no-route",
            ])
        } else {
            self.draw.one(&[
                "icmp-port-unreachable",
                "icmp-host-prohibited",
                "icmp-admin-prohibited",
            ])
        };
        format!(" -j REJECT --reject-with {with}")
    }

    fn marking(&mut self) -> String {
        let (value, mask) = self.draw.mark();
        match self.draw.rng.below(9) {
            0 => format!(" -j MARK --set-mark {value:#x}/{mask:#x}"),
            1 | 2 => format!(" -j MARK --set-xmark {value:#x}/{mask:#x}"),
            3 => format!(" -j MARK --or-mark {value:#x}"),
            4 => format!(" -j MARK --and-mark {:#x}", !value),
            5 => format!(" -j MARK --xor-mark {value:#x}"),
            6 => " -j CONNMARK --save-mark".into(),
            7 => " -j CONNMARK --restore-mark".into(),
            _ => format!(" -j CONNMARK --set-xmark {value:#x}/{mask:#x}"),
        }
    }

    fn translation(&mut self, at: Position, proto: Option<u8>) -> String {
        let destination = matches!(at.chain, "PREROUTING" | "OUTPUT");
        let has_ports = matches!(proto, Some(protocol::TCP | protocol::UDP));
        let (option, target) = if destination {
            ("--to-destination", "DNAT")
        } else {
            ("--to-source", "SNAT")
        };
        match self.draw.rng.below(8) {
            0 => " -j ACCEPT".into(),
            1 if at.chain == "PREROUTING" && has_ports => {
                let (port, _) = self.draw.ports();
                format!(" -j REDIRECT --to-ports {}", port.max(1))
            }
            1 if at.chain == "PREROUTING" => " -j REDIRECT".into(),
            1 | 2 if at.chain == "POSTROUTING" => " -j MASQUERADE".into(),
            2 | 3 => {
                let (text, ..) = self.network();
                format!(" -j NETMAP --to {text}")
            }
            _ => {
                let address = self.target_address();
                let ports = if has_ports && self.draw.once_in(2) {
                    self.target_ports(destination)
                } else {
                    String::new()
                };
                let address = match (self.draw.v6, ports.is_empty()) {
                    (true, false) => format!("[{address}]"),
                    _ => address,
                };
                format!(" -j {target} {option} {address}{ports}")
            }
        }
    }

    fn target_address(&mut self) -> String {
        let first = super::super::values::number(self.draw.address());
        if self.draw.once_in(4) {
            let last = first | 3;
            return format!("{}-{}", self.draw.text(first & !3), self.draw.text(last));
        }
        self.draw.text(first)
    }

    /// New ports. Many sources that get the same port would be told apart no more.
    fn target_ports(&mut self, of_destination: bool) -> String {
        let (first, last) = self.draw.ports();
        if of_destination && first == last {
            return format!(":{}", first.max(1));
        }
        let first = first.clamp(1, 60_000);
        format!(":{first}-{}", first + 1000)
    }
}
