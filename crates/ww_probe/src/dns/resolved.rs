//! What systemd-resolved is told to do, where programs ask its stub: resolved.conf(5) with its drop-ins.

use super::NameServer;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use ww_evidence::transcript::StubSetup;

/// Where its stub listens (systemd-resolved(8)).
const STUBS: [[u8; 4]; 2] = [[127, 0, 0, 53], [127, 0, 0, 54]];

/// Folders of its files; a file of a later one takes the place of those of the same name before it.
const FOLDERS: [&str; 4] = [
    "/usr/lib/systemd",
    "/usr/local/lib/systemd",
    "/run/systemd",
    "/etc/systemd",
];

/// Drop-ins that are read.
const DROP_INS: usize = 64;

/// Servers that are kept.
const SERVERS: usize = 8;

/// What it is told, where its stub is among the servers that programs ask.
pub(super) fn of(servers: &[SocketAddr]) -> Option<StubSetup> {
    let is_stub = |at: &SocketAddr| STUBS.iter().any(|&stub| at.ip() == IpAddr::from(stub));
    if !servers.iter().any(is_stub) {
        return None;
    }
    let texts: Vec<String> = files(&FOLDERS.map(PathBuf::from))
        .iter()
        .map(super::setup::file)
        .collect();
    Some(read(&texts))
}

/// The file that counts, and the drop-ins that change it, in the order of their names.
fn files(folders: &[PathBuf]) -> Vec<PathBuf> {
    let mut mains = folders.iter().map(|folder| folder.join("resolved.conf"));
    let main = mains.rfind(|path| path.is_file());
    let mut drop_ins: BTreeMap<String, PathBuf> = BTreeMap::new();
    for folder in folders {
        let Ok(entries) = std::fs::read_dir(folder.join("resolved.conf.d")) else {
            continue;
        };
        for path in entries.flatten().map(|entry| entry.path()) {
            let name = path
                .file_name()
                .map(|name| name.to_string_lossy().into_owned());
            if let Some(name) = name.filter(|name| name.strip_suffix(".conf").is_some()) {
                drop_ins.insert(name, path);
            }
        }
    }
    main.into_iter()
        .chain(drop_ins.into_values().take(DROP_INS))
        .collect()
}

/// Later files change what earlier ones say; an empty list begins anew.
fn read(texts: &[String]) -> StubSetup {
    let mut setup = StubSetup::default();
    for text in texts {
        let mut in_section = false;
        for line in text.lines().map(str::trim) {
            if line.starts_with('[') {
                in_section = line == "[Resolve]";
            }
            let Some((key, value)) = line.split_once('=').filter(|_| in_section) else {
                continue;
            };
            let value = value.trim();
            match key.trim() {
                "DNSOverTLS" => mode(value).clone_into(&mut setup.dns_over_tls),
                "DNS" if value.is_empty() => setup.servers.clear(),
                "DNS" => setup
                    .servers
                    .extend(value.split_whitespace().map(str::to_owned)),
                _ => {}
            }
        }
    }
    setup.servers.truncate(SERVERS);
    setup
}

fn mode(value: &str) -> &str {
    match value {
        "1" | "true" | "on" | "y" | "t" => "yes",
        "0" | "false" | "off" | "n" | "f" => "no",
        other => other,
    }
}

/// The servers that it asks over TLS alone, where it is told to (`DNSOverTLS=yes`): `ADDRESS[:PORT][%LINK][#NAME]`.
pub(super) fn over_tls(setup: &StubSetup) -> Vec<NameServer> {
    if setup.dns_over_tls != "yes" {
        return Vec::new();
    }
    let url = |written: &String| {
        let (at, name) = written.split_once('#').unwrap_or((written, ""));
        let at = at.split('%').next().unwrap_or_default();
        let at = match at.parse::<IpAddr>() {
            Ok(IpAddr::V6(address)) => format!("[{address}]"),
            _ => at.to_owned(),
        };
        let name = if name.is_empty() {
            String::new()
        } else {
            format!("#{name}")
        };
        format!("tls://{at}{name}").parse().ok()
    };
    setup.servers.iter().filter_map(url).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn told(texts: &[&str]) -> StubSetup {
        let texts: Vec<String> = texts.iter().map(|&text| text.to_owned()).collect();
        read(&texts)
    }

    #[test]
    fn later_files_change_earlier_ones() {
        let setup = told(&[
            "[Resolve]\n#DNS=192.0.2.1\nDNS=192.0.2.53#dns.example 2001:db8::53\nDNSOverTLS=opportunistic\n[Other]\nDNS=192.0.2.9\n",
            "[Resolve]\nDNSOverTLS = true\nDNS=192.0.2.54:8853\n",
        ]);
        assert_eq!(setup.dns_over_tls, "yes");
        let servers = ["192.0.2.53#dns.example", "2001:db8::53", "192.0.2.54:8853"];
        assert_eq!(setup.servers, servers);
        let anew = told(&[
            "[Resolve]\nDNS=192.0.2.53\n",
            "[Resolve]\nDNS=\nDNSOverTLS=no\n",
        ]);
        assert_eq!((anew.servers.len(), anew.dns_over_tls.as_str()), (0, "no"));
        assert_eq!(told(&[]), StubSetup::default());
    }

    #[test]
    fn servers_over_tls_are_those_that_are_asked_over_nothing_else() {
        let mut setup = told(&[
            "[Resolve]\nDNSOverTLS=yes\nDNS=192.0.2.53#dns.example 2001:db8::53%2 [2001:db8::54]:8853#x.example nonsense/ 192.0.2.54:8853\n",
        ]);
        let places: Vec<String> = over_tls(&setup)
            .into_iter()
            .map(|server| match server {
                NameServer::Encrypted(server) => {
                    format!(
                        "{} {} {}",
                        server.at, server.endpoint.port, server.endpoint.host
                    )
                }
                NameServer::Plain(_) => panic!("over TLS"),
            })
            .collect();
        assert_eq!(
            places,
            [
                "192.0.2.53 853 dns.example",
                "2001:db8::53 853 2001:db8::53",
                "2001:db8::54 8853 x.example",
                "192.0.2.54 8853 192.0.2.54"
            ]
        );
        "opportunistic".clone_into(&mut setup.dns_over_tls);
        assert_eq!(over_tls(&setup), []);
    }

    #[test]
    fn only_who_asks_the_stub_is_told() {
        let at = |text: &str| text.parse::<SocketAddr>().expect("an address");
        assert_eq!(of(&[at("127.0.0.1:53"), at("192.0.2.53:53")]), None);
        assert!(of(&[at("127.0.0.53:53")]).is_some());
    }

    #[test]
    fn a_file_takes_the_place_of_those_of_its_name() {
        let folder = tempfile::tempdir().expect("a folder");
        let folders = ["low", "high"].map(|name| folder.path().join(name));
        for (path, text) in [
            ("low/resolved.conf", ""),
            ("low/resolved.conf.d/20.conf", ""),
            ("low/resolved.conf.d/10.conf", ""),
            ("high/resolved.conf.d/20.conf", ""),
            ("high/resolved.conf.d/30.txt", ""),
        ] {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            std::fs::write(path, text).expect("written");
        }
        let found: Vec<String> = files(&folders)
            .iter()
            .map(|path| relative(path, folder.path()))
            .collect();
        assert_eq!(
            found,
            [
                "low/resolved.conf",
                "low/resolved.conf.d/10.conf",
                "high/resolved.conf.d/20.conf"
            ]
        );
    }

    fn relative(path: &Path, to: &Path) -> String {
        let path = path.strip_prefix(to).expect("within it");
        path.display().to_string()
    }
}
