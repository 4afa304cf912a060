//! Takes connections and serves HTTP on them: bounded in number and by address, each with a time
//! limit on its requests' heads, all ended gracefully when the server stops.

use std::{convert::Infallible, future::pending, net::SocketAddr, sync::Arc, time::Duration};

use axum::{Router, extract::ConnectInfo};
use http::{Request, header};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto, graceful::GracefulShutdown},
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Notify, OwnedSemaphorePermit, Semaphore, watch},
    time::timeout,
};
use tower::ServiceExt;

use crate::{drain, network::network, share::Shares};

/// How connections are held.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Open at once; more wait in the kernel's backlog.
    pub(crate) connections: usize,
    /// Of those, from one address; more are closed at once.
    pub(crate) connections_per_address: usize,
    /// For a request's head to come, the first of a connection included.
    pub(crate) header_timeout: Duration,
    /// For the requests that are under way when the server stops.
    pub(crate) grace: Duration,
}

/// Serves the routes until `stop` says so, and then until the last request is answered or the
/// grace is over.
pub(crate) async fn serve(
    listener: TcpListener,
    routes: Router,
    limits: Limits,
    mut stop: watch::Receiver<bool>,
) {
    let places = Arc::new(Semaphore::new(limits.connections));
    let shares = Shares::new(limits.connections, limits.connections_per_address);
    let open = GracefulShutdown::new();
    let protocol = protocol(limits.header_timeout);
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &places) => accepted,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        let Some((stream, peer, place)) = accepted else { continue };
        let Some(share) = shares.take(network(peer.ip())) else { continue };
        let routes = routes.clone();
        let begun = Arc::new(Notify::new());
        let first = Arc::clone(&begun);
        let answer = service_fn(move |request| {
            first.notify_one();
            answer(routes.clone(), peer, request)
        });
        let connection = protocol.serve_connection_with_upgrades(TokioIo::new(stream), answer);
        let connection = open.watch(connection.into_owned());
        tokio::spawn(async move {
            let ended = tokio::select! {
                ended = connection => ended,
                () = silence(limits.header_timeout, &begun) => Err("no request came".into()),
            };
            if let Err(error) = ended {
                tracing::debug!(error, %peer, "connection");
            }
            drop((place, share));
        });
    }
    drop(listener);
    let _ = timeout(limits.grace, open.shutdown()).await;
}

/// Ends when the time is over and no request has begun by then; once one has, never. The protocols'
/// own timers start too late for who does not even say which one it speaks.
async fn silence(time: Duration, begun: &Notify) {
    if timeout(time, begun.notified()).await.is_ok() {
        pending::<()>().await;
    }
}

fn protocol(header_timeout: Duration) -> auto::Builder<TokioExecutor> {
    const STREAMS: u32 = 64;
    const HEADER_BYTES: u32 = 32 << 10;
    let mut protocol = auto::Builder::new(TokioExecutor::new());
    protocol
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(header_timeout)
        .max_buf_size(64 << 10);
    protocol
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(HEADER_BYTES)
        .keep_alive_interval(header_timeout)
        .keep_alive_timeout(header_timeout);
    protocol
}

/// The next connection, once there is a place for it. `None` when the kernel could not give it.
async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> Option<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    /// Out of file descriptors, most likely: trying again at once would only spin.
    const PAUSE: Duration = Duration::from_millis(50);
    let place = Arc::clone(places).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, peer)) => {
            // Small messages must not wait for more.
            let _ = stream.set_nodelay(true);
            Some((stream, peer, place))
        }
        Err(error) => {
            tracing::warn!(%error, "a connection cannot be taken");
            tokio::time::sleep(PAUSE).await;
            None
        }
    }
}

async fn answer(
    routes: Router,
    peer: SocketAddr,
    request: Request<Incoming>,
) -> Result<axum::response::Response, Infallible> {
    let (mut head, body) = request.into_parts();
    head.extensions.insert(ConnectInfo(peer));
    // Who waits to be told to go on has sent nothing yet, and reading would tell it so.
    let waits = head.headers.contains_key(header::EXPECT);
    let (body, rest) = drain::keep(body);
    let response = routes.oneshot(Request::from_parts(head, body)).await?;
    let refused = response.status().is_client_error() || response.status().is_server_error();
    if refused && !waits {
        rest.drain().await;
    }
    Ok(response)
}
