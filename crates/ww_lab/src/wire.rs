//! Carries frames between two TAP interfaces through one or more links, in real time.

use crate::error::LabError;
use crate::link::{Link, Plan, Side};
use crate::pcap::Record;
use crate::rng::Rng;
use crate::truth::{COLUMNS, Harm, Line};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::fmt::Write as _;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Longest frame a TAP interface hands over.
const FRAME_MAX: usize = 65_536;
/// How long the pump sleeps at most before it looks whether it shall end.
const NAP: Duration = Duration::from_millis(20);
/// Frames taken from one end before the other end has its turn.
const BATCH: usize = 32;

/// A running chain of links; it ends when this value is dropped.
#[derive(Debug)]
pub struct Wire {
    stop: Arc<AtomicBool>,
    pump: Option<JoinHandle<Account>>,
}

/// What happened on a wire.
#[derive(Debug, Default)]
pub struct Account {
    /// When the wire started, since the Unix epoch.
    pub epoch: Duration,
    /// Every packet harmed, in the order of time.
    pub harms: Vec<Harm>,
    /// Every frame that passed the point between the first link and the second.
    pub middle: Vec<Record>,
}

impl Wire {
    /// Connects the two TAP interfaces through links that follow `plans`, the client's end first.
    ///
    /// # Errors
    /// [`LabError::Io`] when no thread can be started.
    pub fn start(
        client: File,
        server: File,
        plans: Vec<Plan>,
        seed: u64,
    ) -> Result<Self, LabError> {
        let mut seeds = Rng::new(seed);
        let links = plans
            .into_iter()
            .map(|plan| Link::new(plan, seeds.next_u64()))
            .collect();
        let stop = Arc::new(AtomicBool::new(false));
        let mut pump = Pump {
            taps: [client, server],
            links,
            started: Instant::now(),
            account: Account {
                epoch: SystemTime::now()
                    .duration_since(UNIX_EPOCH)
                    .unwrap_or_default(),
                ..Account::default()
            },
            buffer: vec![0; FRAME_MAX],
        };
        let asked_to_stop = Arc::clone(&stop);
        let pump = thread::Builder::new()
            .name("wire".into())
            .spawn(move || {
                while !asked_to_stop.load(Ordering::Relaxed) {
                    pump.turn();
                }
                pump.account
            })
            .map_err(LabError::io("start a thread"))?;
        Ok(Self {
            stop,
            pump: Some(pump),
        })
    }

    /// Ends the wire and tells what happened on it.
    pub fn stop(mut self) -> Account {
        self.end().unwrap_or_default()
    }

    fn end(&mut self) -> Option<Account> {
        self.stop.store(true, Ordering::Relaxed);
        self.pump.take().and_then(|pump| pump.join().ok())
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.end();
    }
}

impl Account {
    /// The truth log as tab-separated text with a header line.
    pub fn truth_log(&self) -> String {
        let mut text = format!("{COLUMNS}\n");
        for harm in &self.harms {
            // Writing to a string cannot fail.
            let _ = writeln!(
                text,
                "{}",
                Line {
                    epoch: self.epoch,
                    harm
                }
            );
        }
        text
    }
}

struct Pump {
    taps: [File; 2],
    links: Vec<Link>,
    started: Instant,
    account: Account,
    buffer: Vec<u8>,
}

impl Pump {
    /// Takes what arrived, hands on what is due, then sleeps until something happens.
    fn turn(&mut self) {
        self.take(Side::Client);
        self.take(Side::Server);
        for index in 0..self.links.len() {
            self.hand_on(index);
        }
        for link in &mut self.links {
            self.account.harms.extend(link.take_log());
        }
        self.sleep();
    }

    fn take(&mut self, from: Side) {
        let [client, server] = &mut self.taps;
        let (tap, link) = match from {
            Side::Client => (client, self.links.first_mut()),
            Side::Server => (server, self.links.last_mut()),
        };
        let Some(link) = link else { return };
        for _ in 0..BATCH {
            // Nothing to read, or an interface that is not up yet: the next turn tries again.
            let Ok(len) = tap.read(&mut self.buffer) else {
                break;
            };
            let frame = self.buffer.get(..len).unwrap_or_default().to_vec();
            link.offer(self.started.elapsed(), from, frame);
        }
    }

    /// Moves the frames that leave link number `index` to the next link or out.
    fn hand_on(&mut self, index: usize) {
        let [client, server] = &mut self.taps;
        let last = self.links.len() - 1;
        while let Some(link) = self.links.get_mut(index) {
            let now = self.started.elapsed();
            let Some(delivery) = link.take_due(now) else {
                break;
            };
            let (out, next) = match delivery.to {
                Side::Client => (client as &mut File, index.checked_sub(1)),
                Side::Server => (server as &mut File, (index < last).then_some(index + 1)),
            };
            match next.and_then(|next| self.links.get_mut(next)) {
                // A full receive queue drops the frame as any host would; the capture will tell.
                None => drop(out.write(&delivery.frame)),
                Some(next) => {
                    let record = Record::new(self.account.epoch + now, delivery.frame.clone());
                    self.account.middle.push(record);
                    next.offer(now, delivery.to.other(), delivery.frame);
                }
            }
        }
    }

    fn sleep(&self) {
        let due = self.links.iter().filter_map(Link::next_due).min();
        let wait = due.map_or(NAP, |due| {
            due.saturating_sub(self.started.elapsed()).min(NAP)
        });
        let timeout = Timespec {
            tv_sec: 0,
            tv_nsec: i64::from(wait.subsec_nanos()),
        };
        let [client, server] = &self.taps;
        let mut ends = [
            PollFd::new(client, PollFlags::IN),
            PollFd::new(server, PollFlags::IN),
        ];
        // An interrupted sleep is only a shorter one.
        let _ = poll(&mut ends, Some(&timeout));
    }
}
