//! `cargo xtask test`: installs the programs that the tests judge by, where it may, and runs every test.

#![expect(
    clippy::disallowed_methods,
    reason = "a chore reads the environment and starts programs"
)]

use std::collections::BTreeSet;
use std::env;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// Programs that tests and the lab start, with the Debian packages that hold them.
const PROGRAMS: [(&str, &str); 29] = [
    ("curl", "curl"),
    ("delv", "bind9-dnsutils"),
    ("dnsmasq", "dnsmasq-base"),
    ("dnssec-signzone", "bind9-utils"),
    ("dnsviz", "dnsviz"),
    ("dovecot", "dovecot-imapd"),
    ("gnutls-serv", "gnutls-bin"),
    ("gtlsserver", "ngtcp2-server"),
    ("haproxy", "haproxy"),
    ("ip", "iproute2"),
    ("ipset", "ipset"),
    ("iptables", "iptables"),
    ("mariadbd", "mariadb-server"),
    ("named", "bind9"),
    ("nft", "nftables"),
    ("nginx", "nginx"),
    ("nsd", "nsd"),
    ("openssl", "openssl"),
    ("pg_ctlcluster", "postgresql"),
    ("/usr/lib/dovecot/pop3-login", "dovecot-pop3d"),
    ("redis-server", "redis-server"),
    ("slapd", "slapd"),
    ("sshd", "openssh-server"),
    ("stunnel4", "stunnel4"),
    ("tcpdump", "tcpdump"),
    ("tshark", "tshark"),
    ("turnserver", "coturn"),
    ("unbound", "unbound"),
    ("z3", "z3"),
];

/// Where Debian keeps administrators' programs; the search path of other users may lack them.
const ADMINISTRATION: [&str; 2] = ["/usr/sbin", "/sbin"];

const USAGE: &str = "usage: cargo xtask test [--programs-only]";

/// Runs the chore; with `--programs-only` nothing is tested.
pub(crate) fn run(args: &[String]) -> ExitCode {
    let outcome = match args {
        [] => provide_programs().and_then(|path| run_tests(&path)),
        [only] if only == "--programs-only" => provide_programs().map(|_| true),
        _ => Err(io::Error::new(io::ErrorKind::InvalidInput, USAGE)),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("test: {error}");
            ExitCode::from(2)
        }
    }
}

/// Installs what is missing, or names it where that is not possible; the search path with every program on it.
fn provide_programs() -> io::Result<OsString> {
    let folders = search_folders(&env::var_os("PATH").unwrap_or_default());
    let packages = missing_packages(|program| is_program(&folders, program));
    if !packages.is_empty() && is_root() && is_program(&folders, "apt-get") {
        install(&packages)?;
    } else if !packages.is_empty() {
        println!(
            "Missing Debian packages: {}. Tests that need them say so and check less; as root they are installed.",
            packages.join(" ")
        );
    }
    env::join_paths(&folders).map_err(io::Error::other)
}

/// The folders of the search path, and those of administrators' programs.
fn search_folders(path: &OsStr) -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = env::split_paths(path).collect();
    for folder in ADMINISTRATION.map(PathBuf::from) {
        if !folders.contains(&folder) {
            folders.push(folder);
        }
    }
    folders
}

fn is_program(folders: &[PathBuf], name: &str) -> bool {
    folders.iter().any(|folder| folder.join(name).is_file())
}

/// The packages of the programs that are not there, each once, sorted.
fn missing_packages(is_there: impl Fn(&str) -> bool) -> Vec<&'static str> {
    let missing = PROGRAMS.iter().filter(|(program, _)| !is_there(program));
    let packages: BTreeSet<&str> = missing.map(|(_, package)| *package).collect();
    packages.into_iter().collect()
}

/// Whether files that this process creates belong to root.
fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt as _;
    Path::new("/proc/self")
        .metadata()
        .is_ok_and(|process| process.uid() == 0)
}

fn install(packages: &[&str]) -> io::Result<()> {
    println!("Installing Debian packages: {}", packages.join(" "));
    apt_get(["update", "--quiet"])?;
    let options = ["install", "--quiet", "--yes", "--no-install-recommends"];
    apt_get(options.iter().chain(packages))
}

fn apt_get(arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> io::Result<()> {
    let mut command = Command::new("apt-get");
    command
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive");
    if command.status()?.success() {
        Ok(())
    } else {
        Err(io::Error::other("apt-get failed, see above"))
    }
}

/// Every test: those in the documentation first, so that the summary of the others ends the output.
fn run_tests(path: &OsStr) -> io::Result<bool> {
    let mut passed = true;
    for words in runs(has_nextest()) {
        println!("cargo {}", words.join(" "));
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(cargo);
        command.args(words).env("PATH", path);
        passed &= command.status()?.success();
    }
    Ok(passed)
}

/// The runs of cargo that make up the tests. nextest runs no tests of the documentation.
fn runs(has_nextest: bool) -> [&'static [&'static str]; 2] {
    const DOCUMENTATION: &[&str] = &["test", "--workspace", "--doc", "--quiet"];
    const NEXTEST: &[&str] = &["nextest", "run", "--workspace", "--no-fail-fast"];
    const STOCK: &[&str] = &[
        "test",
        "--workspace",
        "--lib",
        "--bins",
        "--tests",
        "--examples",
        "--no-fail-fast",
    ];
    [DOCUMENTATION, if has_nextest { NEXTEST } else { STOCK }]
}

fn has_nextest() -> bool {
    let version = Command::new("cargo-nextest").arg("--version").output();
    version.is_ok_and(|output| output.status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_packages_of_missing_programs_are_installed() {
        assert_eq!(missing_packages(|_| true), Vec::<&str>::new());
        assert_eq!(
            missing_packages(|program| !["tshark", "dnsmasq"].contains(&program)),
            ["dnsmasq-base", "tshark"]
        );
        assert_eq!(missing_packages(|_| false).len(), PROGRAMS.len());
    }

    #[test]
    fn programs_are_found_in_the_given_folders_only() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("tool"), "").unwrap();
        std::fs::create_dir(folder.path().join("folder")).unwrap();
        let folders = [folder.path().to_owned()];
        assert!(is_program(&folders, "tool"));
        assert!(!is_program(&folders, "folder") && !is_program(&folders, "other"));
        assert!(!is_program(&[], "tool"));
    }

    #[test]
    fn the_search_path_holds_the_folders_of_administrators_once() {
        let folders = search_folders(OsStr::new("/usr/bin:/sbin"));
        assert_eq!(
            folders,
            ["/usr/bin", "/sbin", "/usr/sbin"].map(PathBuf::from)
        );
    }

    #[test]
    fn both_runners_run_every_kind_of_test() {
        for has_nextest in [true, false] {
            let [documentation, others] = runs(has_nextest);
            assert!(documentation.contains(&"--doc"));
            assert!(others.contains(&"--workspace") && others.contains(&"--no-fail-fast"));
            assert_eq!(others.contains(&"nextest"), has_nextest);
        }
    }
}
