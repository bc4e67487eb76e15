//! wirewise: a networking specialist as a program.

fn main() {}
