//! Servers as Debian and PyPI have them, each as an ordinary user with a folder of its own.

use super::address::SERVER;
use super::servers::{PATIENCE, Running, is_open, not_an_address};
use super::{Servers, Site};
use crate::error::LabError;
use crate::namespace;
use crate::process::Program;
use crate::traffic::ms;
use crate::unbound;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

/// Debian's user `nobody`.
const NOBODY: u32 = 65534;

/// What turns a command into one of that user.
const AS_NOBODY: [&str; 4] = [
    "setpriv",
    "--reuid=65534",
    "--regid=65534",
    "--clear-groups",
];

/// What a server of gRPC says of its health.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// It serves.
    Serving,
    /// It does not.
    NotServing,
    /// Nothing: there is no health service.
    Missing,
}

impl Servers {
    /// A program that runs as an ordinary user and accepts TCP connections at `port` of the first address; `@` in
    /// its arguments stands for a folder that belongs to that user and is its working directory.
    ///
    /// # Errors
    /// [`LabError::Program`] when it is missing or not ready in time.
    pub fn daemon(
        self,
        site: &Site,
        port: u16,
        program: &Path,
        args: &[&str],
    ) -> Result<Servers, LabError> {
        let listens = SocketAddr::new(SERVER.parse().map_err(not_an_address)?, port);
        self.daemon_at(site, listens, program, args)
    }

    /// The same for one that accepts connections at `listens`.
    ///
    /// # Errors
    /// [`LabError::Program`] when it is missing or not ready in time.
    pub(super) fn daemon_at(
        mut self,
        site: &Site,
        listens: SocketAddr,
        program: &Path,
        args: &[&str],
    ) -> Result<Servers, LabError> {
        let folder = site.lent()?;
        let words = AS_NOBODY
            .iter()
            .map(|&word| word.to_owned())
            .skip(1)
            .chain(["env".to_owned(), format!("--chdir={}", folder.display())])
            .chain([program.display().to_string()])
            .chain(
                args.iter()
                    .map(|word| word.replace('@', &folder.display().to_string())),
            )
            .collect::<Vec<String>>();
        site.server.sysctl("ipv4.ip_unprivileged_port_start", "0")?;
        let program = Program::start(&site.server, "setpriv", &words)?
            .wait_until(PATIENCE, || is_open(site, listens))?;
        self.running.push(Running::Program(program));
        Ok(self)
    }

    /// The same for a program that takes datagrams at `port`; `@` stands for the folder of the site, which that user can
    /// read.
    ///
    /// # Errors
    /// [`LabError::Program`] when it is missing or not ready in time.
    pub fn datagrams(
        mut self,
        site: &Site,
        port: u16,
        program: &str,
        args: &[&str],
    ) -> Result<Servers, LabError> {
        let folder = site.folder.display().to_string();
        let words: Vec<String> = AS_NOBODY
            .iter()
            .skip(1)
            .chain([&program])
            .chain(args)
            .map(|word| word.replace('@', &folder))
            .collect();
        site.server.sysctl("ipv4.ip_unprivileged_port_start", "0")?;
        // Once the port cannot be had, somebody has it.
        let taken = || {
            let free = site.server.run(|| UdpSocket::bind((SERVER, port)).is_ok());
            !free.unwrap_or(true)
        };
        let program =
            Program::start(&site.server, "setpriv", &words)?.wait_until(PATIENCE, taken)?;
        self.running.push(Running::Program(program));
        Ok(self)
    }

    /// A connection from the server's own host to `port` that says these words, hears an answer that begins with
    /// `answer`, and stays. What is answered otherwise is asked again: a server may still be starting.
    ///
    /// # Errors
    /// [`LabError::Io`] when there is no such answer in time.
    pub fn holding(
        mut self,
        site: &Site,
        port: u16,
        words: &'static [u8],
        answer: u8,
    ) -> Result<Servers, LabError> {
        let to = SocketAddr::new(SERVER.parse().map_err(not_an_address)?, port);
        let hold = move || {
            let mut stream = TcpStream::connect_timeout(&to, PATIENCE)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            stream.write_all(words)?;
            let mut first = [0];
            stream.read_exact(&mut first)?;
            if first == [answer] {
                Ok(stream)
            } else {
                Err(std::io::Error::other("it answers something else"))
            }
        };
        let deadline = Instant::now() + PATIENCE;
        let held = site.server.run(|| {
            loop {
                match hold() {
                    Err(_) if Instant::now() < deadline => std::thread::sleep(ms(20)),
                    held => return held,
                }
            }
        })?;
        let held = held.map_err(LabError::io(format!("hold a connection to {to}")))?;
        self.running.push(Running::Connection(held));
        Ok(self)
    }

