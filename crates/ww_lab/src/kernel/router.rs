//! A network namespace that forwards, with TAP interfaces on all sides.
//!
//! A frame written to a TAP interface has gone through every hook when the write returns, and what the kernel sends
//! can be read at once: no packet is in flight, and none is lost.

use super::frame::{self, Arrival};
use crate::error::LabError;
use crate::namespace::Namespace;
use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::{Command, Stdio};
use ww_model::Packet;
use ww_model::packet::protocol;
use ww_reach::walk::{Device, Interface, Route};

/// The router's interfaces; by the last three it has routes.
pub const INTERFACES: [&str; 6] = ["eth0", "eth1", "lan0", "lan1", "wan0", "wan1"];

/// The number of the router's own addresses that packets can be sent to, of each IP version.
pub const OWN_ADDRESSES: u8 = 8;

/// Routes: a network and the interface it is behind.
const ROUTES: [(&str, u8, &str); 6] = [
    ("0.0.0.0", 2, "wan0"),
    ("64.0.0.0", 2, "wan1"),
    ("128.0.0.0", 1, "lan1"),
    ("2000::", 4, "wan0"),
    ("3000::", 4, "wan1"),
    ("fd00::", 8, "lan1"),
];

/// Protocols whose packets for the router itself are watched.
const WATCHED: [u8; 7] = [
    protocol::ICMP,
    protocol::TCP,
    protocol::UDP,
    50,
    protocol::ICMPV6,
    protocol::SCTP,
    protocol::UDPLITE,
];

const SYSCTLS: [(&str, &str); 14] = [
    ("ipv4.ip_forward", "1"),
    ("ipv4.conf.all.rp_filter", "0"),
    ("ipv4.conf.default.rp_filter", "0"),
    ("ipv4.conf.all.send_redirects", "0"),
    ("ipv4.conf.default.send_redirects", "0"),
    ("ipv4.icmp_ratelimit", "0"),
    ("ipv4.icmp_echo_ignore_all", "1"),
    ("ipv6.conf.all.disable_ipv6", "0"),
    ("ipv6.conf.default.disable_ipv6", "0"),
    ("ipv6.conf.default.accept_dad", "0"),
    ("ipv6.conf.all.forwarding", "1"),
    ("ipv6.icmp.ratelimit", "0"),
    ("ipv6.icmp.echo_ignore_all", "1"),
    // Tracking checks UDP-Lite by the pseudo-header of UDP, and so calls every packet of it invalid.
    ("netfilter.nf_conntrack_checksum", "0"),
];

/// Where a packet was seen again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Behind this interface, by its place in [`INTERFACES`].
    Behind(usize),
    /// At the router itself.
    Local,
}

/// A TCP reset that was seen: the source and destination of the packet it refuses.
pub type Reset = ((IpAddr, u16), (IpAddr, u16));

/// All that was seen after packets were sent.
#[derive(Debug, Default)]
pub struct Seen {
    /// The packets themselves, and the errors that quote them.
    pub arrivals: Vec<(Place, Arrival)>,
    /// TCP resets.
    pub resets: Vec<Reset>,
}

/// A router with its rules.
#[derive(Debug)]
pub struct Router {
    namespace: Namespace,
    taps: Vec<File>,
    local: Vec<(u8, bool, Socket)>,
    output: [Socket; 2],
    buffer: Vec<u8>,
}

impl Router {
    /// A router without rules.
    ///
    /// # Errors
    /// [`LabError::NotPossible`] without the right to create namespaces and interfaces.
    pub fn build() -> Result<Router, LabError> {
        let namespace = Namespace::create("router")?;
        for (key, value) in SYSCTLS {
            namespace.sysctl(key, value)?;
        }
        let taps = namespace
            .run(|| {
                INTERFACES
                    .map(ww_sys::open_tap)
                    .into_iter()
                    .collect::<Result<Vec<File>, _>>()
            })?
            .map_err(not_possible("create TAP interfaces"))?;
        namespace.command("ip link set lo up")?;
        for number in 0..INTERFACES.len() {
            set_up(&namespace, number)?;
        }
        for number in 1..=OWN_ADDRESSES {
            for (address, prefix) in [
                (own_address(number, false), 32),
                (own_address(number, true), 128),
            ] {
                namespace.command(&format!("ip addr add {address}/{prefix} dev lo"))?;
            }
        }
        for (network, prefix, interface) in ROUTES {
            let gateway = neighbour(number_of(interface), network.contains(':'));
            namespace.command(&format!(
                "ip route add {network}/{prefix} via {gateway} dev {interface} onlink"
            ))?;
        }
        let sockets = namespace.run(sockets)?;
        let (local, output) = sockets.map_err(not_possible("open raw sockets"))?;
        Ok(Router {
            namespace,
            taps,
            local,
            output,
            buffer: vec![0; 4096],
        })
    }

