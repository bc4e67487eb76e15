//! Fixtures and the page runner for tests.

pub mod capture_text;
