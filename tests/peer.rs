//! A small HTTP service on loopback, as a game's developer would run one: it counts who connects,
//! and tells what it was sent.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use base64::{Engine, prelude::BASE64_STANDARD};
use rcgen::{CertificateParams, KeyPair};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, crypto::ring, pki_types::PrivateKeyDer},
};

/// What the service saw.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// A request: its head and its body, as they came.
    Request(String),
    /// That a connection with an unanswered request was closed.
    Closed,
}

/// The service. It answers every request with `hello`, but never one whose path is `/hold`.
pub(crate) struct Peer {
    scheme: &'static str,
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
    seen: mpsc::UnboundedReceiver<Seen>,
}

impl Peer {
    /// One that speaks plain HTTP.
    pub(crate) async fn start() -> Self {
        Self::with("http", serve).await
    }

    /// One that speaks HTTP over TLS, and its certificate in PEM, which only itself vouches for.
    pub(crate) async fn start_tls() -> (Self, String) {
        let (acceptor, pem) = identity();
        let peer = Self::with("https", move |stream, tell| {
            let accepted = acceptor.accept(stream);
            async move {
                if let Ok(stream) = accepted.await {
                    serve(stream, tell).await;
                }
            }
        });
        (peer.await, pem)
    }

    async fn with<S, F>(scheme: &'static str, serve: S) -> Self
    where
        S: Fn(TcpStream, mpsc::UnboundedSender<Seen>) -> F + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let (tell, seen) = mpsc::unbounded_channel();
        let count = Arc::clone(&connections);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(serve(stream, tell.clone()));
            }
        });
        Self { scheme, address, connections, seen }
    }

    /// `http://127.0.0.1:PORT`, or `https://`, which is also the entry of a list.
    pub(crate) fn origin(&self) -> String {
        format!("{}://{}", self.scheme, self.address)
    }

    pub(crate) fn address(&self) -> String {
        self.address.to_string()
    }

    /// Connections that were ever made.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    pub(crate) async fn next(&mut self) -> Seen {
        self.seen.recv().await.unwrap()
    }
}

/// A certificate for 127.0.0.1, ready to be shown, and as PEM.
fn identity() -> (TlsAcceptor, String) {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
    let certificate = certificate.self_signed(&key).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        );
    let text = BASE64_STANDARD.encode(certificate.der());
    let pem = format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n");
    (TlsAcceptor::from(Arc::new(config.unwrap())), pem)
}

async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin, tell: mpsc::UnboundedSender<Seen>) {
    let request = read(&mut stream).await;
    let held = request.split(' ').nth(1) == Some("/hold");
    let _ = tell.send(Seen::Request(request));
    if held {
        // The end, or a reset: there is nothing more to be read.
        let _ = stream.read(&mut [0]).await;
        let _ = tell.send(Seen::Closed);
        return;
    }
    let answer = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\nx-answer: 1\r\n\r\nhello";
    let _ = stream.write_all(answer.as_bytes()).await;
    let _ = stream.shutdown().await;
}

/// One request, as far as its head says how long it is.
async fn read(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut text = String::new();
    let mut bytes = [0; 4_096];
    loop {
        let read = stream.read(&mut bytes).await.unwrap_or(0);
        text += &String::from_utf8_lossy(&bytes[..read]);
        if read == 0 || is_whole(&text) {
            return text;
        }
    }
}

fn is_whole(request: &str) -> bool {
    let Some((head, body)) = request.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    body.len() >= length.map_or(0, |length| length.parse().unwrap())
}
