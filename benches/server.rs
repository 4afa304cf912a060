//! A whole server in this process, spoken to over its sockets as any client does.

use std::{
    collections::BTreeMap,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
};

use lattice_console::{ServeSettings, config::ServerConfig, serve::Server};
use serde_json::json;

/// The server, in a temporary data folder, and its first token.
pub(crate) struct TestServer {
    server: Option<Server>,
    token: String,
    _folder: tempfile::TempDir,
}

/// A request that is ready to be sent.
pub(crate) struct Request {
    pub(crate) method: &'static str,
    pub(crate) path: String,
    pub(crate) content_type: &'static str,
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn json(path: impl Into<String>, body: &serde_json::Value) -> Self {
        let body = body.to_string().into_bytes();
        Self { method: "POST", path: path.into(), content_type: "application/json", body }
    }
}

impl TestServer {
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let any_port = SocketAddr::from(([127, 0, 0, 1], 0));
        let server = ServerConfig {
            listen: any_port,
            admin_listen: any_port,
            data_dir: folder.path().join("data"),
            ..ServerConfig::default()
        };
        let settings = ServeSettings { server, ..ServeSettings::default() };
        let server = Server::start(settings).unwrap();
        let token = server.first_token().unwrap().to_owned();
        Self { server: Some(server), token, _folder: folder }
    }

    /// Makes a game; answers its id.
    pub(crate) fn create_game(&self) -> String {
        let answer = self.ask(&Request::json("/games", &json!({ "Name": "bench" })));
        let game: serde_json::Value = serde_json::from_str(&answer).unwrap();
        game["Id"].as_str().unwrap().to_owned()
    }

    /// The answer's body. Any status but 200 and 201 ends the run.
    pub(crate) fn ask(&self, request: &Request) -> String {
        let Request { method, path, content_type, body } = request;
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
             authorization: Bearer {}\r\ncontent-type: {content_type}\r\n\
             content-length: {}\r\n\r\n",
            self.token,
            body.len()
        );
        talk(self.server.as_ref().unwrap().address(), head.as_bytes(), body)
    }

    /// Seconds that uploads have spent in each stage since the start, by the server's own metrics.
    pub(crate) fn stages(&self) -> BTreeMap<String, f64> {
        const HEAD: &[u8] =
            b"GET /metrics HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
        let page = talk(self.server.as_ref().unwrap().admin_address(), HEAD, &[]);
        page.lines().filter_map(stage).collect()
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        if let Some(server) = self.server.take() {
            server.stop().unwrap();
        }
    }
}

/// `lattice_upload_stage_seconds_sum{stage="scan"} 0.25`
fn stage(line: &str) -> Option<(String, f64)> {
    let line = line.strip_prefix("lattice_upload_stage_seconds_sum{stage=\"")?;
    let (name, seconds) = line.split_once("\"} ")?;
    Some((name.to_owned(), seconds.parse().ok()?))
}

fn talk(address: SocketAddr, head: &[u8], body: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    stream.write_all(head).unwrap();
    stream.write_all(body).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap();
    assert!(["200", "201"].contains(&status), "{answer}");
    body.to_owned()
}
