//! A place in a message, and what is read from there.

use super::name;

/// A place in a message. What it reads ends at a bound; names may point to earlier places.
#[derive(Clone, Debug)]
pub(in crate::dns) struct Reader<'m> {
    message: &'m [u8],
    at: usize,
    end: usize,
}

impl<'m> Reader<'m> {
    /// The whole message from its beginning.
    pub(in crate::dns) fn new(message: &'m [u8]) -> Reader<'m> {
        Reader {
            message,
            at: 0,
            end: message.len(),
        }
    }

    /// Nothing is left.
    pub(in crate::dns) fn is_empty(&self) -> bool {
        self.at >= self.end
    }

    /// The next `length` bytes as a reader of their own.
    pub(in crate::dns) fn within(&mut self, length: usize) -> Option<Reader<'m>> {
        let from = self.at;
        self.skip(length)?;
        Some(Reader {
            message: self.message,
            at: from,
            end: self.at,
        })
    }

    /// The next bytes.
    pub(in crate::dns) fn take(&mut self, length: usize) -> Option<&'m [u8]> {
        let from = self.at;
        self.skip(length)?;
        self.message.get(from..self.at)
    }

    /// All bytes that are left.
    pub(in crate::dns) fn rest(&mut self) -> &'m [u8] {
        let rest = self.message.get(self.at..self.end).unwrap_or_default();
        self.at = self.end;
        rest
    }

    /// Leaves bytes out.
    pub(in crate::dns) fn skip(&mut self, length: usize) -> Option<()> {
        let at = self.at.checked_add(length)?;
        if at > self.end {
            return None;
        }
        self.at = at;
        Some(())
    }

    /// An unsigned number.
    pub(in crate::dns) fn u8(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    /// An unsigned number in network order.
    pub(in crate::dns) fn u16(&mut self) -> Option<u16> {
        Some(u16::from_be_bytes(self.take(2)?.try_into().ok()?))
    }

    /// An unsigned number in network order.
    pub(in crate::dns) fn u32(&mut self) -> Option<u32> {
        Some(u32::from_be_bytes(self.take(4)?.try_into().ok()?))
    }

    /// A name, which may be compressed.
    pub(in crate::dns) fn name(&mut self) -> Option<String> {
        let (name, behind) = name::decode(self.message, self.at)?;
        if behind > self.end {
            return None;
        }
        self.at = behind;
        Some(name)
    }

    /// The same as on the wire, without compression.
    pub(in crate::dns) fn name_bytes(&mut self) -> Option<Vec<u8>> {
        name::encode(&self.name()?)
    }

    /// A string with its length before it.
    pub(in crate::dns) fn string(&mut self) -> Option<&'m [u8]> {
        let length = usize::from(self.u8()?);
        self.take(length)
    }
}
