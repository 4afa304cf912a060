//! A small HTTP service on loopback, as a game's developer would run one: it counts who connects,
//! and tells what it was sent.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc,
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
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
    seen: mpsc::UnboundedReceiver<Seen>,
}

impl Peer {
    pub(crate) async fn start() -> Self {
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
        Self { address, connections, seen }
    }

    /// `http://127.0.0.1:PORT`, which is also the entry of a list.
    pub(crate) fn origin(&self) -> String {
        format!("http://{}", self.address)
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

async fn serve(mut stream: TcpStream, tell: mpsc::UnboundedSender<Seen>) {
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
}

/// One request, as far as its head says how long it is.
async fn read(stream: &mut TcpStream) -> String {
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