    /// PostgreSQL with these further settings, and these lines of `pg_hba.conf` before those of its own host.
    ///
    /// # Errors
    /// [`LabError::Program`] when it is missing or refuses them.
    pub fn postgres(
        self,
        site: &Site,
        settings: &[&str],
        clients: &str,
    ) -> Result<Servers, LabError> {
        let initdb = postgres_program("initdb")?;
        let folder = site.lent()?;
        let data = folder.join("postgres");
        run_as_nobody(
            &initdb,
            &[
                "--no-sync",
                "--no-instructions",
                "--auth=trust",
                "--username=admin",
                "-D",
                &data.display().to_string(),
            ],
        )?;
        let hba = data.join("pg_hba.conf");
        fs::write(
            &hba,
            format!("{clients}\nhost all all samehost scram-sha-256\n"),
        )
        .map_err(LabError::io(format!("write {}", hba.display())))?;
        let usual = [
            "listen_addresses=*",
            "fsync=off",
            "max_wal_senders=0",
            "shared_buffers=1MB",
            "autovacuum=off",
        ];
        let mut args = vec!["-D", "@/postgres", "-k", "@"];
        for setting in usual.iter().chain(settings) {
            args.extend(["-c", setting]);
        }
        let started = self.daemon(site, 5432, &postgres_program("postgres")?, &args)?;
        // It takes connections before it serves them, and says in this file when it does.
        let state = data.join("postmaster.pid");
        let deadline = Instant::now() + PATIENCE;
        while !fs::read_to_string(&state).is_ok_and(|state| state.contains("ready")) {
            if Instant::now() >= deadline {
                return Err(LabError::Program {
                    command: "postgres".to_owned(),
                    reason: "does not become ready".to_owned(),
                });
            }
            std::thread::sleep(ms(10));
        }
        Ok(started)
    }

    /// MariaDB with these further options; `accounts` is SQL that it runs first.
    ///
    /// # Errors
    /// [`LabError::Program`] when it is missing or refuses them.
    pub fn mariadb(
        self,
        site: &Site,
        options: &[&str],
        accounts: &str,
    ) -> Result<Servers, LabError> {
        let folder = site.lent()?;
        let data = format!("--datadir={}/mariadb", folder.display());
        // A server that starts clears the temporary tables of all others from a folder they share.
        let temporary = format!("--tmpdir={}", folder.display());
        run_as_nobody(
            Path::new("mariadb-install-db"),
            &[
                "--no-defaults",
                &data,
                &temporary,
                "--auth-root-authentication-method=normal",
                "--skip-test-db",
                "--skip-log-bin",
            ],
        )?;
        let init = folder.join("accounts.sql");
        fs::write(&init, format!("{accounts}\n"))
            .map_err(LabError::io(format!("write {}", init.display())))?;
        let mut args = vec![
            "--no-defaults",
            "--datadir=@/mariadb",
            "--tmpdir=@",
            "--socket=@/mariadb.sock",
            "--pid-file=@/mariadb.pid",
            "--init-file=@/accounts.sql",
            "--bind-address=0.0.0.0",
            "--skip-name-resolve",
            "--innodb-buffer-pool-size=8M",
            "--innodb-flush-method=nosync",
        ];
        args.extend(options);
        self.daemon(site, 3306, Path::new("/usr/sbin/mariadbd"), &args)
    }

    /// OpenSSH with these further options.
    ///
    /// # Errors
    /// [`LabError::Program`] when it is missing or refuses them.
    pub fn openssh(self, site: &Site, options: &[&str]) -> Result<Servers, LabError> {
        let key = site.lent()?.join("host_key");
        run_as_nobody(
            Path::new("ssh-keygen"),
            &[
                "-q",
                "-t",
                "ed25519",
                "-N",
                "",
                "-f",
                &key.display().to_string(),
            ],
        )?;
        let mut args = vec![
            "-D",
            "-e",
            "-f",
            "/dev/null",
            "-o",
            "HostKey=@/host_key",
            "-o",
            "PidFile=none",
            "-o",
            "Port=22",
        ];
        for option in options {
            args.extend(["-o", option]);
        }
        self.daemon(site, 22, Path::new("/usr/sbin/sshd"), &args)
    }

