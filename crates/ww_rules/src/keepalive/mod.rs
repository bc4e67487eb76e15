//! Rules on connections that are kept: who closes them, and when.

pub(crate) mod keep_alive_race;
