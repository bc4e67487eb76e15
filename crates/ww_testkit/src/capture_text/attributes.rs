//! Attributes: the words after what a line sends.

use super::dns::Message;
use super::statement::Event;
use super::words::{Mac, Word, Words, parse_hex};

/// A line is repeated no more often than this.
const MOST_TIMES: u32 = 100_000;

/// Relative numbers stay within so much, far beyond any connection that is written down.
const FARTHEST: u64 = 1 << 40;

/// Options of a SYN.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct SynOptions {
    pub(super) mss: Option<u16>,
    pub(super) sack_permitted: bool,
    pub(super) timestamps: bool,
    pub(super) window_scale: Option<u8>,
}

/// A sequence or acknowledgement number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Number {
    /// Relative, as Wireshark shows it: the SYN is 0, the first byte 1.
    Relative(i64),
    /// So far from the number the host would choose: `next`, `next-1`.
    FromNext(i64),
    /// That of a named segment: its first byte, or the byte after it for an acknowledgement.
    Name(String),
}

/// One end of what `sack` reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Block {
    /// Relative numbers: the first byte, and the byte after the last.
    Range(i64, i64),
    /// The bytes of a named segment.
    Name(String),
}

/// How an IPv4 packet is identified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Identification {
    /// By this number.
    Number(u16),
    /// As the packet before it from the same end.
    Same,
}

/// Everything that may follow what a line sends.
#[derive(Clone, Debug, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a word of the language"
)]
pub(super) struct Attributes {
    pub(super) name: Option<String>,
    pub(super) count: Option<u32>,
    pub(super) every: Option<i64>,
    pub(super) caplen: Option<u32>,
    pub(super) vlan: Option<u16>,
    pub(super) ether: Option<(Mac, Mac)>,

    pub(super) ttl: Option<u8>,
    pub(super) id: Option<Identification>,
    pub(super) may_fragment: bool,
    pub(super) dscp: u8,
    pub(super) ecn: u8,

    pub(super) text: Vec<u8>,
    pub(super) length: Option<usize>,
    pub(super) dns: Option<Message>,
    pub(super) fragment_bytes: Option<usize>,
    pub(super) omitted_fragments: Vec<usize>,

    pub(super) seq: Option<Number>,
    pub(super) ack: Option<Number>,
    pub(super) sack: Option<Vec<Block>>,
    pub(super) window: Option<u16>,
    pub(super) syn: SynOptions,
    pub(super) tsval: Option<u32>,
    pub(super) tsecr: Option<u32>,
    pub(super) no_timestamps: bool,
    pub(super) bad_checksum: bool,
    pub(super) dropped: bool,
}

impl SynOptions {
    /// Reads one option if one comes next.
    pub(super) fn parse_one(&mut self, words: &mut Words) -> Result<bool, String> {
        if words.take("mss") {
            self.mss = Some(words.value("a maximum segment size")?);
        } else if words.take("sackok") {
            self.sack_permitted = true;
        } else if words.take("ts") {
            self.timestamps = true;
        } else if words.take("ws") {
            self.window_scale = Some(words.value("a window scale from 0 to 14")?);
            if self.window_scale > Some(14) {
                return Err("a window scale is at most 14 (RFC 7323 section 2.3)".to_owned());
            }
        } else {
            return Ok(false);
        }
        Ok(true)
    }
}

impl Attributes {
    /// Reads one attribute of `event` if one comes next.
    pub(super) fn parse_one(&mut self, event: &Event, words: &mut Words) -> Result<bool, String> {
        let is_ip = !matches!(
            event,
            Event::Raw(_) | Event::Arp { .. } | Event::Copy { .. }
        );
        let is_copy = matches!(event, Event::Copy { .. });
        let carries_payload = matches!(
            event,
            Event::Segment { .. } | Event::Udp { .. } | Event::Icmp { .. }
        );
        Ok(self.frame(words)?
            || (is_copy && self.time_to_live(words)?)
            || (is_ip && self.ip(words)?)
            || (carries_payload && self.payload(words)?)
            || (matches!(event, Event::Udp { .. }) && self.fragments(words)?)
            || (event.is_segment() && self.tcp(words)?)
            || (matches!(event, Event::Segment { .. }) && self.segment(words)?))
    }

