//! One thread reads, another looks at what was read: in the same order, with the same outcome.

use crate::reader::{Batch, CaptureReader};
use std::panic::resume_unwind;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, Builder};

/// Batches in circulation. Enough for one side to go on while the other is held up.
const BATCHES: usize = 8;

/// Bytes of a batch that goes to another thread: the core there takes it from the cache that all
/// share, and to wake it is what costs.
const BATCH_BYTES: usize = 1 << 20;

/// Where batches come from: it is given one that is done with, and gives the next, or none at the
/// end.
pub(crate) type Source<'s> = dyn FnMut(Option<Batch>) -> Option<Batch> + 's;

/// Reads a capture and returns what `look` makes of its batches. `progress` is called with the
/// number of bytes read. A panic in `look` is one of the caller.
///
/// A capture of a single batch is not worth a second thread; and where none is to be had, one does
/// both.
pub(crate) fn relay<T: Send>(
    reader: &mut CaptureReader<'_>,
    threads: u32,
    look: impl Fn(&mut Source<'_>) -> T + Sync,
    progress: &mut dyn FnMut(u64),
) -> T {
    let mut next = |done: Option<Batch>| {
        let batch = reader.next_batch(done.unwrap_or_default());
        progress(reader.bytes_read());
        batch
    };
    let mut read = Vec::new();
    if threads > 1 {
        read.extend(next(None));
        read.extend(next(None));
        if read.len() > 1 {
            match in_two(read, &mut next, &look) {
                Ok(made) => return made,
                Err(unread) => read = unread,
            }
        }
    }
    let mut read = read.into_iter();
    look(&mut |done| read.next().or_else(|| next(done)))
}

/// Reads here and looks in a thread of its own; gives the batches back when there is no such thread.
fn in_two<T: Send>(
    read: Vec<Batch>,
    next: &mut Source<'_>,
    look: &(impl Fn(&mut Source<'_>) -> T + Sync),
) -> Result<T, Vec<Batch>> {
    let (ready, waiting) = channel();
    let (finished, free) = channel();
    thread::scope(|scope| {
        let looking = move || {
            look(&mut |done| {
                // Nobody waits for it any more once all is read.
                done.map(|done| finished.send(done));
                waiting.recv().ok()
            })
        };
        let Ok(looker) = Builder::new()
            .name("frames".into())
            .spawn_scoped(scope, looking)
        else {
            return Err(read);
        };
        feed(read, next, &ready, &free);
        drop(ready);
        looker.join().map_err(|panic| resume_unwind(panic))
    })
}

/// Sends batches until the capture ends, or whoever takes them.
fn feed(read: Vec<Batch>, next: &mut Source<'_>, ready: &Sender<Batch>, free: &Receiver<Batch>) {
    let new = || Batch::with_room(BATCH_BYTES);
    let mut spare = vec![];
    spare.resize_with(BATCHES - read.len(), new);
    let mut read = read.into_iter();
    while let Some(batch) = read.next().or_else(|| next(spare.pop())) {
        // Long records go one by one: memory holds one of them, not several.
        let keep = if batch.room() > BATCH_BYTES {
            BATCHES
        } else {
            1
        };
        if ready.send(batch).is_err() {
            return;
        }
        while read.len() == 0 && spare.len() < keep {
            match free.recv() {
                Ok(done) if done.room() == BATCH_BYTES => spare.push(done),
                Ok(_) => spare.push(new()),
                Err(_) => return,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Source, relay};
    use crate::reader::{CaptureReader, LinkType};
    use crate::write::PcapWriter;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::thread;
    use ww_base::{Limits, Moment, SourceId};

    /// Some megabytes of frames, a few of them longer than a batch.
    fn capture(frames: u32) -> Vec<u8> {
        let mut writer = PcapWriter::new(false, LinkType::USBPCAP);
        for n in 0..frames {
            let length = if n % 1000 == 7 { 1_300_000 } else { 900 };
            let data = vec![n as u8; length];
            writer.write(Moment(i64::from(n)), length as u32, &data);
        }
        writer.finish()
    }

    fn run<T: Send>(
        bytes: &[u8],
        threads: u32,
        look: impl Fn(&mut Source<'_>) -> T + Sync,
    ) -> (T, u64) {
        let mut reader =
            CaptureReader::open(Box::new(bytes), SourceId(0), &Limits::default()).unwrap();
        let mut read = 0;
        let made = relay(&mut reader, threads, look, &mut |bytes| read = bytes);
        (made, read)
    }

    /// The numbers and lengths of all frames, and the thread that saw them.
    fn list(batches: &mut Source<'_>) -> (Vec<(u64, usize)>, Option<String>) {
        let mut seen = Vec::new();
        let mut done = None;
        while let Some(batch) = batches(done) {
            seen.extend(batch.frames().map(|frame| (frame.number, frame.data.len())));
            done = Some(batch);
        }
        (seen, thread::current().name().map(str::to_owned))
    }

    #[test]
    fn two_threads_see_what_one_sees() {
        let bytes = capture(6000);
        let ((alone, _), read) = run(&bytes, 1, list);
        let ((seen, by), read_again) = run(&bytes, 2, list);
        assert_eq!(alone.len(), 6000);
        assert!(alone == seen, "other frames, or in another order");
        assert_eq!(by.as_deref(), Some("frames"));
        assert_eq!((read, read_again), (bytes.len() as u64, bytes.len() as u64));
    }

    #[test]
    fn a_small_capture_takes_no_thread() {
        for frames in [0, 1, 5] {
            let ((seen, by), _) = run(&capture(frames), 2, list);
            assert_eq!(seen.len(), frames as usize);
            assert_ne!(by.as_deref(), Some("frames"));
        }
    }

    #[test]
    fn whoever_stops_looking_or_panics_stops_the_reader() {
        let bytes = capture(6000);
        let (first, _) = run(&bytes, 2, |batches| batches(None).is_some());
        assert!(first);
        let panics = || {
            run(&bytes, 2, |batches| {
                assert!(batches(None).is_none(), "seen");
            })
        };
        assert!(catch_unwind(AssertUnwindSafe(panics)).is_err());
    }
}
