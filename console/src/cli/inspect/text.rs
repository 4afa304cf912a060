//! A look into a match as a person reads it.

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::Value;

use crate::cli::{
    table::table,
    terminal::{Tone, paint, printable, string},
};

const ROW_BYTES: usize = 16;

/// A match as it stood before a tick.
pub(super) fn moment(seen: &Value) -> String {
    let mut parts = vec![
        head(seen),
        gauges(&seen["Gauges"]),
        titled("globals", ["GLOBAL", "TYPE", "VALUE"], &rows(&seen["Globals"], global)),
        events("waiting for the sim", &seen["Waiting"]),
        events("events around it", &seen["Around"]),
    ];
    parts.extend(items(&seen["Memory"]).iter().map(memory));
    parts.concat()
}

/// What differs between two moments.
pub(super) fn difference(seen: &Value) -> String {
    let (from, to) = (&seen["From"], &seen["To"]);
    let ticks = [from, to].map(|moment| format!("before tick {}", string(moment, "Tick")));
    let mut parts =
        vec![format!("{}  {}\n", string(seen, "Match"), paint(Tone::Strong, &ticks.join(" and ")))];
    for (name, member) in [("state", "State"), ("module", "Module"), ("pages", "MemoryPages")] {
        parts.push(changed(name, &string(from, member), &string(to, member)));
    }
    if let Some(base) = to["ImageBase"].as_u64() {
        parts.push(native(base) + "\n");
    }
    for (name, member) in [("joined", "Joined"), ("left", "Left")] {
        if !items(&seen[member]).is_empty() {
            parts.push(format!("  {name:<7} {}\n", list(&seen[member])));
        }
    }
    let pair = |one: &Value| ["Name", "Before", "After"].map(|member| string(one, member));
    parts.push(titled("gauges", ["GAUGE", "BEFORE", "AFTER"], &rows(&seen["Gauges"], pair)));
    let pair = |one: &Value| [name(one), string(one, "Before"), string(one, "After")];
    parts.push(titled("globals", ["GLOBAL", "BEFORE", "AFTER"], &rows(&seen["Globals"], pair)));
    parts.push(ranges(&seen["Memory"]));
    parts.concat()
}

/// What names and measures a moment, and who is there.
fn head(seen: &Value) -> String {
    let of = |member: &str| string(seen, member);
    let tick = paint(Tone::Strong, &format!("before tick {}", of("Tick")));
    let mut lines = vec![
        format!("{}  {tick}", of("Match")),
        format!("  state       {}", of("State")),
        format!("  transcript  {}", of("Transcript")),
        format!("  module      {} {}", of("Version"), of("Module")),
        format!("  memory      {} pages of 64 KiB", of("MemoryPages")),
        format!("  fuel        {}", of("Fuel")),
        format!("  players     {}; left: {}", list(&seen["Players"]), list(&seen["Left"])),
    ];
    if let Some(base) = seen["ImageBase"].as_u64() {
        lines.push(native(base));
    }
    if seen["EndsAt"].is_i64() {
        lines.push(format!("  stopping    it ends before tick {}", of("EndsAt")));
    }
    if !items(&seen["InFlight"]).is_empty() {
        lines.push(format!("  in flight   fetch {}", list(&seen["InFlight"])));
    }
    if seen["Result"].is_object() {
        let of = |member: &str| string(&seen["Result"], member);
        lines.push(format!("  result      {} bytes, sha256 {}", of("Bytes"), of("Sha256")));
    }
    lines.join("\n") + "\n"
}

/// What addresses mean in a native sim.
fn native(base: u64) -> String {
    format!("  native      addresses are the sim's pointers less {base:#x}, and have no names")
}

fn changed(name: &str, before: &str, after: &str) -> String {
    if before == after {
        return format!("  {name:<7} {before}, the same\n");
    }
    format!("  {name:<7} {before}\n       -> {after}\n")
}

fn ranges(memory: &Value) -> String {
    let (count, bytes) = (string(memory, "Count"), string(memory, "Bytes"));
    let shown = items(&memory["Ranges"]);
    let mut parts = vec![format!("\nmemory: {count} ranges differ, {bytes} bytes\n")];
    parts.extend(shown.iter().map(range));
    if memory["Count"].as_u64() > Some(shown.len() as u64) {
        parts.push(format!("  and more: the first {} are shown\n", shown.len()));
    }
    parts.concat()
}

fn range(one: &Value) -> String {
    let of = |member: &str| string(one, member);
    let address = one["Address"].as_u64().unwrap_or(0);
    let symbol = paint(Tone::Quiet, &of("Symbol"));
    let place = format!("  {address:#010x}  {} bytes  {symbol}", of("Length"));
    format!("{}\n    - {}\n    + {}\n", place.trim_end(), of("Before"), of("After"))
}

