//! Canonical JSON: the one text that a value has. Never reads a value back; who reads compares.

use serde::Serialize;
use serde_json::json;

/// The value as JSON with its keys sorted, without spaces, and with a line feed behind it. The
/// values written here have whole numbers only, so that it is RFC 8785's form and a line feed.
pub(super) fn text(value: &impl Serialize) -> String {
    format!("{}\n", json!(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_sorted_at_every_depth_and_nothing_stands_between() {
        #[derive(Serialize)]
        struct Outer {
            zebra: u64,
            apple: Inner,
        }
        #[derive(Serialize)]
        struct Inner {
            y: &'static str,
            x: [Option<bool>; 2],
        }
        let value = Outer { zebra: 1, apple: Inner { y: "é\n\u{1}\"", x: [Some(true), None] } };
        let expected = "{\"apple\":{\"x\":[true,null],\"y\":\"é\\n\\u0001\\\"\"},\"zebra\":1}\n";
        assert_eq!(text(&value), expected);
    }
}
