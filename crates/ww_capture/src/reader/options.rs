//! The lists inside pcapng blocks.

use super::bytes::Order;

/// Option codes.
pub(super) mod code {
    pub(in super::super) const END: u16 = 0;
    pub(in super::super) const COMMENT: u16 = 1;
    pub(in super::super) const SECTION_HARDWARE: u16 = 2;
    pub(in super::super) const SECTION_OS: u16 = 3;
    pub(in super::super) const SECTION_APPLICATION: u16 = 4;
    pub(in super::super) const INTERFACE_NAME: u16 = 2;
    pub(in super::super) const INTERFACE_DESCRIPTION: u16 = 3;
    pub(in super::super) const INTERFACE_RESOLUTION: u16 = 9;
    pub(in super::super) const INTERFACE_FILTER: u16 = 11;
    pub(in super::super) const INTERFACE_OS: u16 = 12;
    pub(in super::super) const INTERFACE_FCS_BYTES: u16 = 13;
    pub(in super::super) const INTERFACE_TIME_OFFSET: u16 = 14;
    pub(in super::super) const INTERFACE_HARDWARE: u16 = 15;
    pub(in super::super) const PACKET_DROPS: u16 = 4;
    pub(in super::super) const STATISTICS_RECEIVED: u16 = 4;
    pub(in super::super) const STATISTICS_INTERFACE_DROPS: u16 = 5;
    pub(in super::super) const STATISTICS_ACCEPTED: u16 = 6;
    pub(in super::super) const STATISTICS_OS_DROPS: u16 = 7;
    pub(in super::super) const STATISTICS_DELIVERED: u16 = 8;
}

/// Code, length, value, padding: options, and the records of a Name Resolution Block. Ends at the
/// end mark or where the list makes no sense.
pub(super) struct Options<'b> {
    order: Order,
    /// What is not read yet; after the end mark, what follows it.
    pub(super) rest: &'b [u8],
    /// Whether a length led beyond the end.
    pub(super) damaged: bool,
}

impl<'b> Options<'b> {
    /// The list that `bytes` begin with.
    pub(super) fn new(order: Order, bytes: &'b [u8]) -> Options<'b> {
        Options {
            order,
            rest: bytes,
            damaged: false,
        }
    }
}

impl<'b> Iterator for Options<'b> {
    type Item = (u16, &'b [u8]);

    fn next(&mut self) -> Option<(u16, &'b [u8])> {
        let kind = self.order.u16_at(self.rest, 0)?;
        let length = usize::from(self.order.u16_at(self.rest, 2)?);
        let Some(value) = self.rest.get(4..4 + length) else {
            self.damaged = true;
            self.rest = &[];
            return None;
        };
        self.rest = self
            .rest
            .get(4 + length.next_multiple_of(4)..)
            .unwrap_or_default();
        (kind != code::END).then_some((kind, value))
    }
}