    fn frame(&mut self, words: &mut Words) -> Result<bool, String> {
        if words.take("as") {
            self.name = Some(words.bare("a name")?);
        } else if words.take("x") {
            let count = words.value("how many times")?;
            if count > MOST_TIMES {
                return Err(format!("a line is repeated {MOST_TIMES} times at most"));
            }
            self.count = Some(count);
        } else if words.take("every") {
            self.every = Some(words.span()?);
        } else if words.take("caplen") {
            self.caplen = Some(words.value("a number of bytes")?);
        } else if words.take("vlan") {
            self.vlan = Some(words.value("a VLAN from 0 to 4095")?);
        } else if words.take("ether") {
            let source = words.mac()?;
            words.take(">");
            self.ether = Some((source, words.mac()?));
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    fn time_to_live(&mut self, words: &mut Words) -> Result<bool, String> {
        let found = words.take("ttl");
        if found {
            self.ttl = Some(words.value("a TTL from 0 to 255")?);
        }
        Ok(found)
    }

    fn ip(&mut self, words: &mut Words) -> Result<bool, String> {
        if words.take("id") {
            self.id = Some(if words.take("same") {
                Identification::Same
            } else {
                Identification::Number(words.value("an identification from 0 to 65535, or `same`")?)
            });
        } else if words.take("nodf") {
            self.may_fragment = true;
        } else if words.take("dscp") {
            self.dscp = words.value::<u8>("a DSCP from 0 to 63")? & 63;
        } else if words.take("ecn") {
            self.ecn = match words.bare("ect0, ect1 or ce")?.as_str() {
                "ect1" => 1,
                "ect0" => 2,
                "ce" => 3,
                other => return Err(format!("expected ect0, ect1 or ce, found `{other}`")),
            };
        } else {
            return self.time_to_live(words);
        }
        Ok(true)
    }

    fn payload(&mut self, words: &mut Words) -> Result<bool, String> {
        if words.take("len") {
            self.length = Some(words.value("a number of bytes")?);
        } else if let Some(digits) = words.peek().and_then(|word| word.strip_prefix("hex:")) {
            self.text = parse_hex(digits)?;
            words.next();
        } else if words.next_is_text() {
            if let Some(Word::Text(text)) = words.next() {
                self.text = text;
            }
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    fn fragments(&mut self, words: &mut Words) -> Result<bool, String> {
        if words.take("fragments") {
            self.fragment_bytes = Some(words.value("the bytes of each fragment")?);
        } else if words.take("without") {
            self.omitted_fragments
                .push(words.value("which fragment, from 1")?);
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    /// Attributes of any segment, new or sent anew.
    fn tcp(&mut self, words: &mut Words) -> Result<bool, String> {
        if words.take("ack") {
            self.ack = Some(parse_number(words)?);
        } else if words.take("win") {
            self.window = Some(words.value("a window from 0 to 65535, unscaled")?);
        } else if words.take("tsval") {
            self.tsval = Some(words.value("a timestamp value")?);
        } else if words.take("tsecr") {
            self.tsecr = Some(words.value("a timestamp echo")?);
        } else if words.take("nots") {
            self.no_timestamps = true;
        } else if words.take("nosack") {
            self.sack = Some(Vec::new());
        } else if words.take("badsum") {
            self.bad_checksum = true;
        } else if words.take("dropped") {
            self.dropped = true;
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    /// Attributes of new segments only.
    fn segment(&mut self, words: &mut Words) -> Result<bool, String> {
        if words.take("seq") {
            self.seq = Some(parse_number(words)?);
        } else if words.take("sack") {
            let word = words.bare("ranges such as 2897-4345, or @NAME")?;
            self.sack = Some(word.split(',').map(parse_block).collect::<Result<_, _>>()?);
        } else if words.take("dns") {
            self.dns = Some(Message::parse(words)?);
        } else {
            return self.syn.parse_one(words);
        }
        Ok(true)
    }
}

fn parse_number(words: &mut Words) -> Result<Number, String> {
    let what = "a relative number, `next`, `next-1`, or @NAME";
    let word = words.bare(what)?;
    let number = if let Some(name) = word.strip_prefix('@') {
        Some(Number::Name(name.to_owned()))
    } else if let Some(offset) = word.strip_prefix("next") {
        if offset.is_empty() {
            Some(0)
        } else {
            offset.parse().ok()
        }
        .map(Number::FromNext)
    } else {
        word.parse().ok().map(Number::Relative)
    };
    number
        .filter(|number| match number {
            Number::Relative(number) | Number::FromNext(number) => number.unsigned_abs() < FARTHEST,
            Number::Name(_) => true,
        })
        .ok_or_else(|| format!("expected {what}, found `{word}`"))
}

fn parse_block(word: &str) -> Result<Block, String> {
    if let Some(name) = word.strip_prefix('@') {
        return Ok(Block::Name(name.to_owned()));
    }
    word.split_once('-')
        .and_then(|(left, right)| Some(Block::Range(left.parse().ok()?, right.parse().ok()?)))
        .ok_or_else(|| format!("expected a range such as 2897-4345, found `{word}`"))
}
