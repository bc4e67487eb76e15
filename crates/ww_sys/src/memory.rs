//! What the allocator does with memory that is free.

use libmimalloc_sys::{mi_option_set_default, mi_option_t};

/// `mi_option_purge_delay` of `mimalloc.h`, version 2.2: milliseconds after which memory that is free is
/// given back to the system; negative for never. The bindings do not name it.
const PURGE_DELAY: mi_option_t = 15;

/// Lets mimalloc keep what is freed for what is allocated next, unless `MIMALLOC_PURGE_DELAY` says otherwise.
///
/// A program that works through one input and ends never has less to hold later; giving pages back
/// only makes the system clear them again. To be called before there are other threads.
pub fn keep_freed_memory() {
    // SAFETY: the call writes one number of mimalloc's own table of options, whose length bounds the index;
    // no other thread reads it yet.
    unsafe { mi_option_set_default(PURGE_DELAY, -1) };
}

#[cfg(test)]
mod tests {
    use super::*;
    use libmimalloc_sys::mi_option_get;

    #[test]
    fn the_option_is_the_purge_delay() {
        // SAFETY: reads one number of mimalloc's own table of options.
        let delay = || unsafe { mi_option_get(PURGE_DELAY) };
        assert_eq!(delay(), 10, "mimalloc's default of 10 ms");
        keep_freed_memory();
        assert_eq!(delay(), -1);
    }
}
