//! Sequence arithmetic: 32 bits, modulo 2^32 (RFC 9293 section 3.4).

/// `a` comes after `b`.
#[inline]
pub(crate) fn after(a: u32, b: u32) -> bool {
    (a.wrapping_sub(b) as i32) > 0
}

/// `a` comes before `b`.
#[inline]
pub(crate) fn before(a: u32, b: u32) -> bool {
    (a.wrapping_sub(b) as i32) < 0
}

/// `a` is `b` or comes after it.
#[inline]
pub(crate) fn at_or_after(a: u32, b: u32) -> bool {
    !before(a, b)
}

/// `a` is `b` or comes before it.
#[inline]
pub(crate) fn at_or_before(a: u32, b: u32) -> bool {
    !after(a, b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_wraps() {
        assert!(after(5, u32::MAX - 5));
        assert!(before(u32::MAX, 0));
        assert!(at_or_after(7, 7) && at_or_before(7, 7));
    }
}
