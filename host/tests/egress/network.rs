//! A network for tests: it answers lookups as it is told, and leads every connection to one peer
//! on loopback, whatever address was asked for.

use std::{
    collections::BTreeMap,
    future::pending,
    io,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
};

use lattice_host::egress::{BoxFuture, Network};
use tokio::{
    net::{TcpSocket, TcpStream},
    sync::Notify,
};

/// What a lookup comes to.
#[derive(Clone)]
pub enum Answer {
    Addresses(Vec<IpAddr>),
    NoSuchName,
    /// Comes to nothing until it is let go, as a thread in the system's resolver does.
    Hangs(Arc<Notify>),
    /// A bug.
    Panics,
}

/// Answers of addresses, such as `93.184.216.34,127.0.0.1`.
pub fn addresses(list: &str) -> Answer {
    Answer::Addresses(list.split(',').map(|address| address.parse().unwrap()).collect())
}

#[derive(Default)]
pub struct FakeNetwork {
    /// The answers to each name in their order; the last one is for all later lookups too.
    answers: Mutex<BTreeMap<String, Vec<Answer>>>,
    peer: Mutex<Option<SocketAddr>>,
    is_broken: AtomicBool,
    looked_up: Mutex<Vec<String>>,
    dialled: Mutex<Vec<SocketAddr>>,
}

impl FakeNetwork {
    pub fn answer(&self, name: &str, answers: impl IntoIterator<Item = Answer>) {
        let answers = answers.into_iter().collect();
        self.answers.lock().unwrap().insert(name.to_owned(), answers);
    }

    /// Where connections lead; without a peer they are never answered.
    pub fn lead_to(&self, peer: SocketAddr) {
        *self.peer.lock().unwrap() = Some(peer);
    }

    /// Makes connections panic.
    pub fn break_connections(&self, is_broken: bool) {
        self.is_broken.store(is_broken, SeqCst);
    }

    pub fn looked_up(&self) -> Vec<String> {
        self.looked_up.lock().unwrap().clone()
    }

    /// The addresses that were asked for.
    pub fn dialled(&self) -> Vec<SocketAddr> {
        self.dialled.lock().unwrap().clone()
    }

    fn next_answer(&self, name: &str) -> Answer {
        self.looked_up.lock().unwrap().push(name.to_owned());
        let mut answers = self.answers.lock().unwrap();
        match answers.get_mut(name) {
            None => Answer::NoSuchName,
            Some(answers) if answers.len() == 1 => answers[0].clone(),
            Some(answers) => answers.remove(0),
        }
    }
}

impl Network for FakeNetwork {
    fn resolve(&self, name: String) -> BoxFuture<io::Result<Vec<IpAddr>>> {
        let answer = self.next_answer(&name);
        Box::pin(async move {
            match answer {
                Answer::Addresses(addresses) => Ok(addresses),
                Answer::NoSuchName => Err(io::Error::other("no such name")),
                Answer::Hangs(until) => {
                    until.notified().await;
                    Err(io::Error::other("let go"))
                }
                Answer::Panics => panic!("the resolver has a bug"),
            }
        })
    }

    fn connect(&self, to: SocketAddr) -> BoxFuture<io::Result<TcpStream>> {
        self.dialled.lock().unwrap().push(to);
        let peer = *self.peer.lock().unwrap();
        assert!(!self.is_broken.load(SeqCst), "connections have a bug");
        Box::pin(async move {
            match peer {
                Some(peer) => connect(peer).await,
                None => pending().await,
            }
        })
    }
}

/// With a small buffer, so that a large request waits for its reader as it does over a long way.
async fn connect(peer: SocketAddr) -> io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.set_send_buffer_size(4 << 10)?;
    #[allow(clippy::disallowed_methods, reason = "the way to the test's own peer")]
    socket.connect(peer).await
}
