//! Reads on what a refused request still sends, within bounds: a client that is cut off while it
//! writes may never see the answer that says why.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::timeout;

/// Bytes that are read and thrown away at most. A client that has more to send has to listen.
const BYTES: usize = 1 << 20;
/// How long they may take.
const TIME: Duration = Duration::from_secs(2);

/// A request's body that outlives its reader, so that what is left can be drained.
pub(crate) struct Kept<B>(Arc<Mutex<B>>);

/// The way to what the reader left.
pub(crate) struct Rest<B>(Kept<B>);

/// Splits a body into what the routes read and what is left of it afterwards.
pub(crate) fn keep<B>(body: B) -> (Kept<B>, Rest<B>) {
    let body = Arc::new(Mutex::new(body));
    (Kept(Arc::clone(&body)), Rest(Kept(body)))
}

impl<B: Body<Data = Bytes> + Unpin> Rest<B> {
    /// Reads the rest, up to the bounds.
    pub(crate) async fn drain(mut self) {
        let read = async {
            let mut left = BYTES;
            while let Some(Ok(frame)) = self.0.frame().await {
                let bytes = frame.data_ref().map_or(0, Bytes::len);
                let Some(after) = left.checked_sub(bytes) else { break };
                left = after;
            }
        };
        // Over the time, the rest stays unread: the connection is closed with the answer.
        let _ = timeout(TIME, read).await;
    }
}

impl<B> Kept<B> {
    fn lock(&self) -> MutexGuard<'_, B> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<B: Body + Unpin> Body for Kept<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        Pin::new(&mut *self.lock()).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.lock().is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.lock().size_hint()
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::{Full, StreamBody};

    use super::*;

    #[tokio::test]
    async fn what_a_reader_left_is_read_up_to_the_bound() {
        let chunk =
            || Ok::<_, std::convert::Infallible>(Frame::data(Bytes::from(vec![0; 1 << 19])));
        let mut polled = 0;
        let chunks = futures_util::stream::iter((0..10).map(|_| {
            polled += 1;
            chunk()
        }));
        let (mut kept, rest) = keep(StreamBody::new(chunks));
        kept.frame().await.unwrap().unwrap();
        drop(kept);
        rest.drain().await;
        assert_eq!(polled, 4, "one by the reader, and as many as fit the bound and one over it");
    }

    #[tokio::test]
    async fn a_body_that_was_read_leaves_nothing_to_wait_for() {
        let (kept, rest) = keep(Full::new(Bytes::from_static(b"whole")));
        assert_eq!(kept.collect().await.unwrap().to_bytes(), "whole");
        rest.drain().await;
    }
}
