//! Ticks of a pcapng interface to time.

use ww_base::Moment;

use super::info::TimeResolution;

/// How an interface counts time.
#[derive(Clone, Copy)]
pub(super) struct Clock {
    pub(super) resolution: TimeResolution,
    /// Seconds to add (`if_tsoffset`).
    pub(super) offset_s: i64,
}

impl Clock {
    /// The time of a number of ticks, saturating.
    ///
    /// Ticks are unsigned, but nothing was captured in the second half of their range: such
    /// values come from clocks that stood before 1970 and are read as negative.
    #[inline]
    pub(super) fn moment(self, ticks: u64) -> Moment {
        let ticks = ticks as i64;
        let ns = match self.resolution {
            TimeResolution::PowerOfTen(power @ 0..=9) => {
                ticks.saturating_mul(10_i64.pow(9 - u32::from(power)))
            }
            TimeResolution::PowerOfTen(power) => 10_i64
                .checked_pow(u32::from(power) - 9)
                .map_or(0, |divisor| ticks / divisor),
            TimeResolution::PowerOfTwo(power) => {
                let ns = (i128::from(ticks) * 1_000_000_000) >> power.min(127);
                i64::try_from(ns).unwrap_or(if ticks < 0 { i64::MIN } else { i64::MAX })
            }
        };
        Moment(ns.saturating_add(self.offset_s.saturating_mul(1_000_000_000)))
    }
}

/// The meaning of `if_tsresol`.
pub(super) fn resolution(told: u8) -> TimeResolution {
    match told {
        power @ 0..=0x7f => TimeResolution::PowerOfTen(power),
        power => TimeResolution::PowerOfTwo(power & 0x7f),
    }
}
