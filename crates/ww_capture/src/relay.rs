//! One thread reads, another looks at what was read: in the same order, with the same outcome.

use crate::aside::Aside;
use crate::reader::{Batch, CaptureReader};
use std::panic::resume_unwind;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, Builder};

/// Batches in circulation. Enough for one side to go on while the other is held up.
const BATCHES: usize = 8;

/// Bytes of a batch that goes to another thread: the core there takes it from the cache that all
/// share, and to wake it is what costs.
const BATCH_BYTES: usize = 1 << 19;

/// A batch on its way, and what whoever looks at it puts aside.
#[derive(Debug, Default)]
pub(crate) struct Load {
    pub(crate) batch: Batch,
    pub(crate) asides: Vec<Aside>,
}

/// Where loads come from: it is given one that is done with, and gives the next, or none at the end.
pub(crate) type Source<'s> = dyn FnMut(Option<Load>) -> Option<Load> + 's;

/// Takes what was put aside of a batch.
pub(crate) type Watch<'w> = dyn FnMut(&Batch, &mut Vec<Aside>) + 'w;

/// Reads a capture and returns what `look` makes of its batches. What it puts aside of them goes to
/// `watch`, in the same order, on the thread that reads. `progress` is called with the number of bytes
/// read. A panic in `look` is one of the caller.
///
/// A capture of a single batch is not worth a second thread; and where none is to be had, one does
/// it all.
pub(crate) fn relay<T: Send>(
    reader: &mut CaptureReader<'_>,
    threads: u32,
    look: impl Fn(&mut Source<'_>) -> T + Sync,
    watch: &mut Watch<'_>,
    progress: &mut dyn FnMut(u64),
) -> T {
    let mut next = |done: Option<Load>| {
        let Load { batch, asides } = done.unwrap_or_default();
        let batch = reader.next_batch(batch);
        progress(reader.bytes_read());
        batch.map(|batch| Load { batch, asides })
    };
    let mut read = Vec::new();
    if threads > 1 {
        read.extend(next(None));
        read.extend(next(None));
        if read.len() > 1 {
            match in_two(read, &mut next, &look, watch) {
                Ok(made) => return made,
                Err(unread) => read = unread,
            }
        }
    }
    let mut read = read.into_iter();
    look(&mut |mut done| {
        if let Some(done) = &mut done {
            watch(&done.batch, &mut done.asides);
        }
        read.next().or_else(|| next(done))
    })
}

/// Reads here and looks in a thread of its own; gives the loads back when there is no such thread.
fn in_two<T: Send>(
    read: Vec<Load>,
    next: &mut Source<'_>,
    look: &(impl Fn(&mut Source<'_>) -> T + Sync),
    watch: &mut Watch<'_>,
) -> Result<T, Vec<Load>> {
    let (ready, waiting) = channel();
    let (finished, free) = channel();
    thread::scope(|scope| {
        let looking = move || {
            look(&mut |done| {
                // Nobody waits for it any more when the reader gave up.
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
        feed(read, next, watch, ready, &free);
        looker.join().map_err(|panic| resume_unwind(panic))
    })
}

/// Sends loads until the capture ends, or whoever takes them, and has `watch` take what comes back.
fn feed(
    read: Vec<Load>,
    next: &mut Source<'_>,
    watch: &mut Watch<'_>,
    ready: Sender<Load>,
    free: &Receiver<Load>,
) {
    let new = || Load {
        batch: Batch::with_room(BATCH_BYTES),
        asides: Vec::new(),
    };
    let mut back = || {
        let mut done = free.recv().ok()?;
        watch(&done.batch, &mut done.asides);
        Some(done)
    };
    let mut spare = vec![];
    spare.resize_with(BATCHES - read.len(), new);
    let mut read = read.into_iter();
    let mut sent = 0_usize;
    while let Some(load) = read.next().or_else(|| next(spare.pop())) {
        // Long records go one by one: memory holds one of them, not several.
        let keep = if load.batch.room() > BATCH_BYTES {
            BATCHES
        } else {
            1
        };
        if ready.send(load).is_err() {
            return;
        }
        sent += 1;
        while read.len() == 0 && spare.len() < keep {
            let Some(done) = back() else {
                return;
            };
            sent -= 1;
            spare.push(if done.batch.room() == BATCH_BYTES {
                done
            } else {
                new()
            });
        }
    }
    drop(ready);
    for _ in 0..sent {
        if back().is_none() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Source, relay};
    use crate::aside::Aside;
    use crate::reader::{Batch, CaptureReader, LinkType};
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
        let watch = &mut |_: &Batch, _: &mut Vec<Aside>| {};
        let made = relay(&mut reader, threads, look, watch, &mut |bytes| read = bytes);
        (made, read)
    }

    /// The numbers and lengths of all frames, and the thread that saw them.
    fn list(loads: &mut Source<'_>) -> (Vec<(u64, usize)>, Option<String>) {
        let mut seen = Vec::new();
        let mut done = None;
        while let Some(load) = loads(done) {
            let frames = load.batch.frames();
            seen.extend(frames.map(|frame| (frame.number, frame.data.len())));
            done = Some(load);
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
    fn what_is_put_aside_comes_back_in_order_to_the_thread_that_reads() {
        let bytes = capture(6000);
        for threads in [1, 2] {
            let mut reader =
                CaptureReader::open(Box::new(&bytes[..]), SourceId(0), &Limits::default()).unwrap();
            let look = |loads: &mut Source<'_>| {
                let mut done = None;
                while let Some(mut load) = loads(done) {
                    let places = 0..load.batch.frames().count();
                    load.asides.extend(places.map(Aside::Datagram));
                    done = Some(load);
                }
            };
            let (mut seen, here) = (Vec::new(), thread::current().id());
            let mut watch = |batch: &Batch, asides: &mut Vec<Aside>| {
                assert_eq!(thread::current().id(), here);
                for aside in asides.drain(..) {
                    if let Aside::Datagram(place) = aside {
                        seen.extend(batch.frame(place).map(|frame| frame.number));
                    }
                }
            };
            relay(&mut reader, threads, look, &mut watch, &mut |_| ());
            assert!(seen.into_iter().eq(1..=6000), "{threads} threads");
        }
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
        let (first, _) = run(&bytes, 2, |loads| loads(None).is_some());
        assert!(first);
        let panics = || {
            run(&bytes, 2, |loads| {
                assert!(loads(None).is_none(), "seen");
            })
        };
        assert!(catch_unwind(AssertUnwindSafe(panics)).is_err());
    }
}
