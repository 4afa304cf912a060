//! Request bodies: read up to a limit, and JSON taken strictly. An unknown member is refused with
//! the nearest known one, a wrong type names its member, an array is no object.
//!
//! Knows no endpoint; the shapes stand beside the handlers.

use std::fmt;

use axum::body::Body;
use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode, header};
use http_body_util::{BodyExt, Limited};
use lattice_policies::{escape::guest_text, nearest::nearest};
use serde::{
    Deserialize, Deserializer, de,
    de::{DeserializeOwned, DeserializeSeed, Error as _, IntoDeserializer, MapAccess, Visitor},
};
use thiserror::Error;

/// Why a body was not taken.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum BodyError {
    #[error("the body is `{found}`; this takes `{expected}`")]
    WrongType { found: String, expected: &'static str },
    #[error("the body is larger than the {limit} bytes that this request may have")]
    TooLarge { limit: usize },
    #[error("the body ended before it was complete")]
    Truncated,
    #[error("unknown field `{field}`{}", .nearest.as_ref().map_or_else(String::new, |near| format!("; did you mean `{near}`?")))]
    UnknownField { field: String, nearest: Option<String> },
    #[error("the body does not fit: {0}")]
    Json(String),
}

impl BodyError {
    pub(crate) fn kind(&self) -> (StatusCode, &'static str, &'static str) {
        use StatusCode as S;
        match self {
            Self::WrongType { .. } => {
                (S::UNSUPPORTED_MEDIA_TYPE, "wrong-content-type", "Wrong content type")
            }
            Self::TooLarge { .. } => (S::PAYLOAD_TOO_LARGE, "body-too-large", "Body too large"),
            Self::Truncated => (S::BAD_REQUEST, "body-truncated", "Body truncated"),
            Self::UnknownField { .. } => (S::BAD_REQUEST, "unknown-field", "Unknown field"),
            Self::Json(_) => (S::BAD_REQUEST, "bad-body", "The body does not fit"),
        }
    }
}

/// Characters of a refusal that may repeat what the client sent.
const SHOWN_CHARS: usize = 256;

/// Bytes that are parsed at once; a module as base64 would hold up the other requests.
const INLINE_BYTES: usize = 128 << 10;

/// Reads a JSON body of at most `limit` bytes.
pub(crate) async fn json<T: DeserializeOwned + Send + 'static>(
    request: Request<Body>,
    limit: usize,
) -> Result<T, BodyError> {
    expect_type(request.headers(), "application/json")?;
    let bytes = bytes(request, limit).await?;
    if bytes.len() <= INLINE_BYTES {
        return from_json(&bytes);
    }
    let parsed = tokio::task::spawn_blocking(move || from_json(&bytes)).await;
    parsed.unwrap_or(Err(BodyError::Truncated))
}

/// Reads a body of at most `limit` bytes, whatever it is.
pub(crate) async fn bytes(request: Request<Body>, limit: usize) -> Result<Bytes, BodyError> {
    let declared = content_length(request.headers());
    if declared.is_some_and(|length| length > limit as u64) {
        return Err(BodyError::TooLarge { limit });
    }
    match Limited::new(request.into_body(), limit).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if is_over_limit(&*error) => Err(BodyError::TooLarge { limit }),
        Err(_) => Err(BodyError::Truncated),
    }
}

/// What the client says the body's length is, if it does.
pub(crate) fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// The content type without its parameters, in lower case.
pub(crate) fn content_type(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    Some(text.split(';').next()?.trim().to_ascii_lowercase())
}

/// Parses a JSON object strictly.
pub(crate) fn from_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, BodyError> {
    let mut unknown = None;
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let strict = Strict { inner: &mut reader, unknown: &mut unknown };
    let parsed = T::deserialize(strict).and_then(|value| reader.end().map(|()| value));
    parsed.map_err(|error| match unknown {
        Some(unknown) => unknown,
        None if is_truncated(bytes) => BodyError::Truncated,
        None => BodyError::Json(guest_text(error.to_string().as_bytes(), SHOWN_CHARS)),
    })
}

/// A member that is bytes, sent as standard base64 with padding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Base64(pub(crate) Vec<u8>);

impl<'de> Deserialize<'de> for Base64 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Base64;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string of standard base64 with padding")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Base64, E> {
                let bytes = BASE64_STANDARD.decode(text);
                bytes.map(Base64).map_err(|error| E::custom(format!("not base64: {error}")))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

fn is_truncated(bytes: &[u8]) -> bool {
    serde_json::from_slice::<de::IgnoredAny>(bytes).is_err_and(|error| error.is_eof())
}

fn expect_type(headers: &HeaderMap, expected: &'static str) -> Result<(), BodyError> {
    let found = content_type(headers).unwrap_or_default();
    if found == expected { Ok(()) } else { Err(wrong_type(&found, expected)) }
}

fn is_over_limit(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut causes = std::iter::successors(Some(error), |error| error.source());
    causes.any(<dyn std::error::Error>::is::<http_body_util::LengthLimitError>)
}