    /// Runs a loader of rules, with a text on its standard input.
    ///
    /// # Errors
    /// [`LabError::Program`] with its words when it refuses the text.
    pub fn load(&self, program: &str, args: &[&str], text: &str) -> Result<(), LabError> {
        self.namespace.run(|| feed(program, args, text))?
    }

    /// Forgets every connection.
    ///
    /// # Errors
    /// [`LabError::Io`] when the kernel refuses.
    pub fn forget_connections(&self) -> Result<(), LabError> {
        self.namespace.run(forget_connections)?
    }

    /// Lets the router receive a packet on an interface.
    ///
    /// # Errors
    /// [`LabError::Io`] when the interface is gone.
    pub fn receive(&mut self, packet: &Packet, id: u32) -> Result<(), LabError> {
        let number = number_of(&packet.iif);
        let frame = frame::build(packet, id, hardware_address(number));
        match self.taps.get_mut(number) {
            Some(tap) => tap.write_all(&frame).map_err(LabError::io("write a frame")),
            None => Ok(()),
        }
    }

    /// Lets the router send a packet of its own; one that is dropped on the way out is an error to the socket, and
    /// none here.
    pub fn send(&mut self, packet: &Packet, id: u32) {
        let [four, six] = &self.output;
        let socket = if packet.src.is_ipv4() { four } else { six };
        let bytes = frame::ip_packet(packet, id);
        let to = SockAddr::from(SocketAddr::new(packet.dst, 0));
        let _ = socket.send_to(&bytes, &to);
    }

    /// Takes all that came out since the last call.
    pub fn take(&mut self) -> Seen {
        let mut seen = Seen::default();
        for (number, tap) in self.taps.iter_mut().enumerate() {
            while let Ok(length) = tap.read(&mut self.buffer) {
                let frame = self.buffer.get(..length).unwrap_or_default();
                if let Some(arrival) = frame::parse(frame) {
                    seen.arrivals.push((Place::Behind(number), arrival));
                } else if let Some(reset) = frame::parse_reset(frame) {
                    seen.resets.push(reset);
                }
            }
        }
        for (proto, v6, socket) in &self.local {
            while let Ok(length) = (&*socket).read(&mut self.buffer) {
                let bytes = self.buffer.get(..length).unwrap_or_default();
                let arrival = if *v6 {
                    let unknown = IpAddr::from(Ipv6Addr::UNSPECIFIED);
                    frame::parse_body(unknown, unknown, *proto, bytes)
                } else {
                    frame::parse_ip(bytes)
                };
                let own = arrival.filter(|arrival| arrival.refusal.is_none());
                seen.arrivals
                    .extend(own.map(|arrival| (Place::Local, arrival)));
            }
        }
        seen
    }
}

/// What the router is, for a walk through its rules.
pub fn device() -> Device {
    let interface = |(number, name): (usize, &&str)| Interface {
        name: (*name).into(),
        addresses: vec![
            (interface_address(number, false), 24),
            (interface_address(number, true), 64),
        ],
    };
    let mut interfaces: Vec<Interface> = INTERFACES.iter().enumerate().map(interface).collect();
    let own = (1..=OWN_ADDRESSES).flat_map(|number| {
        [
            (own_address(number, false), 32),
            (own_address(number, true), 128),
        ]
    });
    interfaces.push(Interface {
        name: "lo".into(),
        addresses: own.collect(),
    });
    let routes = ROUTES.iter().filter_map(|(network, prefix, interface)| {
        Some(Route {
            network: network.parse().ok()?,
            prefix: *prefix,
            interface: (*interface).into(),
        })
    });
    Device {
        interfaces,
        routes: routes.collect(),
    }
}

/// One of the router's own addresses, from 1 to [`OWN_ADDRESSES`].
pub fn own_address(number: u8, v6: bool) -> IpAddr {
    if v6 {
        Ipv6Addr::new(0x2001, 0xdb8, 0xffff, 0, 0, 0, 0, u16::from(number)).into()
    } else {
        Ipv4Addr::new(198, 18, 0, number).into()
    }
}

/// Whether packets from and to the address go through the router as any others do.
pub fn is_ordinary(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => match v4.octets() {
            [198, 18 | 19, ..] | [0 | 127, ..] => false,
            [first, ..] => first < 224,
        },
        IpAddr::V6(v6) => match v6.segments() {
            [0x2001, 0xdb8, 0xffff | 0xfffe, ..] => false,
            [first, ..] => matches!(first, 0x2000..=0x3fff | 0xfd00..=0xfdff),
        },
    }
}

/// The address of an interface.
pub fn interface_address(number: usize, v6: bool) -> IpAddr {
    let number = number as u8 + 1;
    if v6 {
        Ipv6Addr::new(0x2001, 0xdb8, 0xfffe, u16::from(number), 0, 0, 0, 1).into()
    } else {
        Ipv4Addr::new(198, 19, number, 1).into()
    }
}

