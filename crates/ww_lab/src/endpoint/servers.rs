//! What runs at a site while it is walked.

use super::Site;
use super::address::{SECOND, SERVER};
use crate::error::LabError;
use crate::process::Program;
use crate::proxy;
use crate::signed::{self, Tree, Zone};
use crate::traffic::{Stop, ms};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::thread::JoinHandle;
use std::time::Duration;

/// Something that runs until it is dropped.
#[derive(Debug)]
pub enum Running {
    /// A program.
    Program(Program),
    /// A thread that ends soon after it is told to.
    Thread(JoinHandle<Result<(), LabError>>),
    /// A connection that takes the place of others.
    Connection(TcpStream),
}

/// All that runs at a site.
#[derive(Debug, Default)]
pub struct Servers {
    pub(super) running: Vec<Running>,
    stop: Stop,
}

impl Drop for Servers {
    fn drop(&mut self) {
        self.stop.now();
        for running in self.running.drain(..) {
            match running {
                Running::Program(program) => drop(program),
                Running::Thread(thread) => drop(thread.join()),
                Running::Connection(connection) => drop(connection),
            }
        }
    }
}

/// Which resolver stands before signed zones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Validator {
    /// unbound, which validates.
    Unbound,
    /// BIND, which validates.
    Bind,
    /// dnsmasq, which passes on what it is told.
    Nobody,
}

/// How long a client may take over its request.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// Most of a request that a scripted server reads.
const REQUEST_BYTES: usize = 16 << 10;

impl Servers {
    /// The name server that knows the site's names, with further options of dnsmasq.
    ///
    /// # Errors
    /// [`LabError::Program`] when dnsmasq is missing or refuses them.
    pub fn names(site: &Site, options: &str) -> Result<Servers, LabError> {
        Servers::default().and_names(site, SERVER, &format!("{}\n{options}", Site::names()))
    }

    /// A name server at `address` with these options of dnsmasq.
    ///
    /// # Errors
    /// [`LabError::Program`] when dnsmasq is missing or refuses them.
    pub fn and_names(
        mut self,
        site: &Site,
        address: &str,
        options: &str,
    ) -> Result<Servers, LabError> {
        let config = site.write(
            &format!("dnsmasq-{address}.conf"),
            &format!(
                "port=53\nlisten-address={address}\nbind-interfaces\nno-resolv\nno-hosts\nno-daemon\nuser=root\npid-file=\nlocal=/lab.example/\nlocal-ttl=60\n{options}\n"
            ),
        )?;
        let args = [format!("--conf-file={}", config.display())];
        let listens = SocketAddr::new(address.parse().map_err(not_an_address)?, 53);
        let program = Program::start(&site.server, "dnsmasq", &args)?
            .wait_until(PATIENCE, || is_open(site, listens))?;
        self.running.push(Running::Program(program));
        Ok(self)
    }

