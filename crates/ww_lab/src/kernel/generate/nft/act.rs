//! What nftables rules do.

use super::super::Part;
use super::{Kind, Maker, Position, USER_CHAINS, port_words};
use ww_model::filter::Hook;
use ww_model::packet::protocol;

impl Maker<'_> {
    pub(super) fn act(&mut self, at: Position, proto: Option<u8>) -> String {
        match at.kind {
            Kind::Nat => self.translation(at, proto),
            Kind::Raw if self.draw.once_in(2) => "notrack".into(),
            Kind::Filter if self.about_marks && self.draw.once_in(2) => self.marking(at, proto),
            _ => match self.draw.rng.below(9) {
                0 | 1 => self.marking(at, proto),
                2 => self.verdict_map(at, proto),
                _ => self.verdict(at, proto),
            },
        }
    }

    fn verdict(&mut self, at: Position, proto: Option<u8>) -> String {
        let can_refuse = matches!(at.hook, Hook::Input | Hook::Forward | Hook::Output);
        match self.draw.rng.below(9) {
            0..3 => "accept".into(),
            3 | 4 => "drop".into(),
            5 if can_refuse && at.kind == Kind::Filter => self.refusal(proto),
            6 => "return".into(),
            7 => self.call(at, "jump"),
            8 => self.call(at, "goto"),
            _ => "continue".into(),
        }
    }

    fn call(&mut self, at: Position, word: &str) -> String {
        let (prefix, first) = at.calls;
        if first >= USER_CHAINS {
            return "accept".into();
        }
        let to = self.draw.between(first as u64, USER_CHAINS as u64 - 1);
        format!("{word} {prefix}{to}")
    }

    fn refusal(&mut self, proto: Option<u8>) -> String {
        if proto == Some(protocol::TCP) && self.draw.once_in(2) {
            return "reject with tcp reset".into();
        }
        let kind = self.draw.one(&["port-unreachable", "admin-prohibited"]);
        match (self.inet, self.draw.v6) {
            (true, _) => format!("reject with icmpx type {kind}"),
            (false, true) => format!("reject with icmpv6 type {kind}"),
            (false, false) => format!("reject with icmp type {kind}"),
        }
    }

    fn marking(&mut self, at: Position, proto: Option<u8>) -> String {
        let (value, _) = self.draw.mark();
        let tracked = at.kind == Kind::Filter;
        match self.draw.rng.below(8) {
            0 => format!("meta mark set meta mark and {:#x}", !value),
            1 => format!("meta mark set meta mark or {value:#x}"),
            2 => format!("meta mark set meta mark xor {value:#x}"),
            3 if tracked => "meta mark set ct mark".into(),
            4 if tracked => "ct mark set meta mark".into(),
            5 if tracked => format!("ct mark set {value:#x}"),
            6 if proto.is_none_or(|known| known == protocol::TCP) => {
                let (first, _) = self.draw.ports();
                self.draw
                    .edge(Part::Dport, [u128::from(first), u128::from(first) + 1]);
                format!("meta mark set tcp dport map {{ {first} : {value:#x}, 1 : 0x5 }}")
            }
            _ => format!("meta mark set {value:#x}"),
        }
    }

    fn verdict_map(&mut self, at: Position, proto: Option<u8>) -> String {
        let simple = |maker: &mut Self| match maker.draw.rng.below(5) {
            0 | 1 => "accept".to_owned(),
            2 => "drop".to_owned(),
            3 => maker.call(at, "jump"),
            _ => maker.draw.one(&["return", "continue"]).to_owned(),
        };
        match self.draw.rng.below(4) {
            0 if proto.is_none_or(|known| known == protocol::TCP) => {
                let (first, last) = self.draw.ports();
                let last = last.min(60_000).max(first);
                self.draw.edge(Part::Proto, [6]);
                self.draw
                    .range_edges(Part::Dport, first.into(), last.into());
                let mut entries = vec![format!("{} : {}", port_words((first, last)), simple(self))];
                if last < 65_000 {
                    entries.push(format!("{}-65500 : {}", last + 3, simple(self)));
                    self.draw.edge(
                        Part::Dport,
                        [u128::from(last) + 2, u128::from(last) + 3, 65_500],
                    );
                }
                format!("tcp dport vmap {{ {} }}", entries.join(", "))
            }
            1 if proto.is_none() => {
                let (one, other) = (simple(self), simple(self));
                self.draw.edge(Part::Proto, [6, 17, 132]);
                format!("meta l4proto vmap {{ tcp : {one}, udp : {other} }}")
            }
            2 => {
                let (one, other) = (simple(self), simple(self));
                format!("ct state vmap {{ invalid : {one}, new : {other} }}")
            }
            _ => {
                let (text, first, last) = self.draw.prefix();
                let verdict = simple(self);
                self.draw.range_edges(Part::Src, first, last);
                format!("{} saddr vmap {{ {text} : {verdict} }}", self.ip())
            }
        }
    }

    fn translation(&mut self, at: Position, proto: Option<u8>) -> String {
        let has_ports = matches!(proto, Some(protocol::TCP | protocol::UDP));
        let destination = matches!(at.hook, Hook::Prerouting | Hook::Output);
        let ip = match (self.inet, self.draw.v6) {
            (false, _) => "",
            (true, false) => " ip",
            (true, true) => " ip6",
        };
        match self.draw.rng.below(8) {
            0 => "accept".into(),
            1 if at.hook == Hook::Prerouting && has_ports => {
                format!("redirect to :{}", self.draw.ports().0.max(1))
            }
            1 if at.hook == Hook::Prerouting => "redirect".into(),
            1 | 2 if at.hook == Hook::Postrouting => "masquerade".into(),
            2 if destination && has_ports => format!("dnat to :{}", self.draw.ports().0.max(1)),
            3 if destination && proto == Some(protocol::TCP) => {
                let (port, address) = (self.draw.ports().0, self.draw.address());
                let other = self.draw.address();
                self.draw
                    .edge(Part::Dport, [u128::from(port), 2, u128::from(port) + 1]);
                let port = port.max(3);
                format!("dnat{ip} to tcp dport map {{ {port} : {address}, 2 : {other} }}")
            }
            _ => {
                let target = self.target(destination, has_ports);
                let word = if destination { "dnat" } else { "snat" };
                format!("{word}{ip} to {target}")
            }
        }
    }

    /// A new address, or a few, with new ports where the protocol has them.
    fn target(&mut self, destination: bool, has_ports: bool) -> String {
        let first = super::super::values::number(self.draw.address());
        let with_ports = has_ports && self.draw.once_in(2);
        let enclosed = |text: String, v6: bool| {
            if v6 && with_ports {
                format!("[{text}]")
            } else {
                text
            }
        };
        let v6 = self.draw.v6;
        let mut target = if self.draw.once_in(4) {
            let (first, last) = (self.draw.text(first & !3), self.draw.text(first | 3));
            format!("{}-{}", enclosed(first, v6), enclosed(last, v6))
        } else {
            enclosed(self.draw.text(first), v6)
        };
        if with_ports {
            let (first, last) = self.draw.ports();
            // Many sources that get the same port would be told apart no more.
            let ports = if destination && first == last {
                (first.max(1), first.max(1))
            } else {
                let first = first.clamp(1, 60_000);
                (first, first + 1000)
            };
            target = format!("{target}:{}", port_words(ports));
        }
        target
    }
}
