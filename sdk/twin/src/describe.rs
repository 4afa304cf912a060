//! What a sim said, in words for its author. Never longer than a few lines.

use std::fmt::Write;

use lattice_policies::escape::guest_text;
use lattice_surface::Said;

/// Characters of a text, and bytes of others, that are shown.
const TEXT_CHARS: usize = 160;
const SHOWN_BYTES: usize = 32;

/// A saying in one line.
pub fn describe(said: &Said<'_>) -> String {
    match *said {
        Said::Log { level, text: line } => format!("log, level {level}: {}", text(line)),
        Said::Send { player, flags, bytes } => {
            format!("send to player {player}, flags {flags}, {}", sized(bytes))
        }
        Said::Broadcast { flags, bytes } => format!("broadcast, flags {flags}, {}", sized(bytes)),
        Said::Kick { player, reason } => format!("kick of player {player}, reason {reason}"),
        Said::Request { id, method, url, headers, body } => format!(
            "request {id}, method {method}, {}, {} bytes of headers, {}",
            text(url),
            headers.len(),
            sized(body)
        ),
        Said::Result { bytes } => format!("result, {}", sized(bytes)),
        Said::Hash { value } => format!("lattice_sim_hash {value:016x}"),
        Said::Gauge { name, value } => format!("gauge {} = {}", text(name), gauge(value)),
    }
}

/// Bytes in hexadecimal, from one of them on.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let shown = bytes.iter().take(SHOWN_BYTES);
    let mut text = shown.fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x} ");
        text
    });
    text.truncate(text.trim_end().len());
    if bytes.len() > SHOWN_BYTES { text + " ..." } else { text }
}

fn sized(bytes: &[u8]) -> String {
    match bytes {
        [] => "0 bytes".to_owned(),
        _ => format!("{} bytes: {}", bytes.len(), hex(bytes)),
    }
}

fn text(bytes: &[u8]) -> String {
    format!("\"{}\"", guest_text(bytes, TEXT_CHARS))
}

fn gauge(value: &[u8]) -> String {
    match value.try_into().map(u64::from_le_bytes) {
        Ok(bits) => format!("{} (bits {bits:016x})", f64::from_bits(bits)),
        Err(_) => hex(value),
    }
}
