//! One request and its response on a connection of their own, over HTTP/1.1 or HTTP/2.
//! Whatever ends it, the connection is closed with it.

use std::{
    error::Error,
    future::Future,
    io,
    sync::{
        Arc, Mutex, Weak,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::{
    body::Incoming,
    client::conn::{http1, http2},
    rt::Executor,
};
use hyper_util::rt::TokioIo;
use lattice_policies::egress::FetchLimits;
use tokio::{
    sync::{Notify, oneshot},
    task::JoinSet,
};

use super::{
    attempt::within,
    dial::{Line, Protocol},
    failure::{Failure, Limit, Stage},
    gate::FetchOutcome,
    record::Trace,
    response,
    wire::{INFORMATIONAL, Meter, Wire},
};
use crate::lock::lock;

/// The least that the library's buffer may be, in bytes.
const LEAST_BUFFER: u32 = 8 << 10;
/// What a peer may send ahead of what was read, in bytes.
const WINDOW: u32 = 64 << 10;
/// What may come on a connection for each byte of a response at most: the rest is framing.
const FRAMING: u64 = 4;
/// What HTTP/2 counts for a header beside its name and value (RFC 9113, section 6.5.2).
const FIELD: u32 = 32;

type Sent = Request<Full<Bytes>>;

/// Sends a request and reads its response within the limits.
pub(super) async fn exchange(
    line: Line,
    mut request: Sent,
    limits: &FetchLimits,
    trace: &mut Trace,
) -> Result<FetchOutcome, Failure> {
    let meter = Arc::clone(&trace.meter);
    let most = u64::from(limits.response_header_bytes) + u64::from(limits.response_body_bytes);
    let wire = Wire::new(line.stream, meter, FRAMING * most + u64::from(WINDOW));
    let interim = Interim::watch(&mut request, &trace.meter);
    match line.protocol {
        Protocol::Http1 => over_http1(wire, request, &interim, limits, trace).await,
        Protocol::Http2 => over_http2(wire.with_frames(), request, &interim, limits, trace).await,
    }
}

async fn over_http1(
    wire: Wire,
    request: Sent,
    interim: &Interim,
    limits: &FetchLimits,
    trace: &mut Trace,
) -> Result<FetchOutcome, Failure> {
    let tasks = Tasks::default();
    let (done, rest) = oneshot::channel();
    let head = async {
        let (mut sender, connection) = http1::Builder::new()
            .max_headers(limits.response_headers as usize)
            .max_header_size(limits.response_header_bytes as usize)
            .max_buf_size(limits.response_header_bytes.max(LEAST_BUFFER) as usize)
            .handshake(TokioIo::new(wire))
            .await?;
        tasks.executor().execute(async move {
            let _ = done.send(connection.without_shutdown().await);
        });
        Ok((sender.send_request(request).await?, sender))
    };
    let (response, sender) = interim.head(limits, head).await?;
    let outcome = response::read(response, limits, trace).await?;
    drop(sender);
    match rest.await {
        Ok(Ok(parts)) if !parts.read_buf.is_empty() => {
            Err(Failure::Http("more came than one response".to_owned()))
        }
        Ok(Err(error)) if !is_io(&error) => Err(Failure::http(&error)),
        _ => Ok(outcome),
    }
}

/// Whether only the connection broke, which is nothing to a response that has come whole.
fn is_io(error: &hyper::Error) -> bool {
    error.source().is_some_and(<dyn Error>::is::<io::Error>)
}

async fn over_http2(
    wire: Wire,
    request: Sent,
    interim: &Interim,
    limits: &FetchLimits,
    trace: &mut Trace,
) -> Result<FetchOutcome, Failure> {
    let tasks = Tasks::default();
    let head = async {
        let (mut sender, connection) = http2::Builder::new(tasks.executor())
            .max_header_list_size(limits.response_header_bytes + FIELD * limits.response_headers)
            .initial_stream_window_size(WINDOW)
            .initial_connection_window_size(WINDOW)
            .max_concurrent_streams(0)
            .handshake(TokioIo::new(wire))
            .await?;
        tasks.executor().execute(async move {
            let _ = connection.await;
        });
        Ok((sender.send_request(request).await?, sender))
    };
    let (response, _sender) = interim.head(limits, head).await?;
    response::read(response, limits, trace).await
}

/// Hears of informational responses. The library tells of them over HTTP/1.1 alone; over HTTP/2
/// the wire counts them.
struct Interim {
    over: Arc<Notify>,
    meter: Arc<Meter>,
}

impl Interim {
    fn watch(request: &mut Sent, meter: &Arc<Meter>) -> Self {
        let over = Arc::<Notify>::default();
        let (tell, seen) = (Arc::clone(&over), AtomicU32::new(0));
        hyper::ext::on_informational(request, move |_| {
            if seen.fetch_add(1, Relaxed) >= INFORMATIONAL {
                tell.notify_one();
            }
        });
        Self { over, meter: Arc::clone(meter) }
    }

    /// Waits for the response's head, for as long as the limits allow.
    async fn head<S>(
        &self,
        limits: &FetchLimits,
        head: impl Future<Output = hyper::Result<(Response<Incoming>, S)>>,
    ) -> Result<(Response<Incoming>, S), Failure> {
        let too_many = Failure::Limit(Limit::Informational(INFORMATIONAL));
        within(limits.headers_ms, Stage::Head, async {
            tokio::select! {
                biased;
                () = self.over.notified() => Err(too_many),
                head = head => head.map_err(|error| failure(&error, limits, &self.meter)),
            }
        })
        .await
    }
}

/// What an error of the library comes from: a limit of ours, or the peer.
pub(super) fn failure(error: &hyper::Error, limits: &FetchLimits, meter: &Meter) -> Failure {
    match meter.over() {
        Some(limit) => Failure::Limit(limit),
        None if error.is_parse_too_large() => Failure::large_head(limits),
        None => Failure::http(error),
    }
}

/// The tasks of one connection. When it is dropped, they end, and the connection with them.
#[derive(Default)]
struct Tasks(Arc<Mutex<JoinSet<()>>>);

impl Tasks {
    fn executor(&self) -> TaskExecutor {
        TaskExecutor(Arc::downgrade(&self.0))
    }
}

/// Spawns tasks into a set without keeping it: some of them hold the executor.
#[derive(Clone)]
struct TaskExecutor(Weak<Mutex<JoinSet<()>>>);

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for TaskExecutor {
    fn execute(&self, task: F) {
        if let Some(tasks) = self.0.upgrade() {
            lock(&tasks).spawn(task);
        }
    }
}