    /// These zones below a signed root (`zones/anchor.key` holds its key), served at the second address, and a
    /// resolver at the first. `www` of each zone is the first address.
    ///
    /// # Errors
    /// [`LabError::Program`] when a program is missing or refuses something.
    pub(super) fn signed_names(
        mut self,
        site: &Site,
        zones: &[Zone<'_>],
        by: Validator,
    ) -> Result<Servers, LabError> {
        let tree = Tree::sign(&site.folder.join("zones"), SECOND, SERVER, zones)?;
        let authority = signed::authority(&site.server, &tree)?;
        self.running.push(Running::Program(authority));
        let resolver = match by {
            Validator::Unbound => signed::unbound(&site.server, &tree, SERVER)?,
            Validator::Bind => signed::bind(&site.server, &tree, SERVER)?,
            Validator::Nobody => {
                return self.and_names(site, SERVER, &format!("server={SECOND}"));
            }
        };
        self.running.push(Running::Program(resolver));
        Ok(self)
    }

    /// nginx with this configuration, which listens on `port` of the first address.
    ///
    /// # Errors
    /// [`LabError::Program`] when nginx is missing or refuses it.
    pub fn nginx(mut self, site: &Site, port: u16, http: &str) -> Result<Servers, LabError> {
        let config = site.write(
            &format!("nginx-{port}.conf"),
            &format!("events {{}}\nhttp {{\naccess_log off;\n{http}\n}}\n"),
        )?;
        let listens = SocketAddr::new(SERVER.parse().map_err(not_an_address)?, port);
        let program = proxy::nginx(&site.server, &config, listens)?;
        self.running.push(Running::Program(program));
        Ok(self)
    }

    /// HAProxy with this configuration, which listens on `port` of the first address.
    ///
    /// # Errors
    /// [`LabError::Program`] when HAProxy is missing or refuses it.
    pub fn haproxy(mut self, site: &Site, port: u16, config: &str) -> Result<Servers, LabError> {
        let config = site.write(&format!("haproxy-{port}.cfg"), config)?;
        let listens = SocketAddr::new(SERVER.parse().map_err(not_an_address)?, port);
        let program = proxy::haproxy(&site.server, &config, listens)?;
        self.running.push(Running::Program(program));
        Ok(self)
    }

    /// Any program, which accepts connections at `listens`.
    ///
    /// # Errors
    /// [`LabError::Program`] when it is missing or not ready in time.
    pub fn program(
        mut self,
        site: &Site,
        name: &str,
        args: &[&str],
        listens: &str,
    ) -> Result<Servers, LabError> {
        let args: Vec<String> = args
            .iter()
            .map(|word| word.replace('@', &site.folder.display().to_string()))
            .collect();
        let listens: SocketAddr = listens.parse().map_err(not_an_address)?;
        let program = Program::start(&site.server, name, &args)?
            .wait_until(PATIENCE, || is_open(site, listens))?;
        self.running.push(Running::Program(program));
        Ok(self)
    }

    /// A name server at `address`, over UDP alone, that gives to every query what `habit` gives; nothing for none.
    ///
    /// # Errors
    /// [`LabError::Io`] when it cannot listen there.
    pub fn scripted_names(
        mut self,
        site: &Site,
        address: &str,
        habit: fn(&[u8]) -> Option<Vec<u8>>,
    ) -> Result<Servers, LabError> {
        let listens = SocketAddr::new(address.parse().map_err(not_an_address)?, 53);
        let socket = site
            .server
            .run(|| UdpSocket::bind(listens))?
            .map_err(LabError::io(format!("listen on {listens}")))?;
        socket
            .set_read_timeout(Some(ms(20)))
            .map_err(LabError::io("limit a wait for queries"))?;
        let stop = self.stop.clone();
        let thread = site.server.spawn(move || {
            let mut query = [0; 1500];
            while !stop.is_asked() {
                if let Ok((length, from)) = socket.recv_from(&mut query)
                    && let Some(answer) = habit(query.get(..length).unwrap_or_default())
                {
                    // A client that is gone needs no answer.
                    let _ = socket.send_to(&answer, from);
                }
            }
        })?;
        self.running.push(Running::Thread(thread));
        Ok(self)
    }

    /// A server at `listens` (`0.0.0.0:80`, `[::]:80`) that does with every connection what `habit` does; each has a
    /// thread of its own, and its number from 0.
    ///
    /// # Errors
    /// [`LabError::Io`] when it cannot listen there.
    pub fn scripted(
        mut self,
        site: &Site,
        listens: &str,
        habit: fn(TcpStream, usize),
    ) -> Result<Servers, LabError> {
        let listens: SocketAddr = listens.parse().map_err(not_an_address)?;
        let listener = site
            .server
            .run(|| TcpListener::bind(listens))?
            .map_err(LabError::io(format!("listen on {listens}")))?;
        listener
            .set_nonblocking(true)
            .map_err(LabError::io("make a listener wait for nobody"))?;
        let stop = self.stop.clone();
        let thread = site.server.spawn(move || {
            for number in 0.. {
                let stream = loop {
                    if stop.is_asked() {
                        return;
                    }
                    match listener.accept() {
                        Ok((stream, _)) => break stream,
                        Err(_) => std::thread::sleep(ms(2)),
                    }
                };
                let usable = stream.set_nonblocking(false).is_ok()
                    && stream.set_read_timeout(Some(PATIENCE)).is_ok();
                if usable {
                    // A walk that is over leaves connections to threads that end with their time.
                    drop(std::thread::spawn(move || habit(stream, number)));
                }
            }
        })?;
        self.running.push(Running::Thread(thread));
        Ok(self)
    }
}

pub(super) fn not_an_address(error: std::net::AddrParseError) -> LabError {
    LabError::Io {
        operation: "read an address of the site".to_owned(),
        source: std::io::Error::other(error),
    }
}

pub(super) fn is_open(site: &Site, listens: SocketAddr) -> bool {
    let open = site
        .server
        .run(|| TcpStream::connect_timeout(&listens, ms(500)).is_ok());
    open.unwrap_or(false)
}

/// Reads a request up to its empty line; what was read.
pub(super) fn request(stream: &mut TcpStream) -> Vec<u8> {
    let mut request = Vec::new();
    let mut chunk = [0; 1024];
    while !request.ends_with(b"\r\n\r\n") && request.len() < REQUEST_BYTES {
        match stream.read(&mut chunk) {
            Ok(count) if count > 0 => request.extend(chunk.iter().take(count)),
            _ => break,
        }
    }
    request
}

/// Answers every request of a connection with these bytes, after a wait; the connection is kept.
pub(super) fn answer_each(mut stream: TcpStream, wait: Duration, answer: &[u8]) {
    while !request(&mut stream).is_empty() {
        std::thread::sleep(wait);
        if stream.write_all(answer).is_err() {
            return;
        }
    }
}
