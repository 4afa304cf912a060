//! The typed policy: every limit that an operator may set, with the shipped default.
//! Read from TOML; never reads the file itself.

mod native;
mod reading;

use serde::{Deserialize, Serialize};

pub use native::NativeLimits;
pub use reading::{BadKey, PolicyError};

use crate::{Sha256, egress::EgressPolicy};

/// The policy that ships with the platform, with a comment on each limit.
pub const DEFAULT_TOML: &str = include_str!("../default.toml");

/// All limits. Each key may be left out of the TOML file, and then has the shipped value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(default)]
pub struct Policy {
    pub admission: AdmissionLimits,
    #[serde(rename = "match")]
    pub matches: MatchLimits,
    pub egress: EgressPolicy,
    pub native: NativeLimits,
}

/// What an uploaded module may be at most. Counts unless the name says otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AdmissionLimits {
    pub module_bytes: u32,
    pub function_body_bytes: u32,
    pub types: u32,
    pub functions: u32,
    pub globals: u32,
    pub exports: u32,
    pub imports: u32,
    pub function_params: u32,
    pub function_results: u32,
    pub function_locals: u32,
    pub total_locals: u32,
    pub block_nesting: u32,
    pub br_table_targets: u32,
    /// Branches of one function, times the values that may live across each.
    pub function_dataflow: u32,
    /// The same of all functions together.
    pub total_dataflow: u32,
    /// Operators of one constant expression, without its `end`.
    pub const_operators: u32,
    /// In pages of 64 KiB; also what a running sim's memory may grow to.
    pub memory_pages: u32,
    pub table_elements: u32,
    pub segments: u32,
    pub custom_sections: u32,
    pub name_bytes: u32,
}

/// What a running match may use at most.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MatchLimits {
    pub tick_fuel: u64,
    pub init_fuel: u64,
    pub tick_deadline_ms: u32,
    pub stack_bytes: u32,
    pub event_queue_events: u32,
    pub event_queue_bytes: u32,
    pub message_in_bytes: u32,
    pub message_out_bytes: u32,
    pub tick_messages: u32,
    pub tick_message_bytes: u32,
    pub config_bytes: u32,
    pub result_bytes: u32,
    pub log_record_bytes: u32,
    pub log_tick_bytes: u32,
    pub gauges: u32,
    pub gauge_name_bytes: u32,
    pub http_in_flight: u32,
    pub state_blob_bytes: u32,
    /// Players made for one match over its life.
    pub players: u32,
    /// How long a player may be away before the sim is told of the leave.
    pub reconnect_grace_ms: u32,
    /// Time that a sim gets between the stop event and its end, at least one tick.
    pub stop_grace_ms: u32,
    /// Late ticks that a match catches up before the rest are dropped.
    pub late_ticks: u32,
    /// Bytes that wait for one player's socket before droppable messages go.
    pub send_queue_bytes: u32,
    /// Messages that wait for one player's socket before droppable ones go.
    pub send_queue_messages: u32,
    /// Messages a player may send in a second before the socket is closed as flooding.
    pub player_messages_per_second: u32,
    pub log: LogMode,
    /// How long what came into a match may wait before it goes into the input log.
    pub log_delay_ms: u32,
    /// Under [`LogMode::Strict`], how far the tick that a match comes back to is kept ahead.
    pub log_ahead_ms: u32,
    /// Under [`LogMode::Strict`], bytes of a match's messages that may wait for the log before
    /// the match waits too.
    pub held_bytes: u32,
    /// How often a running match is kept as a snapshot; 0 for never.
    pub snapshot_every_ms: u32,
    /// Ticks that a new module runs in the shadow before a match is handed to it.
    pub upgrade_shadow_ticks: u32,
    /// After how many ticks a sim that has `lattice_sim_hash` is asked for it again; 0 for never.
    pub hash_every_ticks: u32,
}

/// What is kept of what comes into a match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogMode {
    /// Nothing: the match can't be replayed.
    Off,
    /// Everything, with some delay: what a crash of the machine cuts off is up to so long.
    #[default]
    Relaxed,
    /// Everything, and no message of a tick leaves before what came into it is on disk.
    Strict,
}

