//! Real proxies, run with a configuration file as it stands.
//!
//! nginx runs as one process: a master that is killed would leave its workers behind.

use crate::error::LabError;
use crate::namespace::Namespace;
use crate::process::Program;
use crate::traffic::{Opening, ms};
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// How long a proxy may take until it accepts connections.
const PATIENCE: Duration = Duration::from_secs(30);

/// Starts nginx inside `namespace` with the file `config`, and waits until it accepts connections at `listens`.
/// Its process id and error log stand beside the file.
///
/// # Errors
/// [`LabError::Program`] when it is missing or refuses the file.
pub fn nginx(
    namespace: &Namespace,
    config: &Path,
    listens: SocketAddr,
) -> Result<Program, LabError> {
    let folder = config.parent().unwrap_or(Path::new("."));
    let name = config.file_stem().unwrap_or_default().to_string_lossy();
    let beside = |end: &str| folder.join(format!("{name}.{end}")).display().to_string();
    let main = format!(
        "daemon off; master_process off; user root; pid {};",
        beside("pid")
    );
    let args = [
        "-p",
        &folder.display().to_string(),
        "-e",
        &beside("error.log"),
        "-g",
        &main,
        "-c",
        &config.display().to_string(),
    ];
    start(namespace, "nginx", &args, listens)
}

/// Starts HAProxy inside `namespace` with the file `config`, and waits until it accepts connections at `listens`.
///
/// # Errors
/// [`LabError::Program`] when it is missing or refuses the file.
pub fn haproxy(
    namespace: &Namespace,
    config: &Path,
    listens: SocketAddr,
) -> Result<Program, LabError> {
    let args = ["-db", "-q", "-f", &config.display().to_string()];
    start(namespace, "haproxy", &args, listens)
}

/// The version that a proxy prints with `-v`; none when it is not installed.
pub fn version(program: &str) -> Option<String> {
    let output = Command::new(program).arg("-v").output().ok()?;
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    said.lines().next().map(|line| line.trim().to_owned())
}

fn start(
    namespace: &Namespace,
    name: &str,
    args: &[&str],
    listens: SocketAddr,
) -> Result<Program, LabError> {
    let args: Vec<String> = args.iter().map(|word| (*word).to_owned()).collect();
    let opening = Opening {
        from_port: None,
        receive_buffer: None,
        patience: ms(500),
    };
    Program::start(namespace, name, &args)?.wait_until(PATIENCE, || {
        let knock = namespace.run(|| opening.connect(listens).is_ok());
        knock.unwrap_or(false)
    })
}
