//! Records the capture of `examples/race` again, as root: `cargo run -p ww_lab --example record_race`.

use std::error::Error;
use std::path::Path;
use ww_lab::race::{Configured, record};

fn main() -> Result<(), Box<dyn Error>> {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/race");
    // Programs write beside their files.
    let folder = tempfile::tempdir()?;
    let copied = |name: &str| {
        let copy = folder.path().join(name);
        std::fs::copy(examples.join(name), &copy).map(|_| copy)
    };
    let (nginx, haproxy) = (copied("nginx.conf")?, copied("haproxy.cfg")?);
    let failed = record(
        Configured::Nginx(&nginx),
        Configured::Haproxy(&haproxy),
        &examples.join("proxy.pcap"),
    )?;
    println!("{failed} requests met a close");
    Ok(())
}
