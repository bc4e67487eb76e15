//! Tests of the nftables reader.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "tests start programs and read files; where that fails, they fail"
)]

mod asides;
mod corpus;
mod fixtures;
mod kernel;
mod limits;
mod semantics;
mod shape;
