//! An admission's answer in words: the verdict, the hash, and every reason with its hint.
//! Reads the JSON of the API, so that `scan`, `upload` and `dev` say the same.

use serde_json::Value;

use super::terminal::{Tone, bytes, paint, printable, string};

/// The answer for a person; ends in a line break.
pub(crate) fn verdict(answer: &Value) -> String {
    let mut text = if is_admitted(answer) {
        format!("{}\n", paint(Tone::Good, "admitted"))
    } else {
        format!("{}\n", paint(Tone::Bad, "refused"))
    };
    text += &format!("  sha256   {}\n", string(answer, "Sha256"));
    if let Some(size) = answer["Size"].as_u64() {
        text += &format!("  size     {}\n", bytes(size));
    }
    if let Some(imports) = answer["Imports"].as_array() {
        text += &format!("  imports  {}\n", imports_line(imports));
    }
    text + &reasons(answer)
}

pub(crate) fn is_admitted(answer: &Value) -> bool {
    answer["Admitted"] == true
}

fn imports_line(imports: &[Value]) -> String {
    if imports.is_empty() {
        return "none".to_owned();
    }
    let names = imports.iter().filter_map(Value::as_str).map(printable);
    names.collect::<Vec<_>>().join(", ")
}

fn reasons(answer: &Value) -> String {
    let Some(listed) = answer["Reasons"].as_array() else { return String::new() };
    let mut text = listed.iter().map(reason).collect::<String>();
    let total = answer["ReasonsTotal"].as_u64().unwrap_or(0);
    let unlisted = total.saturating_sub(listed.len() as u64);
    if unlisted > 0 {
        text += &format!("  and {unlisted} more\n");
    }
    text
}

fn reason(reason: &Value) -> String {
    let code = paint(Tone::Strong, &string(reason, "Code"));
    let mut text = format!("  {code}  {}\n", string(reason, "Detail"));
    if reason["Hint"].is_string() {
        text += &format!("    hint: {}\n", string(reason, "Hint"));
    }
    text
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
    }
}
