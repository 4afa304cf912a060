//! What a client wants a game's egress to be: its shape, and how it becomes a policy, or else
//! everything that is wrong with it.

use std::mem;

use lattice_policies::{
    egress::{ENTRIES, EgressPolicy, Entry, GameEgress, Rules},
    escape::guest_text,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::http::body;

/// What a game may fetch. A limit that is left out is the platform's.
// `body` refuses unknown members; said here too, the description of the answer, which has more of
// them, would refuse it.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct NewEgress {
    /// Exactly these hosts and ports; none of its own, if left out.
    #[serde(default)]
    #[schema(value_type = Vec<EgressEntry>)]
    allow: Vec<Given>,
    /// Fetches that leave in one second, on average.
    requests_per_second: Option<Count>,
    /// Fetches that may leave at once after a pause.
    burst: Option<Count>,
    /// Fetches under way at once.
    in_flight: Option<Count>,
    /// Fetches that wait for their turn; one more is answered `LATTICE_HTTP_RATE_LIMITED`.
    queue: Option<Count>,
    /// For lookup, connection and TLS together.
    connect_ms: Option<Count>,
    /// From sending the request to having the response's headers.
    headers_ms: Option<Count>,
    /// For the whole fetch, once it is its turn.
    whole_ms: Option<Count>,
    request_body_bytes: Option<Count>,
    /// A longer one is cut off, and the fetch fails.
    response_body_bytes: Option<Count>,
    /// The response's header lines together.
    response_header_bytes: Option<Count>,
    /// The response's headers, by number.
    response_headers: Option<Count>,
}

/// A whole number.
// Not looked at yet, so that whatever is wrong with a request is told at once.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = u32)]
struct Count(Value);

/// What may be fetched from.
#[derive(ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "the shape that the API's description shows")]
pub(super) enum EgressEntry {
    /// `api.example.com:443` for https, `http://host:80` for plain HTTP.
    #[schema(example = "api.example.com:443")]
    Text(String),
    Table(EntryTable),
}

/// An entry with what else there is to say of it.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct EntryTable {
    entry: String,
    /// Whether it may be on the platform's own networks, which is meant for development.
    #[serde(default)]
    allow_private: bool,
}

/// What stands in the place of an entry.
#[derive(Debug, Deserialize, Serialize)]
#[serde(untagged)]
enum Given {
    Text(String),
    /// Before the table, which could be read from a list of its values.
    List(Vec<Value>),
    Table(EntryTable),
    Other(Value),
}

impl NewEgress {
    /// The policy and the rules that it makes, or everything that is wrong with it.
    pub(super) fn read(
        mut self,
        policy: &EgressPolicy,
    ) -> Result<(GameEgress, Rules), Vec<String>> {
        let mut wrong = Vec::new();
        let allow = entries(mem::take(&mut self.allow), &mut wrong);
        let own = GameEgress { allow, ..limits(&self, &mut wrong) };
        match Rules::new(policy, &own) {
            Ok(rules) if wrong.is_empty() => Ok((own, rules)),
            Ok(_) => Err(wrong),
            Err(bad) => {
                wrong.extend(bad.iter().map(ToString::to_string));
                Err(wrong)
            }
        }
    }
}

/// The entries that are some; what is wrong with the others goes to `wrong`.
fn entries(asked: Vec<Given>, wrong: &mut Vec<String>) -> Vec<Entry> {
    if asked.len() > ENTRIES {
        let count = asked.len();
        wrong.push(format!("`Allow` has {count} entries, and must have at most {ENTRIES}"));
        return Vec::new();
    }
    let mut entries = Vec::new();
    for given in asked {
        match entry(given) {
            Ok(entry) => entries.push(entry),
            Err(why) => wrong.push(format!("`Allow`: {why}")),
        }
    }
    entries
}

fn entry(given: Given) -> Result<Entry, String> {
    let none = |value: &Value| Err(format!("{}: {}", shown(value), no_entry(value)));
    let (text, allow_private) = match given {
        Given::Text(text) => (text, false),
        Given::Table(EntryTable { entry, allow_private }) => (entry, allow_private),
        Given::List(list) => return none(&Value::Array(list)),
        Given::Other(value) => return none(&value),
    };
    let entry: Entry = text.parse().map_err(|error| format!("{error}"))?;
    Ok(Entry { allow_private, ..entry })
}

/// What keeps a value from being an entry.
fn no_entry(value: &Value) -> String {
    if !value.is_object() {
        return "an entry is a text or an object".to_owned();
    }
    match body::from_json::<EntryTable>(value.to_string().as_bytes()) {
        Err(error) => error.to_string(),
        // It would do as it is here, where each member stands once.
        Ok(_) => "a member is there twice".to_owned(),
    }
}

