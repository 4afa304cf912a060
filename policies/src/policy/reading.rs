//! Reading a policy: which keys there are, what range each may have, and every mistake at once.

use thiserror::Error;

use super::{DEFAULT_TOML, Policy};
use crate::{
    egress::{BadRule, Range},
    nearest::nearest,
};

/// Why a policy file is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PolicyError {
    /// No TOML, or a value of another type than the key has; one line, which names and shows the
    /// line that is wrong.
    #[error("{0}")]
    Toml(String),
    #[error("{}", lines(.0))]
    Keys(Vec<BadKey>),
}

/// One key that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BadKey {
    #[error("unknown key `{key}`{}", did_you_mean(.near.as_ref()))]
    Unknown { key: String, near: Option<String> },
    #[error("`{key}` is {value}, and must lie between {least} and {most}")]
    OutOfRange { key: &'static str, value: u64, least: u64, most: u64 },
    #[error(transparent)]
    Egress(BadRule),
}

fn lines(keys: &[BadKey]) -> String {
    keys.iter().map(BadKey::to_string).collect::<Vec<_>>().join("\n")
}

fn did_you_mean(near: Option<&String>) -> String {
    near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"))
}

pub(super) fn read(text: &str) -> Result<Policy, PolicyError> {
    let table = toml::from_str(text).map_err(|error| toml_error(text, &error))?;
    none_wrong(unknown_keys(&table)?)?;
    let policy = toml::from_str(text).map_err(|error| toml_error(text, &error))?;
    none_wrong(wrong_values(&policy))?;
    Ok(policy)
}

fn toml_error(text: &str, error: &toml::de::Error) -> PolicyError {
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    let number = before.matches('\n').count();
    let line = text.lines().nth(number).unwrap_or_default().trim();
    let message = error.message().replace('\n', " ");
    PolicyError::Toml(format!("line {}, `{line}`: {message}", number + 1))
}

fn none_wrong(keys: Vec<BadKey>) -> Result<(), PolicyError> {
    if keys.is_empty() { Ok(()) } else { Err(PolicyError::Keys(keys)) }
}

/// The shipped default holds every key there is, so it is the list to compare with.
fn unknown_keys(table: &toml::Table) -> Result<Vec<BadKey>, PolicyError> {
    let known: toml::Table =
        toml::from_str(DEFAULT_TOML).map_err(|error| toml_error(DEFAULT_TOML, &error))?;
    let mut bad = Vec::new();
    for (section, keys) in table {
        let Some(known_keys) = known.get(section).and_then(toml::Value::as_table) else {
            bad.push(unknown(section.clone(), section, &known));
            continue;
        };
        for key in keys.as_table().into_iter().flat_map(toml::Table::keys) {
            if !known_keys.contains_key(key) {
                bad.push(unknown(format!("{section}.{key}"), key, known_keys));
            }
        }
    }
    Ok(bad)
}

fn unknown(path: String, key: &str, known: &toml::Table) -> BadKey {
    let near = nearest(key, known.keys().map(String::as_str)).map(str::to_owned);
    BadKey::Unknown { key: path, near }
}

fn wrong_values(policy: &Policy) -> Vec<BadKey> {
    let ranges = ranges(policy).into_iter();
    let outside = ranges.filter(|(_, value, least, most)| !(least..=most).contains(&value));
    outside
        .map(|(key, value, least, most)| BadKey::OutOfRange { key, value, least, most })
        .chain(policy.egress.bad_entries().into_iter().map(BadKey::Egress))
        .collect()
}

