//! Name servers on loopback that answer as a script says, over UDP and TCP.

#![expect(
    clippy::unnecessary_wraps,
    reason = "a script answers or is silent; most of its lines answer"
)]

use super::super::wire::A;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket};

/// A question as a server reads it.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) id: [u8; 2],
    pub(super) name: String,
    pub(super) kind: u16,
    pub(super) tcp: bool,
    pub(super) size: Option<u16>,
    pub(super) unchecked: bool,
    pub(super) recursive: bool,
    wire: Vec<u8>,
}

impl Asked {
    pub(super) fn read(bytes: &[u8], tcp: bool) -> Asked {
        let end = 12
            + bytes[12..]
                .iter()
                .position(|&byte| byte == 0)
                .expect("a name")
            + 1;
        let mut name = String::new();
        let mut at = 12;
        while bytes[at] != 0 {
            let length = usize::from(bytes[at]);
            name.push_str(std::str::from_utf8(&bytes[at + 1..=at + length]).expect("text"));
            name.push('.');
            at += length + 1;
        }
        let word = |at: usize| u16::from_be_bytes([bytes[at], bytes[at + 1]]);
        Asked {
            id: [bytes[0], bytes[1]],
            name: name.trim_end_matches('.').to_owned(),
            kind: word(end),
            tcp,
            size: (word(10) == 1).then(|| word(end + 7)),
            unchecked: bytes[3] & 0x10 != 0,
            recursive: bytes[2] & 1 != 0,
            wire: bytes[12..end + 4].to_vec(),
        }
    }

    pub(super) fn reply(&self) -> Said {
        Said {
            asked: self.clone(),
            flags: 0x8180,
            sections: [Vec::new(), Vec::new(), Vec::new()],
        }
    }

    pub(super) fn fail(&self, rcode: u16) -> Option<Said> {
        let mut said = self.reply();
        said.flags |= rcode;
        Some(said)
    }

    pub(super) fn gives(&self, address: &str) -> Option<Said> {
        Some(self.reply().record(0, &self.name, A, &v4(address)))
    }
}

/// What a server says.
#[derive(Clone, Debug)]
pub(super) struct Said {
    pub(super) asked: Asked,
    flags: u16,
    sections: [Vec<Vec<u8>>; 3],
}

impl Said {
    pub(super) fn record(mut self, section: usize, name: &str, kind: u16, data: &[u8]) -> Said {
        let mut bytes = wired(name);
        bytes.extend(kind.to_be_bytes());
        bytes.extend([0, 1, 0, 0, 0, 60]);
        bytes.extend((data.len() as u16).to_be_bytes());
        bytes.extend(data);
        self.sections[section].push(bytes);
        self
    }

    /// With authority.
    pub(super) fn own(mut self) -> Said {
        self.flags |= 0x0400;
        self
    }

    pub(super) fn cut(mut self) -> Option<Said> {
        self.flags |= 0x0200;
        Some(self)
    }

    pub(super) fn because(mut self, code: u16, text: &str) -> Option<Said> {
        let mut bytes = b"\0\0\x29\x04\xd0\0\0\0\0".to_vec();
        bytes.extend((text.len() as u16 + 6).to_be_bytes());
        bytes.extend(15_u16.to_be_bytes());
        bytes.extend((text.len() as u16 + 2).to_be_bytes());
        bytes.extend(code.to_be_bytes());
        bytes.extend(text.as_bytes());
        self.sections[2].push(bytes);
        Some(self)
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.asked.id.to_vec();
        bytes.extend(self.flags.to_be_bytes());
        bytes.extend([0, 1]);
        for section in &self.sections {
            bytes.extend((section.len() as u16).to_be_bytes());
        }
        bytes.extend(&self.asked.wire);
        bytes.extend(self.sections.iter().flatten().flatten());
        bytes
    }
}

pub(super) fn wired(name: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for label in name.split('.').filter(|label| !label.is_empty()) {
        bytes.push(label.len() as u8);
        bytes.extend(label.as_bytes());
    }
    bytes.push(0);
    bytes
}

pub(super) fn v4(address: &str) -> [u8; 4] {
    address.parse::<Ipv4Addr>().expect("an address").octets()
}

pub(super) fn soa(serial: u32) -> Vec<u8> {
    let mut data = [wired("ns1.example"), wired("admin.example")].concat();
    for number in [serial, 1, 1, 1, 60] {
        data.extend(number.to_be_bytes());
    }
    data
}

/// A server on loopback that answers as it is told, over UDP and TCP; `None` is silence.
pub(super) async fn server(script: impl Fn(&Asked) -> Option<Said> + 'static) -> SocketAddr {
    server_at("127.0.0.1:0".parse().expect("an address"), script).await
}

pub(super) async fn server_at(
    at: SocketAddr,
    script: impl Fn(&Asked) -> Option<Said> + 'static,
) -> SocketAddr {
    let (tcp, udp) = loop {
        let tcp = TcpListener::bind(at).await.expect("a port");
        match UdpSocket::bind(tcp.local_addr().expect("its address")).await {
            Ok(udp) => break (tcp, udp),
            // Another program has the same UDP port.
            Err(_) => assert_eq!(at.port(), 0, "the UDP port of {at} is taken"),
        }
    };
    let address = udp.local_addr().expect("its address");
    let script = Rc::new(script);
    let over_tcp = Rc::clone(&script);
    tokio::task::spawn_local(async move {
        let mut bytes = [0; 4096];
        while let Ok((length, from)) = udp.recv_from(&mut bytes).await {
            if let Some(said) = script(&Asked::read(&bytes[..length], false)) {
                udp.send_to(&said.bytes(), from).await.expect("sent");
            }
        }
    });
    tokio::task::spawn_local(async move {
        while let Ok((mut stream, _)) = tcp.accept().await {
            let length = stream.read_u16().await.expect("a length");
            let mut bytes = vec![0; usize::from(length)];
            stream.read_exact(&mut bytes).await.expect("a question");
            if let Some(said) = over_tcp(&Asked::read(&bytes, true)) {
                let bytes = said.bytes();
                stream.write_u16(bytes.len() as u16).await.expect("sent");
                stream.write_all(&bytes).await.expect("sent");
            } else {
                // The connection stays open without an answer.
                std::mem::forget(stream);
            }
        }
    });
    address
}
