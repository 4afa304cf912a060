//! The only place that opens outbound connections and looks names up.
//! Never decides where to: a fetch comes here with addresses that were vetted.

use std::{
    future::Future,
    io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
};

use tokio::net::TcpStream;

/// A future that can be kept and sent.
pub type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// How names become addresses and addresses connections.
pub trait Network: Send + Sync {
    /// The addresses of a host name. The fetch's places stay taken until the future has ended,
    /// even if nobody waits for it any more.
    fn resolve(&self, name: String) -> BoxFuture<io::Result<Vec<IpAddr>>>;

    /// A connection to exactly this address. Dropping the future gives it up.
    fn connect(&self, to: SocketAddr) -> BoxFuture<io::Result<TcpStream>>;
}

/// The machine's resolver and its network, directly: no proxy, and nothing from the environment.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemNetwork;

impl Network for SystemNetwork {
    fn resolve(&self, name: String) -> BoxFuture<io::Result<Vec<IpAddr>>> {
        Box::pin(async move {
            let lookup = tokio::task::spawn_blocking(move || addresses_of(&name));
            lookup.await.unwrap_or_else(|fault| Err(io::Error::other(fault)))
        })
    }

    fn connect(&self, to: SocketAddr) -> BoxFuture<io::Result<TcpStream>> {
        #[allow(clippy::disallowed_methods, reason = "the one place that dials")]
        Box::pin(async move {
            let stream = TcpStream::connect(to).await?;
            stream.set_nodelay(true)?;
            Ok(stream)
        })
    }
}

/// Asks the system's resolver, which can take as long as it likes. A name with a dot is meant as
/// it stands: the resolver must not try it under a domain of its own first.
fn addresses_of(name: &str) -> io::Result<Vec<IpAddr>> {
    let name = if name.contains('.') { format!("{name}.") } else { name.to_owned() };
    #[allow(clippy::disallowed_methods, reason = "the one place that looks names up")]
    let found = std::net::ToSocketAddrs::to_socket_addrs(&(name.as_str(), 0))?;
    Ok(found.map(|address| address.ip()).collect())
}