impl Default for AdmissionLimits {
    fn default() -> Self {
        Self {
            module_bytes: 16 << 20,
            function_body_bytes: 256 << 10,
            types: 4_096,
            functions: 20_000,
            globals: 1_000,
            exports: 256,
            imports: 64,
            function_params: 64,
            function_results: 16,
            function_locals: 4_096,
            total_locals: 200_000,
            block_nesting: 512,
            br_table_targets: 4_096,
            function_dataflow: 16_000_000,
            total_dataflow: 100_000_000,
            const_operators: 64,
            memory_pages: 1_024,
            table_elements: 10_000,
            segments: 1_024,
            custom_sections: 64,
            name_bytes: 128,
        }
    }
}

impl Default for MatchLimits {
    fn default() -> Self {
        Self {
            tick_fuel: 50_000_000,
            init_fuel: 500_000_000,
            tick_deadline_ms: 1_000,
            stack_bytes: 256 << 10,
            event_queue_events: 4_096,
            event_queue_bytes: 1 << 20,
            message_in_bytes: 64 << 10,
            message_out_bytes: 256 << 10,
            tick_messages: 1_024,
            tick_message_bytes: 1 << 20,
            config_bytes: 64 << 10,
            result_bytes: 64 << 10,
            log_record_bytes: 4 << 10,
            log_tick_bytes: 64 << 10,
            gauges: 64,
            gauge_name_bytes: 64,
            http_in_flight: 8,
            state_blob_bytes: 16 << 20,
            players: 1_024,
            reconnect_grace_ms: 10_000,
            stop_grace_ms: 2_000,
            late_ticks: 3,
            send_queue_bytes: 1 << 20,
            send_queue_messages: 1_024,
            player_messages_per_second: 240,
            log: LogMode::Relaxed,
            log_delay_ms: 1_000,
            log_ahead_ms: 1_000,
            held_bytes: 4 << 20,
            snapshot_every_ms: 60_000,
            upgrade_shadow_ticks: 60,
            hash_every_ticks: 60,
        }
    }
}

impl Policy {
    /// Reads a policy from TOML, or says every key that is wrong.
    pub fn from_toml(text: &str) -> Result<Self, PolicyError> {
        reading::read(text)
    }

    /// A digest of the limits that decide on a module and on what a sim sees: two policies with
    /// the same one admit alike, and run the same inputs to the same end. No part of it is what
    /// says how much of a match is kept, how long players, the clock and the machine are waited
    /// for, and what may be fetched: whatever comes of those is among the inputs.
    pub fn fingerprint(&self) -> Sha256 {
        self.fingerprinted(None)
    }

    /// The same for native modules and the sims they are: it has the limits of the native tier in
    /// it, and not whether the tier is there and behind what.
    pub fn native_fingerprint(&self) -> Sha256 {
        self.fingerprinted(Some(seen(&self.native, &UNSEEN_NATIVE)))
    }

    fn fingerprinted(&self, native: Option<toml::Table>) -> Sha256 {
        let matches = seen(&self.matches, &UNSEEN);
        let limits = Fingerprinted { admission: &self.admission, matches, native };
        let canonical = toml::to_string(&limits).unwrap_or_default();
        Sha256::of(canonical.as_bytes())
    }
}

/// The limits of a section without some.
fn seen(section: &impl Serialize, unseen: &[&str]) -> toml::Table {
    let mut limits = toml::Table::try_from(section).unwrap_or_default();
    limits.retain(|key, _| !unseen.contains(&key));
    limits
}

/// What the native tier says of the machine alone.
const UNSEEN_NATIVE: [&str; 2] = ["enabled", "minimum"];

