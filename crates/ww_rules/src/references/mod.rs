//! Rules on names that have to be declared somewhere.

pub(crate) mod dangling_reference;
