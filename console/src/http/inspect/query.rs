//! What a look into a match, or into two moments of it, asks for.

use std::ops::Range;

use utoipa::IntoParams;

use crate::http::{
    body::unknown_field,
    error::{ApiError, ApiResult},
};

/// Bytes of memory that one range may have.
const RANGE_BYTES: u64 = 64 << 10;
const RANGES: usize = 16;
/// Ticks before and behind that are looked at for events.
const AROUND: i64 = 30;
const MOST_AROUND: i64 = 100_000;

/// What of a match is to be seen.
#[derive(Debug, PartialEq, Eq, IntoParams)]
#[into_params(parameter_in = Query, rename_all = "PascalCase")]
pub(crate) struct InspectQuery {
    /// The tick before which the match is seen; by default the latest that is known of it.
    pub(super) at: Option<i64>,
    /// A range of the sim's memory as `ADDRESS:LENGTH`, each decimal or with `0x`; up to 16 of them,
    /// of up to 64 KiB each.
    #[param(value_type = Vec<String>)]
    pub(super) memory: Vec<Range<u64>>,
    /// Ticks before and behind whose events are shown: 0 to 100000, by default 30.
    #[param(value_type = Option<i64>)]
    pub(super) around: i64,
}

/// Between which ticks differences are looked for.
#[derive(Debug, Clone, Copy, IntoParams)]
#[into_params(parameter_in = Query, rename_all = "PascalCase")]
pub(crate) struct DiffQuery {
    pub(super) from: i64,
    /// Not before `From`.
    pub(super) to: i64,
}

/// Reads the query.
pub(super) fn read(pairs: Vec<(String, String)>) -> ApiResult<InspectQuery> {
    let mut asked = InspectQuery { at: None, memory: Vec::new(), around: AROUND };
    for (key, value) in pairs {
        match key.as_str() {
            "At" => asked.at = Some(tick("At", &value)?),
            "Around" => {
                let ticks = tick("Around", &value).ok().filter(|ticks| *ticks <= MOST_AROUND);
                let why = "it is a number of ticks from 0 to 100000";
                asked.around = ticks.ok_or_else(|| ApiError::value("Around", why))?;
            }
            "Memory" if asked.memory.len() == RANGES => {
                let why = format_args!("more than {RANGES} ranges");
                return Err(ApiError::value("Memory", why));
            }
            "Memory" => asked.memory.push(range(&value)?),
            _ => return Err(unknown_field(&key, &["At", "Around", "Memory"]).into()),
        }
    }
    Ok(asked)
}

/// Reads the query of what differs.
pub(super) fn read_diff(pairs: Vec<(String, String)>) -> ApiResult<DiffQuery> {
    let (mut from, mut to) = (None, None);
    for (key, value) in pairs {
        match key.as_str() {
            "From" => from = Some(tick("From", &value)?),
            "To" => to = Some(tick("To", &value)?),
            _ => return Err(unknown_field(&key, &["From", "To"]).into()),
        }
    }
    let needed = |name| move || ApiError::value(name, "it is needed: the tick to look before");
    let (from, to) = (from.ok_or_else(needed("From"))?, to.ok_or_else(needed("To"))?);
    if to < from {
        return Err(ApiError::value("To", format_args!("tick {to} comes before tick {from}")));
    }
    Ok(DiffQuery { from, to })
}

/// A tick as a query writes it.
fn tick(name: &'static str, text: &str) -> ApiResult<i64> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    let tick = text.parse().ok().filter(|_| is_number);
    tick.ok_or_else(|| ApiError::value(name, "a tick is a whole number from 0 on"))
}

fn range(text: &str) -> ApiResult<Range<u64>> {
    let bad = || {
        let why = "it is ADDRESS:LENGTH, each decimal or with 0x, of 1 to 65536 bytes below 2^32";
        ApiError::value("Memory", why)
    };
    let (start, length) = text.split_once(':').ok_or_else(bad)?;
    let (start, length) = number(start).zip(number(length)).ok_or_else(bad)?;
    let is_whole = (1..=RANGE_BYTES).contains(&length) && start < 1 << 32;
    if is_whole { Ok(start..start + length) } else { Err(bad()) }
}

fn number(text: &str) -> Option<u64> {
    let (digits, radix) = text.strip_prefix("0x").map_or((text, 10), |digits| (digits, 16));
    // The parser would take a sign.
    let is_number = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    u64::from_str_radix(digits, radix).ok().filter(|_| is_number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_an_address_and_a_length() {
        assert_eq!(range("0x10:16").unwrap(), 16..32);
        assert_eq!(range("65535:0x10000").unwrap(), 65_535..131_071);
        for bad in ["", "1", "1:", ":1", "1:0", "1:65537", "-1:1", "+1:1", "4294967296:1", "g:1"] {
            let error = range(bad).unwrap_err().to_string();
            assert!(error.starts_with("`Memory`"), "{bad}: {error}");
        }
    }

    #[test]
    fn a_query_is_taken_strictly() {
        let asked = |pairs: &[(&str, &str)]| {
            read(pairs.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect())
        };
        let found = asked(&[("At", "7"), ("Memory", "0:1"), ("Memory", "9:2")]).unwrap();
        assert_eq!((found.at, found.memory), (Some(7), vec![0..1, 9..11]));
        for bad in [("At", "-1"), ("At", "x"), ("Around", "100001"), ("Too", "1")] {
            assert!(asked(&[bad]).is_err(), "{bad:?}");
        }
        assert!(asked(&[("Memory", "0:1"); RANGES + 1]).is_err());
    }
}
