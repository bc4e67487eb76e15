//! Questions that wait at the same time, within the one task of a walk.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;

/// A question that waits for its answer, beside others of another kind.
pub(crate) type Pending<'a, T = ()> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// Runs futures side by side; their results in the order in which they were given.
pub(crate) async fn together<F: Future>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    let mut running: Vec<Option<Pin<Box<F>>>> = futures
        .into_iter()
        .map(|future| Some(Box::pin(future)))
        .collect();
    let mut results: Vec<Option<F::Output>> = running.iter().map(|_| None).collect();
    poll_fn(|context| {
        let mut waiting = false;
        for (future, result) in running.iter_mut().zip(&mut results) {
            let Some(running) = future else { continue };
            match running.as_mut().poll(context) {
                Poll::Ready(done) => {
                    *result = Some(done);
                    *future = None;
                }
                Poll::Pending => waiting = true,
            }
        }
        if waiting {
            Poll::Pending
        } else {
            Poll::Ready(())
        }
    })
    .await;
    results.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test]
    async fn results_keep_their_order() {
        let waits = [30_u64, 1, 10].map(|ms| async move {
            tokio::time::sleep(Duration::from_millis(ms)).await;
            ms
        });
        assert_eq!(together(waits).await, [30, 1, 10]);
        assert!(
            together(Vec::<std::future::Ready<()>>::new())
                .await
                .is_empty()
        );
    }
}
