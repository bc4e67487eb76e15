//! A client, a router with a packet filter, and a server with several addresses.

use super::certificates::Authorities;
use crate::error::LabError;
use crate::namespace::Namespace;
use std::cell::OnceCell;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Addresses of the site.
pub mod address {
    /// The client's IPv4 address.
    pub const CLIENT: &str = "10.79.1.2";
    /// The router's address on the client's side.
    pub const ROUTER: &str = "10.79.1.1";
    /// The server's first IPv4 address, at which its name server listens too.
    pub const SERVER: &str = "10.79.2.2";
    /// The server's second IPv4 address.
    pub const SECOND: &str = "10.79.2.3";
    /// The server's third IPv4 address.
    pub const THIRD: &str = "10.79.2.4";
    /// The server's fourth IPv4 address.
    pub const FOURTH: &str = "10.79.2.5";
    /// An address of the server's network that nobody has.
    pub const NOBODY: &str = "10.79.2.99";
    /// The server's first IPv6 address.
    pub const SERVER_V6: &str = "fd79:2::2";
}

/// Names that the name server knows, as dnsmasq takes them.
const NAMES: [&str; 6] = [
    "host-record=one.lab.example,10.79.2.2",
    "host-record=both.lab.example,10.79.2.2,fd79:2::2",
    "host-record=two.lab.example,10.79.2.2",
    "host-record=two.lab.example,10.79.2.3",
    "host-record=nobody.lab.example,10.79.2.99",
    "cname=alias.lab.example,one.lab.example",
];

/// Three hosts in a row; everything goes when this is dropped.
#[derive(Debug)]
pub struct Site {
    /// The host that walks.
    pub client: Namespace,
    /// The router between them.
    pub router: Namespace,
    /// The host that is walked.
    pub server: Namespace,
    /// Where configurations and certificates are written.
    pub folder: PathBuf,
    resolver: PathBuf,
    pub(super) authorities: OnceCell<Authorities>,
}

impl Site {
    /// Builds the three hosts; files are written into `folder`.
    ///
    /// # Errors
    /// [`LabError::NotPossible`] when namespaces cannot be made here.
    pub fn build(folder: &Path) -> Result<Site, LabError> {
        let client = Namespace::create("walker")?;
        let router = Namespace::create("router")?;
        let server = Namespace::create("walked")?;
        let resolver = Path::new("/etc/netns").join(client.name());
        let site = Site {
            client,
            router,
            server,
            folder: folder.to_owned(),
            resolver,
            authorities: OnceCell::new(),
        };
        site.wire()?;
        site.resolve_by(&[address::SERVER], "")?;
        Ok(site)
    }

    fn wire(&self) -> Result<(), LabError> {
        let (client, server) = (self.client.name(), self.server.name());
        self.router.command(&format!(
            "ip link add left type veth peer name eth0 netns {client}"
        ))?;
        self.router.command(&format!(
            "ip link add right type veth peer name eth0 netns {server}"
        ))?;
        for namespace in [&self.client, &self.router, &self.server] {
            namespace.sysctl("ipv6.conf.all.accept_dad", "0")?;
            namespace.sysctl("ipv6.conf.default.accept_dad", "0")?;
            namespace.command("ip link set lo up")?;
        }
        let commands: [(&Namespace, &[&str]); 3] = [
            (
                &self.router,
                &[
                    "ip addr add 10.79.1.1/24 dev left",
                    "ip addr add fd79:1::1/64 dev left nodad",
                    "ip addr add 10.79.2.1/24 dev right",
                    "ip addr add fd79:2::1/64 dev right nodad",
                    "ip link set left up",
                    "ip link set right up",
                ],
            ),
            (
                &self.client,
                &[
                    "ip addr add 10.79.1.2/24 dev eth0",
                    "ip addr add fd79:1::2/64 dev eth0 nodad",
                    "ip link set eth0 up",
                    "ip route add default via 10.79.1.1",
                    "ip -6 route add default via fd79:1::1",
                ],
            ),
            (
                &self.server,
                &[
                    "ip addr add 10.79.2.2/24 dev eth0",
                    "ip addr add 10.79.2.3/24 dev eth0",
                    "ip addr add 10.79.2.4/24 dev eth0",
                    "ip addr add 10.79.2.5/24 dev eth0",
                    "ip addr add fd79:2::2/64 dev eth0 nodad",
                    "ip link set eth0 up",
                    "ip route add default via 10.79.2.1",
                    "ip -6 route add default via fd79:2::1",
                ],
            ),
        ];
        for (namespace, commands) in commands {
            for words in commands {
                namespace.command(words)?;
            }
        }
        self.router.sysctl("ipv4.ip_forward", "1")?;
        self.router.sysctl("ipv6.conf.all.forwarding", "1")
    }

