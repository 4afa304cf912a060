//! What an operator may set of the server: typed, defaulted, unit-named. Read from a TOML file's
//! `[server]` section and from the command line, which wins. Decides nothing about sims: their
//! limits are the policy's, in a file of its own.

use std::{
    fs,
    net::SocketAddr,
    ops::RangeInclusive,
    path::{Path, PathBuf},
};

use lattice_policies::{
    nearest::nearest,
    policy::{Policy, PolicyError},
};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use tracing_subscriber::EnvFilter;

/// Everything that `serve` needs to know before it starts.
#[derive(Debug, Clone, Default)]
pub struct ServeSettings {
    pub server: ServerConfig,
    pub policy: Policy,
}

/// The `[server]` section. Every key may be left out, and then has the default of
/// [`ServerConfig::default`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ServerConfig {
    /// Where the API, the players' sockets and the pages are served.
    pub listen: SocketAddr,
    /// Where `/metrics` is served; never on the public listener.
    pub admin_listen: SocketAddr,
    /// Holds the database and the compiled modules; one process at a time.
    pub data_dir: PathBuf,
    /// Holds a folder for each game id, with the page that players get; empty for none.
    pub pages_dir: PathBuf,
    /// Origins, beside the server's own, whose pages may open players' sockets.
    pub allowed_origins: Vec<String>,
    /// What players' links start with, such as `https://play.example.org`; empty for the host
    /// that the request named.
    pub public_origin: String,

    /// PEM files with certificates that games' fetches trust beside the system's.
    pub egress_roots: Vec<PathBuf>,

    /// What is logged on stderr, as of tracing's filters: `warn`, `info,hyper=off`...
    pub log_filter: String,
    /// Whether a line of the log is a JSON object.
    pub log_json: bool,

    /// Connections held open at once; more wait in the listener's backlog.
    pub connections: usize,
    /// Of those, from one address (an IPv6 /64 counts as one); more are closed at once. Players'
    /// sockets do not count here once they are open.
    pub connections_per_address: usize,
    /// Requests worked on at once; more are answered 503.
    pub requests_at_once: usize,
    /// Of those, by one subject.
    pub requests_per_subject: usize,
    /// A request that takes longer is answered 408. Sockets and event streams are not timed.
    pub request_timeout_ms: u64,
    /// A client that takes longer to send a request's head, or to send any, is disconnected.
    pub header_timeout_ms: u64,
    /// Modules that are received, scanned, compiled or sent at once; more are answered 503.
    pub transfers_at_once: usize,
    /// Of those, by one subject.
    pub transfers_per_subject: usize,
    /// Steady requests a second from one address (an IPv6 /64 counts as one).
    pub address_requests_per_second: u32,
    /// Requests from one address at once, before the steady rate binds.
    pub address_requests_burst: u32,
    /// Steady requests a second with one token.
    pub token_requests_per_second: u32,
    /// Requests with one token at once, before the steady rate binds.
    pub token_requests_burst: u32,
    /// Addresses, and tokens, whose rate is remembered at once.
    pub rate_table_entries: usize,

    /// Worker threads that tick matches; 0 for one a core.
    pub sim_workers: usize,
    /// Matches that can run at once.
    pub match_slots: u32,
    /// Of those, of one game.
    pub matches_per_game: usize,
    /// What a native sim runs in.
    pub native_enclosure: NativeEnclosure,
    /// The command that native sims run in; empty for the `lattice-cell` beside this command.
    pub native_cell: PathBuf,
    /// Native matches that can run at once, of all; their replays and upgrades have places beside.
    pub native_slots: u32,
    /// Processors kept for native matches: there, host and cell wait for each other without sleeping.
    pub native_spin_cpus: Vec<u32>,
    /// A cgroup v2 folder that belongs to this user, below which each cell gets its own; empty for
    /// none.
    pub native_cgroup: PathBuf,
    /// Sockets open at once to one match.
    pub sockets_per_match: usize,
    /// Sockets open at once for one player: the newest replaces the others, which are closing.
    pub sockets_per_player: usize,
    /// Live log streams open at once.
    pub log_streams: usize,
    /// How often the audit's end is signed, where the audit has grown.
    pub audit_head_every_ms: u64,
    /// The longest input log of a match: where it would get longer it is cut, and the match goes on.
    pub input_log_bytes_per_match: u64,
    /// A player's token that was not used for so long is void.
    pub player_token_ttl_s: u64,
    /// A player whose socket does not take a message in so long is too slow.
    pub socket_send_ms: u64,
    /// A socket that says nothing for so long is pinged.
    pub socket_ping_ms: u64,
    /// A socket that says nothing for so long, pongs included, is closed.
    pub socket_idle_ms: u64,
    /// What becomes of the matches at the server's end.
    pub on_stop: OnStop,
    /// At the server's end: time for the sims to stop, and then for requests to finish.
    pub stop_grace_ms: u64,
}