/// Takes structs from JSON objects only, and looks at each key before serde does.
struct Strict<'a, D> {
    inner: D,
    unknown: &'a mut Option<BodyError>,
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Strict<'_, D> {
    type Error = D::Error;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.inner.deserialize_map(StrictObject { visitor, fields, unknown: self.unknown })
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.inner.deserialize_any(visitor)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

struct StrictObject<'a, V> {
    visitor: V,
    fields: &'static [&'static str],
    unknown: &'a mut Option<BodyError>,
}

impl<'de, V: Visitor<'de>> Visitor<'de> for StrictObject<'_, V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an object with {}", self.fields.join(", "))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<V::Value, A::Error> {
        let Self { visitor, fields, unknown } = self;
        visitor.visit_map(StrictMembers { map, fields, unknown, key: String::new() })
    }
}

struct StrictMembers<'a, A> {
    map: A,
    fields: &'static [&'static str],
    unknown: &'a mut Option<BodyError>,
    key: String,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for StrictMembers<'_, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, A::Error> {
        let Some(key) = self.map.next_key::<String>()? else { return Ok(None) };
        if !self.fields.contains(&key.as_str()) {
            *self.unknown = Some(unknown_field(&key, self.fields));
            return Err(A::Error::custom("unknown field"));
        }
        self.key.clone_from(&key);
        seed.deserialize(key.into_deserializer()).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        let value = self.map.next_value_seed(seed);
        value.map_err(|error| A::Error::custom(format!("`{}`: {error}", self.key)))
    }
}

/// Names the type as the client wrote it, escaped and cut.
pub(crate) fn wrong_type(found: &str, expected: &'static str) -> BodyError {
    BodyError::WrongType { found: guest_text(found.as_bytes(), SHOWN_CHARS), expected }
}

/// Names the field as the client wrote it, escaped and cut.
pub(crate) fn unknown_field(field: &str, known: &[&str]) -> BodyError {
    const MOST_CHARS: usize = 64;
    let nearest = nearest(field, known.iter().copied()).map(str::to_owned);
    let field = field.chars().take(MOST_CHARS).flat_map(char::escape_default).collect();
    BodyError::UnknownField { field, nearest }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "PascalCase", deny_unknown_fields)]
    struct Upload {
        version: String,
        tick_hz: Option<u16>,
        wasm_base64: Option<Base64>,
    }

    fn refusal(text: &str) -> String {
        from_json::<Upload>(text.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn an_object_with_the_known_members_is_taken() {
        let body = br#"{"Version":"1.0.0","TickHz":60,"WasmBase64":"AGFzbQ=="}"#;
        let upload: Upload = from_json(body).unwrap();
        assert_eq!(upload.wasm_base64, Some(Base64(b"\0asm".to_vec())));
        assert_eq!(upload.tick_hz, Some(60));
    }

    #[test]
    fn an_unknown_member_is_refused_with_the_nearest_known_one() {
        let text = refusal(r#"{"Versoin":"1.0.0"}"#);
        assert_eq!(text, "unknown field `Versoin`; did you mean `Version`?");
        assert_eq!(refusal(r#"{"Zzz\u001b":1}"#), "unknown field `Zzz\\u{1b}`");
    }

    #[test]
    fn a_wrong_type_names_its_member() {
        assert!(refusal(r#"{"Version":1}"#).contains("`Version`: invalid type: integer"));
        assert!(refusal(r#"{"Version":"1","TickHz":"60"}"#).contains("`TickHz`: invalid type"));
        assert!(refusal(r#"{"Version":"1","TickHz":-1}"#).contains("`TickHz`: invalid value"));
        assert!(
            refusal(r#"{"Version":"1","WasmBase64":"A"}"#).contains("`WasmBase64`: not base64")
        );
    }

    #[test]
    fn a_refusal_repeats_little_of_what_was_sent_and_that_escaped() {
        let text =
            refusal(&format!(r#"{{"Version":"1","TickHz":"\u202e{}"}}"#, "A".repeat(80_000)));
        assert!(text.contains("`TickHz`: invalid type: string \""), "{text}");
        assert!(text.is_ascii() && text.len() < 300, "{text}");
    }

    #[test]
    fn what_is_missing_twice_there_or_too_much_is_refused() {
        assert!(refusal("{}").contains("missing field `Version`"));
        assert!(refusal(r#"{"Version":"1","Version":"2"}"#).contains("duplicate field `Version`"));
        assert!(refusal(r#"{"Version":"1"} {}"#).contains("trailing characters"));
        assert!(refusal(r#"["1"]"#).contains("invalid type: sequence, expected an object"));
        assert!(refusal("null").contains("expected an object"));
    }

    #[test]
    fn a_truncated_body_is_said_to_be_truncated() {
        for text in ["", "{", r#"{"Version":"1"#] {
            let error = from_json::<Upload>(text.as_bytes()).unwrap_err();
            assert_eq!(error, BodyError::Truncated, "{text}");
        }
    }
}