    /// Says who resolves the client's names: `ip netns exec` shows programs these files in place of the system's.
    ///
    /// # Errors
    /// [`LabError::Io`] when they cannot be written.
    pub fn resolve_by(&self, servers: &[&str], options: &str) -> Result<(), LabError> {
        let lines: Vec<String> = servers
            .iter()
            .map(|server| format!("nameserver {server}"))
            .collect();
        let lines = lines.join("\n");
        let files = [
            ("resolv.conf", format!("{lines}\n{options}\n")),
            ("hosts", "127.0.0.1 localhost\n".to_owned()),
            ("nsswitch.conf", "hosts: files dns\n".to_owned()),
        ];
        fs::create_dir_all(&self.resolver)
            .map_err(LabError::io(format!("create {}", self.resolver.display())))?;
        for (name, text) in files {
            let path = self.resolver.join(name);
            fs::write(&path, text).map_err(LabError::io(format!("write {}", path.display())))?;
        }
        Ok(())
    }

    /// Lets the client's programs find names in files alone.
    ///
    /// # Errors
    /// [`LabError::Io`] when that cannot be written.
    pub fn resolve_by_files(&self) -> Result<(), LabError> {
        let path = self.resolver.join("nsswitch.conf");
        fs::write(&path, "hosts: files\n")
            .map_err(LabError::io(format!("write {}", path.display())))
    }

    /// Gives the router rules of nftables: the body of a chain that sees what it forwards, before anything else.
    ///
    /// # Errors
    /// [`LabError::Program`] when nft refuses them.
    pub fn filter(&self, rules: &str) -> Result<(), LabError> {
        let path = self.write(
            "router.nft",
            &format!(
                "table inet lab {{\nchain forward {{\ntype filter hook forward priority -10;\n{rules}\n}}\n}}\n"
            ),
        )?;
        self.router.command(&format!("nft -f {}", path.display()))
    }

    /// Writes a file into the site's folder.
    ///
    /// # Errors
    /// [`LabError::Io`] when it cannot be written.
    pub fn write(&self, name: &str, text: &str) -> Result<PathBuf, LabError> {
        let path = self.folder.join(name);
        fs::write(&path, text).map_err(LabError::io(format!("write {}", path.display())))?;
        Ok(path)
    }

    /// The options of the name server that knows the site's names.
    pub(super) fn names() -> String {
        NAMES.join("\n")
    }

    /// Walks an endpoint with `program` from the client, as an ordinary user; what it prints and its exit code.
    ///
    /// # Errors
    /// [`LabError::Program`] when it cannot be started.
    pub fn walk(&self, program: &Path, args: &[String]) -> Result<(String, i32), LabError> {
        let started = Command::new("ip")
            .args(["netns", "exec", self.client.name()])
            .args([
                "setpriv",
                "--reuid=65534",
                "--regid=65534",
                "--clear-groups",
            ])
            .arg(program)
            .args(args)
            .stdin(Stdio::null())
            .output();
        match started {
            Ok(output) => Ok((
                String::from_utf8_lossy(&output.stdout).into_owned(),
                output.status.code().unwrap_or(-1),
            )),
            Err(error) => Err(LabError::Program {
                command: program.display().to_string(),
                reason: error.to_string(),
            }),
        }
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        // Files that cannot be removed are left to the administrator; a destructor has nobody to tell.
        let _ = fs::remove_dir_all(&self.resolver);
    }
}
