//! Transactions and the questions among them that wait for an answer. Bounded.

use super::message::Message;
use std::collections::{BTreeSet, VecDeque};
use ww_base::{Limits, Moment, Span};
use ww_evidence::{DnsOutcome, DnsTransaction, Endpoint, Mark, Transport};

/// How long an answer is waited for and a repetition recognised.
const PATIENCE: Span = Span::from_secs(60);

/// Two equal queries closer than this are one query that was captured twice.
const COPY: Span = Span::from_millis(2);

/// An answer that took longer than this is worth keeping when memory is short.
const UNEVENTFUL: Span = Span::from_millis(100);

/// What a query and its answer have in common beside the question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Exchange {
    pub(super) client: Endpoint,
    pub(super) server: Endpoint,
    pub(super) stream: Option<u32>,
    pub(super) id: u16,
}

/// A transaction with its number: numbers grow and are never used twice.
#[derive(Debug)]
struct Entry {
    number: u64,
    transaction: DnsTransaction,
    /// Its answer may have passed unnoticed: nothing can be said about it.
    unknown: bool,
}

/// All transactions.
#[derive(Debug)]
pub(super) struct Ledger {
    entries: Vec<Entry>,
    /// Entries whose queries and answers can still be matched.
    open: BTreeSet<(Exchange, u64)>,
    /// The same, oldest first, with the time of the first query.
    by_age: VecDeque<(Moment, Exchange, u64)>,
    next_number: u64,
    entries_max: usize,
    open_max: usize,
    dropped: u64,
    /// What is kept is all eventful: later transactions find no room.
    full: bool,
}

impl Ledger {
    pub(super) fn new(limits: &Limits) -> Ledger {
        Ledger {
            entries: Vec::new(),
            open: BTreeSet::new(),
            by_age: VecDeque::new(),
            next_number: 0,
            entries_max: limits.dns_transactions as usize,
            open_max: limits.dns_pending as usize,
            dropped: 0,
            full: false,
        }
    }

    /// A query: the repetition of an open one or a new transaction, whose number is returned.
    pub(super) fn query(
        &mut self,
        exchange: Exchange,
        message: &Message,
        mark: Mark,
    ) -> Option<u64> {
        self.expire(mark.at);
        if let Some(entry) = self.find(exchange, message) {
            let asked = &mut entry.transaction;
            if (mark.at - asked.last_query.at).or_zero() < COPY {
                return None;
            }
            if asked.answer.is_none() {
                asked.asked += 1;
                asked.last_query = mark;
                return None;
            }
        }
        if self.entries.len() >= self.entries_max && !self.thin_out() {
            self.dropped += 1;
            return None;
        }
        let number = self.next_number;
        self.next_number += 1;
        self.entries.push(Entry {
            number,
            transaction: opened(exchange, message, mark),
            unknown: false,
        });
        self.open.insert((exchange, number));
        self.by_age.push_back((mark.at, exchange, number));
        Some(number)
    }

    /// An answer; false when it answers nothing that is known.
    pub(super) fn answer(
        &mut self,
        exchange: Exchange,
        message: &Message,
        mark: Mark,
        bytes: u32,
    ) -> bool {
        self.expire(mark.at);
        let Some(entry) = self.find(exchange, message) else {
            return false;
        };
        let asked = &mut entry.transaction;
        asked.answers += 1;
        if asked.answer.is_some() {
            return true;
        }
        asked.answer = Some(mark);
        asked.took = Some((mark.at - asked.last_query.at).or_zero());
        asked.outcome = DnsOutcome::Answered {
            rcode: message.rcode,
            truncated: message.truncated,
        };
        asked.records = message.records;
        asked.addresses.extend_from_slice(&message.addresses);
        asked.ttl = message.lowest_ttl;
        asked.answer_bytes = bytes;
        asked.recursion_available = message.recursion_available;
        asked.extended_error = message.extended_error;
        true
    }

