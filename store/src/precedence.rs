//! A version as bytes that compare as versions do, so that the database can sort them.
//! The order is the one of Semantic Versioning 2.0.0, section 11.

use semver::Version;

/// What stands behind major, minor and patch. A pre-release comes before its release; a shorter
/// list of identifiers before a longer one that starts alike; a number before a word.
const END: u8 = 0;
const NUMBER: u8 = 1;
const WORD: u8 = 2;
const RELEASE: u8 = 3;
/// Bytes above those of every version.
pub(crate) const ABOVE_ALL: [u8; 25] = [u8::MAX; 25];

/// The bytes of a version. Two versions have the same ones only if they differ in build metadata.
pub(crate) fn precedence(version: &Version) -> Vec<u8> {
    let mut key = Vec::with_capacity(25);
    for number in [version.major, version.minor, version.patch] {
        key.extend(number.to_be_bytes());
    }
    if version.pre.is_empty() {
        key.push(RELEASE);
        return key;
    }
    for identifier in version.pre.split('.') {
        push_identifier(&mut key, identifier);
    }
    key.push(END);
    key
}

/// Numbers have no leading zeros, so that the longer one is the greater one.
fn push_identifier(key: &mut Vec<u8>, identifier: &str) {
    if identifier.bytes().all(|byte| byte.is_ascii_digit()) {
        key.push(NUMBER);
        key.extend((identifier.len() as u64).to_be_bytes());
        key.extend(identifier.bytes());
    } else {
        key.push(WORD);
        key.extend(identifier.bytes());
        key.push(END);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In rising order, with each of the standard's rules.
    const RISING: [&str; 18] = [
        "0.0.1-0",
        "0.0.1",
        "0.9.0",
        "1.0.0-0",
        "1.0.0-9",
        "1.0.0-10",
        "1.0.0-99999999999999999999999999",
        "1.0.0--",
        "1.0.0-1a",
        "1.0.0-alpha",
        "1.0.0-alpha.1",
        "1.0.0-alpha.1.x",
        "1.0.0-alpha.beta",
        "1.0.0-alpha1",
        "1.0.0-beta",
        "1.0.0",
        "1.10.0",
        "18446744073709551615.18446744073709551615.18446744073709551615",
    ];

    #[test]
    fn the_bytes_compare_as_the_versions_do() {
        let versions: Vec<Version> = RISING.iter().map(|text| text.parse().unwrap()).collect();
        for a in &versions {
            for b in &versions {
                let by_bytes = precedence(a).cmp(&precedence(b));
                assert_eq!(by_bytes, a.cmp_precedence(b), "{a} against {b}");
            }
        }
        assert!(versions.is_sorted());
        assert!(versions.iter().all(|version| precedence(version) < ABOVE_ALL.to_vec()));
    }
}
