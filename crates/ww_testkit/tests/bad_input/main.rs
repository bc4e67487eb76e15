//! Bad input: cut, damaged, hostile and overwhelming captures and files give a clear message or a partial
//! report; never a panic, never more memory than the limits allow.
//!
//! The short forms run with every test run. The long ones are ignored there, because they take
//! minutes in a fast build; `cargo xtask anomaly` runs them.
#![expect(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that starts itself to measure memory, and helpers that fail as tests do"
)]

mod bombs;
mod damage;
mod declared;
mod flood;
mod floods;
mod measured;
mod pipeline;
mod seeds;