/// What becomes of the matches at the server's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnStop {
    /// They stand still, and the next start brings them back. One whose inputs are not logged ends.
    Rest,
    /// The sims are asked to stop, and the matches end.
    End,
}

/// What a native sim runs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NativeEnclosure {
    /// A process that can do nothing.
    Cell,
    /// A virtual machine of its own; for a build with the feature `microvm`.
    MicroVm,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 3004)),
            admin_listen: SocketAddr::from(([127, 0, 0, 1], 3005)),
            data_dir: "lattice-data".into(),
            pages_dir: PathBuf::new(),
            allowed_origins: Vec::new(),
            public_origin: String::new(),
            egress_roots: Vec::new(),
            log_filter: "warn".into(),
            log_json: false,
            connections: 4_096,
            connections_per_address: 1_024,
            requests_at_once: 512,
            requests_per_subject: 128,
            request_timeout_ms: 60_000,
            header_timeout_ms: 10_000,
            transfers_at_once: 8,
            transfers_per_subject: 4,
            address_requests_per_second: 200,
            address_requests_burst: 400,
            token_requests_per_second: 100,
            token_requests_burst: 200,
            rate_table_entries: 16_384,
            sim_workers: 0,
            match_slots: 256,
            matches_per_game: 64,
            native_enclosure: NativeEnclosure::Cell,
            native_cell: PathBuf::new(),
            native_slots: 64,
            native_spin_cpus: Vec::new(),
            native_cgroup: PathBuf::new(),
            sockets_per_match: 1_024,
            sockets_per_player: 4,
            log_streams: 256,
            audit_head_every_ms: 60_000,
            input_log_bytes_per_match: 64 << 20,
            player_token_ttl_s: 600,
            socket_send_ms: 5_000,
            socket_ping_ms: 20_000,
            socket_idle_ms: 60_000,
            on_stop: OnStop::Rest,
            stop_grace_ms: 10_000,
        }
    }
}

/// What the command line may say over the file.
#[derive(Debug, Clone, Default)]
pub struct ServeFlags {
    pub config: Option<PathBuf>,
    pub policy: Option<PathBuf>,
    pub listen: Option<SocketAddr>,
    pub admin_listen: Option<SocketAddr>,
    pub data: Option<PathBuf>,
    pub pages: Option<PathBuf>,
}

/// Why the configuration is refused; one line that names the file and the key.
#[derive(Debug, Error)]
pub enum ConfigError {
    #[error("{}: {cause}", .path.display())]
    Read { path: PathBuf, cause: std::io::Error },
    #[error("{}: {cause}", .path.display())]
    Policy { path: PathBuf, cause: PolicyError },
    #[error("{}: {cause}", .path.display())]
    Server { path: PathBuf, cause: ServerConfigError },
}

