//! Independent pieces of work, done by several threads.

use std::panic::resume_unwind;
use std::sync::{Mutex, PoisonError};
use std::thread::{self, Builder};

/// What `each` makes of every item, in the order of the items. At most `threads` work on it, this
/// one among them; where no more are to be had, fewer do.
pub(super) fn spread<I, T: Send>(
    items: impl IntoIterator<Item = I, IntoIter: Send>,
    threads: u32,
    each: impl Fn(I) -> T + Sync,
) -> Vec<T> {
    let queue = Mutex::new(items.into_iter().enumerate());
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
    let work = || {
        let mut done = Vec::new();
        while let Some((index, item)) = next() {
            done.push((index, each(item)));
        }
        done
    };
    let mut done = thread::scope(|scope| {
        let others: Vec<_> = (1..threads)
            .filter_map(|_| Builder::new().spawn_scoped(scope, work).ok())
            .collect();
        let mut done = work();
        for other in others {
            done.extend(other.join().unwrap_or_else(|panic| resume_unwind(panic)));
        }
        done
    });
    done.sort_unstable_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, made)| made).collect()
}

#[cfg(test)]
mod tests {
    use super::spread;

    #[test]
    fn the_order_is_that_of_the_items_whoever_does_the_work() {
        let alone = spread(0..1000_u64, 1, |item| item * item);
        assert_eq!(alone.get(30), Some(&900));
        for threads in [0, 2, 7] {
            assert_eq!(spread(0..1000_u64, threads, |item| item * item), alone);
        }
        assert!(spread(0..0, 2, |item: u64| item).is_empty());
    }
}
