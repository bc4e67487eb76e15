//! TCP flows of every kind the mix has.

use super::hosts::{link, mss};
use super::messages::{
    client_finished, client_hello, http_get, http_put, http_response, plain, server_hello, site,
    tls_data,
};
use super::path::{Bottleneck, Way};
use super::receiver::Stall;
use super::rng::Rng;
use super::script::{Connection, Ending, Turn};
use super::stream::{Message, Stream};
use super::tcp::simulate;
use super::types::{Body, Flow, Link, Micros, Options, Packet, Pair, Segment, Side, flag};

const LOSSY_WAYS_PPM: u32 = 350_000;
const SLOW_LINKS_PPM: u32 = 60_000;

/// Where a flow stands in the capture.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// Its number, which makes its addresses unique.
    pub(super) serial: u64,
    /// When it starts.
    pub(super) start: Micros,
    /// When the capture ends.
    pub(super) horizon: Micros,
}

/// A flow being put together: the conversation is added turn by turn.
struct Draft {
    link: Link,
    streams: Pair<Stream>,
    connection: Connection,
}

impl Draft {
    fn new(rng: &mut Rng, place: Place, service: u16) -> Self {
        let inbound = rng.chance(400_000);
        let link = link(rng, place.serial, inbound, service);
        let options = Options {
            mss: mss(&link),
            scale: (!rng.chance(40_000)).then(|| Pair {
                client: 7,
                server: rng.pick(&[7, 8, 9], 7),
            }),
            timestamps: !rng.chance(250_000),
            sack: !rng.chance(40_000),
        };
        let connection = Connection {
            start: place.start,
            way: way(rng, inbound),
            options,
            buffers: Pair {
                client: 1 << 20,
                server: 1 << 20,
            },
            send_buffer: rng.pick(&[64 << 10, 128 << 10, 256 << 10], 128 << 10),
            eager_acks: rng.pick(&[0, 4, 16], 4),
            turns: Vec::new(),
            linger: rng.micros(20, 2_000),
            ending: Ending::Close(if rng.chance(600_000) {
                Side::Client
            } else {
                Side::Server
            }),
            stall: None,
            keep_alive: None,
            isns: Pair {
                client: rng.next() as u32,
                server: rng.next() as u32,
            },
            horizon: place.horizon,
        };
        let streams = Pair {
            client: Stream::new(rng.next()),
            server: Stream::new(rng.next()),
        };
        Self {
            link,
            streams,
            connection,
        }
    }

    fn say(&mut self, from: Side, think: Micros, message: Message) {
        self.connection.turns.push(Turn {
            from,
            len: message.len(),
            think,
        });
        self.streams.of_mut(from).push(message);
    }

    fn finish(self, rng: &mut Rng) -> Flow {
        let packets = simulate(&self.connection, rng);
        let Connection { options, .. } = self.connection;
        Flow {
            link: self.link,
            options,
            streams: self.streams,
            packets,
        }
    }
}

/// A way with 1 to 120 ms of round trip, the capture close to the site's end.
fn way(rng: &mut Rng, inbound: bool) -> Way {
    let round_trip = i64::from(rng.heavy_tail(1_000, 6)).min(120_000);
    let near = rng.micros(30, 400);
    let far = round_trip / 2 - near;
    let delay = Pair {
        client: near,
        server: far.max(50),
    }
    .swapped_if(inbound);
    let lossy = rng.chance(LOSSY_WAYS_PPM);
    let far_side = if inbound { Side::Client } else { Side::Server };
    Way {
        delay,
        loss_ppm: if lossy {
            rng.range(2_000, 9_000) as u32
        } else {
            0
        },
        reorder_ppm: if rng.chance(50_000) { 1_500 } else { 0 },
        duplicate_ppm: if rng.chance(30_000) { 1_000 } else { 0 },
        bottleneck: rng.chance(SLOW_LINKS_PPM).then(|| Bottleneck {
            ns_per_byte: rng.micros(160, 1_600),
            queue: rng.micros(20_000, 120_000),
            near: far_side,
        }),
        dead_from: None,
    }
}

