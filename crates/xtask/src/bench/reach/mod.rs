//! `cargo xtask bench reach`: reachability at the sizes that people have.

mod clusters;
mod filters;

use std::io;

/// Measures, or does one part of it when asked by itself; true when every bar is met.
pub(super) fn run(args: &[String]) -> io::Result<bool> {
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    match words.as_slice() {
        [] => Ok(clusters::measure()? & filters::measure()?),
        ["clusters"] => clusters::measure(),
        ["filters"] => filters::measure(),
        ["filters", "--build", count, file] => filters::build(count, file).map(|()| true),
        ["clusters", "--build", scale, file] => clusters::build(scale, file).map(|()| true),
        ["clusters", "--ask", file] => clusters::ask(file).map(|()| true),
        _ => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "usage: cargo xtask bench reach [clusters|filters]",
        )),
    }
}
