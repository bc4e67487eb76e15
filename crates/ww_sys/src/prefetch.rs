//! Asking the processor for memory before it is needed.

/// Asks for the beginning of `bytes`, two cache lines of 64 bytes, without waiting for it. Does nothing on
/// processors other than x86-64.
#[inline]
pub fn prefetch(bytes: &[u8]) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        let start = bytes.as_ptr().cast::<i8>();
        // SAFETY: a prefetch reads nothing into the program and ignores addresses that are not mapped.
        unsafe {
            _mm_prefetch::<_MM_HINT_T0>(start);
            _mm_prefetch::<_MM_HINT_T0>(start.wrapping_add(64));
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = bytes;
}
