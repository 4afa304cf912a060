//! An admission's answer in words: the verdict, the hash, and every reason with its hint.
//! Reads the JSON of the API, so that `scan`, `upload` and `dev` say the same.

use serde_json::Value;

use super::terminal::{Tone, bytes, paint, printable, string};

/// The answer for a person; ends in a line break.
pub(crate) fn verdict(answer: &Value) -> String {
    let head = if is_admitted(answer) {
        paint(Tone::Good, "admitted")
    } else {
        paint(Tone::Bad, "refused")
    };
    let mut lines = vec![head, format!("  sha256   {}", string(answer, "Sha256"))];
    lines.extend(answer["Size"].as_u64().map(|size| format!("  size     {}", bytes(size))));
    lines.extend(answer["Imports"].as_array().map(|names| imports(names)));
    lines.extend(replay_only(answer));
    lines.extend(reasons(answer));
    lines.join("\n") + "\n"
}

pub(crate) fn is_admitted(answer: &Value) -> bool {
    answer["Admitted"] == true
}

fn imports(names: &[Value]) -> String {
    let names: Vec<_> = names.iter().filter_map(Value::as_str).map(printable).collect();
    let names = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    format!("  imports  {names}")
}

/// Why its matches have no snapshots, if they have none.
fn replay_only(answer: &Value) -> Option<String> {
    let names: Vec<_> = answer["ReplayOnly"].as_array()?.iter().filter_map(Value::as_str).collect();
    let names = names.into_iter().map(printable).collect::<Vec<_>>().join(", ");
    Some(format!(
        "  no snapshots: it uses {names}; matches come back by their logs from the first tick"
    ))
}

fn reasons(answer: &Value) -> Vec<String> {
    let Some(listed) = answer["Reasons"].as_array() else { return Vec::new() };
    let mut lines: Vec<_> = listed.iter().flat_map(reason).collect();
    let total = answer["ReasonsTotal"].as_u64().unwrap_or(0);
    let unlisted = total.saturating_sub(listed.len() as u64);
    lines.extend((unlisted > 0).then(|| format!("  and {unlisted} more")));
    lines
}

fn reason(reason: &Value) -> Vec<String> {
    let code = paint(Tone::Strong, &string(reason, "Code"));
    let mut lines = vec![format!("  {code}  {}", string(reason, "Detail"))];
    lines.extend(reason["Hint"].as_str().map(|hint| format!("    hint: {}", printable(hint))));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_refusal_names_every_reason_and_counts_the_rest() {
        let answer = json!({
            "Admitted": false, "Sha256": "ab", "Size": 2048, "ReasonsTotal": 103,
            "Reasons": [
                {"Code": "IMPORT_NOT_ALLOWED", "Detail": "env.system"},
                {"Code": "LIMIT_BODY", "Detail": "function 3\u{1b}", "Hint": "split it"},
            ],
        });
        let expected = "refused\n  sha256   ab\n  size     2.0 KiB\n  \
            IMPORT_NOT_ALLOWED  env.system\n  LIMIT_BODY  function 3?\n    hint: split it\n  \
            and 101 more\n";
        assert_eq!(verdict(&answer), expected);
    }

    #[test]
    fn an_admission_names_the_imports() {
        let answer = json!({"Admitted": true, "Sha256": "ab", "Imports": ["lattice_ms_log"]});
        assert_eq!(verdict(&answer), "admitted\n  sha256   ab\n  imports  lattice_ms_log\n");
        let dropping = json!({"Admitted": true, "Sha256": "ab", "ReplayOnly": ["data.drop"]});
        assert!(verdict(&dropping).contains("no snapshots: it uses data.drop;"));
    }
}
