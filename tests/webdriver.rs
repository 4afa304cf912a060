//! A browser, driven by the W3C WebDriver protocol through Debian's `chromedriver`.

use std::{
    io::{self, BufRead, BufReader, Write},
    net::TcpStream,
    process::{Child, Command, Stdio},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use http::Method;
use serde_json::{Value, json};

use crate::app::App;

/// A headless Chromium with one page. Both processes end with it.
pub(crate) struct Browser<'a> {
    app: &'a App,
    driver: Child,
    session: String,
}

impl<'a> Browser<'a> {
    /// Starts a browser whose window is that large.
    pub(crate) async fn start(app: &'a App, width: u32, height: u32) -> Self {
        let driver = Command::new("chromedriver").arg("--port=0").stdout(Stdio::piped()).spawn();
        let mut driver = driver.expect("chromedriver runs (`make tools` installs it)");
        let mut lines = BufReader::new(driver.stdout.take().unwrap()).lines().map_while(Result::ok);
        let port = lines.find_map(|line| {
            let (_, port) = line.split_once("started successfully on port ")?;
            port.trim_end_matches('.').parse::<u16>().ok()
        });
        let origin = format!("http://127.0.0.1:{}", port.expect("chromedriver says its port"));
        let size = format!("--window-size={width},{height}");
        let args = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", &size];
        let quiet = ["--no-first-run", "--disable-background-networking", "--disable-sync"];
        let args = [&args[..], &quiet[..]].concat();
        let options = json!({ "args": args });
        let wanted =
            json!({ "capabilities": { "alwaysMatch": { "goog:chromeOptions": options } } });
        let mut browser = Self { app, driver, session: format!("{origin}/session") };
        let made = browser.command(Method::POST, "", wanted).await;
        let id = made["sessionId"].as_str().expect("a session").to_owned();
        browser.session = format!("{}/{id}", browser.session);
        browser
    }

    pub(crate) async fn open(&self, url: &str) {
        self.command(Method::POST, "/url", json!({ "url": url })).await;
    }

    /// Runs a script in the page and gives what it returns.
    pub(crate) async fn run(&self, script: &str, args: Value) -> Value {
        let body = json!({ "script": script, "args": args });
        self.command(Method::POST, "/execute/sync", body).await
    }

    /// Holds a key down for that long, as a finger would.
    pub(crate) async fn hold(&self, key: &str, milliseconds: u32) {
        let steps = json!([
            { "type": "keyDown", "value": key },
            { "type": "pause", "duration": milliseconds },
            { "type": "keyUp", "value": key },
        ]);
        let keyboard = json!({ "type": "key", "id": "keyboard", "actions": steps });
        self.command(Method::POST, "/actions", json!({ "actions": [keyboard] })).await;
    }

    /// What the page looks like, as a PNG.
    pub(crate) async fn screenshot(&self) -> Vec<u8> {
        let shot = self.command(Method::GET, "/screenshot", Value::Null).await;
        BASE64_STANDARD.decode(shot.as_str().unwrap()).unwrap()
    }

    async fn command(&self, method: Method, path: &str, body: Value) -> Value {
        let asked = self.app.request(method.clone(), &format!("{}{path}", self.session)).token("");
        let asked = if method == Method::GET { asked } else { asked.json(body) };
        asked.send().await.expect(200)["value"].take()
    }
}

impl Drop for Browser<'_> {
    /// The browser ends with its session, and is left behind by a driver that is only killed.
    fn drop(&mut self) {
        if let Some((address, path)) = self.session["http://".len()..].split_once('/') {
            let _ = end_session(address, path);
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

/// Blocks until the driver has answered; a drop can't wait in any other way.
fn end_session(address: &str, path: &str) -> io::Result<()> {
    let mut driver = TcpStream::connect(address)?;
    write!(driver, "DELETE /{path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    BufReader::new(driver).read_line(&mut String::new()).map(drop)
}
