//! What the kernel says of its clock.

use libc::{STA_UNSYNC, adjtimex, timex};

/// Whether a program keeps the kernel's clock right, as from a server of NTP: `STA_UNSYNC` of `adjtimex(2)` is not set.
/// `None` where the kernel does not tell, as in some containers. Needs no privilege and changes nothing.
#[must_use]
pub fn is_clock_synchronised() -> Option<bool> {
    // SAFETY: the structure holds integers alone, for which zero is a value.
    let mut state: timex = unsafe { std::mem::zeroed() };
    // SAFETY: the pointer is to a structure of this kind; with no mode set the call only fills it.
    let answer = unsafe { adjtimex(&raw mut state) };
    (answer >= 0).then_some(state.status & STA_UNSYNC == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asking_twice_gives_the_same() {
        assert_eq!(is_clock_synchronised(), is_clock_synchronised());
    }
}