/// Why a text is no `[server]` configuration.
#[derive(Debug, Error)]
pub enum ServerConfigError {
    #[error("{0}")]
    Toml(String),
    #[error("unknown key `{key}`{}", .near.as_ref().map_or_else(String::new, |near| format!("; did you mean `{near}`?")))]
    UnknownKey { key: String, near: Option<String> },
    #[error("`server.{key}` is {value}: it must lie between {} and {}", .range.start(), .range.end())]
    OutOfRange { key: &'static str, value: u64, range: RangeInclusive<u64> },
    #[error("`server.log_filter` is `{filter}`: {cause}")]
    LogFilter { filter: String, cause: String },
    #[error(
        "`server.{key}` has `{value}`: an origin is a scheme and a host, such as `https://example.org`, without a path"
    )]
    NotAnOrigin { key: &'static str, value: String },
    #[error("`server.{key}` is `{}`: it must be an absolute path", .value.display())]
    NotAbsolute { key: &'static str, value: PathBuf },
    #[error("`server.native_spin_cpus` has {0} twice")]
    SameProcessor(u32),
}

impl ServeSettings {
    /// Reads the files that the flags name, lays the flags over them and checks the whole.
    pub fn load(flags: ServeFlags) -> Result<Self, ConfigError> {
        let mut server = match &flags.config {
            Some(path) => ServerConfig::from_toml(&read(path)?)
                .map_err(|cause| ConfigError::Server { path: path.clone(), cause })?,
            None => ServerConfig::default(),
        };
        let policy = match &flags.policy {
            Some(path) => load_policy(path)?,
            None => Policy::default(),
        };
        server.listen = flags.listen.unwrap_or(server.listen);
        server.admin_listen = flags.admin_listen.unwrap_or(server.admin_listen);
        server.data_dir = flags.data.unwrap_or(server.data_dir);
        server.pages_dir = flags.pages.unwrap_or(server.pages_dir);
        Ok(Self { server, policy })
    }
}

/// Reads a policy file.
pub fn load_policy(path: &Path) -> Result<Policy, ConfigError> {
    Policy::from_toml(&read(path)?)
        .map_err(|cause| ConfigError::Policy { path: path.to_owned(), cause })
}

impl ServerConfig {
    /// Reads a configuration from TOML. An unknown key is refused, with the nearest known one.
    pub fn from_toml(text: &str) -> Result<Self, ServerConfigError> {
        #[derive(Deserialize)]
        struct File {
            #[serde(default)]
            server: ServerConfig,
        }
        let table: toml::Table = toml::from_str(text).map_err(|error| toml_error(text, &error))?;
        refuse_unknown_keys(&table)?;
        let File { server } = toml::from_str(text).map_err(|error| toml_error(text, &error))?;
        server.check()?;
        Ok(server)
    }

    fn check(&self) -> Result<(), ServerConfigError> {
        range("connections", self.connections as u64, 1..=1 << 20)?;
        range("connections_per_address", self.connections_per_address as u64, 1..=1 << 20)?;
        range("requests_at_once", self.requests_at_once as u64, 1..=1 << 20)?;
        range("requests_per_subject", self.requests_per_subject as u64, 1..=1 << 20)?;
        range("request_timeout_ms", self.request_timeout_ms, 100..=3_600_000)?;
        range("header_timeout_ms", self.header_timeout_ms, 100..=3_600_000)?;
        range("transfers_at_once", self.transfers_at_once as u64, 1..=1_024)?;
        range("transfers_per_subject", self.transfers_per_subject as u64, 1..=1_024)?;
        range("address_requests_per_second", self.address_requests_per_second.into(), 1..=1 << 20)?;
        range("address_requests_burst", self.address_requests_burst.into(), 1..=1 << 20)?;
        range("token_requests_per_second", self.token_requests_per_second.into(), 1..=1 << 20)?;
        range("token_requests_burst", self.token_requests_burst.into(), 1..=1 << 20)?;
        range("rate_table_entries", self.rate_table_entries as u64, 16..=1 << 22)?;
        range("sim_workers", self.sim_workers as u64, 0..=1_024)?;
        range("match_slots", self.match_slots.into(), 1..=16_384)?;
        range("matches_per_game", self.matches_per_game as u64, 1..=16_384)?;
        range("native_slots", self.native_slots.into(), 1..=16_384)?;
        processors(&self.native_spin_cpus)?;
        is_absolute("native_cell", &self.native_cell)?;
        is_absolute("native_cgroup", &self.native_cgroup)?;
        range("log_streams", self.log_streams as u64, 0..=1 << 16)?;
        range("audit_head_every_ms", self.audit_head_every_ms, 100..=86_400_000)?;
        range("input_log_bytes_per_match", self.input_log_bytes_per_match, 1_024..=1 << 30)?;
        range("sockets_per_match", self.sockets_per_match as u64, 1..=1 << 16)?;
        range("sockets_per_player", self.sockets_per_player as u64, 1..=64)?;
        range("player_token_ttl_s", self.player_token_ttl_s, 1..=31_536_000)?;
        range("socket_send_ms", self.socket_send_ms, 100..=3_600_000)?;
        range("socket_ping_ms", self.socket_ping_ms, 100..=3_600_000)?;
        range("socket_idle_ms", self.socket_idle_ms, self.socket_ping_ms..=3_600_000)?;
        range("stop_grace_ms", self.stop_grace_ms, 0..=600_000)?;
        self.log_filter.parse::<EnvFilter>().map_err(|cause| ServerConfigError::LogFilter {
            filter: self.log_filter.clone(),
            cause: cause.to_string(),
        })?;
        self.allowed_origins.iter().try_for_each(|origin| is_origin("allowed_origins", origin))?;
        match self.public_origin.as_str() {
            "" => Ok(()),
            origin => is_origin("public_origin", origin),
        }
    }
}

fn read(path: &Path) -> Result<String, ConfigError> {
    fs::read_to_string(path).map_err(|cause| ConfigError::Read { path: path.to_owned(), cause })
}

/// One line that shows the place.
fn toml_error(text: &str, error: &toml::de::Error) -> ServerConfigError {
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    let number = before.matches('\n').count();
    let line = text.lines().nth(number).unwrap_or_default().trim();
    let message = error.message().replace('\n', " ");
    ServerConfigError::Toml(format!("line {}, `{line}`: {message}", number + 1))
}

fn range(
    key: &'static str,
    value: u64,
    range: RangeInclusive<u64>,
) -> Result<(), ServerConfigError> {
    if range.contains(&value) {
        return Ok(());
    }
    Err(ServerConfigError::OutOfRange { key, value, range })
}

/// Processors as the kernel numbers them, each once.
fn processors(numbers: &[u32]) -> Result<(), ServerConfigError> {
    for (place, number) in numbers.iter().enumerate() {
        range("native_spin_cpus", (*number).into(), 0..=4_095)?;
        if numbers[..place].contains(number) {
            return Err(ServerConfigError::SameProcessor(*number));
        }
    }
    Ok(())
}

/// A path that may be left empty; the server's folder may be another than the operator's.
fn is_absolute(key: &'static str, value: &Path) -> Result<(), ServerConfigError> {
    if value.as_os_str().is_empty() || value.is_absolute() {
        return Ok(());
    }
    Err(ServerConfigError::NotAbsolute { key, value: value.to_owned() })
}

fn is_origin(key: &'static str, value: &str) -> Result<(), ServerConfigError> {
    let host = value.strip_prefix("https://").or_else(|| value.strip_prefix("http://"));
    match host {
        Some(host) if !host.is_empty() && !host.contains('/') => Ok(()),
        _ => Err(ServerConfigError::NotAnOrigin { key, value: value.to_owned() }),
    }
}

/// The default has every key there is, so it is the list to compare with.
fn refuse_unknown_keys(table: &toml::Table) -> Result<(), ServerConfigError> {
    let known = toml::Table::try_from(ServerConfig::default())
        .map_err(|error| ServerConfigError::Toml(error.to_string()))?;
    if let Some(section) = table.keys().find(|section| *section != "server") {
        return Err(unknown(section.clone(), section, ["server"].into_iter()));
    }
    let keys = table.get("server").and_then(toml::Value::as_table);
    match keys.and_then(|keys| keys.keys().find(|key| !known.contains_key(*key))) {
        Some(key) => Err(unknown(format!("server.{key}"), key, known.keys().map(String::as_str))),
        None => Ok(()),
    }
}

fn unknown<'a>(path: String, key: &str, known: impl Iterator<Item = &'a str>) -> ServerConfigError {
    ServerConfigError::UnknownKey { key: path, near: nearest(key, known).map(str::to_owned) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_sets_what_it_names_and_leaves_the_rest() {
        let config =
            ServerConfig::from_toml("[server]\nlisten = \"0.0.0.0:80\"\nmatch_slots = 7").unwrap();
        assert_eq!(config.listen.port(), 80);
        assert_eq!(config.match_slots, 7);
        assert_eq!(config.admin_listen, ServerConfig::default().admin_listen);
        assert_eq!(ServerConfig::from_toml("").unwrap(), ServerConfig::default());
    }

    #[test]
    fn an_unknown_key_is_refused_with_the_nearest_known_one() {
        let error = ServerConfig::from_toml("[server]\nlissten = \"0.0.0.0:80\"").unwrap_err();
        assert_eq!(error.to_string(), "unknown key `server.lissten`; did you mean `listen`?");
        let error = ServerConfig::from_toml("[sever]\nlisten = \"0.0.0.0:80\"").unwrap_err();
        assert_eq!(error.to_string(), "unknown key `sever`; did you mean `server`?");
    }

    #[test]
    fn a_value_out_of_its_range_or_of_another_type_is_refused() {
        for (text, named) in [
            ("match_slots = 0", "server.match_slots"),
            ("input_log_bytes_per_match = 10", "server.input_log_bytes_per_match"),
            ("socket_idle_ms = 5", "server.socket_idle_ms"),
            ("allowed_origins = [\"example.org\"]", "server.allowed_origins"),
            ("public_origin = \"https://example.org/play\"", "server.public_origin"),
            ("listen = \"here\"", "listen"),
            ("native_slots = 0", "server.native_slots"),
            ("native_enclosure = \"vm\"", "`cell` or `microvm`"),
            ("native_spin_cpus = [4096]", "server.native_spin_cpus"),
            ("native_spin_cpus = [2, 3, 2]", "has 2 twice"),
            ("native_cell = \"lattice-cell\"", "must be an absolute path"),
            ("native_cgroup = \"lattice.slice\"", "server.native_cgroup"),
            ("log_filter = \"a=b=c\"", "server.log_filter"),
        ] {
            let error = ServerConfig::from_toml(&format!("[server]\n{text}")).unwrap_err();
            assert!(error.to_string().contains(named), "{error}");
            assert_eq!(error.to_string().lines().count(), 1, "{error}");
        }
    }

    #[test]
    fn flags_win_over_the_defaults_and_a_missing_file_is_named() {
        let listen = Some("127.0.0.1:0".parse().unwrap());
        let flags = ServeFlags { listen, data: Some("elsewhere".into()), ..ServeFlags::default() };
        let settings = ServeSettings::load(flags).unwrap();
        assert_eq!(settings.server.listen.port(), 0);
        assert_eq!(settings.server.data_dir, Path::new("elsewhere"));

        let flags = ServeFlags { config: Some("nowhere.toml".into()), ..ServeFlags::default() };
        assert!(ServeSettings::load(flags).unwrap_err().to_string().starts_with("nowhere.toml: "));
    }
}
