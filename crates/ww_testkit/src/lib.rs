//! Fixtures and the page runner for tests.
//!
//! [`capture_text`] compiles packets written as text to the bytes of a capture. [`page`] reads a
//! rule's page, whose examples are such texts, and [`page::run`] holds the tool to it. [`labels`]
//! compares TCP labels with tshark's.

pub mod capture_text;
pub mod labels;
pub mod page;
