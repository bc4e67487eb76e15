//! One file and one page per rule, and the engine that accounts for every one.
