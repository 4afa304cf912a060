//! How the store's values stand in columns, and how they are read back. A value that does not
//! read back was not written by this platform, and is reported as damage.

use std::str::FromStr;

use jiff::Timestamp;
use lattice_policies::Sha256;
use rusqlite::Row;
use serde_json::Value;

use crate::StoreError;

/// A moment as text: UTC with microseconds, so that times sort as text.
pub(crate) fn time(at: Timestamp) -> String {
    format!("{at:.6}")
}

/// This moment as text.
pub(crate) fn now() -> String {
    time(Timestamp::now())
}

/// JSON in its canonical form: no blanks, the keys of every object sorted.
pub(crate) fn json(value: &Value) -> String {
    sorted(value.clone()).to_string()
}

fn sorted(value: Value) -> Value {
    match value {
        Value::Array(items) => items.into_iter().map(sorted).collect(),
        Value::Object(members) => {
            let mut members: Vec<_> = members.into_iter().collect();
            members.sort_by(|a, b| a.0.cmp(&b.0));
            members.into_iter().map(|(key, value)| (key, sorted(value))).collect()
        }
        plain => plain,
    }
}

/// A text column that spells a value: an id, a version, a time, a state.
pub(crate) fn parsed<T: FromStr>(row: &Row<'_>, column: &str) -> Result<T, StoreError> {
    let text: String = row.get(column)?;
    text.parse().map_err(|_| damaged(column))
}

/// The same for a column that may be null.
pub(crate) fn maybe_parsed<T: FromStr>(
    row: &Row<'_>,
    column: &str,
) -> Result<Option<T>, StoreError> {
    let text: Option<String> = row.get(column)?;
    text.map(|text| text.parse().map_err(|_| damaged(column))).transpose()
}

/// A column that holds a digest's 32 bytes.
pub(crate) fn hash(row: &Row<'_>, column: &str) -> Result<Sha256, StoreError> {
    let bytes: [u8; 32] = row.get(column)?;
    Ok(Sha256(bytes))
}

/// The same for a column that may be null.
pub(crate) fn maybe_hash(row: &Row<'_>, column: &str) -> Result<Option<Sha256>, StoreError> {
    let bytes: Option<[u8; 32]> = row.get(column)?;
    Ok(bytes.map(Sha256))
}

fn damaged(column: &str) -> StoreError {
    StoreError::Corrupt(format!("a value in the column `{column}` is not of this platform"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_one_width_and_read_back() {
        let at = Timestamp::new(1_700_000_000, 120_000_000).unwrap();
        assert_eq!(time(at), "2023-11-14T22:13:20.120000Z");
        assert_eq!(time(at).parse::<Timestamp>().unwrap(), at);
        assert_eq!(time(Timestamp::UNIX_EPOCH).len(), time(at).len());
    }

    #[test]
    fn json_has_sorted_keys_at_every_depth() {
        let value = serde_json::json!({"b": [{"z": 1, "a": null}], "a": "x"});
        assert_eq!(json(&value), r#"{"a":"x","b":[{"a":null,"z":1}]}"#);
    }
}
