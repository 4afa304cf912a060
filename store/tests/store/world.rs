//! A data folder with a store in it, and the modules and ids that the tests need.

use std::path::PathBuf;

use jiff::{SignedDuration, Timestamp};
use lattice_policies::{
    GameId, MatchId, Policy, Sha256, TokenId,
    admission::{self, Admitted, Packaging, Rejection},
};
use lattice_store::{
    Actor, AuditEntry, AuditFilter, AuditRow, Inserted, Match, MatchEnd, MatchState, ModuleBuild,
    NewMatch, NewToken, Page, Store,
};
use rusqlite::Connection;
use semver::Version;
use serde_json::json;
use tempfile::TempDir;

/// The fingerprint of some policy.
pub(crate) const POLICY: Sha256 = Sha256([7; 32]);

pub(crate) struct World {
    pub(crate) dir: TempDir,
    pub(crate) store: Store,
}

impl World {
    /// An empty store in a folder of its own.
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        Self { dir, store }
    }

    /// One with the game [`game`] in it.
    pub(crate) fn with_game() -> Self {
        let world = Self::new();
        world.store.create_game(&ada(), &game(), "Arena", "ada").unwrap();
        world
    }

    /// One with a game, a build and its starting match, the first.
    pub(crate) fn with_match() -> Self {
        let world = Self::with_game();
        let build = world.upload("1.0.0");
        world.start(1, &build);
        world
    }

    /// Ends the process, as far as the store can tell, and starts the next one.
    pub(crate) fn restart(self) -> Self {
        let Self { dir, store } = self;
        drop(store);
        let store = Store::open(dir.path()).unwrap();
        Self { dir, store }
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.dir.path().join("lattice.sqlite")
    }

    /// The database as anybody with the file has it.
    pub(crate) fn raw(&self) -> Connection {
        Connection::open(self.database()).unwrap()
    }

    pub(crate) fn count(&self, table: &str) -> i64 {
        self.raw()
            .query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0))
            .unwrap()
    }

    /// The audit, oldest row first.
    pub(crate) fn audit(&self) -> Vec<AuditRow> {
        let mut rows = self.store.audit(&AuditFilter::default(), &Page::first(Page::MOST)).unwrap();
        rows.reverse();
        rows
    }

    /// `action outcome` of each audit row, oldest first.
    pub(crate) fn deeds(&self) -> Vec<String> {
        self.audit().iter().map(|row| format!("{} {}", row.action, row.outcome)).collect()
    }

    /// An admitted upload of that version.
    pub(crate) fn upload(&self, text: &str) -> ModuleBuild {
        let admitted = module(text);
        let version = version(text);
        match self.store.insert_build(&ada(), &game(), &version, &admitted, POLICY, None).unwrap() {
            Inserted::New(build) => build,
            other => panic!("{text} was there: {other:?}"),
        }
    }

    /// A fetch of the game's first match, as the platform records one.
    pub(crate) fn record_fetch(&self, url: &str) {
        let detail = json!({
            "Match": match_id(1).to_string(), "Tick": 3, "Id": 7, "Status": 200,
            "Address": "93.184.216.34:443", "SentBytes": 120, "ReceivedBytes": 900,
            "WaitedMs": 0, "TookMs": 31, "Why": null,
        });
        let target = format!("POST {url}");
        let (action, game, outcome) = ("egress.fetch", Some(&game()), "ok");
        let entry = AuditEntry { action, game, target: &target, outcome, detail };
        self.store.record_all(&Actor::system(), &[entry]).unwrap();
    }

    /// Twelve requests of that match that the rules refused.
    pub(crate) fn record_refused_fetches(&self) {
        let detail = json!({
            "Match": match_id(1).to_string(), "FirstTick": 3, "LastTick": 9, "Count": 12,
            "Code": "LATTICE_HTTP_NOT_ALLOWED", "Reason": "https://evil.test:443 is not listed",
        });
        let (action, game, outcome) = ("egress.refuse", Some(&game()), "refused");
        let target = match_id(1).to_string();
        let entry = AuditEntry { action, game, target: &target, outcome, detail };
        self.store.record_all(&Actor::system(), &[entry]).unwrap();
    }

    /// A starting match of that build.
    pub(crate) fn start(&self, n: u8, build: &ModuleBuild) -> Match {
        self.store.insert_match(&ada(), &new_match(n, build)).unwrap()
    }
}

pub(crate) fn new_match(n: u8, build: &ModuleBuild) -> NewMatch {
    NewMatch {
        id: match_id(n),
        game: build.game.clone(),
        version: build.version.clone(),
        sha256: build.sha256,
        tick_hz: 60,
        seed: u64::MAX,
        config: b"map=ice".to_vec(),
        fork: None,
    }
}

pub(crate) fn end(state: MatchState) -> MatchEnd {
    MatchEnd {
        state,
        ticks: 9,
        fault: None,
        result: None,
        figures: None,
        isolation: None,
        proof: None,
    }
}

pub(crate) fn new_token(n: u8, role: &str) -> NewToken {
    NewToken {
        id: TokenId::from_random([n; 10]),
        secret: Sha256::of(&[n]),
        subject: "ada".into(),
        role: role.parse().unwrap(),
        expires_at: None,
    }
}

/// The owner of [`game`].
pub(crate) fn ada() -> Actor {
    Actor {
        subject: "ada".into(),
        token: Some(TokenId::from_random([1; 10])),
        address: Some("192.0.2.7".into()),
        request: Some("r-1".into()),
    }
}

pub(crate) fn game() -> GameId {
    GameId::from_random([2; 10])
}

pub(crate) fn match_id(n: u8) -> MatchId {
    MatchId::from_random([n; 10])
}

pub(crate) fn version(text: &str) -> Version {
    text.parse().unwrap()
}

pub(crate) fn in_an_hour() -> Timestamp {
    Timestamp::now() + SignedDuration::from_hours(1)
}

pub(crate) fn an_hour_ago() -> Timestamp {
    Timestamp::now() - SignedDuration::from_hours(1)
}

/// A small sim; each text makes another one.
pub(crate) fn module(text: &str) -> Admitted {
    admission::scan(Packaging::Wasm, wat(text, "lattice_ms_log"), &Policy::default()).unwrap()
}

/// What the scan says of the same sim with an import that is not granted.
pub(crate) fn rejection(text: &str) -> Rejection {
    admission::scan(Packaging::Wasm, wat(text, "system"), &Policy::default()).unwrap_err()
}

fn wat(text: &str, import: &str) -> Vec<u8> {
    wat::parse_str(format!(
        r#"(module
            (import "env" "{import}" (func (param i32 i32 i32)))
            (memory (export "memory") 1 2)
            (data (i32.const 0) "{text}")
            (func (export "lattice_abi_v1"))
            (func (export "lattice_sim_init") (param i64 i32) (result i32) i32.const 0)
            (func (export "lattice_sim_tick") (param i64) (result i32) i32.const 0))"#
    ))
    .unwrap()
}
