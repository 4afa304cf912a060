//! HTTP/2 with a peer that speaks it as a library does.

use std::{net::SocketAddr, sync::Arc, thread};

use bytes::Bytes;
use http::{Request, Response, Version};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use lattice_policies::egress::{FetchLimits, Method};
use tokio::{net::TcpListener, sync::mpsc};
use tokio_rustls::{TlsAcceptor, rustls::ServerConfig};

use crate::{
    certificates::Authority,
    peer::Peer,
    world::{HOST, World, game, submit},
};

type Served = (http::request::Parts, Bytes);

/// A peer that answers every request with its body, and tells of it.
fn echo(config: Arc<ServerConfig>) -> (SocketAddr, mpsc::Receiver<Served>) {
    let (served, requests) = mpsc::channel(8);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    let acceptor = TlsAcceptor::from(config);
    thread::spawn(move || {
        runtime.block_on(async {
            while let Ok((stream, _)) = listener.accept().await {
                let stream = acceptor.accept(stream).await.unwrap();
                let served = served.clone();
                let serve = service_fn(move |request| answer(request, served.clone()));
                let builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
                tokio::spawn(builder.serve_connection(TokioIo::new(stream), serve));
            }
        });
    });
    (address, requests)
}

async fn answer(
    request: Request<Incoming>,
    served: mpsc::Sender<Served>,
) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let (head, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    served.send((head, body.clone())).await.unwrap();
    Ok(Response::builder().status(201).header("x-a", "b").body(Full::new(body)).unwrap())
}

#[test]
fn a_request_goes_over_http2_where_the_peer_speaks_it() {
    let authority = Authority::new();
    let (address, mut requests) = echo(authority.server(&[HOST], &["h2", "http/1.1"]));
    let world = World::tls(&Peer::silent(), &authority);
    world.network.lead_to(address);
    world.allow(&["api.example.com:8443"], FetchLimits::default());
    let body = vec![b'x'; 256 << 10];
    let url = "https://api.example.com:8443/a?b=[c]";
    let permit = world.decide(Method::Post, url, "X-Score: 9\n", &body).unwrap();
    let outcome = submit(&world.gate, 1, permit).outcome();
    assert_eq!(outcome.status, 201);
    assert!(outcome.headers.starts_with(b"x-a: b\n"), "{:?}", outcome.headers);
    assert!(outcome.body == body, "{} bytes", outcome.body.len());

    let (head, sent) = requests.blocking_recv().unwrap();
    assert_eq!((head.version, head.method.as_str()), (Version::HTTP_2, "POST"));
    assert_eq!(head.uri.to_string(), url);
    assert!(sent == body, "{} bytes", sent.len());
    let mut names: Vec<_> = head.headers.keys().map(http::HeaderName::as_str).collect();
    names.sort_unstable();
    let expected = ["accept-encoding", "content-length", "user-agent", "x-lattice-game", "x-score"];
    assert_eq!(names, expected, "nothing of HTTP/1.1's");
    assert_eq!(head.headers["x-lattice-game"], game(1).as_str());
}
