//! Bodies that misbehave: one that trickles, one that does not end.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use http_body::{Frame, SizeHint};
use tokio::time::{Sleep, sleep};

/// Pieces that a slow body is cut into.
const PIECES: u32 = 20;
const CHUNK: usize = 64 * 1024;
const ENDLESS_CHUNKS: usize = 1024 * 1024 * 1024 / CHUNK;

/// The text in small pieces, spread over `time`.
pub(crate) fn slow(text: String, time: Duration) -> Body {
    let rest = Bytes::from(text);
    let size = rest.len().div_ceil(PIECES as usize).max(1);
    Body::new(Slow {
        rest,
        size,
        pause: time / PIECES,
        wait: Box::pin(sleep(time / PIECES)),
    })
}

/// White space for 1 GiB, in which no JSON value ever ends.
pub(crate) fn endless() -> Body {
    Body::new(Endless {
        chunk: Bytes::from(vec![b' '; CHUNK]),
        left: ENDLESS_CHUNKS,
    })
}

struct Slow {
    rest: Bytes,
    size: usize,
    pause: Duration,
    wait: Pin<Box<Sleep>>,
}

impl http_body::Body for Slow {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.rest.is_empty() {
            return Poll::Ready(None);
        }
        std::task::ready!(self.wait.as_mut().poll(cx));
        let size = self.size.min(self.rest.len());
        let piece = self.rest.split_to(size);
        self.wait = Box::pin(sleep(self.pause));
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.rest.len() as u64)
    }
}

struct Endless {
    chunk: Bytes,
    left: usize,
}

impl http_body::Body for Endless {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        self.left -= 1;
        Poll::Ready(Some(Ok(Frame::data(self.chunk.clone()))))
    }
}
