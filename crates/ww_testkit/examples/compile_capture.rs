//! Compiles a capture text to a pcap file, to look at it with other tools:
//!
//! ```sh
//! cargo run -q -p ww_testkit --example compile_capture < example.txt | tshark -r -
//! ```

use std::io::{Read, Write};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text)?;
    let capture = ww_testkit::capture_text::compile(&text)?;
    std::io::stdout().write_all(&capture.pcap)?;
    Ok(())
}