    /// What became of this transaction cannot be seen: its connection has a hole.
    pub(super) fn forget(&mut self, number: u64) {
        if let Some(entry) = self.entry(number) {
            entry.unknown |= entry.transaction.answer.is_none();
        }
    }

    /// The transactions in order of their first query, and how many were dropped.
    pub(super) fn finish(self) -> (Vec<DnsTransaction>, u64) {
        let before = self.entries.len();
        let known: Vec<DnsTransaction> = self
            .entries
            .into_iter()
            .filter(|entry| !entry.unknown)
            .map(|entry| entry.transaction)
            .collect();
        let dropped = self.dropped + (before - known.len()) as u64;
        (known, dropped)
    }

    /// The open transaction with that exchange and question: the newest that is not answered, or
    /// else the newest. A message without a readable question is taken to mean any.
    fn find(&mut self, exchange: Exchange, message: &Message) -> Option<&mut Entry> {
        let mut found: Option<(bool, u64)> = None;
        for &(_, number) in self.open.range((exchange, 0)..=(exchange, u64::MAX)) {
            let place = position(&self.entries, number);
            let Some(entry) = place.and_then(|place| self.entries.get(place)) else {
                continue;
            };
            let asked = &entry.transaction;
            let same =
                !message.has_question || (asked.kind == message.kind && asked.name == message.name);
            if same {
                found = found.max(Some((asked.answer.is_none(), number)));
            }
        }
        let (_, number) = found?;
        self.entry(number)
    }

    fn entry(&mut self, number: u64) -> Option<&mut Entry> {
        let position = position(&self.entries, number)?;
        self.entries.get_mut(position)
    }

    /// Stops waiting for those that are too old, and for the oldest when there are too many; of
    /// the latter nothing can be said.
    fn expire(&mut self, now: Moment) {
        while let Some(&(asked_at, exchange, number)) = self.by_age.front() {
            let crowded = self.by_age.len() > self.open_max;
            if !crowded && now - asked_at <= PATIENCE {
                break;
            }
            self.by_age.pop_front();
            self.open.remove(&(exchange, number));
            if crowded && now - asked_at <= PATIENCE {
                self.forget(number);
            }
        }
    }

    /// Makes room by dropping what was answered well and quickly; false when there is none to be
    /// made. Each time must free a quarter, so that the work stays in proportion.
    fn thin_out(&mut self) -> bool {
        if self.full {
            return false;
        }
        let before = self.entries.len();
        self.entries.retain(|entry| eventful(&entry.transaction));
        self.dropped += (before - self.entries.len()) as u64;
        self.full = self.entries.len() > self.entries_max / 4 * 3;
        self.entries.len() < self.entries_max
    }
}

/// Where the entry with that number is.
fn position(entries: &[Entry], number: u64) -> Option<usize> {
    entries
        .binary_search_by_key(&number, |entry| entry.number)
        .ok()
}

/// Something about it may matter: it waits, failed, was repeated, cut or slow.
fn eventful(transaction: &DnsTransaction) -> bool {
    let plain = matches!(
        transaction.outcome,
        DnsOutcome::Answered {
            rcode: 0,
            truncated: false
        }
    );
    !plain || transaction.asked > 1 || transaction.took > Some(UNEVENTFUL)
}

fn opened(exchange: Exchange, message: &Message, mark: Mark) -> DnsTransaction {
    DnsTransaction {
        client: exchange.client,
        server: exchange.server,
        transport: exchange.stream.map_or(Transport::Udp, |_| Transport::Tcp),
        stream: exchange.stream,
        id: exchange.id,
        name: message.name.clone(),
        kind: message.kind,
        query: mark,
        last_query: mark,
        asked: 1,
        answer: None,
        answers: 0,
        outcome: DnsOutcome::Unanswered,
        took: None,
        records: 0,
        addresses: Vec::new(),
        ttl: None,
        answer_bytes: 0,
        edns_size: message.edns_size,
        recursion_available: false,
        extended_error: None,
    }
}
