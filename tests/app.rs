//! The harness: a `lattice serve` process of its own for each test, with its own data folder and
//! ports, a small HTTP client, and a look into the database.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use rusqlite::{Connection, OpenFlags};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A server that runs, and the super-admin's token.
pub(crate) struct App {
    process: Child,
    data: TempDir,
    config: String,
    client: Client<HttpConnector, Full<Bytes>>,
    pub(crate) origin: String,
    pub(crate) admin_origin: String,
    pub(crate) token: String,
}

/// What a process said on stdout before it was up.
type Announced = BTreeMap<&'static str, String>;

impl App {
    /// A server with the shipped settings.
    pub(crate) async fn start() -> Self {
        Self::with("").await
    }

    /// A server whose `[server]` section has these lines.
    pub(crate) async fn with(config: &str) -> Self {
        let data = tempfile::tempdir().unwrap();
        let command = serve(data.path(), config);
        Self::of(data, config, command, |_| ()).await
    }

    /// The server that a command starts on a new folder; `meet` is what its process waits for.
    pub(crate) async fn of(
        data: TempDir,
        config: &str,
        command: Command,
        meet: impl FnOnce(&mut Child),
    ) -> Self {
        let (process, mut announced) = spawn(command, meet);
        let token = announced.remove(TOKEN).expect("the first start shows a token");
        let mut app = Self {
            process,
            data,
            config: config.to_owned(),
            client: Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build_http(),
            origin: String::new(),
            admin_origin: String::new(),
            token,
        };
        app.settle(announced).await;
        app
    }

    /// Starts the server anew on the same data folder.
    pub(crate) async fn restart(&mut self) {
        self.restart_with(&[]).await;
    }

    /// Starts the server anew with further flags.
    pub(crate) async fn restart_with(&mut self, flags: &[&str]) {
        let mut command = serve(self.data.path(), &self.config);
        command.args(flags);
        let (process, announced) = spawn(command, |_| ());
        assert!(!announced.contains_key(TOKEN), "a token is made once");
        self.process = process;
        self.settle(announced).await;
    }

    async fn settle(&mut self, mut announced: Announced) {
        self.origin = announced.remove(LISTENING).unwrap();
        let metrics = announced.remove(METRICS).unwrap();
        self.admin_origin = metrics.replace("/metrics", "");
        while self.get("/readyz").send().await.status != 200 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The folder that holds the database.
    pub(crate) fn data(&self) -> &Path {
        self.data.path()
    }

    /// The server's process.
    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Sends the process a signal.
    pub(crate) fn signal(&self, signal: &str) {
        let status = Command::new("kill").arg(signal).arg(self.process.id().to_string()).status();
        assert!(status.unwrap().success());
    }

    /// Waits for the process to end.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        self.process.wait().unwrap()
    }

    /// Stops the server gracefully.
    pub(crate) fn stop(&mut self) -> ExitStatus {
        self.signal("-TERM");
        self.wait()
    }

