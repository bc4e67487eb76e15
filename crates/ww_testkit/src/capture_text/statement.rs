//! Lines as statements.

use std::net::{IpAddr, SocketAddr};

use super::attributes::{Attributes, SynOptions};
use super::connection::{Side, parse_flags};
use super::dns::Message;
use super::icmp::{Icmp, parse_icmp};
use super::words::{Mac, Word, Words, parse_hex, parse_span};

/// What a line says.
#[derive(Clone, Debug)]
pub(super) enum Statement {
    /// `client ADDRESS:PORT …` or `server ADDRESS:PORT …`: an end of the connection without a name.
    Endpoint {
        side: Side,
        address: SocketAddr,
        options: EndpointOptions,
    },
    /// `conn NAME ADDRESS:PORT > ADDRESS:PORT …`: another connection.
    Connection {
        name: String,
        client: SocketAddr,
        server: SocketAddr,
        options: EndpointOptions,
    },
    /// `host ADDRESS …`: what packets from this address carry.
    Host {
        address: IpAddr,
        options: HostOptions,
    },
    /// `reopen [NAME] [newport]`: the connection anew.
    Reopen { name: String, new_port: bool },
    /// `snaplen BYTES`: cut every frame from here on.
    Snaplen(u32),
    /// A frame, or a segment that is not in the capture.
    Event {
        when: When,
        event: Event,
        attributes: Box<Attributes>,
    },
}

/// When a frame was captured, or why it was not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    /// Nanoseconds after the start of the capture.
    At(i64),
    /// Nanoseconds after the previous frame; negative where the clock goes backwards.
    After(i64),
    /// Never: lost before the capture point, it arrives nowhere.
    Lost,
    /// Never, but it arrives: the capture missed it.
    Unseen,
}

/// What travels.
#[derive(Clone, Debug)]
pub(super) enum Event {
    /// A new segment with these flags.
    Segment {
        connection: String,
        side: Side,
        flags: u8,
    },
    /// A segment sent anew: the named one, or the side's last that occupied sequence space.
    Retransmission {
        connection: String,
        side: Side,
        of: Option<String>,
    },
    /// A UDP datagram.
    Udp {
        source: SocketAddr,
        destination: SocketAddr,
    },
    /// An ICMP or `ICMPv6` message.
    Icmp {
        source: IpAddr,
        destination: IpAddr,
        icmp: Icmp,
    },
    /// An ARP packet: the operation, who sends it, whom it asks for or tells.
    Arp {
        operation: u16,
        sender: (Option<Mac>, IpAddr),
        target: IpAddr,
    },
    /// A frame captured again.
    Copy { of: FrameRef },
    /// A frame as it is.
    Raw(Vec<u8>),
}

/// An earlier frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum FrameRef {
    /// The frame before this line.
    Previous,
    /// By its number in the capture.
    Number(u64),
    /// By the name given with `as`.
    Name(String),
}

/// What packets from an address carry.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct HostOptions {
    pub(super) ttl: Option<u8>,
    pub(super) mac: Option<Mac>,
}

/// What a line that declares an endpoint says of it.
#[derive(Clone, Debug, Default)]
pub(super) struct EndpointOptions {
    pub(super) host: HostOptions,
    pub(super) isn: Option<u32>,
    pub(super) first_id: Option<u16>,
    pub(super) zero_ids: bool,
    pub(super) first_timestamp: Option<u32>,
    /// Options negotiated before the capture began.
    pub(super) negotiated: SynOptions,
}

/// First words of packets that are no TCP segments; connections cannot have these names.
const OTHER_PACKETS: [&str; 7] = ["udp", "dns", "icmp", "icmpv6", "arp", "copy", "frame"];

/// Reads one line.
pub(super) fn parse(mut words: Words, in_repeat: bool) -> Result<Statement, String> {
    let first = words.bare("a time or a declaration")?;
    let statement = match first.as_str() {
        "client" => endpoint(Side::Client, &mut words)?,
        "server" => endpoint(Side::Server, &mut words)?,
        "conn" => connection(&mut words)?,
        "host" => Statement::Host {
            address: words.address()?,
            options: host_options(&mut words)?,
        },
        "reopen" => reopen(&mut words),
        "snaplen" => Statement::Snaplen(words.value("a number of bytes")?),
        _ => {
            let when = parse_when(&first, in_repeat)?;
            let (event, attributes) = parse_event(&mut words)?;
            if matches!(when, When::Lost | When::Unseen) && !event.is_segment() {
                return Err(format!(
                    "`{first}` speaks of TCP segments only; leave other packets out"
                ));
            }
            Statement::Event {
                when,
                event,
                attributes: Box::new(attributes),
            }
        }
    };
    match words.next() {
        None => Ok(statement),
        Some(Word::Bare(word)) => Err(format!("`{word}` has no meaning here")),
        Some(Word::Text(_)) => Err("a quoted text has no meaning here".to_owned()),
    }
}

