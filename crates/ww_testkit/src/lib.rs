//! Fixtures and the page runner for tests.
