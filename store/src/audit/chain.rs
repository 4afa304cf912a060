//! How audit rows are chained: the canonical bytes of a row, and their SHA-256.
//! docs/audit.md tells the same to an auditor, and a test follows it word for word.

use lattice_policies::Sha256;
use sha2::Digest;

/// What the hash before the first row is the SHA-256 of.
const GENESIS: &[u8] = b"lattice audit 1";
/// The length that stands for a null.
const NULL: u32 = u32::MAX;
/// The columns between a row's number and the hash of the row before, in the chain's order.
pub(super) const COLUMNS: &str =
    "at, subject, token, address, request, action, game, target, outcome, detail";
/// How many they are.
pub(super) const COLUMN_COUNT: usize = 10;

/// The hash before the first row.
pub(super) fn genesis() -> Sha256 {
    Sha256::of(GENESIS)
}

/// A row's hash: over its number, its columns and the hash of the row before, each written as the
/// length of its text in four bytes, the highest first, and the text.
pub(super) fn digest(seq: i64, columns: [Option<&[u8]>; COLUMN_COUNT], previous: Sha256) -> Sha256 {
    let mut hasher = sha2::Sha256::new();
    add(&mut hasher, Some(seq.to_string().as_bytes()));
    for column in columns {
        add(&mut hasher, column);
    }
    add(&mut hasher, Some(previous.to_string().as_bytes()));
    Sha256(hasher.finalize().into())
}

fn add(hasher: &mut sha2::Sha256, field: Option<&[u8]>) {
    let length = field.map_or(NULL, |field| field.len() as u32);
    hasher.update(length.to_be_bytes());
    hasher.update(field.unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_rows_have_the_same_bytes() {
        let row = |a: Option<&'static str>, b: Option<&'static str>| {
            let mut columns = [None; COLUMN_COUNT];
            columns[0] = a.map(str::as_bytes);
            columns[1] = b.map(str::as_bytes);
            digest(1, columns, genesis())
        };
        let rows = [
            row(Some("ab"), Some("c")),
            row(Some("a"), Some("bc")),
            row(Some("abc"), Some("")),
            row(Some("abc"), None),
            row(None, Some("abc")),
        ];
        for (at, one) in rows.iter().enumerate() {
            assert!(rows[at + 1..].iter().all(|other| other != one));
        }
    }
}