    /// Ends the server as a power cut would.
    pub(crate) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.wait();
    }

    pub(crate) fn get(&self, path: &str) -> Asked<'_> {
        self.request(Method::GET, path)
    }

    pub(crate) fn post(&self, path: &str, body: Value) -> Asked<'_> {
        self.request(Method::POST, path).json(body)
    }

    pub(crate) fn delete(&self, path: &str) -> Asked<'_> {
        self.request(Method::DELETE, path)
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> Asked<'_> {
        let url = if path.starts_with("http") {
            path.to_owned()
        } else {
            format!("{}{path}", self.origin)
        };
        let asked = Asked { app: self, method, url, headers: Vec::new(), body: Bytes::new() };
        asked.token(&self.token)
    }

    /// Makes a token and gives its secret.
    pub(crate) async fn make_token(&self, subject: &str, role: &str) -> String {
        let asked = self.post("/tokens", json!({ "Subject": subject, "Role": role }));
        asked.send().await.expect(201)["Token"].as_str().unwrap().to_owned()
    }

    /// Makes a game of that token's subject, and gives its id.
    pub(crate) async fn make_game(&self, token: &str) -> String {
        let asked = self.post("/games", json!({ "Name": "A game" })).token(token);
        asked.send().await.expect(201)["Id"].as_str().unwrap().to_owned()
    }

    /// Uploads a module as the seed does.
    pub(crate) async fn upload(&self, game: &str, version: &str, wasm: &[u8]) -> Answer {
        let wasm = BASE64_STANDARD.encode(wasm);
        let body = json!({ "Packaging": "wasm", "Version": version, "WasmBase64": wasm });
        self.post(&format!("/games/{game}/modules"), body).send().await
    }

    /// A game of the super-admin's with one build, and a match of it that has begun to tick.
    pub(crate) async fn running_match(&self, wasm: &[u8]) -> (String, String) {
        let game = self.make_game(&self.token).await;
        self.upload(&game, "1.0.0", wasm).await.expect(201);
        let id = self.start_match(&game, json!({})).await;
        (game, id)
    }

    /// Starts a match, and waits until it runs.
    pub(crate) async fn start_match(&self, game: &str, body: Value) -> String {
        let made = self.post(&format!("/games/{game}/matches"), body).send().await.expect(201);
        let id = made["Id"].as_str().unwrap().to_owned();
        self.until(&id, |found| found["State"] != "starting").await;
        id
    }

    /// The match, once it is as wanted.
    pub(crate) async fn until(&self, id: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            let found = self.get(&format!("/matches/{id}")).send().await.expect(200);
            if wanted(&found) {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Makes a player, and gives the token.
    pub(crate) async fn make_player(&self, id: &str, name: &str) -> String {
        let asked = self.post(&format!("/matches/{id}/players"), json!({ "Name": name }));
        asked.send().await.expect(201)["Token"].as_str().unwrap().to_owned()
    }

    /// The database, to look at only.
    pub(crate) fn database(&self) -> Connection {
        let path = self.data().join("lattice.sqlite");
        Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap()
    }

    /// The database, to make writing it fail or wait as a full or busy disk does.
    pub(crate) fn writer(&self) -> Connection {
        Connection::open(self.data().join("lattice.sqlite")).unwrap()
    }

    /// The one number that a query gives.
    pub(crate) fn count(&self, query: &str) -> i64 {
        self.database().query_row(query, [], |row| row.get(0)).unwrap()
    }

    /// Everything that is kept, counted: builds, blobs, matches, tokens, games, audit rows.
    pub(crate) fn kept(&self) -> [i64; 6] {
        ["module_build", "blob", "match_run", "token", "game", "audit_row"]
            .map(|table| self.count(&format!("SELECT count(*) FROM {table}")))
    }
}

impl Drop for App {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A request in the making.
pub(crate) struct Asked<'a> {
    app: &'a App,
    method: Method,
    url: String,
    headers: Vec<(String, String)>,
    body: Bytes,
}

impl Asked<'_> {
    /// Replaces the token; an empty one leaves it out.
    pub(crate) fn token(mut self, token: &str) -> Self {
        self.headers.retain(|(name, _)| name != "authorization");
        match token {
            "" => self,
            token => self.header("authorization", &format!("Bearer {token}")),
        }
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    #[expect(clippy::needless_pass_by_value, reason = "written in place by every caller")]
    pub(crate) fn json(self, body: Value) -> Self {
        self.header("content-type", "application/json").body(body.to_string())
    }

    pub(crate) fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    pub(crate) async fn send(self) -> Answer {
        let mut request = Request::builder().method(self.method).uri(&self.url);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let request = request.body(Full::new(self.body)).unwrap();
        let response = self.app.client.request(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer { url: self.url, status: parts.status, headers: parts.headers, body }
    }
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    url: String,
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The body, if the status is that one.
    #[track_caller]
    pub(crate) fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}: {}", self.url, self.text());
        if self.body.is_empty() { Value::Null } else { self.json() }
    }

    /// A refusal as RFC 9457 has it, with that status and kind; gives its detail.
    #[track_caller]
    pub(crate) fn problem(&self, status: u16, kind: &str) -> String {
        let problem = self.expect(status);
        assert_eq!(self.header("content-type"), "application/problem+json", "{}", self.url);
        assert_eq!(problem["status"], status);
        assert_eq!(problem["type"], format!("urn:lattice:problem:{kind}"), "{problem}");
        assert!(problem["title"].is_string());
        problem["detail"].as_str().unwrap().to_owned()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

const TOKEN: &str = "super-admin token (shown once): ";
const LISTENING: &str = "listening on ";
const METRICS: &str = "metrics on ";

/// The command that the tests drive.
pub(crate) fn lattice() -> Command {
    Command::new(env!("CARGO_BIN_EXE_lattice"))
}

/// A `lattice serve` on that folder, with ports of the kernel's choice.
pub(crate) fn serve(data: &Path, config: &str) -> Command {
    let file = config_file(data, config);
    let mut command = lattice();
    command.args(["serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"]);
    command.arg("--data").arg(data).arg("--config").arg(file);
    command
}

fn config_file(data: &Path, config: &str) -> PathBuf {
    fs::create_dir_all(data).unwrap();
    let file = data.join("test.toml");
    fs::write(&file, format!("[server]\n{config}\n")).unwrap();
    file
}

/// Starts the process, and waits until it has said all that it says.
fn spawn(mut command: Command, meet: impl FnOnce(&mut Child)) -> (Child, Announced) {
    let mut process = command.stdout(Stdio::piped()).spawn().unwrap();
    meet(&mut process);
    let (lines, said) = mpsc::channel();
    let stdout = BufReader::new(process.stdout.take().unwrap());
    thread::spawn(move || {
        stdout.lines().map_while(Result::ok).try_for_each(|line| lines.send(line))
    });
    let mut announced = Announced::new();
    while !announced.contains_key(METRICS) {
        let line = said.recv().expect("the server starts");
        for prefix in [TOKEN, LISTENING, METRICS] {
            if let Some(rest) = line.strip_prefix(prefix) {
                announced.insert(prefix, rest.to_owned());
            }
        }
    }
    (process, announced)
}
