//! Peers on loopback: a thread a connection, plain or TLS, that reads one request and then does
//! what its test wants.

use std::{
    io::{self, Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex},
    thread,
    time::Duration,
};

use tokio_rustls::rustls::{ServerConfig, ServerConnection, StreamOwned};

/// What only a hang can take.
pub const HANG: Duration = Duration::from_mins(2);

/// A connection as a peer sees it.
pub trait Stream: Read + Write + Send {
    /// Drops the connection, whatever is still to be said.
    fn close(&mut self);
}

impl Stream for TcpStream {
    fn close(&mut self) {
        let _ = self.shutdown(Shutdown::Both);
    }
}

impl Stream for StreamOwned<ServerConnection, TcpStream> {
    fn close(&mut self) {
        self.sock.close();
    }
}

/// How a peer reads a request.
type Reader = fn(&mut dyn Stream) -> io::Result<Request>;

/// What a peer does once it has read a request's head.
type Act = dyn Fn(&mut dyn Stream, &Request) + Send + Sync;

/// A request as it came.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// As far as the empty line.
    pub head: String,
    pub body: Vec<u8>,
    /// The name in the TLS greeting.
    pub sni: Option<String>,
}

impl Request {
    pub fn line(&self) -> &str {
        self.head.lines().next().unwrap_or_default()
    }

    /// The values of a header, by its name in lower case.
    pub fn header(&self, name: &str) -> Vec<&str> {
        let headers = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        headers.filter(|(found, _)| *found == name).map(|(_, value)| value).collect()
    }
}

#[derive(Default)]
struct Seen {
    connections: usize,
    requests: Vec<Request>,
    /// Connections that the other side has closed.
    closed: usize,
}

pub struct Peer {
    pub address: SocketAddr,
    seen: Arc<(Mutex<Seen>, Condvar)>,
}

impl Peer {
    /// Answers every request with these bytes.
    pub fn answering(response: &'static str) -> Self {
        Self::acting(move |stream, _| stream.write_all(response.as_bytes()).unwrap_or_default())
    }

    /// Takes requests and says nothing.
    pub fn silent() -> Self {
        Self::acting(|_, _| {})
    }

    pub fn acting(act: impl Fn(&mut dyn Stream, &Request) + Send + Sync + 'static) -> Self {
        Self::new(None, read_request, act)
    }

    pub fn tls(
        config: Arc<ServerConfig>,
        act: impl Fn(&mut dyn Stream, &Request) + Send + Sync + 'static,
    ) -> Self {
        Self::new(Some(config), read_request, act)
    }

    pub fn new(
        tls: Option<Arc<ServerConfig>>,
        read: Reader,
        act: impl Fn(&mut dyn Stream, &Request) + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::<(Mutex<Seen>, Condvar)>::default();
        let (all, act) = (Arc::clone(&seen), Arc::new(act));
        thread::spawn(move || {
            for stream in listener.incoming() {
                note(&all, |seen| seen.connections += 1);
                let (tls, act, all) = (tls.clone(), Arc::clone(&act), Arc::clone(&all));
                thread::spawn(move || serve(stream.unwrap(), tls, &*act, read, &all));
            }
        });
        Self { address, seen }
    }

    pub fn connections(&self) -> usize {
        self.seen.0.lock().unwrap().connections
    }

    pub fn requests(&self) -> Vec<Request> {
        self.seen.0.lock().unwrap().requests.clone()
    }

    /// Waits until so many requests have come.
    pub fn await_requests(&self, count: usize) {
        self.wait_until("requests", |seen| seen.requests.len() >= count);
    }

    /// Waits until the other side has closed so many connections.
    pub fn await_closed(&self, count: usize) {
        self.wait_until("closed connections", |seen| seen.closed >= count);
    }

    fn wait_until(&self, what: &str, is_there: impl Fn(&Seen) -> bool) {
        let seen = self.seen.0.lock().unwrap();
        let waited = self.seen.1.wait_timeout_while(seen, HANG, |seen| !is_there(seen)).unwrap();
        assert!(!waited.1.timed_out(), "waited in vain for {what}");
    }
}

fn note(seen: &(Mutex<Seen>, Condvar), change: impl FnOnce(&mut Seen)) {
    change(&mut seen.0.lock().unwrap());
    seen.1.notify_all();
}

fn serve(
    stream: TcpStream,
    tls: Option<Arc<ServerConfig>>,
    act: &Act,
    read: Reader,
    seen: &(Mutex<Seen>, Condvar),
) {
    match tls {
        None => act_on(&mut { stream }, None, act, read, seen),
        Some(config) => {
            let connection = ServerConnection::new(config).unwrap();
            let mut stream = StreamOwned::new(connection, stream);
            while stream.conn.is_handshaking() {
                if stream.conn.complete_io(&mut stream.sock).is_err() {
                    return note(seen, |seen| seen.closed += 1);
                }
            }
            let sni = stream.conn.server_name().map(str::to_owned);
            act_on(&mut stream, sni, act, read, seen);
        }
    }
}

fn act_on(
    stream: &mut dyn Stream,
    sni: Option<String>,
    act: &Act,
    read: Reader,
    seen: &(Mutex<Seen>, Condvar),
) {
    if let Ok(request) = read(stream) {
        let request = Request { sni, ..request };
        note(seen, |seen| seen.requests.push(request.clone()));
        act(stream, &request);
        let _ = stream.flush();
        // Until the other side closes: what this side drops early, a test says itself.
        let _ = io::copy(stream, &mut io::sink());
    }
    note(seen, |seen| seen.closed += 1);
}

/// Reads one HTTP/1.1 request with its body.
pub fn read_request(stream: &mut dyn Stream) -> io::Result<Request> {
    let mut request = read_head(stream)?;
    let length = request.header("content-length").first().map(|length| length.parse().unwrap());
    request.body.resize(length.unwrap_or_default(), 0);
    stream.read_exact(&mut request.body)?;
    Ok(request)
}

/// Reads one HTTP/1.1 request as far as its body.
pub fn read_head(stream: &mut dyn Stream) -> io::Result<Request> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(read_byte(stream)?);
    }
    Ok(Request { head: String::from_utf8(head).unwrap(), ..Request::default() })
}

fn read_byte(stream: &mut dyn Stream) -> io::Result<u8> {
    let mut byte = [0];
    stream.read_exact(&mut byte)?;
    Ok(byte[0])
}
