//! A sim that adds up what its players say, as wasm and natively, and servers that run both.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use crate::{
    app::App,
    clang::{compile, project},
    socket::Socket,
    twin::built_beside,
};

const SOURCE: &str = "tests/fixtures/native/tally.c";
/// What makes a shared object of it, up to the files' names.
const NATIVE: &str = "clang -shared -nostdlib -fPIC -O2 -fvisibility=hidden -Wl,-z,now";

/// The policy of a server that runs native sims, and keeps what matches need to come back.
pub(crate) const ON: &str =
    "[native]\nenabled = true\n[match]\nlog_delay_ms = 10\nsnapshot_every_ms = 100\n";

/// The sim as a wasm module.
pub(crate) fn wasm() -> Vec<u8> {
    compile(SOURCE)
}

/// The sim as a shared object.
pub(crate) fn native() -> Vec<u8> {
    shared_object(&project().join(SOURCE), &[])
}

/// A source as a shared object, with further flags.
pub(crate) fn shared_object(source: &Path, flags: &[&str]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join("sim.so");
    let mut words = NATIVE.split(' ');
    let mut clang = Command::new(words.next().unwrap());
    clang.args(words).args(flags).arg("-o").arg(&to).arg(source);
    let built = clang.output().expect("clang is installed");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    fs::read(to).unwrap()
}

/// A server under that policy, with `lattice-cell` beside its command.
pub(crate) async fn under(policy: &str) -> App {
    cell();
    let mut app = App::start().await;
    app.stop();
    restart(&mut app, policy).await;
    app
}

/// Starts the server anew, under another policy.
pub(crate) async fn restart(app: &mut App, policy: &str) {
    let path = app.data().join("policy.toml");
    fs::write(&path, policy).unwrap();
    app.restart_with(&["--policy", path.to_str().unwrap()]).await;
}

/// The program that native sims run in, beside the `lattice` command.
pub(crate) fn cell() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| built_beside("lattice-cell", "lattice-cell"))
}

/// A player of a tally.
pub(crate) struct Adder {
    token: String,
    socket: Socket,
}

impl Adder {
    /// Joins, and gives the sum that is there.
    pub(crate) async fn join(app: &App, id: &str) -> (Self, u32) {
        let token = app.make_player(id, "ada").await;
        let socket = Socket::open(app, id, &token).await;
        let mut adder = Self { token, socket };
        let (sum, _) = adder.next().await;
        (adder, sum)
    }

    /// Comes back with the same token.
    pub(crate) async fn back(self, app: &App, id: &str) -> Self {
        let socket = Socket::open(app, id, &self.token).await;
        Self { socket, ..self }
    }

    /// Adds a byte, and gives the sum and the tick that come back.
    pub(crate) async fn add(&mut self, byte: u8) -> (u32, i64) {
        self.say(byte).await;
        self.next().await
    }

    pub(crate) async fn say(&mut self, byte: u8) {
        self.socket.send(&[byte]).await;
    }

    /// Waits for the socket's end, and gives its code.
    pub(crate) async fn closed(&mut self) -> u16 {
        self.socket.closed().await.0
    }

    async fn next(&mut self) -> (u32, i64) {
        let said = self.socket.next().await;
        let (sum, tick) = said.split_at(4);
        (u32::from_le_bytes(sum.try_into().unwrap()), i64::from_le_bytes(tick.try_into().unwrap()))
    }
}
