//! Packets that were sent, and the names lines gave them.

use std::collections::BTreeMap;

use super::attributes::{Block, Number};
use super::connection::Segment;
use super::wire::Link;

/// A packet as it was sent.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    /// Its number in the capture; nothing when the capture lacks it.
    pub(super) frame: Option<u64>,
    pub(super) link: Link,
    pub(super) packet: Vec<u8>,
    /// What it is to its connection, when it is a TCP segment.
    pub(super) segment: Option<Segment>,
}

/// What a name stands for: the packets of one line.
#[derive(Clone, Debug)]
struct Named {
    first: Sent,
    /// The sequence number after the last of them.
    end: i64,
}

/// All names given so far.
#[derive(Debug, Default)]
pub(super) struct Names(BTreeMap<String, Named>);

impl Names {
    /// Names the `index`th packet of a line that sends `count`: `data`, and of several also
    /// `data.1`, `data.2`, …
    pub(super) fn add(&mut self, name: &str, index: u32, count: u32, sent: &Sent) {
        let end = sent.segment.as_ref().map_or(0, |segment| segment.end);
        let named = Named {
            first: sent.clone(),
            end,
        };
        if count > 1 {
            self.0
                .insert(format!("{name}.{}", index + 1), named.clone());
        }
        match self.0.get_mut(name) {
            Some(known) if index > 0 => known.end = end,
            _ => {
                self.0.insert(name.to_owned(), named);
            }
        }
    }

    /// The packet of a name, the first when its line sent several.
    pub(super) fn sent(&self, name: &str) -> Result<&Sent, String> {
        self.named(name).map(|named| &named.first)
    }

    /// The frames that have names.
    pub(super) fn frames(self) -> BTreeMap<String, u64> {
        self.0
            .into_iter()
            .filter_map(|(name, named)| Some((name, named.first.frame?)))
            .collect()
    }

    /// The sequence number meant, when automatic numbering is at `next`; a name means its first
    /// byte.
    pub(super) fn seq(&self, number: &Number, next: i64) -> Result<i64, String> {
        match number {
            Number::Relative(number) => Ok(*number),
            Number::FromNext(offset) => Ok(next + offset),
            Number::Name(name) => Ok(self.bytes(name)?.0),
        }
    }

    /// The acknowledgement meant, when all that arrived would be `next`; a name means everything
    /// up to its last byte.
    pub(super) fn ack(&self, number: &Number, next: i64) -> Result<i64, String> {
        match number {
            Number::Name(name) => Ok(self.bytes(name)?.1),
            other => self.seq(other, next),
        }
    }

    /// The bytes a SACK block reports.
    pub(super) fn block(&self, block: &Block) -> Result<(i64, i64), String> {
        match block {
            Block::Range(left, right) => Ok((*left, *right)),
            Block::Name(name) => self.bytes(name),
        }
    }

    fn named(&self, name: &str) -> Result<&Named, String> {
        self.0
            .get(name)
            .ok_or_else(|| format!("no earlier line is named `{name}`; name one with `as {name}`"))
    }

    fn bytes(&self, name: &str) -> Result<(i64, i64), String> {
        let named = self.named(name)?;
        match &named.first.segment {
            Some(segment) => Ok((segment.seq, named.end)),
            None => Err(format!("`{name}` is no TCP segment")),
        }
    }
}
