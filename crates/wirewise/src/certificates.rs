//! The certificate files that configurations name.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use ww_base::Order;
use ww_evidence::transcript::Certificate;
use ww_finding::Input;
use ww_model::Model;
use ww_model::service::CertificateFile;
use ww_rules::{CertificateOnDisk, named_certificates};

/// No more is read of one: a chain of certificates and a key are some kilobytes.
const FILE_MAX: u64 = 1024 * 1024;

/// No more files of one folder are read.
const FILES_MAX: usize = 256;

/// What is said of a file that holds none.
const NONE: &str = "it holds no certificate that can be read";

/// Reads those that the files of a case name; a relative path begins where the file is that names it. Of what else
/// they hold, such as private keys, nothing is kept.
pub(crate) fn read(model: &Model, inputs: &[Input]) -> Vec<CertificateOnDisk> {
    let of = |named: CertificateFile| {
        let all = at(&place(&named, inputs));
        all.into_iter().map(move |read| CertificateOnDisk {
            named: named.clone(),
            read,
        })
    };
    named_certificates(model).into_iter().flat_map(of).collect()
}

/// What is at a place: a file's certificate, or those of the files in a folder, as HAProxy reads them (`crt DIR`).
fn at(path: &Path) -> Vec<Result<Certificate, String>> {
    if !path.is_dir() {
        return vec![first(path)];
    }
    let entries = match std::fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) => return vec![Err(error.to_string())],
    };
    let files = entries.flatten().map(|entry| entry.path());
    let mut files: Vec<PathBuf> = files.filter(|path| path.is_file()).collect();
    files.put_in_order();
    files.truncate(FILES_MAX);
    let read = files.iter().map(|file| first(file));
    // Keys and stapled answers lie beside them.
    let read: Vec<_> = read.filter(|one| *one != Err(NONE.to_owned())).collect();
    if read.is_empty() {
        vec![Err("no file in it holds a certificate".to_owned())]
    } else {
        read
    }
}

fn place(named: &CertificateFile, inputs: &[Input]) -> PathBuf {
    let by = inputs.get(named.at.source.0 as usize);
    let folder = by.and_then(|input| Path::new(&input.path).parent());
    folder.map_or_else(
        || PathBuf::from(&named.path),
        |folder| folder.join(&named.path),
    )
}

/// The first certificate in a file: the server's own stands there.
#[expect(
    clippy::disallowed_methods,
    reason = "reading the files that the user's files name is this surface's work"
)]
fn first(path: &Path) -> Result<Certificate, String> {
    // A pipe would wait for somebody to write.
    let is_file = std::fs::metadata(path).map(|found| found.is_file());
    match is_file {
        Err(error) => return Err(error.to_string()),
        Ok(false) => return Err("it is no file".to_owned()),
        Ok(true) => {}
    }
    let mut pem = Vec::new();
    File::open(path)
        .and_then(|file| file.take(FILE_MAX).read_to_end(&mut pem))
        .map_err(|error| error.to_string())?;
    let all = ww_probe::read_certificates(&pem);
    let own = all.into_iter().next();
    own.ok_or_else(|| NONE.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_certificate_is_told() {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let why = |name: &str| first(&here.join(name)).expect_err(name);
        assert!(why("src").contains("no file"));
        assert!(why("Cargo.toml").contains("no certificate"));
        assert!(why("missing.pem").contains("No such file"));
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a test writes its files")]
    fn a_folder_holds_the_certificates_of_its_files() {
        let folder = tempfile::tempdir().expect("a folder");
        let none = at(folder.path());
        assert!(
            matches!(none.as_slice(), [Err(why)] if why.contains("no file in it")),
            "{none:?}"
        );
        let write = |name: &str, text: &str| {
            std::fs::write(folder.path().join(name), text).expect("written");
        };
        write("a.pem", PEM);
        write("a.pem.key", "-----BEGIN PRIVATE KEY-----");
        write("b.pem", PEM);
        let read = at(folder.path());
        assert_eq!(read.len(), 2, "{read:?}");
        assert!(read.iter().all(Result::is_ok), "{read:?}");
        assert_eq!(at(&folder.path().join("a.pem")).len(), 1);
    }

    const PEM: &str = "\
-----BEGIN CERTIFICATE-----
MIIBmTCCAUCgAwIBAgICShIwCgYIKoZIzj0EAwIwLTEWMBQGA1UECgwNRXhhbXBs
ZSBUcnVzdDETMBEGA1UEAwwKRXhhbXBsZSBSMzAeFw0yNjExMjUwMDAwMDBaFw0y
NzAyMjMwMDAwMDBaMBcxFTATBgNVBAMMDHNob3AuZXhhbXBsZTBZMBMGByqGSM49
AgEGCCqGSM49AwEHA0IABMPX/CkQvA0pe8TODTYNHXJLjUWm3j4fGgmnog3Dqds2
i1m3bsQocOnLZQ9CbJpgcaUbvG+TsIAg6IUwuLW59w6jZjBkMAkGA1UdEwQCMAAw
FwYDVR0RBBAwDoIMc2hvcC5leGFtcGxlMB0GA1UdDgQWBBQwsEwwsDvyiMu4Atw+
E/dQ1NWzSjAfBgNVHSMEGDAWgBQvHTN1lRJvspmvfTma1vDNqfZNezAKBggqhkjO
PQQDAgNHADBEAiAkzpvDsrF1TUKD14g+Ht2ffcTEiXUtclEvM3s3ChrsZgIgbBbk
QnIAzWy+7Oz+Y/v05fhMpj4oGwNID0/MInah5FQ=
-----END CERTIFICATE-----
";
}
