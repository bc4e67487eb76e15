//! One thread reads, another looks at what was read: in the same order, with the same outcome.

use crate::reader::{Batch, CaptureReader};
use std::panic::resume_unwind;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, Builder};

/// Batches in circulation. Enough for one side to go on while the other is held up.
const BATCHES: usize = 4;

/// Puts a whole capture through `take`, batch by batch. `progress` is called with the number of
/// bytes read. A panic in `take` is one of the caller.
///
/// A capture of a single batch is not worth a second thread; and where none is to be had, one does
/// both.
pub(crate) fn relay(
    reader: &mut CaptureReader<'_>,
    threads: u32,
    mut take: impl FnMut(&Batch) + Send,
    progress: &mut dyn FnMut(u64),
) {
    let mut next = |done| {
        let batch = reader.next_batch(done);
        progress(reader.bytes_read());
        batch
    };
    let Some(mut batch) = next(Batch::default()) else {
        return;
    };
    take(&batch);
    if threads > 1 {
        let Some(second) = next(batch) else {
            return;
        };
        match in_two(second, &mut take, &mut next) {
            Ok(()) => return,
            Err(unread) => batch = unread,
        }
        take(&batch);
    }
    while let Some(another) = next(batch) {
        take(&another);
        batch = another;
    }
}

/// Reads here and takes in a thread of its own; gives the batch back when there is no such thread.
fn in_two(
    first: Batch,
    take: &mut (impl FnMut(&Batch) + Send),
    next: &mut impl FnMut(Batch) -> Option<Batch>,
) -> Result<(), Batch> {
    let (ready, waiting) = channel();
    let (done, free) = channel();
    thread::scope(|scope| {
        let taking = move || {
            for batch in waiting {
                take(&batch);
                // Nobody waits for it any more once all is read.
                let _ = done.send(batch);
            }
        };
        let Ok(taker) = Builder::new()
            .name("frames".into())
            .spawn_scoped(scope, taking)
        else {
            return Err(first);
        };
        feed(first, next, &ready, &free);
        drop(ready);
        taker.join().map_err(|panic| resume_unwind(panic))
    })
}

/// Sends batches until the capture ends, or whoever takes them.
fn feed(
    first: Batch,
    next: &mut impl FnMut(Batch) -> Option<Batch>,
    ready: &Sender<Batch>,
    free: &Receiver<Batch>,
) {
    let mut spare = vec![];
    spare.resize_with(BATCHES - 1, Batch::default);
    let mut batch = first;
    loop {
        // Long records go one by one: memory holds one of them, not several.
        let keep = if batch.is_long() { BATCHES } else { 1 };
        if ready.send(batch).is_err() {
            return;
        }
        while spare.len() < keep {
            match free.recv() {
                Ok(done) => spare.push(done),
                Err(_) => return,
            }
        }
        let Some(another) = spare.pop().and_then(&mut *next) else {
            return;
        };
        batch = another;
    }
}
