//! Findings to words: text and JSON.
