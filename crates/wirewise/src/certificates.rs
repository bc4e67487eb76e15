//! The certificate files that configurations name.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use ww_evidence::transcript::Certificate;
use ww_finding::Input;
use ww_model::Model;
use ww_model::service::CertificateFile;
use ww_rules::{CertificateOnDisk, named_certificates};

/// No more is read of one: a chain of certificates and a key are some kilobytes.
const FILE_MAX: u64 = 1024 * 1024;

/// Reads those that the files of a case name; a relative path begins where the file is that names it. Of what else
/// they hold, such as private keys, nothing is kept.
pub(crate) fn read(model: &Model, inputs: &[Input]) -> Vec<CertificateOnDisk> {
    named_certificates(model)
        .into_iter()
        .map(|named| {
            let read = first(&place(&named, inputs));
            CertificateOnDisk { named, read }
        })
        .collect()
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
    own.ok_or_else(|| "it holds no certificate that can be read".to_owned())
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
}