/// Limits of a match that say what is kept of it, or how long its players, the clock and the
/// machine are waited for, and never what a sim is answered.
const UNSEEN: [&str; 15] = [
    "tick_deadline_ms",
    "players",
    "reconnect_grace_ms",
    "stop_grace_ms",
    "late_ticks",
    "send_queue_bytes",
    "send_queue_messages",
    "player_messages_per_second",
    "log",
    "log_delay_ms",
    "log_ahead_ms",
    "held_bytes",
    "snapshot_every_ms",
    "upgrade_shadow_ticks",
    // It is in the header of each match's log.
    "hash_every_ticks",
];

#[derive(Serialize)]
struct Fingerprinted<'a> {
    admission: &'a AdmissionLimits,
    #[serde(rename = "match")]
    matches: toml::Table,
    #[serde(skip_serializing_if = "Option::is_none")]
    native: Option<toml::Table>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::egress::Entry;

    /// The shipped limits of a match with another value for one of them.
    fn with_other(key: &str) -> Policy {
        let mut limits = toml::Table::try_from(MatchLimits::default()).unwrap();
        let value = limits.get_mut(key).unwrap();
        *value = match value.as_integer() {
            Some(number) => (number + 1).into(),
            None => "off".into(),
        };
        Policy { matches: limits.try_into().unwrap(), ..Policy::default() }
    }

    #[test]
    fn a_fingerprint_tells_what_a_sim_can_see() {
        let shipped = Policy::default().fingerprint();
        assert_eq!(with_other("tick_fuel").fingerprint(), with_other("tick_fuel").fingerprint());
        let limits = toml::Table::try_from(MatchLimits::default()).unwrap();
        for key in limits.keys() {
            let is_the_same = with_other(key).fingerprint() == shipped;
            assert_eq!(is_the_same, UNSEEN.contains(&key.as_str()), "{key}");
        }
        for key in ["tick_fuel", "event_queue_events", "gauges", "state_blob_bytes", "stack_bytes"]
        {
            assert_ne!(with_other(key).fingerprint(), shipped, "{key}");
        }
        for key in UNSEEN {
            assert_eq!(with_other(key).fingerprint(), shipped, "{key}");
        }
        let mut other = Policy::default();
        other.admission.memory_pages += 1;
        assert_ne!(other.fingerprint(), shipped);
    }

    #[test]
    fn the_native_tiers_limits_are_seen_by_native_sims_alone() {
        let shipped = Policy::default();
        let native = toml::Table::try_from(&shipped.native).unwrap();
        for (key, value) in &native {
            let mut limits = native.clone();
            let other = match value.as_integer() {
                Some(number) => toml::Value::Integer(number + 1),
                None if value.is_bool() => toml::Value::Boolean(true),
                None => toml::Value::Array(Vec::new()),
            };
            limits.insert(key.clone(), other);
            let other = Policy { native: limits.try_into().unwrap(), ..Policy::default() };
            assert_eq!(other.fingerprint(), shipped.fingerprint(), "{key}");
            let is_the_same = other.native_fingerprint() == shipped.native_fingerprint();
            assert_eq!(is_the_same, UNSEEN_NATIVE.contains(&key.as_str()), "{key}");
        }
        let fuelled = with_other("tick_fuel").native_fingerprint();
        assert_ne!(fuelled, shipped.native_fingerprint());
        assert_ne!(shipped.native_fingerprint(), shipped.fingerprint());
    }

    #[test]
    fn rules_for_fetches_leave_builds_as_they_are() {
        let mut policy = Policy::default();
        policy.egress.host_in_flight += 1;
        policy.egress.allow.push("api.example.com:443".parse().unwrap());
        assert_eq!(policy.fingerprint(), Policy::default().fingerprint());
    }

    #[test]
    fn a_policy_survives_its_own_text() {
        let mut policy = Policy::default();
        policy.matches.tick_fuel = 1;
        policy.egress.limits.burst = 2;
        let private = Entry { allow_private: true, .."http://[::1]:80".parse().unwrap() };
        policy.egress.allow = vec![private, "api.example.com:443".parse().unwrap()];
        let text = toml::to_string(&policy).unwrap();
        assert_eq!(Policy::from_toml(&text), Ok(policy));
    }
}
