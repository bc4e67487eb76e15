//! What tests of the lab share.

use ww_base::{Limits, SourceId};
use ww_import::Text;
use ww_lab::error::LabError;
use ww_lab::proxy;
use ww_model::Model;

/// Does work that needs a lab and these proxies; none after one loud line where it is not possible, which under CI is
/// a failure.
pub(crate) fn in_a_lab<T>(
    what: &str,
    proxies: &[&str],
    work: impl FnOnce() -> Result<T, LabError>,
) -> Option<T> {
    let is_ci = std::env::var_os("CI").is_some();
    for name in proxies {
        match proxy::version(name) {
            Some(version) => println!("{what}: {version}"),
            None if is_ci => panic!("{what}: {name} is not installed"),
            None => {
                eprintln!("NOT TESTED: {what} needs {name}, which is not installed");
                return None;
            }
        }
    }
    match work() {
        Ok(done) => Some(done),
        Err(LabError::NotPossible { operation, reason }) if !is_ci => {
            eprintln!("NOT TESTED: {what} needs root and namespaces ({operation}: {reason})");
            None
        }
        Err(error) => panic!("{what}: {error}"),
    }
}

/// What one configuration file declares.
pub(crate) fn declared(path: &str, text: &str) -> Model {
    let text = Text {
        source: SourceId(0),
        path,
        device: "",
        bytes: text.as_bytes(),
    };
    let gathered = ww_import::gather(&[text], &Limits::default());
    assert_eq!(gathered.problems, [], "{path}");
    gathered.model
}