/// HTTP/1.1: one exchange or several on one connection.
pub(super) fn http(rng: &mut Rng, place: Place, exchanges: u32) -> Flow {
    let service = rng.pick(&[80, 80, 80, 8080], 80);
    let mut draft = Draft::new(rng, place, service);
    let site = site(rng);
    for index in 0..exchanges {
        let pause = if index == 0 {
            rng.micros(50, 500)
        } else {
            rng.micros(1_000, 900_000)
        };
        let request = http_get(rng, site);
        draft.say(Side::Client, pause, request);
        let slow = rng.chance(15_000);
        let think = if slow {
            rng.micros(300_000, 2_000_000)
        } else {
            rng.micros(200, 30_000)
        };
        let len = rng.heavy_tail(300, 8);
        let response = http_response(rng, len);
        draft.say(Side::Server, think, response);
    }
    draft.finish(rng)
}

/// TLS 1.3: handshake, then exchanges in application data records.
pub(super) fn tls(rng: &mut Rng, place: Place, exchanges: u32) -> Flow {
    let mut draft = Draft::new(rng, place, 443);
    let site = site(rng);
    draft.say(Side::Client, rng.micros(50, 800), client_hello(rng, site));
    let sealed = rng.range(2_400, 4_600) as u32;
    draft.say(
        Side::Server,
        rng.micros(300, 4_000),
        server_hello(rng, sealed),
    );
    draft.say(Side::Client, rng.micros(300, 2_000), client_finished());
    for index in 0..exchanges {
        let pause = if index == 0 {
            50
        } else {
            rng.micros(1_000, 1_500_000)
        };
        draft.say(Side::Client, pause, tls_data(rng.range(120, 900) as u32));
        let think = rng.micros(500, 60_000);
        let len = rng.heavy_tail(300, 8);
        draft.say(Side::Server, think, tls_data(len));
    }
    draft.finish(rng)
}

/// A transfer of about `len` bytes down or up, over HTTP, TLS or nothing known.
pub(super) fn bulk(rng: &mut Rng, place: Place, len: u32) -> Flow {
    let kind = rng.range(0, 3);
    let service = match kind {
        0 => 80,
        1 => 443,
        _ => 47_000 + rng.range(0, 50) as u16,
    };
    let mut draft = Draft::new(rng, place, service);
    draft.connection.send_buffer = rng.pick(&[128 << 10, 256 << 10, 512 << 10], 256 << 10);
    draft.connection.eager_acks = rng.pick(&[0, 16, 16, 1 << 30], 16);
    let up = rng.chance(300_000);
    let site = site(rng);
    match (kind, up) {
        (0, true) => {
            draft.say(Side::Client, 300, http_put(site, len));
            draft.say(Side::Server, 9_000, http_response(rng, 64));
        }
        (0, false) => {
            draft.say(Side::Client, 300, http_get(rng, site));
            draft.say(Side::Server, 2_000, http_response(rng, len));
        }
        (1, up) => {
            draft.say(Side::Client, 300, client_hello(rng, site));
            draft.say(Side::Server, 2_000, server_hello(rng, 3_000));
            draft.say(Side::Client, 900, client_finished());
            let (ask, give) = if up { (len, 300) } else { (400, len) };
            draft.say(Side::Client, 50, tls_data(ask));
            draft.say(Side::Server, 5_000, tls_data(give));
        }
        (_, true) => draft.say(Side::Client, 300, plain(len)),
        (_, false) => {
            draft.say(Side::Client, 300, plain(48));
            draft.say(Side::Server, 900, plain(len));
        }
    }
    if rng.chance(40_000) {
        let reader = if up { Side::Server } else { Side::Client };
        *draft.connection.buffers.of_mut(reader) = 64 << 10;
    }
    draft.finish(rng)
}

/// A transfer whose reader stops for a while, so that its window closes.
pub(super) fn stalled(rng: &mut Rng, place: Place) -> Flow {
    let mut draft = Draft::new(rng, place, 47_100);
    draft.connection.way.loss_ppm = 0;
    draft.connection.way.bottleneck = None;
    draft.connection.buffers.client = 48 << 10;
    let stall = Stall {
        at: rng.range(20_000, 60_000) as u32,
        lasts: rng.micros(700_000, 6_000_000),
    };
    draft.connection.stall = Some((Side::Client, stall));
    draft.say(Side::Client, 300, plain(64));
    draft.say(Side::Server, 900, plain(160_000));
    draft.finish(rng)
}

