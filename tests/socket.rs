//! A player's socket, as a browser would hold it.

use futures_util::{SinkExt, StreamExt};
use http::{HeaderValue, StatusCode, header};
use tokio::{io::AsyncWriteExt, net::TcpStream};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Error, Message, client::IntoClientRequest, http::Request},
};

use crate::app::App;

/// An open socket.
pub(crate) struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    /// Opens a socket with the token as a browser sends it.
    pub(crate) async fn open(app: &App, id: &str, token: &str) -> Self {
        let protocols = format!("lattice.v1, lattice.token.{token}");
        let request = request(app, id, &[("sec-websocket-protocol", &protocols)]);
        let (socket, response) = connect_async(request).await.unwrap();
        assert_eq!(response.headers()[header::SEC_WEBSOCKET_PROTOCOL], "lattice.v1");
        Self(socket)
    }

    /// Opens a socket with these headers.
    pub(crate) async fn open_with(app: &App, id: &str, headers: &[(&str, &str)]) -> Self {
        Self(connect_async(request(app, id, headers)).await.unwrap().0)
    }

    /// The status of a handshake that is refused.
    pub(crate) async fn refused(app: &App, id: &str, headers: &[(&str, &str)]) -> StatusCode {
        match connect_async(request(app, id, headers)).await {
            Err(Error::Http(response)) => response.status(),
            Err(error) => panic!("{error}"),
            Ok(_) => panic!("the handshake is taken"),
        }
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        self.0.send(Message::binary(bytes.to_vec())).await.unwrap();
    }

    /// Sends what the server may cut short.
    pub(crate) async fn try_send(&mut self, message: Message) -> Result<(), Error> {
        self.0.send(message).await
    }

    /// Sends bytes that need be no frame.
    pub(crate) async fn send_raw(&mut self, bytes: &[u8]) {
        self.0.get_mut().write_all(bytes).await.unwrap();
    }

    /// The next message.
    pub(crate) async fn next(&mut self) -> Vec<u8> {
        loop {
            match self.0.next().await.unwrap().unwrap() {
                Message::Binary(bytes) => return bytes.to_vec(),
                Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// The code and the reason with which the server closes, whatever comes before.
    pub(crate) async fn closed(&mut self) -> (u16, String) {
        loop {
            match self.0.next().await {
                Some(Ok(Message::Close(Some(frame)))) => {
                    return (frame.code.into(), frame.reason.to_string());
                }
                Some(Ok(_)) => {}
                other => panic!("no close frame: {other:?}"),
            }
        }
    }
}

fn request(app: &App, id: &str, headers: &[(&str, &str)]) -> Request<()> {
    let origin = app.origin.replace("http://", "ws://");
    let mut request = format!("{origin}/matches/{id}/play").into_client_request().unwrap();
    for (name, value) in headers {
        let name: http::HeaderName = name.parse().unwrap();
        request.headers_mut().insert(name, HeaderValue::from_str(value).unwrap());
    }
    request
}