fn parse_when(word: &str, in_repeat: bool) -> Result<When, String> {
    match word {
        "lost" => return Ok(When::Lost),
        "unseen" => return Ok(When::Unseen),
        _ => {}
    }
    if let Some(later) = word.strip_prefix('+') {
        parse_span(later).map(When::After)
    } else if let Some(earlier) = word.strip_prefix('-') {
        parse_span(earlier).map(|span| When::After(-span))
    } else if !word.starts_with(|letter: char| letter.is_ascii_digit()) {
        Err(format!(
            "`{word}` is no time (0.5, +20ms, lost, unseen) and no declaration \
             (client, server, conn, host, reopen, snaplen, repeat)"
        ))
    } else if in_repeat {
        Err(format!(
            "inside `repeat`, times count from the previous frame: write `+{word}`"
        ))
    } else {
        parse_span(word).map(When::At)
    }
}

fn endpoint(side: Side, words: &mut Words) -> Result<Statement, String> {
    let address = words.endpoint()?;
    let options = endpoint_options(words)?;
    Ok(Statement::Endpoint {
        side,
        address,
        options,
    })
}

fn connection(words: &mut Words) -> Result<Statement, String> {
    let name = words.bare("a name for the connection")?;
    if OTHER_PACKETS.contains(&name.as_str()) {
        return Err(format!(
            "`{name}` is a word of the language; choose another name"
        ));
    }
    let client = words.endpoint()?;
    words.take(">");
    let server = words.endpoint()?;
    let options = endpoint_options(words)?;
    if client.is_ipv4() == server.is_ipv4() {
        Ok(Statement::Connection {
            name,
            client,
            server,
            options,
        })
    } else {
        Err("both ends of a connection must be IPv4 or both IPv6".to_owned())
    }
}

fn reopen(words: &mut Words) -> Statement {
    let mut name = String::new();
    let mut new_port = false;
    while let Some(word) = words.peek().map(str::to_owned) {
        words.next();
        match word.as_str() {
            "newport" => new_port = true,
            _ => name = word,
        }
    }
    Statement::Reopen { name, new_port }
}

fn host_options(words: &mut Words) -> Result<HostOptions, String> {
    let mut options = HostOptions::default();
    while options.parse_one(words)? {}
    Ok(options)
}

fn endpoint_options(words: &mut Words) -> Result<EndpointOptions, String> {
    let mut options = EndpointOptions::default();
    loop {
        if words.take("isn") {
            options.isn = Some(words.value("an initial sequence number")?);
        } else if words.take("id") {
            options.zero_ids = words.take("zero");
            if !options.zero_ids {
                options.first_id =
                    Some(words.value("an identification from 0 to 65535, or `zero`")?);
            }
        } else if words.take("tsval") {
            options.first_timestamp = Some(words.value("a timestamp value")?);
        } else if !options.host.parse_one(words)? && !options.negotiated.parse_one(words)? {
            return Ok(options);
        }
    }
}

impl HostOptions {
    fn parse_one(&mut self, words: &mut Words) -> Result<bool, String> {
        if words.take("ttl") {
            self.ttl = Some(words.value("a TTL from 0 to 255")?);
        } else if words.take("mac") {
            self.mac = Some(words.mac()?);
        } else {
            return Ok(false);
        }
        Ok(true)
    }
}

fn parse_event(words: &mut Words) -> Result<(Event, Attributes), String> {
    let mut attributes = Attributes::default();
    let event = match words.peek().unwrap_or_default() {
        "udp" => {
            words.next();
            let (source, destination) = ends(words, Words::endpoint)?;
            Event::Udp {
                source,
                destination,
            }
        }
        "dns" => {
            words.next();
            let (source, destination) = ends(words, Words::endpoint)?;
            attributes.dns = Some(Message::parse(words)?);
            Event::Udp {
                source,
                destination,
            }
        }
        "icmp" | "icmpv6" => {
            let protocol = words.bare("icmp")?;
            let (source, destination) = ends(words, Words::address)?;
            if source.is_ipv4() != (protocol == "icmp") {
                return Err("`icmp` is for IPv4 addresses, `icmpv6` for IPv6 addresses".to_owned());
            }
            let icmp = parse_icmp(source.is_ipv6(), words)?;
            Event::Icmp {
                source,
                destination,
                icmp,
            }
        }
        "arp" => {
            words.next();
            arp(words)?
        }
        "copy" => {
            words.next();
            Event::Copy {
                of: frame_ref(words)?,
            }
        }
        "frame" => {
            words.next();
            let word = words.bare("hex:…")?;
            let digits = word
                .strip_prefix("hex:")
                .ok_or("write the bytes of a frame as hex:…")?;
            Event::Raw(parse_hex(digits)?)
        }
        _ => segment(words)?,
    };
    while attributes.parse_one(&event, words)? {}
    Ok((event, attributes))
}

