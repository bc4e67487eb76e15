//! Packets as users write them: `k=v` words, or lines of JSON.

use anyhow::{Context, Result, anyhow, bail};
use serde::Deserialize;
use serde_json::Value;
use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use ww_model::Packet;
use ww_model::packet::{CtState, protocol};

/// A packet with the name that its sender gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Named {
    /// Its `id`, `null` without one.
    pub(crate) id: Value,
    /// The packet.
    pub(crate) packet: Packet,
}

/// The fields as they are written; each can be left out.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written<'a> {
    #[serde(default)]
    id: Value,
    #[serde(borrow)]
    iif: Option<Cow<'a, str>>,
    #[serde(borrow)]
    oif: Option<Cow<'a, str>>,
    src: Option<IpAddr>,
    dst: Option<IpAddr>,
    #[serde(borrow)]
    proto: Option<Word<'a>>,
    sport: Option<u16>,
    dport: Option<u16>,
    #[serde(borrow)]
    tcp_flags: Option<Word<'a>>,
    icmp_type: Option<u8>,
    icmp_code: Option<u8>,
    #[serde(borrow)]
    ct_state: Option<Cow<'a, str>>,
    #[serde(borrow)]
    mark: Option<Word<'a>>,
}

/// A name, or the number it stands for.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Word<'a> {
    Number(u32),
    #[serde(borrow)]
    Name(Cow<'a, str>),
}

/// The packet in a line of JSON.
///
/// # Errors
/// When the line is not an object of known fields.
pub(crate) fn from_json(line: &str) -> Result<Named> {
    let written: Written = serde_json::from_str(line).context("not a packet")?;
    written.packet()
}

/// The packet in words such as `src=10.0.0.1 dst=10.0.0.2 proto=tcp dport=443`.
///
/// # Errors
/// When a word is not a known field with a value.
pub(crate) fn from_words(words: &str) -> Result<Named> {
    let mut written = Written::default();
    for word in words
        .split([' ', '\t', '\n'])
        .filter(|word| !word.is_empty())
    {
        let (key, value) = word
            .split_once('=')
            .with_context(|| format!("`{word}` is not of the form field=value"))?;
        written
            .set(key, value)
            .with_context(|| format!("in `{word}`"))?;
    }
    written.packet()
}

impl<'a> Written<'a> {
    fn set(&mut self, key: &str, value: &'a str) -> Result<()> {
        let name = Some(Word::Name(Cow::Borrowed(value)));
        match key {
            "id" => self.id = serde_json::from_str(value).unwrap_or_else(|_| value.into()),
            "iif" => self.iif = Some(value.into()),
            "oif" => self.oif = Some(value.into()),
            "src" => self.src = Some(value.parse()?),
            "dst" => self.dst = Some(value.parse()?),
            "proto" => self.proto = name,
            "sport" => self.sport = Some(value.parse()?),
            "dport" => self.dport = Some(value.parse()?),
            "tcp_flags" => self.tcp_flags = name,
            "icmp_type" => self.icmp_type = Some(value.parse()?),
            "icmp_code" => self.icmp_code = Some(value.parse()?),
            "ct_state" => self.ct_state = Some(value.into()),
            "mark" => self.mark = name,
            _ => bail!(
                "no such field; known are id, iif, oif, src, dst, proto, sport, dport, tcp_flags, icmp_type, \
                 icmp_code, ct_state and mark"
            ),
        }
        Ok(())
    }

    /// The packet, with what is natural for fields that were left out.
    fn packet(self) -> Result<Named> {
        let v6 = [self.src, self.dst]
            .into_iter()
            .flatten()
            .any(|address| address.is_ipv6());
        let nobody: IpAddr = if v6 {
            Ipv6Addr::UNSPECIFIED.into()
        } else {
            Ipv4Addr::UNSPECIFIED.into()
        };
        let (src, dst) = (self.src.unwrap_or(nobody), self.dst.unwrap_or(nobody));
        if src.is_ipv4() != dst.is_ipv4() {
            bail!("{src} and {dst} are of different IP versions");
        }
        let icmp = if v6 { protocol::ICMPV6 } else { protocol::ICMP };
        let proto = match &self.proto {
            Some(word) => protocol_number(word, icmp)?,
            None if self.icmp_type.is_some() => icmp,
            None => protocol::TCP,
        };
        let has_ports = protocol::WITH_PORTS.contains(&proto);
        let is_icmp = matches!(proto, protocol::ICMP | protocol::ICMPV6);
        let ct_state = self.ct_state.as_deref().map_or(Ok(CtState::New), state)?;
        let usual_flags = if ct_state == CtState::New { 0x02 } else { 0x10 };
        let flags = self.tcp_flags.as_ref().map_or(Ok(usual_flags), flags)?;
        let echo_request = if proto == protocol::ICMPV6 { 128 } else { 8 };
        let only = |is: bool, value: u8| if is { value } else { 0 };
        let packet = Packet {
            iif: self.iif.unwrap_or_default().into_owned(),
            oif: self.oif.unwrap_or_default().into_owned(),
            src,
            dst,
            proto,
            sport: if has_ports {
                self.sport.unwrap_or(40_000)
            } else {
                0
            },
            dport: if has_ports {
                self.dport.unwrap_or(0)
            } else {
                0
            },
            tcp_flags: only(proto == protocol::TCP, flags),
            icmp_type: only(is_icmp, self.icmp_type.unwrap_or(echo_request)),
            icmp_code: only(is_icmp, self.icmp_code.unwrap_or(0)),
            ct_state,
            mark: self.mark.as_ref().map_or(Ok(0), mark)?,
        };
        Ok(Named {
            id: self.id,
            packet,
        })
    }
}

