//! From a permit to a connection: lookup, the check of every address, TCP and TLS.
//! Dials what was vetted and nothing else, and vets anew for every fetch.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use lattice_policies::egress::{Destination, EgressPermit, Host, Origin, Scheme};
use tokio::{
    net::TcpStream,
    time::{Instant, timeout_at},
};
use tokio_rustls::TlsConnector;

use super::{
    BoxFuture,
    failure::Failure,
    fetcher::{Fetcher, Places},
    record::Trace,
    tls,
    wire::Stream,
};

/// Addresses that are dialled at most, one after the other.
const TRIES: usize = 4;

/// How the two ends speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    Http1,
    Http2,
}

/// A connection that is ready for one request.
pub(super) struct Line {
    pub(super) stream: Box<dyn Stream>,
    pub(super) protocol: Protocol,
}

/// Opens the connection for a permit's request.
pub(super) async fn dial(
    fetcher: &Fetcher,
    permit: &EgressPermit,
    places: &Arc<Places>,
    trace: &mut Trace,
) -> Result<Line, Failure> {
    let time = Duration::from_millis(permit.limits().connect_ms.into());
    let deadline = Instant::now() + time;
    let answers = match (&permit.origin().host, permit.literal()) {
        (_, Some(address)) => vec![address],
        (Host::Name(name), None) => lookup(fetcher, name, places).await?,
        (_, None) => Vec::new(),
    };
    let destination = permit.vet(&answers)?;
    let (stream, address) = connect(fetcher, &destination, deadline).await?;
    trace.address = Some(address);
    match permit.origin().scheme {
        Scheme::Http => Ok(Line { stream: Box::new(stream), protocol: Protocol::Http1 }),
        Scheme::Https => secure(fetcher, permit.origin(), stream).await,
    }
}

/// Asks for the addresses of a name. The places stay taken until the answer is there, even if
/// the fetch is long over: a resolver can't be stopped.
async fn lookup(
    fetcher: &Fetcher,
    name: &str,
    places: &Arc<Places>,
) -> Result<Vec<IpAddr>, Failure> {
    let answer = fetcher.network.resolve(name.to_owned());
    let places = Arc::clone(places);
    let lookup = tokio::spawn(async move {
        let answer = answer.await;
        drop(places);
        answer
    });
    let answer = lookup.await.unwrap_or_else(|fault| Err(io::Error::other(fault)));
    answer.map_err(|error| Failure::Lookup(error.to_string()))
}

/// Dials the addresses in their order.
async fn connect(
    fetcher: &Fetcher,
    destination: &Destination,
    deadline: Instant,
) -> Result<(TcpStream, SocketAddr), Failure> {
    let addresses = &destination.addresses()[..destination.addresses().len().min(TRIES)];
    let mut tries = Vec::new();
    for (address, left) in addresses.iter().zip((1..=addresses.len() as u32).rev()) {
        let dialled = fetcher.network.connect(*address);
        match within_share(dialled, left, deadline).await {
            Ok(stream) => return Ok((stream, *address)),
            Err(error) => tries.push((*address, error)),
        }
    }
    Err(Failure::Connect(tries))
}

/// Gives each try but the last its share of the time, so that an address which does not answer
/// leaves some for the next. The last one's time is that of the whole.
async fn within_share(
    dialled: BoxFuture<io::Result<TcpStream>>,
    left: u32,
    deadline: Instant,
) -> io::Result<TcpStream> {
    if left == 1 {
        return dialled.await;
    }
    let now = Instant::now();
    let dialled = timeout_at(now + (deadline - now) / left, dialled).await;
    dialled.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

async fn secure(fetcher: &Fetcher, origin: &Origin, stream: TcpStream) -> Result<Line, Failure> {
    let no_name = || Failure::Tls(format!("no certificate can be for {}", origin.host));
    let name = tls::server_name(&origin.host).ok_or_else(no_name)?;
    let connector = TlsConnector::from(Arc::clone(&fetcher.tls));
    let stream = connector.connect(name, stream).await;
    let stream = stream.map_err(|error| Failure::Tls(error.to_string()))?;
    let is_h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    let protocol = if is_h2 { Protocol::Http2 } else { Protocol::Http1 };
    Ok(Line { stream: Box::new(stream), protocol })
}
