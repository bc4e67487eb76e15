//! A name server and a stub resolver with habits (RFC 1035).
//!
//! The first label of a name says what the server does with it: `ok…` answers, `slow…` answers late, `fail…` says
//! SERVFAIL, `lost…` is never answered, `big…` is truncated, `race…` loses the first AAAA question, `moves…`
//! changes its address between the first and the second question; every other name, and all of `cluster.local`,
//! does not exist.

use super::{Opening, Stop, accept_until, anywhere, listen, ms};
use crate::packet::be16;
use std::collections::BTreeMap;
use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

/// Question type of an IPv4 address.
pub const A: u16 = 1;
/// Question type of an IPv6 address.
pub const AAAA: u16 = 28;

const NO_ERROR: u8 = 0;
const SERVER_FAILURE: u8 = 2;
const NAME_ERROR: u8 = 3;

/// How late `slow…` is answered.
const SLOW: Duration = ms(1_500);

/// The habits of a name server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DnsServer {
    /// Whether it answers on TCP too.
    pub tcp: bool,
    /// Address of `ok…`, and the first of `moves…`.
    pub address: Ipv4Addr,
    /// The later address of `moves…`.
    pub moved_to: Ipv4Addr,
}

impl DnsServer {
    /// Serves until the scenario is over; call it inside the server's namespace, `ready` once it listens.
    ///
    /// # Errors
    /// What `bind(2)` reports.
    pub fn serve(self, stop: &Stop, ready: impl FnOnce()) -> io::Result<()> {
        let socket = Arc::new(UdpSocket::bind(anywhere(false, 53))?);
        socket.set_read_timeout(Some(ms(20)))?;
        let over_tcp = if self.tcp {
            Some(self.serve_tcp(stop)?)
        } else {
            None
        };
        ready();
        let mut asked: BTreeMap<String, u32> = BTreeMap::new();
        let mut buffer = [0; 1_500];
        while !stop.is_asked() {
            let Ok((count, from)) = socket.recv_from(&mut buffer) else {
                continue;
            };
            let Some(query) = Query::parse(buffer.get(..count).unwrap_or_default()) else {
                continue;
            };
            let times = asked
                .entry(format!("{} {}", query.name, query.kind))
                .or_insert(0);
            *times += 1;
            let Some((answer, delay)) = self.answer(&query, *times, true) else {
                continue;
            };
            send_later(&socket, answer, from, delay)?;
        }
        if let Some(over_tcp) = over_tcp {
            // It stops by itself with the scenario.
            let _ = over_tcp.join();
        }
        Ok(())
    }

    fn serve_tcp(self, stop: &Stop) -> io::Result<thread::JoinHandle<()>> {
        let listener = listen(anywhere(false, 53), 16, None)?;
        let stop = stop.clone();
        let each = move |mut stream: std::net::TcpStream| -> io::Result<()> {
            stream.set_nonblocking(false)?;
            stream.set_read_timeout(Some(ms(2_000)))?;
            let mut len = [0; 2];
            stream.read_exact(&mut len)?;
            let mut query = vec![0; usize::from(u16::from_be_bytes(len))];
            stream.read_exact(&mut query)?;
            if let Some((answer, _)) =
                Query::parse(&query).and_then(|query| self.answer(&query, 1, false))
            {
                let mut message = (answer.len() as u16).to_be_bytes().to_vec();
                message.extend_from_slice(&answer);
                stream.write_all(&message)?;
            }
            Ok(())
        };
        // A client that goes away in the middle is no concern of the server.
        Ok(thread::spawn(move || {
            accept_until(&stop, &listener, |stream| drop(each(stream)));
        }))
    }

