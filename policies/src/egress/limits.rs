//! What bounds a game's fetches: each limit with its default and its range, said once, for the
//! policy of all games and for the one of a game.

use serde::{Deserialize, Serialize};

use super::{
    BODY_BYTES,
    entry::{self, Entry},
};

/// A value with its key, and the least and the most that it may be.
pub(crate) type Range = (&'static str, u64, u64, u64);

macro_rules! limits {
    ($($(#[doc = $doc:literal])+ $name:ident, $json:literal: $default:literal in $least:literal..=$most:expr;)+) => {
        /// What bounds the fetches of one game.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
        pub struct FetchLimits {
            $($(#[doc = $doc])+ pub $name: u32,)+
        }

        impl Default for FetchLimits {
            fn default() -> Self {
                Self { $($name: $default,)+ }
            }
        }

        /// What a game has of its own: entries beside those of all games, and limits in their
        /// place. The default has nothing.
        #[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct GameEgress {
            #[serde(rename = "Allow", deserialize_with = "entry::deserialize_list")]
            pub allow: Vec<Entry>,
            $(
                $(#[doc = $doc])+
                #[serde(rename = $json, skip_serializing_if = "Option::is_none")]
                pub $name: Option<u32>,
            )+
        }

        impl FetchLimits {
            /// The limits that hold for a game which has some of its own.
            #[must_use]
            pub fn with(self, game: &GameEgress) -> Self {
                Self { $($name: game.$name.unwrap_or(self.$name),)+ }
            }

            /// Each limit with its range, by its key in the TOML file.
            fn ranges(&self) -> impl Iterator<Item = Range> {
                [$((concat!("egress.", stringify!($name)), self.$name.into(), $least, $most),)+]
                    .into_iter()
            }
        }

        /// The table `[egress]` as it is read. To flatten the limits would lose the place of a
        /// value of a wrong type.
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct EgressTable {
            host_in_flight: Option<u32>,
            #[serde(deserialize_with = "entry::deserialize_list")]
            allow: Vec<Entry>,
            $($name: Option<u32>,)+
        }

        impl From<EgressTable> for EgressPolicy {
            fn from(table: EgressTable) -> Self {
                let host_in_flight = table.host_in_flight.unwrap_or(HOST_IN_FLIGHT);
                let limits = FetchLimits { $($name: table.$name.unwrap_or($default),)+ };
                Self { host_in_flight, allow: table.allow, limits }
            }
        }

        /// The limits of a game that sets them all.
        impl From<FetchLimits> for GameEgress {
            fn from(limits: FetchLimits) -> Self {
                Self { allow: Vec::new(), $($name: Some(limits.$name),)+ }
            }
        }

        impl GameEgress {
            /// Each limit that the game sets with its range, by its key in JSON.
            pub(super) fn ranges(&self) -> impl Iterator<Item = Range> {
                let set = [$(self.$name.map(|value| ($json, value.into(), $least, $most)),)+];
                set.into_iter().flatten()
            }
        }
    };
}

limits! {
    /// Fetches that leave in one second, on average.
    requests_per_second, "RequestsPerSecond": 10 in 1..=10_000;
    /// Fetches that may leave at once after a pause.
    burst, "Burst": 20 in 1..=10_000;
    /// Fetches under way at once; at most a quarter of those of all games, so that no game alone
    /// keeps the others waiting.
    in_flight, "InFlight": 8 in 1..=1_024;
    /// Fetches that wait for their turn; one more is refused.
    queue, "Queue": 32 in 1..=512;
    /// Time for lookup, connection and TLS together, in milliseconds.
    connect_ms, "ConnectMs": 2_000 in 1..=60_000;
    /// Time from sending the request to having the response's headers, in milliseconds.
    headers_ms, "HeadersMs": 5_000 in 1..=60_000;
    /// Time for the whole fetch once it is its turn, in milliseconds; and how long, before that, it
    /// may wait for a place of the host's and for the audit.
    whole_ms, "WholeMs": 10_000 in 1..=120_000;
    /// The request's body, in bytes.
    request_body_bytes, "RequestBodyBytes": 262_144 in 0..=BODY_BYTES as u64;
    /// The response's body, in bytes; a longer one is cut off and the fetch fails.
    response_body_bytes, "ResponseBodyBytes": 1_048_576 in 0..=4 << 20;
    /// The response's header lines together, in bytes.
    response_header_bytes, "ResponseHeaderBytes": 32_768 in 1_024..=256 << 10;
    /// The response's headers.
    response_headers, "ResponseHeaders": 100 in 1..=1_024;
}

/// Fetches of all games under way at once, unless the policy says otherwise.
const HOST_IN_FLIGHT: u32 = 64;
/// Games that together are needed to take all of these.
const GAMES_AT_LEAST: u32 = 4;

/// The table `[egress]` of the policy: what holds for all games.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "EgressTable")]
pub struct EgressPolicy {
    /// Fetches of all games under way at once.
    pub host_in_flight: u32,
    /// What every game may reach.
    pub allow: Vec<Entry>,
    /// What holds for a game that has no other value of its own.
    #[serde(flatten)]
    pub limits: FetchLimits,
}

impl Default for EgressPolicy {
    fn default() -> Self {
        EgressTable::default().into()
    }
}

impl EgressPolicy {
    /// Each limit with its range, by its key in the TOML file.
    pub(crate) fn ranges(&self) -> impl Iterator<Item = Range> {
        let host = ("egress.host_in_flight", self.host_in_flight.into(), 1, 4_096);
        std::iter::once(host).chain(self.shared(self.limits.ranges()))
    }

    /// The ranges, where what one game may have at once is its share of what all may.
    pub(super) fn shared(
        &self,
        ranges: impl Iterator<Item = Range>,
    ) -> impl Iterator<Item = Range> {
        let share = u64::from(self.host_in_flight / GAMES_AT_LEAST).max(1);
        ranges.map(move |(key, value, least, most)| match key {
            "egress.in_flight" | "InFlight" => (key, value, least, share),
            _ => (key, value, least, most),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_lies_in_its_range() {
        let policy = EgressPolicy::default();
        for (key, value, least, most) in policy.ranges() {
            assert!((least..=most).contains(&value), "{key}");
        }
        assert_eq!(policy.ranges().count(), 12);
        assert!(policy.allow.is_empty());
    }

    #[test]
    fn a_game_has_what_it_sets_and_the_platforms_otherwise() {
        let json = r#"{"Burst": 3, "WholeMs": 500}"#;
        let game: GameEgress = serde_json::from_str(json).unwrap();
        let limits = FetchLimits { queue: 7, ..FetchLimits::default() };
        assert_eq!(limits.with(&game), FetchLimits { burst: 3, whole_ms: 500, ..limits });
        assert_eq!(limits.with(&GameEgress::default()), limits);
        assert_eq!(FetchLimits::default().with(&limits.into()), limits);
    }

    #[test]
    fn a_games_own_survives_as_json() {
        let json = r#"{"Allow":["h.example:443"],"RequestsPerSecond":1,"ResponseHeaders":9}"#;
        let game: GameEgress = serde_json::from_str(json).unwrap();
        assert_eq!(serde_json::to_string(&game).unwrap(), json);
        let all = serde_json::to_value(GameEgress::from(FetchLimits::default())).unwrap();
        assert_eq!(all.as_object().unwrap().len(), 12);
        assert_eq!(serde_json::to_string(&GameEgress::default()).unwrap(), r#"{"Allow":[]}"#);
    }

    #[test]
    fn a_games_own_has_no_other_keys() {
        for json in [r#"{"burst": 1}"#, r#"{"HostInFlight": 1}"#, r#"{"Burst": -1}"#, "[1]"] {
            assert!(serde_json::from_str::<GameEgress>(json).is_err(), "{json}");
        }
    }
}