fn gauges(gauges: &Value) -> String {
    let rows = gauges.as_object().into_iter().flatten();
    let rows = rows.map(|(name, _)| [printable(name), string(gauges, name)]);
    titled("gauges", ["GAUGE", "VALUE"], &rows.collect::<Vec<_>>())
}

fn global(one: &Value) -> [String; 3] {
    [name(one), string(one, "Type"), string(one, "Value")]
}

/// A global by its name and its number.
fn name(global: &Value) -> String {
    format!("{} {}", string(global, "Index"), string(global, "Name")).trim_end().to_owned()
}

fn events(title: &str, events: &Value) -> String {
    const MEMBERS: [&str; 7] = ["Tick", "Type", "Player", "Id", "Status", "Bytes", "Text"];
    let heads = ["TICK", "EVENT", "PLAYER", "FETCH", "STATUS", "BYTES", "TEXT"];
    let rows = rows(&events["Events"], |one| MEMBERS.map(|member| string(one, member)));
    let count = string(events, "Count");
    let is_all = count == rows.len().to_string();
    let cut = if is_all { String::new() } else { format!(", the first {} of {count}", rows.len()) };
    titled(&format!("{title}{cut}"), heads, &rows)
}

/// A table below its title; nothing where there are no rows.
fn titled<const N: usize>(title: &str, heads: [&str; N], rows: &[[String; N]]) -> String {
    if rows.is_empty() { String::new() } else { format!("\n{title}\n{}", table(heads, rows)) }
}

fn rows<const N: usize>(all: &Value, row: impl Fn(&Value) -> [String; N]) -> Vec<[String; N]> {
    items(all).iter().map(row).collect()
}

fn items(list: &Value) -> &[Value] {
    list.as_array().map_or(&[], Vec::as_slice)
}

fn list(numbers: &Value) -> String {
    let numbers: Vec<_> = items(numbers).iter().map(ToString::to_string).collect();
    if numbers.is_empty() { "none".to_owned() } else { numbers.join(", ") }
}

/// A range of memory, 16 bytes a row, in hexadecimal and as text.
fn memory(range: &Value) -> String {
    let bytes = BASE64_STANDARD.decode(string(range, "Base64")).unwrap_or_default();
    let title = format!("memory  {}", paint(Tone::Quiet, &string(range, "Symbol")));
    let start = range["Address"].as_u64().unwrap_or(0);
    let rows = (start..).step_by(ROW_BYTES).zip(bytes.chunks(ROW_BYTES));
    let rows: Vec<_> = rows.map(|(at, bytes)| row(at, bytes)).collect();
    format!("\n{}\n{}", title.trim_end(), rows.concat())
}

fn row(at: u64, bytes: &[u8]) -> String {
    let hex: Vec<_> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let shown = |byte: &u8| if matches!(byte, 0x20..=0x7e) { char::from(*byte) } else { '.' };
    let ascii: String = bytes.iter().map(shown).collect();
    format!("  {at:#010x}  {:<47}  {ascii}\n", hex.join(" "))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn memory_is_shown_by_rows_of_16_bytes() {
        let bytes: Vec<u8> = (60..78).collect();
        let base64 = BASE64_STANDARD.encode(bytes);
        let range = json!({ "Address": 4_096, "Base64": base64, "Symbol": "scores+0x10" });
        assert_eq!(
            memory(&range),
            "\nmemory  scores+0x10\n  \
             0x00001000  3c 3d 3e 3f 40 41 42 43 44 45 46 47 48 49 4a 4b  <=>?@ABCDEFGHIJK\n  \
             0x00001010  4c 4d                                            LM\n"
        );
    }

    #[test]
    fn a_difference_shows_both_sides_of_all_that_differs() {
        let moment =
            |tick, state| json!({ "Tick": tick, "State": state, "Module": "m", "MemoryPages": 1 });
        let seen = json!({
            "Match": "m_1", "From": moment(1, "aa"), "To": moment(2, "bb"),
            "Joined": [3], "Left": [],
            "Globals": [{ "Index": 1, "Name": "score", "Before": "1", "After": "2" }],
            "Gauges": [{ "Name": "load", "After": 0.5 }],
            "Memory": { "Count": 2, "Bytes": 9, "Ranges": [
                { "Address": 16, "Length": 8, "Symbol": "table", "Before": "00", "After": "01" },
            ] },
        });
        let text = difference(&seen);
        for part in [
            "m_1  before tick 1 and before tick 2\n",
            "  state   aa\n       -> bb\n",
            "  module  m, the same\n",
            "  joined  3\n",
            "1 score",
            "memory: 2 ranges differ, 9 bytes\n",
            "  0x00000010  8 bytes  table\n    - 00\n    + 01\n",
            "and more: the first 1 are shown\n",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert!(!text.contains("left"), "{text}");
    }
}