    /// The answer to a question asked for the `times`th time, and how late it is.
    fn answer(&self, query: &Query, times: u32, udp: bool) -> Option<(Vec<u8>, Duration)> {
        let name = query.name.as_str();
        let found = |address| (query.answer(NO_ERROR, false, Some(address)), Duration::ZERO);
        Some(match name {
            _ if name.ends_with(".cluster.local") => {
                (query.answer(NAME_ERROR, false, None), Duration::ZERO)
            }
            _ if name.starts_with("lost") => return None,
            _ if name.starts_with("race") && query.kind == AAAA && times == 1 => return None,
            _ if name.starts_with("ok") || name.starts_with("race") => found(self.address),
            _ if name.starts_with("slow") => {
                (query.answer(NO_ERROR, false, Some(self.address)), SLOW)
            }
            _ if name.starts_with("fail") => {
                (query.answer(SERVER_FAILURE, false, None), Duration::ZERO)
            }
            _ if name.starts_with("big") && udp => {
                (query.answer(NO_ERROR, true, None), Duration::ZERO)
            }
            _ if name.starts_with("big") => found(self.address),
            _ if name.starts_with("moves") => found(if times > 1 {
                self.moved_to
            } else {
                self.address
            }),
            _ => (query.answer(NAME_ERROR, false, None), Duration::ZERO),
        })
    }
}

fn send_later(
    socket: &Arc<UdpSocket>,
    answer: Vec<u8>,
    to: SocketAddr,
    delay: Duration,
) -> io::Result<()> {
    if delay.is_zero() {
        socket.send_to(&answer, to)?;
    } else {
        let socket = Arc::clone(socket);
        thread::spawn(move || {
            thread::sleep(delay);
            // The scenario may be over by then.
            let _ = socket.send_to(&answer, to);
        });
    }
    Ok(())
}

/// One question.
struct Query {
    id: u16,
    name: String,
    kind: u16,
    question: Vec<u8>,
}

impl Query {
    fn parse(message: &[u8]) -> Option<Self> {
        let mut at = 12;
        let mut labels = Vec::new();
        loop {
            let len = usize::from(*message.get(at)?);
            at += 1;
            if len == 0 {
                break;
            }
            labels.push(String::from_utf8_lossy(message.get(at..at + len)?).into_owned());
            at += len;
        }
        Some(Self {
            id: be16(message, 0)?,
            name: labels.join(".").to_lowercase(),
            kind: be16(message, at)?,
            question: message.get(12..at + 4)?.to_vec(),
        })
    }

    /// A response; an address is only given to a question for one.
    fn answer(&self, code: u8, truncated: bool, address: Option<Ipv4Addr>) -> Vec<u8> {
        let address = address.filter(|_| self.kind == A);
        let mut message = self.id.to_be_bytes().to_vec();
        message.extend_from_slice(&[0x81 | (u8::from(truncated) << 1), 0x80 | code]);
        message.extend_from_slice(&[0, 1, 0, u8::from(address.is_some()), 0, 0, 0, 0]);
        message.extend_from_slice(&self.question);
        if let Some(address) = address {
            // A pointer to the name of the question, type A, class IN, one second to live, four bytes.
            message.extend_from_slice(&[0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4]);
            message.extend_from_slice(&address.octets());
        }
        message
    }
}

/// The habits of a stub resolver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lookups {
    /// The names, asked one after another; each may be tried with suffixes, in this order.
    pub names: Vec<Vec<String>>,
    /// Question types sent together from one port.
    pub kinds: Vec<u16>,
    /// How long it waits before it asks again.
    pub retry_after: Duration,
    /// How often it asks.
    pub tries: usize,
    /// Wait between names.
    pub between: Duration,
    /// Whether all names are looked up at the same time.
    pub parallel: bool,
    /// Whether a truncated answer is asked for again over TCP.
    pub tcp_when_truncated: bool,
}

impl Default for Lookups {
    fn default() -> Self {
        Self {
            names: Vec::new(),
            kinds: vec![A],
            retry_after: ms(5_000),
            tries: 2,
            between: ms(50),
            parallel: false,
            tcp_when_truncated: false,
        }
    }
}

impl Lookups {
    /// Lookups of full names.
    pub fn of(names: &[&str]) -> Self {
        Self {
            names: names.iter().map(|name| vec![(*name).to_owned()]).collect(),
            ..Self::default()
        }
    }

    /// Looks up every name; call it inside the client's namespace.
    pub fn run(&self, server: std::net::IpAddr) {
        let server = SocketAddr::new(server, 53);
        let one = |number: usize, candidates: &Vec<String>| {
            for (index, name) in candidates.iter().enumerate() {
                let id = (number * 64 + index + 1) as u16;
                if self.lookup(server, name, id * 7).is_ok_and(|found| found) {
                    break;
                }
            }
        };
        thread::scope(|scope| {
            for (number, candidates) in self.names.iter().enumerate() {
                if self.parallel {
                    scope.spawn(move || one(number, candidates));
                } else {
                    one(number, candidates);
                }
                thread::sleep(self.between);
            }
        });
    }