/// Each key's value, with the least and the most that the platform can keep its promises for. The
/// upper ends in `admission` are at most those of the WebAssembly parser itself.
fn ranges(policy: &Policy) -> Vec<Range> {
    const MIB: u64 = 1 << 20;
    let a = &policy.admission;
    let m = &policy.matches;
    let range = |key, value: u32, least: u64, most: u64| (key, u64::from(value), least, most);
    let mut ranges = vec![
        range("admission.module_bytes", a.module_bytes, 8, 64 * MIB),
        range("admission.function_body_bytes", a.function_body_bytes, 16, 7_654_321),
        range("admission.types", a.types, 1, 1_000_000),
        range("admission.functions", a.functions, 1, 1_000_000),
        range("admission.globals", a.globals, 0, 1_000_000),
        range("admission.exports", a.exports, 4, 1_000_000),
        range("admission.imports", a.imports, 0, 1_000_000),
        range("admission.function_params", a.function_params, 7, 1_000),
        range("admission.function_results", a.function_results, 1, 1_000),
        range("admission.function_locals", a.function_locals, 0, 50_000),
        range("admission.total_locals", a.total_locals, 0, 100_000_000),
        range("admission.block_nesting", a.block_nesting, 0, 100_000),
        range("admission.br_table_targets", a.br_table_targets, 0, 7_654_321),
        range("admission.function_dataflow", a.function_dataflow, 1_000, 1_000_000_000),
        range("admission.total_dataflow", a.total_dataflow, 1_000, 4_000_000_000),
        range("admission.const_operators", a.const_operators, 1, 10_000),
        range("admission.memory_pages", a.memory_pages, 1, 65_536),
        range("admission.table_elements", a.table_elements, 0, 1_000_000),
        range("admission.segments", a.segments, 0, 100_000),
        range("admission.custom_sections", a.custom_sections, 0, 1_000_000),
        range("admission.name_bytes", a.name_bytes, 32, 100_000),
        ("match.tick_fuel", m.tick_fuel, 1, 1 << 40),
        ("match.init_fuel", m.init_fuel, 1, 1 << 40),
        range("match.tick_deadline_ms", m.tick_deadline_ms, 20, 60_000),
        range("match.stack_bytes", m.stack_bytes, 16 << 10, 2 * MIB),
        range("match.event_queue_events", m.event_queue_events, 16, MIB),
        range("match.event_queue_bytes", m.event_queue_bytes, m.message_in_bytes.into(), 64 * MIB),
        range("match.message_in_bytes", m.message_in_bytes, 1, MIB),
        range("match.message_out_bytes", m.message_out_bytes, 1, 16 * MIB),
        range("match.tick_messages", m.tick_messages, 0, MIB),
        range("match.tick_message_bytes", m.tick_message_bytes, 0, 64 * MIB),
        range("match.config_bytes", m.config_bytes, 0, 16 * MIB),
        range("match.result_bytes", m.result_bytes, 0, 16 * MIB),
        range("match.log_record_bytes", m.log_record_bytes, 0, MIB),
        range("match.log_tick_bytes", m.log_tick_bytes, 0, 16 * MIB),
        range("match.gauges", m.gauges, 0, 4_096),
        range("match.gauge_name_bytes", m.gauge_name_bytes, 0, 4_096),
        range("match.http_in_flight", m.http_in_flight, 0, 64),
        range("match.state_blob_bytes", m.state_blob_bytes, 0, 256 * MIB),
        range("match.players", m.players, 0, 65_536),
        range("match.reconnect_grace_ms", m.reconnect_grace_ms, 0, 3_600_000),
        range("match.stop_grace_ms", m.stop_grace_ms, 0, 600_000),
        range("match.late_ticks", m.late_ticks, 0, 240),
        range("match.send_queue_bytes", m.send_queue_bytes, m.message_out_bytes.into(), 64 * MIB),
        range("match.send_queue_messages", m.send_queue_messages, 1, MIB),
        range("match.player_messages_per_second", m.player_messages_per_second, 1, 100_000),
        range("match.log_delay_ms", m.log_delay_ms, 10, 60_000),
        range("match.log_ahead_ms", m.log_ahead_ms, 10, 60_000),
        range("match.held_bytes", m.held_bytes, m.tick_message_bytes.into(), 256 * MIB),
        range("match.snapshot_every_ms", m.snapshot_every_ms, 0, 86_400_000),
        range("match.upgrade_shadow_ticks", m.upgrade_shadow_ticks, 0, 100_000),
        range("match.hash_every_ticks", m.hash_every_ticks, 0, 1_000_000),
    ];
    let n = &policy.native;
    ranges.extend([
        range("native.stack_bytes", n.stack_bytes, 64 << 10, 64 * MIB),
        range("native.image_bytes", n.image_bytes, 64 << 10, 1_024 * MIB),
        range("native.segments", n.segments, 1, 1_024),
        range("native.symbols", n.symbols, 4, 1_000_000),
        range("native.relocations", n.relocations, 0, 4_000_000),
        range("native.names", n.names, 0, 1_000_000),
    ]);
    ranges.extend(policy.egress.ranges());
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::LogMode;

    fn keys_of_default() -> Vec<String> {
        let table: toml::Table = toml::from_str(DEFAULT_TOML).unwrap();
        let keys = |(section, keys): (&String, &toml::Value)| {
            let keys = keys.as_table().unwrap().keys();
            keys.map(|key| format!("{section}.{key}")).collect::<Vec<_>>()
        };
        table.iter().flat_map(keys).collect()
    }

    #[test]
    fn the_shipped_file_is_the_default_and_names_every_key() {
        assert_eq!(read(DEFAULT_TOML), Ok(Policy::default()));
        let mut named = keys_of_default();
        let mut there: Vec<&str> = Vec::new();
        let policy = Policy::default();
        there.extend(ranges(&policy).iter().map(|(key, ..)| *key));
        // The keys that are no numbers.
        there.extend(["egress.allow", "match.log", "native.enabled", "native.minimum"]);
        let serialised: toml::Table = toml::from_str(&toml::to_string(&policy).unwrap()).unwrap();
        let count: usize = serialised.values().map(|keys| keys.as_table().unwrap().len()).sum();
        named.sort_unstable();
        there.sort_unstable();
        assert_eq!(named, there, "each key has a range");
        assert_eq!(named.len(), count, "each field has a key");
    }

    #[test]
    fn the_shipped_file_comments_on_each_key() {
        let lines: Vec<&str> = DEFAULT_TOML.lines().collect();
        for pair in lines.windows(2).filter(|pair| pair[1].contains('=')) {
            assert!(pair[0].starts_with("# "), "{} has no comment", pair[1]);
        }
    }

    #[test]
    fn what_is_left_out_has_its_default() {
        let policy = read("[match]\ntick_fuel = 7").unwrap();
        assert_eq!(policy.matches.tick_fuel, 7);
        assert_eq!(policy.admission, Policy::default().admission);
        assert_eq!(read(""), Ok(Policy::default()));
    }

    #[test]
    fn every_unknown_key_is_named_with_the_nearest() {
        let error = read("[match]\ntick_fule = 7\nzzz = 1\n[admision]\ntypes = 1").unwrap_err();
        let text = error.to_string();
        for part in [
            "unknown key `match.tick_fule`; did you mean `tick_fuel`?",
            "unknown key `match.zzz`\n",
            "unknown key `admision`; did you mean `admission`?",
        ] {
            assert!(format!("{text}\n").contains(part), "{text}");
        }
    }

    #[test]
    fn every_value_out_of_its_range_is_named_with_the_range() {
        let error = read("[match]\nsend_queue_bytes = 1\ntick_deadline_ms = 0").unwrap_err();
        let text = error.to_string();
        assert!(text.contains("`match.tick_deadline_ms` is 0, and must lie between 20 and 60000"));
        // A queue must hold the largest message there may be.
        assert!(text.contains("`match.send_queue_bytes` is 1, and must lie between 262144"));
        // What is held back must hold all that one tick may send.
        let text = read("[match]\nheld_bytes = 1").unwrap_err().to_string();
        assert!(text.contains("`match.held_bytes` is 1, and must lie between 1048576"), "{text}");
    }

    #[test]
    fn what_is_kept_of_a_match_is_chosen_by_one_word() {
        for (word, mode) in
            [("off", LogMode::Off), ("relaxed", LogMode::Relaxed), ("strict", LogMode::Strict)]
        {
            assert_eq!(read(&format!("[match]\nlog = \"{word}\"")).unwrap().matches.log, mode);
        }
        let error = read("[match]\nlog = \"stict\"").unwrap_err().to_string();
        assert!(error.contains("`strict`") && error.contains("stict"), "{error}");
    }

    #[test]
    fn barriers_are_read_by_name_and_every_wrong_key_is_named() {
        let text = "[native]\nenabled = true\nminimum = [\"seccomp\", \"cgroup\"]";
        let native = read(text).unwrap().native;
        assert!(native.enabled && !Policy::default().native.enabled);
        assert_eq!(native.minimum.to_string(), "seccomp, cgroup");
        let error = read("[native]\nminimum = [\"moat\"]").unwrap_err().to_string();
        assert!(error.contains("`moat` is no barrier") && error.contains("landlock"), "{error}");
        let error = read("[native]\nminimun = []\nstack = 1").unwrap_err().to_string();
        assert!(error.contains("`native.minimun`; did you mean `minimum`?"), "{error}");
        assert!(error.contains("`native.stack`"), "{error}");
        let error = read("[native]\nstack_bytes = 1").unwrap_err().to_string();
        assert!(error.contains("`native.stack_bytes` is 1, and must lie between 65536"), "{error}");
    }

    #[test]
    fn an_allow_list_is_read_and_every_mistake_in_it_named() {
        let text = "[egress]\nburst = 3\nallow = [\"api.example.com:443\",\n\
                    { entry = \"http://127.0.0.1:9000\", allow_private = true }]";
        let egress = read(text).unwrap().egress;
        assert_eq!(egress.limits.burst, 3);
        assert_eq!(egress.allow.len(), 2);
        assert!(!egress.allow[0].allow_private && egress.allow[1].allow_private);
        let error =
            read("[egress]\nqueue = 1\nallow = [\"*:443\", \"api.example.com\"]").unwrap_err();
        let text = error.to_string();
        assert!(text.starts_with("line 3, `allow = "), "{text}");
        assert!(text.contains("`*:443` is no") && text.contains("the port is missing"), "{text}");
        let text = "[egress]\nburst = 0\nallow = [\"h.example:1\", \"h.example:1\"]\nbrst = 1";
        let without_typo = text.strip_suffix("\nbrst = 1").unwrap();
        let text = read(text).unwrap_err().to_string();
        assert_eq!(text, "unknown key `egress.brst`; did you mean `burst`?");
        let text = read(without_typo).unwrap_err().to_string();
        assert!(text.contains("`egress.burst` is 0, and must lie between 1 and 10000\n"), "{text}");
        assert!(text.contains("`egress.allow` lists `h.example:1` more than once"), "{text}");
    }

    #[test]
    fn another_type_is_refused_by_place() {
        for text in
            ["match = 3", "[match]\ntick_fuel = \"much\"", "[match]\nplayers = -1", "[", "x"]
        {
            let error = read(text).unwrap_err();
            assert!(matches!(error, PolicyError::Toml(_)), "{text}: {error}");
            assert_eq!(error.to_string().lines().count(), 1, "{error}");
        }
        let error = read("# Mine.\n[match]\ntick_fuel = \"much\"\n").unwrap_err().to_string();
        assert!(error.starts_with("line 3, `tick_fuel = \"much\"`: "), "{error}");
        let error = read("[egress]\nallow = []\nburst = \"much\"\n").unwrap_err().to_string();
        assert!(error.starts_with("line 3, `burst = \"much\"`: "), "{error}");
    }
}