/// Reads `A > B` or `B < A`: the sender first.
fn ends<T>(
    words: &mut Words,
    read: impl Fn(&mut Words) -> Result<T, String>,
) -> Result<(T, T), String> {
    let left = read(words)?;
    let arrow = words.bare("`>` or `<`")?;
    let right = read(words)?;
    match arrow.as_str() {
        ">" => Ok((left, right)),
        "<" => Ok((right, left)),
        _ => Err(format!(
            "expected `>` or `<` between the addresses, found `{arrow}`"
        )),
    }
}

fn segment(words: &mut Words) -> Result<Event, String> {
    let mut connection = String::new();
    if !matches!(words.peek(), Some(">" | "<")) {
        connection = words.bare("`>`, `<`, a connection's name, or udp dns icmp arp copy frame")?;
    }
    let side = match words.bare("`>` or `<`")?.as_str() {
        ">" => Side::Client,
        "<" => Side::Server,
        other => {
            return Err(format!(
                "expected `>` or `<` after `{connection}`, found `{other}`"
            ));
        }
    };
    if words.take("retransmit") {
        let of = words
            .peek()
            .filter(|word| word.starts_with('@'))
            .map(|word| word.replace('@', ""));
        if of.is_some() {
            words.next();
        }
        return Ok(Event::Retransmission {
            connection,
            side,
            of,
        });
    }
    let word = words.bare("flags such as S, S., P. or `.`")?;
    let flags = parse_flags(&word).ok_or_else(|| {
        format!(
            "`{word}` are no flags: write letters of S F R P E W U and `.` for ACK, or `retransmit`"
        )
    })?;
    Ok(Event::Segment {
        connection,
        side,
        flags,
    })
}

/// Reads `who-has ADDRESS tell ADDRESS` or `reply ADDRESS is-at MAC to ADDRESS`.
fn arp(words: &mut Words) -> Result<Event, String> {
    match words.bare("`who-has` or `reply`")?.as_str() {
        "who-has" => {
            let target = words.address()?;
            if !words.take("tell") {
                return Err("write `arp who-has ADDRESS tell ADDRESS`".to_owned());
            }
            let sender = words.address()?;
            let mac = if words.take("at") {
                Some(words.mac()?)
            } else {
                None
            };
            only_ipv4(Event::Arp {
                operation: 1,
                sender: (mac, sender),
                target,
            })
        }
        "reply" => {
            let sender = words.address()?;
            let mac = if words.take("is-at") {
                Some(words.mac()?)
            } else {
                None
            };
            let target = if words.take("to") {
                words.address()?
            } else {
                sender
            };
            only_ipv4(Event::Arp {
                operation: 2,
                sender: (mac, sender),
                target,
            })
        }
        other => Err(format!("expected `who-has` or `reply`, found `{other}`")),
    }
}

fn only_ipv4(arp: Event) -> Result<Event, String> {
    match &arp {
        Event::Arp { sender, target, .. } if !(sender.1.is_ipv4() && target.is_ipv4()) => {
            Err("ARP speaks of IPv4 addresses".to_owned())
        }
        _ => Ok(arp),
    }
}

/// Reads `previous`, a frame number, or `@NAME`.
pub(super) fn frame_ref(words: &mut Words) -> Result<FrameRef, String> {
    let what = "`previous`, a frame number, or a name written @NAME";
    let word = words.bare(what)?;
    if word == "previous" {
        Ok(FrameRef::Previous)
    } else if let Some(name) = word.strip_prefix('@') {
        Ok(FrameRef::Name(name.to_owned()))
    } else {
        word.parse()
            .map(FrameRef::Number)
            .map_err(|_| format!("expected {what}, found `{word}`"))
    }
}

impl Event {
    /// Whether it is a TCP segment.
    pub(super) fn is_segment(&self) -> bool {
        matches!(self, Event::Segment { .. } | Event::Retransmission { .. })
    }
}
