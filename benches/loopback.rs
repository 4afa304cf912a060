//! A small web service on loopback, and the HTTP library used directly against it.

use std::{convert::Infallible, net::SocketAddr};

use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Full};
use hyper::{
    Request, Response, client::conn::http1 as client, server::conn::http1 as server,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::{
    net::{TcpListener, TcpStream},
    runtime::{Builder, Runtime},
};

/// What the service answers.
pub(crate) static BODY: [u8; 1_024] = [b'x'; 1_024];

/// A runtime with one thread.
pub(crate) fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

/// Answers every request with the same kilobyte, on a thread of its own.
pub(crate) struct Service {
    pub(crate) address: SocketAddr,
    _runtime: Runtime,
}

impl Service {
    pub(crate) fn start() -> Self {
        let runtime = runtime();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        runtime.spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                stream.set_nodelay(true).unwrap();
                let answer = service_fn(async |_| {
                    Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(&BODY))))
                });
                tokio::spawn(server::Builder::new().serve_connection(TokioIo::new(stream), answer));
            }
        });
        Self { address, _runtime: runtime }
    }
}

/// A connection to the service.
pub(crate) struct Connection {
    sender: client::SendRequest<Empty<Bytes>>,
    host: String,
}

impl Connection {
    #[allow(clippy::disallowed_methods, reason = "the peer of the figure dials as any client")]
    pub(crate) async fn open(to: SocketAddr) -> Self {
        let stream = TcpStream::connect(to).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let (sender, connection) = client::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        Self { sender, host: to.to_string() }
    }

    pub(crate) async fn fetch(&mut self) {
        self.sender.ready().await.unwrap();
        let request = Request::get("/scores?top=10").header("host", &self.host);
        let response = self.sender.send_request(request.body(Empty::new()).unwrap()).await.unwrap();
        assert_eq!(response.status(), 200);
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body.len(), BODY.len());
    }
}