/// The limits that are whole numbers; what is wrong with the others goes to `wrong`.
fn limits(asked: &NewEgress, wrong: &mut Vec<String>) -> GameEgress {
    let mut given = match serde_json::to_value(asked) {
        Ok(Value::Object(members)) => members,
        _ => Map::new(),
    };
    given.retain(|key, value| {
        let is_count = || value.as_u64().is_some_and(|count| u32::try_from(count).is_ok());
        let fits = key == "Allow" || value.is_null() || is_count();
        if !fits {
            let value = shown(value);
            wrong.push(format!("`{key}` is {value}, and must be a whole number below 2^32"));
        }
        fits
    });
    serde_json::from_value(Value::Object(given)).unwrap_or_else(|error| {
        wrong.push(error.to_string());
        GameEgress::default()
    })
}

/// What a client sent, escaped and cut.
fn shown(value: &Value) -> String {
    const MOST_CHARS: usize = 80;
    guest_text(value.to_string().as_bytes(), MOST_CHARS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(text: &str) -> Result<(GameEgress, Rules), Vec<String>> {
        let asked: Result<NewEgress, _> = body::from_json(text.as_bytes());
        asked.map_err(|error| vec![error.to_string()])?.read(&EgressPolicy::default())
    }

    #[test]
    fn what_is_left_out_or_null_is_the_platforms() {
        let (own, rules) = asked("{}").unwrap();
        assert_eq!(own, GameEgress::default());
        assert_eq!(rules.limits(), &EgressPolicy::default().limits);
        let (own, rules) =
            asked(r#"{"Allow": ["Api.Example.COM:443"], "Burst": 3, "Queue": null}"#).unwrap();
        assert_eq!((own.burst, own.queue), (Some(3), None));
        assert_eq!(rules.entries()[0].to_string(), "api.example.com:443");
        assert_eq!(rules.limits().burst, 3);
    }

    #[test]
    fn an_entry_is_a_text_or_a_table() {
        let (own, _) = asked(
            r#"{"Allow": ["a.test:1", {"Entry": "http://127.0.0.1:9", "AllowPrivate": true}]}"#,
        )
        .unwrap();
        let private: Vec<_> = own.allow.iter().map(|entry| entry.allow_private).collect();
        assert_eq!(private, [false, true]);
    }

    #[test]
    fn everything_that_is_wrong_is_told_at_once() {
        let wrong = asked(
            r#"{"Allow": ["*.example.com:443", "a.test", 7, "b.test:1", "b.test:1",
                {"Entry": "c.test:1", "AllowPrvate": true}],
               "Burst": 0, "Queue": "many", "InFlight": -1, "ConnectMs": 1.5, "WholeMs": 4294967296}"#,
        )
        .unwrap_err();
        for part in [
            "`*.example.com:443` is no entry",
            "`a.test` is no entry: the port is missing",
            "`Allow`: 7: an entry is a text or an object",
            "lists `b.test:1` more than once",
            "unknown field `AllowPrvate`; did you mean `AllowPrivate`?",
            "`Burst` is 0, and must lie between 1 and 10000",
            "`Queue` is \"many\", and must be a whole number",
            "`InFlight` is -1,",
            "`ConnectMs` is 1.5,",
            "`WholeMs` is 4294967296,",
        ] {
            assert_eq!(
                wrong.iter().filter(|text| text.contains(part)).count(),
                1,
                "{part}: {wrong:?}"
            );
        }
        assert_eq!(wrong.len(), 10, "{wrong:?}");
    }

    #[test]
    fn an_unknown_member_is_refused_with_the_nearest_known_one() {
        let [wrong] = asked(r#"{"Alow": []}"#).unwrap_err().try_into().unwrap();
        assert_eq!(wrong, "unknown field `Alow`; did you mean `Allow`?");
        let [wrong] = asked(r#"{"Allow": "a.test:1"}"#).unwrap_err().try_into().unwrap();
        assert!(wrong.contains("`Allow`: invalid type"), "{wrong}");
    }

    #[test]
    fn an_entry_is_read_as_strictly_as_the_whole() {
        let [wrong] = asked(r#"{"Allow": [["a.test:1", true]]}"#).unwrap_err().try_into().unwrap();
        assert!(wrong.ends_with("an entry is a text or an object"), "{wrong}");
        let twice = r#"{"Allow": [{"Entry": "a.test:1", "Entry": "b.test:1"}]}"#;
        let [wrong] = asked(twice).unwrap_err().try_into().unwrap();
        assert!(wrong.ends_with("a member is there twice"), "{wrong}");
    }

    #[test]
    fn a_long_list_is_counted_and_not_read() {
        let text = format!(r#"{{"Allow": [{}1]}}"#, "1,".repeat(ENTRIES));
        let [wrong] = asked(&text).unwrap_err().try_into().unwrap();
        assert_eq!(wrong, "`Allow` has 257 entries, and must have at most 256");
    }
}
