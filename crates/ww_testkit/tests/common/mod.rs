//! What several tests of the language share.

use std::io::Write;
use std::process::{Command, Stdio};

/// What tshark prints for a capture with these arguments; nothing, and a loud line, where tshark
/// is not installed. Under CI it must be.
#[expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tshark is the judge, and helpers of tests fail as tests do"
)]
pub(crate) fn tshark(pcap: &[u8], arguments: &[&str]) -> Option<String> {
    let spawned = Command::new("tshark")
        .args(["-n", "-r", "-"])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let Ok(mut child) = spawned else {
        assert!(
            std::env::var_os("CI").is_none(),
            "tshark must be installed under CI"
        );
        eprintln!("NOT CHECKED: tshark is not installed, so nobody judged these captures");
        return None;
    };
    let mut stdin = child.stdin.take().unwrap();
    let bytes = pcap.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&bytes));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    Some(String::from_utf8(output.stdout).unwrap())
}
