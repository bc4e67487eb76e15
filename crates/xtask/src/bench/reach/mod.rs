//! `cargo xtask bench reach`: reachability at the sizes that people have.

mod clusters;

use std::io;

/// Measures, or does one part of it when asked by itself; true when every bar is met.
pub(super) fn run(args: &[String]) -> io::Result<bool> {
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    match words.as_slice() {
        [] | ["clusters"] => clusters::measure(),
        ["clusters", "--build", scale, file] => clusters::build(scale, file).map(|()| true),
        ["clusters", "--ask", file] => clusters::ask(file).map(|()| true),
        _ => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "usage: cargo xtask bench reach [clusters]",
        )),
    }
}
