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
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(default)]
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
            pub fn with(self, game: &GameEgress) -> Self {
                Self { $($name: game.$name.unwrap_or(self.$name),)+ }
            }

            /// Each limit with its range, by its key in the TOML file.
            fn ranges(&self) -> impl Iterator<Item = Range> {
                [$((concat!("egress.", stringify!($name)), self.$name.into(), $least, $most),)+]
                    .into_iter()
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
    /// Fetches under way at once.
    in_flight, "InFlight": 8 in 1..=1_024;
    /// Fetches that wait for their turn; one more is refused.
    queue, "Queue": 32 in 1..=4_096;
    /// Time for lookup, connection and TLS together, in milliseconds.
    connect_ms, "ConnectMs": 2_000 in 1..=60_000;
    /// Time from sending the request to having the response's headers, in milliseconds.
    headers_ms, "HeadersMs": 5_000 in 1..=60_000;
    /// Time for the whole fetch once it is its turn, in milliseconds.
    whole_ms, "WholeMs": 10_000 in 1..=120_000;
    /// The request's body, in bytes.
    request_body_bytes, "RequestBodyBytes": 262_144 in 0..=BODY_BYTES as u64;
    /// The response's body, in bytes; a longer one is cut off and the fetch fails.
    response_body_bytes, "ResponseBodyBytes": 1_048_576 in 0..=16 << 20;
    /// The response's header lines together, in bytes.
    response_header_bytes, "ResponseHeaderBytes": 32_768 in 1_024..=256 << 10;
    /// The response's headers.
    response_headers, "ResponseHeaders": 100 in 1..=1_024;
}

/// The table `[egress]` of the policy: what holds for all games.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct EgressPolicy {
    /// Fetches of all games under way at once.
    pub host_in_flight: u32,
    /// What every game may reach.
    #[serde(deserialize_with = "entry::deserialize_list")]
    pub allow: Vec<Entry>,
    /// What holds for a game that has no other value of its own.
    #[serde(flatten)]
    pub limits: FetchLimits,
}

impl Default for EgressPolicy {
    fn default() -> Self {
        Self { host_in_flight: 64, allow: Vec::new(), limits: FetchLimits::default() }
    }
}

impl EgressPolicy {
    /// Each limit with its range, by its key in the TOML file.
    pub(crate) fn ranges(&self) -> impl Iterator<Item = Range> {
        let host = ("egress.host_in_flight", self.host_in_flight.into(), 1, 4_096);
        std::iter::once(host).chain(self.limits.ranges())
    }
}