/// The number of a protocol; `icmp` is that of the packet's IP version.
fn protocol_number(word: &Word, icmp: u8) -> Result<u8> {
    let name = match word {
        Word::Number(number) => return u8::try_from(*number).context("no such protocol"),
        Word::Name(name) => name.to_ascii_lowercase(),
    };
    Ok(match name.as_str() {
        "tcp" => protocol::TCP,
        "udp" => protocol::UDP,
        "icmp" | "icmpv6" | "icmp6" | "ipv6-icmp" => icmp,
        "sctp" => protocol::SCTP,
        "dccp" => protocol::DCCP,
        "udplite" => protocol::UDPLITE,
        "gre" => 47,
        "esp" => 50,
        "ah" => 51,
        number => number
            .parse()
            .map_err(|_| anyhow!("no such protocol: {number}"))?,
    })
}

fn state(word: &str) -> Result<CtState> {
    Ok(match word.to_ascii_lowercase().as_str() {
        "new" => CtState::New,
        "established" => CtState::Established,
        "related" => CtState::Related,
        "invalid" => CtState::Invalid,
        "untracked" => CtState::Untracked,
        other => bail!("no such state of a connection: {other}"),
    })
}

/// `syn`, `syn,ack`, `syn|ack`, `none`, or the number in the header.
fn flags(word: &Word) -> Result<u8> {
    const NAMES: [&str; 8] = ["fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr"];
    let names = match word {
        Word::Number(number) => return u8::try_from(*number).context("no such TCP flags"),
        Word::Name(names) => names.to_ascii_lowercase(),
    };
    if let Some(number) = number(&names) {
        return u8::try_from(number).context("no such TCP flags");
    }
    let mut flags = 0;
    for name in names.split([',', '|', ' ', '+']) {
        match NAMES.iter().position(|known| *known == name) {
            Some(bit) => flags |= 1 << bit,
            None if matches!(name, "none" | "") => {}
            None => bail!("no such TCP flag: {name}"),
        }
    }
    Ok(flags)
}

fn mark(word: &Word) -> Result<u32> {
    match word {
        Word::Number(number) => Ok(*number),
        Word::Name(name) => number(name).with_context(|| format!("no such mark: {name}")),
    }
}

/// A number, decimal or with `0x`.
fn number(text: &str) -> Option<u32> {
    match text.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_json_say_the_same() {
        let words = "id=1 iif=eth0 oif=eth1 src=10.0.0.1 dst=10.0.0.2 proto=tcp sport=40000 dport=443 \
                     tcp_flags=syn ct_state=new mark=0";
        let json = r#"{"id": 1, "iif": "eth0", "oif": "eth1", "src": "10.0.0.1", "dst": "10.0.0.2", "proto": "tcp",
            "sport": 40000, "dport": 443, "tcp_flags": "syn", "icmp_type": 8, "icmp_code": 0, "ct_state": "new",
            "mark": 0}"#;
        assert_eq!(from_words(words).unwrap(), from_json(json).unwrap());
    }

    #[test]
    fn fields_left_out_take_what_is_natural() {
        let tcp = from_words("dst=2001:db8::1 dport=22").unwrap().packet;
        assert_eq!((tcp.proto, tcp.tcp_flags, tcp.sport), (6, 2, 40_000));
        assert_eq!(tcp.src.to_string(), "::");
        let ping = from_words("proto=icmp dst=2001:db8::1").unwrap().packet;
        assert_eq!(
            (ping.proto, ping.icmp_type, ping.tcp_flags, ping.sport),
            (58, 128, 0, 0)
        );
        let later = from_words("dst=10.0.0.1 ct_state=established")
            .unwrap()
            .packet;
        assert_eq!(later.tcp_flags, 0x10);
    }

    #[test]
    fn flags_have_names_and_numbers() {
        let flags = |text: &str| {
            from_words(&format!("tcp_flags={text}")).map(|named| named.packet.tcp_flags)
        };
        assert_eq!(flags("syn,ack").unwrap(), 0x12);
        assert_eq!(flags("fin|psh|urg").unwrap(), 0x29);
        assert_eq!(flags("none").unwrap(), 0);
        assert_eq!(flags("0x12").unwrap(), 0x12);
        assert!(flags("sin").is_err());
    }

    #[test]
    fn what_is_not_a_packet_is_told() {
        for words in [
            "dst",
            "colour=blue",
            "dst=10.0.0.300",
            "src=10.0.0.1 dst=::1",
            "proto=xyz",
            "mark=red",
        ] {
            assert!(from_words(words).is_err(), "{words}");
        }
        for json in [
            "",
            "[]",
            "{",
            r#"{"dport": 70000}"#,
            r#"{"destination": "10.0.0.1"}"#,
        ] {
            assert!(from_json(json).is_err(), "{json}");
        }
    }
}
