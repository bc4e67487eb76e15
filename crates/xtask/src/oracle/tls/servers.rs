//! Real servers on loopback, each with its own idea of what clients may choose.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

use crate::bench::find;

/// What is started, by its Debian package's program.
#[derive(Clone, Copy, Debug)]
pub(super) struct Setup {
    /// What it is, for people.
    pub(super) name: &'static str,
    program: Program,
}

#[derive(Clone, Copy, Debug)]
enum Program {
    /// Directives of a `server` block.
    Nginx(&'static str),
    /// Options of a `bind` line.
    Haproxy(&'static str),
    /// Options of `openssl s_server`.
    Openssl(&'static [&'static str]),
    /// A priority string.
    Gnutls(&'static str),
    /// Options of a service.
    Stunnel(&'static str),
}

impl Program {
    fn name(self) -> &'static str {
        match self {
            Program::Nginx(_) => "nginx",
            Program::Haproxy(_) => "haproxy",
            Program::Openssl(_) => "openssl",
            Program::Gnutls(_) => "gnutls-serv",
            Program::Stunnel(_) => "stunnel4",
        }
    }
}

/// Every server.
pub(super) const SETUPS: [Setup; 9] = [
    Setup {
        name: "nginx, TLS 1.2 and 1.3, usual suites",
        program: Program::Nginx("ssl_protocols TLSv1.2 TLSv1.3;"),
    },
    Setup {
        name: "nginx, TLS 1.0 to 1.3, every suite, server's order",
        program: Program::Nginx(
            "ssl_protocols TLSv1 TLSv1.1 TLSv1.2 TLSv1.3; ssl_ciphers ALL:COMPLEMENTOFALL:@SECLEVEL=0; ssl_prefer_server_ciphers on; ssl_session_tickets off;",
        ),
    },
    Setup {
        name: "nginx, TLS 1.2, ECDSA, three suites",
        program: Program::Nginx(
            "ssl_protocols TLSv1.2; ssl_prefer_server_ciphers on; ssl_ciphers ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-SHA;",
        ),
    },
    Setup {
        name: "HAProxy, TLS 1.0 to 1.3, every suite",
        program: Program::Haproxy("ssl-min-ver TLSv1.0 ciphers ALL:@SECLEVEL=0"),
    },
    Setup {
        name: "openssl s_server, TLS 1.2 with NULL and without certificates",
        program: Program::Openssl(&[
            "-no_tls1_3",
            "-cipher",
            "ALL:eNULL:@SECLEVEL=0",
            "-dhparam",
            "dh.pem",
        ]),
    },
    Setup {
        name: "openssl s_server, TLS 1.3 with CCM",
        program: Program::Openssl(&[
            "-tls1_3",
            "-ciphersuites",
            "TLS_AES_128_GCM_SHA256:TLS_AES_128_CCM_SHA256:TLS_AES_128_CCM_8_SHA256",
        ]),
    },
    Setup {
        name: "GnuTLS, TLS 1.0 to 1.3, RC4 and 3DES",
        program: Program::Gnutls(
            "NORMAL:+VERS-TLS1.0:+VERS-TLS1.1:+ARCFOUR-128:+3DES-CBC:+MD5:+SHA1:%COMPAT",
        ),
    },
    Setup {
        name: "GnuTLS, TLS 1.0 and 1.1, NULL and RC4, server's order",
        program: Program::Gnutls(
            "NONE:+VERS-TLS1.0:+VERS-TLS1.1:+RSA:+DHE-RSA:+ECDHE-RSA:+NULL:+ARCFOUR-128:+AES-128-CBC:+MD5:+SHA1:+COMP-NULL:+SIGN-ALL:+GROUP-ALL:+CTYPE-ALL:%SERVER_PRECEDENCE",
        ),
    },
    Setup {
        name: "stunnel, TLS 1.1 and 1.2",
        program: Program::Stunnel(
            "sslVersionMin = TLSv1.1\nsslVersionMax = TLSv1.2\nsecurityLevel = 0\nciphers = HIGH:@SECLEVEL=0\n",
        ),
    },
];

/// A server that runs until it is dropped.
pub(super) struct Server {
    child: Child,
    /// Where it listens.
    pub(super) address: SocketAddr,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Certificates and DH parameters for all servers, in a folder.
pub(super) fn credentials(folder: &Path) -> Result<()> {
    let openssl = find("openssl").context("openssl is not installed")?;
    let certificate = |kind: &str, key: &[&str]| -> Result<()> {
        let mut command = Command::new(&openssl);
        command
            .args([
                "req",
                "-x509",
                "-nodes",
                "-days",
                "2",
                "-subj",
                "/CN=localhost",
            ])
            .args(key)
            .args([
                "-keyout",
                &format!("{kind}.key"),
                "-out",
                &format!("{kind}.crt"),
            ])
            .current_dir(folder)
            .stderr(Stdio::null());
        ensure!(command.status()?.success(), "openssl makes no certificate");
        let mut both = fs::read(folder.join(format!("{kind}.crt")))?;
        both.extend(fs::read(folder.join(format!("{kind}.key")))?);
        fs::write(folder.join(format!("{kind}.pem")), both)?;
        Ok(())
    };
    certificate("rsa", &["-newkey", "rsa:2048"])?;
    certificate(
        "ec",
        &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"],
    )?;
    let parameters = Command::new(&openssl)
        .args(["genpkey", "-genparam", "-algorithm", "DH"])
        .args(["-pkeyopt", "group:ffdhe2048", "-out", "dh.pem"])
        .current_dir(folder)
        .status()?;
    ensure!(parameters.success(), "openssl makes no DH parameters");
    Ok(())
}

impl Setup {
    /// Starts it and waits until it listens; `None` where the program is not installed.
    pub(super) fn start(&self, folder: &Path) -> Result<Option<Server>> {
        let Some(program) = find(self.program.name()) else {
            return Ok(None);
        };
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let child = self.command(&program, folder, address.port())?.spawn()?;
        let server = Server { child, address };
        let began = Instant::now();
        while TcpStream::connect(address).is_err() {
            if began.elapsed() > Duration::from_secs(10) {
                bail!("{} does not listen", self.name);
            }
            sleep(Duration::from_millis(20));
        }
        Ok(Some(server))
    }

    fn command(&self, program: &Path, folder: &Path, port: u16) -> Result<Command> {
        let mut command = Command::new(program);
        command
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let config: PathBuf = folder.join(format!("{port}.conf"));
        match self.program {
            Program::Nginx(directives) => {
                fs::write(&config, nginx(directives, folder, port))?;
                command.arg("-c").arg(&config).arg("-p").arg(folder);
            }
            Program::Haproxy(options) => {
                fs::write(&config, haproxy(options, folder, port))?;
                command.arg("-db").arg("-f").arg(&config);
            }
            Program::Openssl(options) => {
                command
                    .args(["s_server", "-www", "-quiet", "-cert", "rsa.pem", "-accept"])
                    .arg(format!("127.0.0.1:{port}"))
                    .args(options);
            }
            Program::Gnutls(priority) => {
                command
                    .args(["--http", "--quiet", "--disable-client-cert"])
                    .args(["--x509keyfile=rsa.key", "--x509certfile=rsa.crt"])
                    .arg(format!("--priority={priority}"))
                    .arg(format!("--port={port}"));
            }
            Program::Stunnel(options) => {
                let text = format!(
                    "foreground = yes\npid =\n[service]\naccept = 127.0.0.1:{port}\nconnect = 127.0.0.1:9\ncert = {}\n{options}",
                    folder.join("rsa.pem").display()
                );
                fs::write(&config, text)?;
                command.arg(&config);
            }
        }
        Ok(command)
    }
}

fn nginx(directives: &str, folder: &Path, port: u16) -> String {
    let folder = folder.display();
    let kind = if directives.contains("ECDSA") {
        "ec"
    } else {
        "rsa"
    };
    format!(
        "daemon off; master_process off; pid {port}.pid; error_log /dev/null;\n\
         events {{}}\n\
         http {{ access_log off; server {{ listen 127.0.0.1:{port} ssl;\n\
         ssl_certificate {folder}/{kind}.crt; ssl_certificate_key {folder}/{kind}.key; ssl_dhparam {folder}/dh.pem;\n\
         {directives}\n\
         return 204; }} }}\n"
    )
}

fn haproxy(options: &str, folder: &Path, port: u16) -> String {
    format!(
        "global\n  tune.ssl.default-dh-param 2048\n\
         defaults\n  mode http\n  timeout connect 5s\n  timeout client 30s\n  timeout server 30s\n\
         frontend tls\n  bind 127.0.0.1:{port} ssl crt {}/rsa.pem {options}\n  http-request return status 204\n",
        folder.display()
    )
}