    /// Asks for one name; true when an address came.
    fn lookup(&self, server: SocketAddr, name: &str, id: u16) -> io::Result<bool> {
        let socket = UdpSocket::bind(anywhere(server.is_ipv6(), 0))?;
        socket.connect(server)?;
        let mut found = false;
        let mut open: Vec<u16> = self.kinds.clone();
        for _ in 0..self.tries {
            for kind in self.kinds.iter().filter(|kind| open.contains(kind)) {
                socket.send(&question(id.wrapping_add(*kind), name, *kind))?;
            }
            let deadline = Instant::now() + self.retry_after;
            while !open.is_empty() {
                let left = deadline.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    break;
                }
                socket.set_read_timeout(Some(left))?;
                let mut buffer = [0; 1_500];
                let Ok(count) = socket.recv(&mut buffer) else {
                    break;
                };
                let answer = buffer.get(..count).unwrap_or_default();
                open.retain(|kind| be16(answer, 0) != Some(id.wrapping_add(*kind)));
                let truncated = answer.get(2).is_some_and(|flags| flags & 2 != 0);
                if truncated && self.tcp_when_truncated {
                    found |= ask_over_tcp(server, &question(id, name, A))?;
                }
                found |= be16(answer, 6).is_some_and(|answers| answers > 0);
            }
            if open.is_empty() {
                break;
            }
        }
        Ok(found)
    }
}

/// Asks over TCP (RFC 7766); true when an address came.
fn ask_over_tcp(server: SocketAddr, question: &[u8]) -> io::Result<bool> {
    let opening = Opening {
        from_port: None,
        receive_buffer: None,
        patience: ms(3_000),
    };
    let mut stream = opening.connect(server)?;
    stream.set_read_timeout(Some(ms(3_000)))?;
    let mut message = (question.len() as u16).to_be_bytes().to_vec();
    message.extend_from_slice(question);
    stream.write_all(&message)?;
    let mut len = [0; 2];
    stream.read_exact(&mut len)?;
    let mut answer = vec![0; usize::from(u16::from_be_bytes(len))];
    stream.read_exact(&mut answer)?;
    Ok(be16(&answer, 6).is_some_and(|answers| answers > 0))
}

/// A recursive question.
fn question(id: u16, name: &str, kind: u16) -> Vec<u8> {
    let mut message = id.to_be_bytes().to_vec();
    message.extend_from_slice(&[1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    for label in name.split('.') {
        message.push(label.len() as u8);
        message.extend_from_slice(label.as_bytes());
    }
    message.push(0);
    message.extend_from_slice(&kind.to_be_bytes());
    message.extend_from_slice(&[0, 1]);
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVER: DnsServer = DnsServer {
        tcp: false,
        address: Ipv4Addr::new(10, 77, 0, 1),
        moved_to: Ipv4Addr::new(10, 77, 0, 3),
    };

    fn ask(name: &str, kind: u16, times: u32) -> Option<Vec<u8>> {
        let query = Query::parse(&question(9, name, kind)).unwrap();
        SERVER.answer(&query, times, true).map(|(answer, _)| answer)
    }

    #[test]
    fn the_first_label_decides() {
        let code = |name| ask(name, A, 1).map(|answer| answer[3] & 0x0f);
        assert_eq!(code("ok.example"), Some(NO_ERROR));
        assert_eq!(code("ok.example.svc.cluster.local"), Some(NAME_ERROR));
        assert_eq!(code("fail.example"), Some(SERVER_FAILURE));
        assert_eq!(code("other.example"), Some(NAME_ERROR));
        assert_eq!(code("lost.example"), None);
        assert_eq!(
            (
                ask("race.example", AAAA, 1),
                ask("race.example", A, 1).is_some()
            ),
            (None, true)
        );
    }

    #[test]
    fn an_answer_carries_the_question_and_the_address() {
        let answer = ask("moves.example", A, 2).unwrap();
        assert_eq!(be16(&answer, 0), Some(9));
        assert_eq!(answer.last_chunk::<4>(), Some(&[10, 77, 0, 3]));
    }
}
