//! BIND as the server of all zones, and unbound or BIND as the resolver in front of it.

use super::Tree;
use super::zone::file_of;
use crate::error::LabError;
use crate::namespace::Namespace;
use crate::process::Program;
use crate::traffic::ms;
use crate::unbound;
use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::Duration;

/// How long a server may take until it accepts connections.
const PATIENCE: Duration = Duration::from_secs(20);

/// Starts the server of all zones.
///
/// # Errors
/// [`LabError::Program`] when BIND is missing or refuses the zones.
pub fn authority(namespace: &Namespace, tree: &Tree) -> Result<Program, LabError> {
    let mut config = options(tree, &tree.server, "recursion no;\ndnssec-validation no;");
    for name in &tree.names {
        // Writing to a string cannot fail.
        let _ = writeln!(
            config,
            "zone \"{name}\" {{ type primary; file \"{}.signed\"; check-names ignore; }};",
            file_of(name)
        );
    }
    named(namespace, tree, "authority.conf", &config, &tree.server)
}

/// Starts unbound as a resolver that validates, at `address`.
///
/// # Errors
/// [`LabError::Program`] when unbound is missing or refuses its configuration.
pub fn unbound(namespace: &Namespace, tree: &Tree, address: &str) -> Result<Program, LabError> {
    let server = format!(
        "logfile: \"{}/unbound.log\"
interface: {address}
module-config: \"validator iterator\"
trust-anchor-file: \"{}\"
root-hints: \"{}\"
local-zone: \"{}\" nodefault
do-not-query-localhost: no
ede: yes
val-log-level: 2",
        tree.folder.display(),
        tree.anchor().display(),
        hints(tree)?,
        super::PARENT,
    );
    let config = tree.write("unbound.conf", &unbound::config(&tree.folder, &server, ""))?;
    let args = ["-d", "-c", &config.display().to_string()].map(str::to_owned);
    wait(
        namespace,
        Program::start(namespace, "unbound", &args)?,
        address,
    )
}

/// Starts BIND as a resolver that validates, at `address`.
///
/// # Errors
/// [`LabError::Program`] when BIND is missing or refuses its configuration.
pub fn bind(namespace: &Namespace, tree: &Tree, address: &str) -> Result<Program, LabError> {
    let hints = hints(tree)?;
    let mut config = options(
        tree,
        address,
        "recursion yes;\nallow-recursion { any; };\ndnssec-validation yes;\nempty-zones-enable no;",
    );
    let _ = write!(
        config,
        "include \"{}\";\nzone \".\" {{ type hint; file \"{hints}\"; }};\n",
        tree.anchor_for_bind().display()
    );
    named(namespace, tree, "resolver.conf", &config, address)
}

/// The file that names the root's server.
fn hints(tree: &Tree) -> Result<String, LabError> {
    let text = format!(". 3600 NS ns.test.\nns.test. 3600 A {}\n", tree.server);
    Ok(tree.write("hints", &text)?.display().to_string())
}

fn options(tree: &Tree, address: &str, more: &str) -> String {
    format!(
        "options {{
directory \"{}\";
pid-file none;
lock-file none;
session-keyfile none;
listen-on {{ {address}; }};
listen-on-v6 {{ none; }};
allow-query {{ any; }};
notify no;
{more}
}};
controls {{ }};
logging {{ category default {{ null; }}; }};
",
        tree.folder.display()
    )
}

fn named(
    namespace: &Namespace,
    tree: &Tree,
    file: &str,
    config: &str,
    address: &str,
) -> Result<Program, LabError> {
    let config = tree.write(file, config)?;
    let args = ["-f", "-4", "-n", "1", "-c", &config.display().to_string()].map(str::to_owned);
    wait(
        namespace,
        Program::start(namespace, "named", &args)?,
        address,
    )
}

fn wait(namespace: &Namespace, program: Program, address: &str) -> Result<Program, LabError> {
    let address: IpAddr = address.parse().map_err(|error| LabError::Program {
        command: format!("a server at {address}"),
        reason: format!("{error}"),
    })?;
    let at = SocketAddr::new(address, 53);
    program.wait_until(PATIENCE, || {
        let open = namespace.run(|| TcpStream::connect_timeout(&at, ms(500)).is_ok());
        open.unwrap_or(false)
    })
}