/// A chat of small messages with silences bridged by keep-alives.
pub(super) fn chat(rng: &mut Rng, place: Place) -> Flow {
    let mut draft = Draft::new(rng, place, 47_200);
    let side = if rng.chance(500_000) {
        Side::Client
    } else {
        Side::Server
    };
    draft.connection.keep_alive = Some((side, rng.micros(5_000_000, 15_000_000)));
    for _ in 0..rng.range(4, 16) {
        let from = if rng.chance(500_000) {
            Side::Client
        } else {
            Side::Server
        };
        draft.say(
            from,
            rng.micros(50_000, 25_000_000),
            plain(rng.range(20, 400) as u32),
        );
    }
    draft.connection.ending = if rng.chance(500_000) {
        Ending::Open
    } else {
        Ending::Close(side)
    };
    draft.finish(rng)
}

/// An exchange that one side ends with a reset.
pub(super) fn reset(rng: &mut Rng, place: Place) -> Flow {
    let mut draft = Draft::new(rng, place, 80);
    let site = site(rng);
    draft.say(Side::Client, 200, http_get(rng, site));
    draft.say(Side::Server, 5_000, http_response(rng, 9_000));
    let side = if rng.chance(500_000) {
        Side::Client
    } else {
        Side::Server
    };
    draft.connection.ending = Ending::Reset(side);
    draft.connection.linger = rng.pick(&[0, 100, 60_000_000, 5_000_000], 100);
    draft.finish(rng)
}

/// A transfer whose server falls silent on the way.
pub(super) fn vanished(rng: &mut Rng, place: Place) -> Flow {
    let mut draft = Draft::new(rng, place, 47_300);
    draft.connection.way.dead_from = Some(place.start + rng.micros(300_000, 2_000_000));
    for _ in 0..40 {
        draft.say(Side::Client, rng.micros(10_000, 200_000), plain(700));
        draft.say(Side::Server, rng.micros(500, 9_000), plain(300));
    }
    draft.finish(rng)
}

/// Two connections on one pair of ports within a minute.
pub(super) fn reused_port(rng: &mut Rng, place: Place) -> Flow {
    let mut draft = Draft::new(rng, place, 80);
    let site = site(rng);
    draft.say(Side::Client, 200, http_get(rng, site));
    draft.say(Side::Server, 4_000, http_response(rng, 3_000));
    let mut packets = simulate(&draft.connection, rng);
    draft.connection.isns = draft.connection.isns.moved(9_000_000);
    draft.connection.start += rng.micros(20_000_000, 40_000_000);
    packets.extend(simulate(&draft.connection, rng));
    packets.sort_by_key(|packet| packet.at);
    let Connection { options, .. } = draft.connection;
    Flow {
        link: draft.link,
        options,
        streams: draft.streams,
        packets,
    }
}

/// SYNs that nobody answers, doubling their distance from a second.
pub(super) fn unanswered(rng: &mut Rng, place: Place) -> Flow {
    let waits = [0, 1_000_000, 3_000_000, 7_000_000];
    knock(rng, place, &waits, false)
}

/// A SYN to a closed port, answered by a reset.
pub(super) fn refused(rng: &mut Rng, place: Place) -> Flow {
    knock(rng, place, &[0], true)
}

fn knock(rng: &mut Rng, place: Place, waits: &[Micros], answered: bool) -> Flow {
    let draft = Draft::new(rng, place, 47_400);
    let isn = draft.connection.isns.client;
    let clock = rng.next() as u32;
    let back = 2 * draft.connection.way.delay.server;
    let mut packets = Vec::new();
    for wait in waits {
        let at = place.start + wait;
        let syn = Segment {
            seq: isn,
            flags: flag::SYN,
            window: 64_240,
            stamps: (clock.wrapping_add((wait / 1000) as u32), 0),
            ..Segment::default()
        };
        let ip_id = rng.next() as u16;
        packets.push(Packet {
            at,
            from: Side::Client,
            ip_id,
            body: Body::Tcp(syn),
        });
        if answered {
            let flags = flag::RST | flag::ACK;
            let reset = Segment {
                ack: isn.wrapping_add(1),
                flags,
                ..Segment::default()
            };
            let body = Body::Tcp(reset);
            packets.push(Packet {
                at: at + back,
                from: Side::Server,
                ip_id: 0,
                body,
            });
        }
    }
    Flow {
        link: draft.link,
        options: draft.connection.options,
        streams: draft.streams,
        packets,
    }
}

impl Pair<u32> {
    /// Both numbers moved on, modulo 2³².
    fn moved(self, by: u32) -> Self {
        Self {
            client: self.client.wrapping_add(by),
            server: self.server.wrapping_add(by),
        }
    }
}