    /// unbound at the first address with the certificate `leaf` of the site: over TLS at port 853, over HTTPS at port 443
    /// and `/dns-query`, or in clear text at port 53, as `ports` has it. It knows the site's names, with further lines
    /// of its `server` clause.
    ///
    /// # Errors
    /// [`LabError::Program`] when it is missing or refuses them.
    pub fn encrypted_names(
        self,
        site: &Site,
        ports: &[u16],
        options: &str,
    ) -> Result<Servers, LabError> {
        let folder = site.lent()?;
        site.lend("leaf")?;
        let listens: Vec<String> = ports
            .iter()
            .map(|port| format!("interface: {SERVER}@{port}"))
            .collect();
        let server = format!(
            "module-config: \"iterator\"
{listens}
tls-port: 853
https-port: 443
tls-service-pem: \"leaf.pem\"
tls-service-key: \"leaf.key\"
local-zone: \"lab.example.\" static
local-data: \"one.lab.example. 60 A {SERVER}\"
{options}",
            listens = listens.join("\n"),
        );
        let config = unbound::config(&folder, &server, "");
        let path = folder.join("unbound.conf");
        fs::write(&path, config).map_err(LabError::io(format!("write {}", path.display())))?;
        let port = ports.first().copied().unwrap_or(53);
        self.daemon(
            site,
            port,
            Path::new("/usr/sbin/unbound"),
            &["-d", "-c", "@/unbound.conf"],
        )
    }

    /// coturn, for STUN alone.
    ///
    /// # Errors
    /// [`LabError::Program`] when it is missing or not ready in time.
    pub fn coturn(self, site: &Site) -> Result<Servers, LabError> {
        let args = [
            "-n",
            "--stun-only",
            "--no-cli",
            "--no-tls",
            "--no-dtls",
            "--listening-ip=10.79.2.2",
            "--listening-port=3478",
            "--log-file=stdout",
            "--pidfile=@/turn.pid",
            "--userdb=@/turn.db",
        ];
        self.daemon(site, 3478, Path::new("turnserver"), &args)
    }

    /// aiosmtpd at port 25 with these further options.
    ///
    /// # Errors
    /// [`LabError::Program`] when it is missing or refuses them.
    pub fn smtp(self, site: &Site, options: &[&str]) -> Result<Servers, LabError> {
        let listens = format!("{SERVER}:25");
        let script = include_str!("smtp_server.py");
        let mut args = vec!["-c", script, "-l", &listens, "-c", "aiosmtpd.handlers.Sink"];
        args.extend(options);
        site.server.sysctl("ipv4.ip_unprivileged_port_start", "0")?;
        self.program(site, &python(), &args, &listens)
    }

    /// A server of gRPC in Python at port 50051, with reflection and this health.
    ///
    /// # Errors
    /// [`LabError::Program`] when the Python of the judges lacks grpcio.
    pub fn grpc(self, site: &Site, health: Health) -> Result<Servers, LabError> {
        let health = match health {
            Health::Serving => "SERVING",
            Health::NotServing => "NOT_SERVING",
            Health::Missing => "",
        };
        let listens = format!("{SERVER}:50051");
        let args = ["-c", include_str!("grpc_server.py"), &listens, health];
        self.program(site, &python(), &args, &listens)
    }
}

impl Site {
    /// A folder that belongs to the ordinary user.
    ///
    /// # Errors
    /// [`LabError::Io`] when it cannot be made.
    pub fn lent(&self) -> Result<PathBuf, LabError> {
        let folder = self.folder.join("lent");
        if !folder.exists() {
            fs::create_dir(&folder)
                .and_then(|()| give(&folder, 0o700))
                .map_err(LabError::io(format!("create {}", folder.display())))?;
        }
        Ok(folder)
    }

    /// Copies a certificate of the site and its key into the folder of the ordinary user, who alone may read the key.
    ///
    /// # Errors
    /// [`LabError::Io`] when they cannot be written.
    pub fn lend(&self, name: &str) -> Result<(), LabError> {
        let folder = self.lent()?;
        for end in ["pem", "key"] {
            let file = format!("{name}.{end}");
            let to = folder.join(&file);
            fs::copy(self.folder.join(&file), &to)
                .and_then(|_| give(&to, 0o600))
                .map_err(LabError::io(format!("copy {}", to.display())))?;
        }
        Ok(())
    }
}

/// Lets the ordinary user have a file or folder.
fn give(path: &Path, mode: u32) -> std::io::Result<()> {
    chown(path, Some(NOBODY), Some(NOBODY))?;
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
}

fn run_as_nobody(program: &Path, args: &[&str]) -> Result<(), LabError> {
    let [setpriv, options @ ..] = AS_NOBODY;
    namespace::run(Command::new(setpriv).args(options).arg(program).args(args))
}

/// A program of PostgreSQL, which Debian keeps off the search path.
fn postgres_program(name: &str) -> Result<PathBuf, LabError> {
    let versions = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .map(|version| version.path().join("bin").join(name));
    let mut found: Vec<PathBuf> = versions.filter(|file| file.is_file()).collect();
    found.sort();
    found.pop().ok_or_else(|| LabError::Program {
        command: name.to_owned(),
        reason: "is not installed (Debian package postgresql)".to_owned(),
    })
}

/// The Python of the judges, which `.ci/run` fills; the system's where it is not there.
fn python() -> String {
    let judges = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/judges/bin/python");
    if judges.is_file() {
        judges.display().to_string()
    } else {
        "python3".to_owned()
    }
}