fn neighbour(number: usize, v6: bool) -> IpAddr {
    let number = number as u8 + 1;
    if v6 {
        Ipv6Addr::new(0x2001, 0xdb8, 0xfffe, u16::from(number), 0, 0, 0, 2).into()
    } else {
        Ipv4Addr::new(198, 19, number, 2).into()
    }
}

fn number_of(interface: &str) -> usize {
    INTERFACES
        .iter()
        .position(|name| *name == interface)
        .unwrap_or(INTERFACES.len())
}

fn hardware_address(number: usize) -> [u8; 6] {
    [2, 0x77, 0, 0, 1, number as u8]
}

fn set_up(namespace: &Namespace, number: usize) -> Result<(), LabError> {
    let name = INTERFACES.get(number).copied().unwrap_or_default();
    let [.., last] = hardware_address(number);
    namespace.command(&format!("ip link set {name} addrgenmode none"))?;
    namespace.command(&format!("ip link set {name} txqueuelen 20000"))?;
    namespace.command(&format!(
        "ip link set {name} address 02:77:00:00:01:{last:02x} up"
    ))?;
    for v6 in [false, true] {
        let (address, prefix) = (interface_address(number, v6), if v6 { 64 } else { 24 });
        let options = if v6 { " nodad" } else { "" };
        namespace.command(&format!(
            "ip addr add {address}/{prefix} dev {name}{options}"
        ))?;
        let neighbour = neighbour(number, v6);
        namespace.command(&format!(
            "ip neigh add {neighbour} lladdr 02:77:00:00:ff:01 dev {name} nud permanent"
        ))?;
    }
    Ok(())
}

type Sockets = (Vec<(u8, bool, Socket)>, [Socket; 2]);

fn sockets() -> io::Result<Sockets> {
    /// Protocol 255 takes packets with their IP header, see raw(7).
    const WITH_HEADER: i32 = 255;
    let mut local = Vec::new();
    for proto in WATCHED {
        for (v6, domain) in [(false, Domain::IPV4), (true, Domain::IPV6)] {
            let socket = Socket::new(domain, Type::RAW, Some(Protocol::from(i32::from(proto))))?;
            socket.set_nonblocking(true)?;
            socket.set_recv_buffer_size(4 << 20)?;
            local.push((proto, v6, socket));
        }
    }
    let output = |domain| Socket::new(domain, Type::RAW, Some(Protocol::from(WITH_HEADER)));
    Ok((local, [output(Domain::IPV4)?, output(Domain::IPV6)?]))
}

/// Forgets every connection of the namespace of the thread.
pub(super) fn forget_connections() -> Result<(), LabError> {
    /// `AF_NETLINK` of Linux, its protocol `NETLINK_NETFILTER`.
    const NETLINK: (i32, i32) = (16, 12);
    // `struct nlmsghdr`: length, IPCTNL_MSG_CT_DELETE of NFNL_SUBSYS_CTNETLINK, NLM_F_REQUEST, sequence, port;
    // `struct nfgenmsg`: any family, version 0, no resource. Without attributes it is about all of them.
    let mut message = Vec::new();
    message.extend(20_u32.to_ne_bytes());
    message.extend(0x0102_u16.to_ne_bytes());
    message.extend(1_u16.to_ne_bytes());
    message.extend([0; 8]);
    message.extend([0; 4]);
    let send = || {
        let (domain, netfilter) = NETLINK;
        let socket = Socket::new(
            Domain::from(domain),
            Type::RAW,
            Some(Protocol::from(netfilter)),
        )?;
        socket.send(&message)
    };
    send()
        .map(|_| ())
        .map_err(LabError::io("forget connections"))
}

/// Runs a program with a text on its standard input, in the namespace of the thread.
pub(super) fn feed(program: &str, args: &[&str], text: &str) -> Result<(), LabError> {
    let failed = |reason: String| LabError::Program {
        command: format!("{program} {}", args.join(" ")),
        reason,
    };
    let mut child = Command::new(program)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| failed(error.to_string()))?;
    let written = child
        .stdin
        .take()
        .map(|mut stdin| stdin.write_all(text.as_bytes()));
    let output = child
        .wait_with_output()
        .map_err(|error| failed(error.to_string()))?;
    match written {
        _ if !output.status.success() => Err(failed(
            String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        )),
        Some(Err(error)) => Err(failed(error.to_string())),
        _ => Ok(()),
    }
}

fn not_possible(operation: &str) -> impl FnOnce(io::Error) -> LabError {
    let operation = operation.to_owned();
    move |error| LabError::NotPossible {
        operation,
        reason: error.to_string(),
    }
}
