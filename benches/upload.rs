//! Where an upload of a 1 MB module spends its time, through the server's own HTTP door: each
//! stage by the server's metrics, and what is left beside them.

use std::hint::black_box;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use lattice_policies::{Policy, Sha256};
use serde_json::json;
use wasmtime::{Engine, Module};

use crate::{
    bare, clocks, modules,
    server::{Request, TestServer},
    stats::{heading, median, row},
};

const ROUNDS: u32 = 5;
/// The stages that the server times; hashing is a part of the scan.
const STAGES: [&str; 3] = ["scan", "compile", "commit"];

/// Seconds of one upload.
struct Split {
    total: f64,
    stages: [f64; 3],
    hash: f64,
    /// The same module compiled by the peer.
    bare_compile: f64,
}

pub(crate) fn measure() {
    let bench = Bench::new();
    bench.measure("PUT application/wasm", 0, put);
    bench.measure("POST base64 in JSON", 1_000, post);
}

/// Makes the request that uploads a module to a game, as version `1.0.VARIANT`.
type Ask = fn(game: &str, variant: u32, wasm: &[u8]) -> Request;

struct Bench {
    server: TestServer,
    game: String,
    engine: Engine,
}

impl Bench {
    fn new() -> Self {
        let server = TestServer::start();
        let game = server.create_game();
        Self { server, game, engine: bare::engine(&Policy::default(), 1) }
    }

    /// Each round uploads a module that was never seen before. The first is not counted.
    fn measure(&self, how: &str, first: u32, request: Ask) {
        let mut size = 0;
        let splits: Vec<Split> = (first..=first + ROUNDS)
            .map(|variant| {
                let wasm = modules::large(variant);
                size = wasm.len();
                self.split(&request(&self.game, variant, &wasm), &wasm)
            })
            .skip(1)
            .collect();
        print(&format!("upload of {:.2} MB by {how}", size as f64 / 1e6), &splits);
    }

    fn split(&self, request: &Request, wasm: &[u8]) -> Split {
        let hash = clocks::wall(|| {
            black_box(Sha256::of(wasm));
        });
        let bare_compile = clocks::wall(|| drop(Module::from_binary(&self.engine, wasm).unwrap()));
        let before = self.server.stages();
        let total = clocks::wall(|| drop(self.server.ask(request)));
        let after = self.server.stages();
        let spent = |stage: &str| after[stage] - before.get(stage).copied().unwrap_or(0.0);
        Split { total, stages: STAGES.map(spent), hash, bare_compile }
    }
}

fn put(game: &str, variant: u32, wasm: &[u8]) -> Request {
    let path = format!("/games/{game}/modules/1.0.{variant}");
    Request { method: "PUT", path, content_type: "application/wasm", body: wasm.to_vec() }
}

fn post(game: &str, variant: u32, wasm: &[u8]) -> Request {
    let module = json!({
        "Packaging": "wasm",
        "Version": format!("1.0.{variant}"),
        "WasmBase64": BASE64_STANDARD.encode(wasm),
    });
    Request::json(format!("/games/{game}/modules"), &module)
}

/// Each part with its share of the whole.
fn print(title: &str, splits: &[Split]) {
    heading(title, splits.len());
    let part = |name: &str, of: &dyn Fn(&Split) -> f64| {
        let seconds: Vec<f64> = splits.iter().map(of).collect();
        let shares: Vec<f64> = splits.iter().map(|split| of(split) / split.total).collect();
        row(name, median(&seconds), &format!("{:.2} %", 100.0 * median(&shares)));
    };
    part("the whole, as the client sees it", &|split| split.total);
    part("hash", &|split| split.hash);
    part("scan, without the hash", &|split| split.stages[0] - split.hash);
    part("compile", &|split| split.stages[1]);
    part("commit", &|split| split.stages[2]);
    part("everything else", &|split| split.total - split.stages.iter().sum::<f64>());
    part("for comparison: bare wasmtime compiles it", &|split| split.bare_compile);
}
