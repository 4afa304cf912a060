//! Rows of text in aligned columns. Never knows what they mean.

use super::terminal::{Tone, paint};

/// The rows under their heads, each column as wide as its widest cell.
pub(crate) fn table<const N: usize>(heads: [&str; N], rows: &[[String; N]]) -> String {
    let widths: [usize; N] = std::array::from_fn(|column| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([heads[column].chars().count()]).max().unwrap_or(0)
    });
    let mut text = paint(Tone::Quiet, &aligned(&heads, &widths)) + "\n";
    for row in rows {
        text += &aligned(row, &widths);
        text += "\n";
    }
    text
}

fn aligned(cells: &[impl AsRef<str>], widths: &[usize]) -> String {
    let padded = cells.iter().zip(widths).map(|(cell, width)| format!("{:<width$}", cell.as_ref()));
    padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_under_their_heads() {
        let rows = [["g_1".into(), "arena".into()], ["g_22".into(), "é".into()]];
        assert_eq!(table(["GAME", "NAME"], &rows), "GAME  NAME\ng_1   arena\ng_22  é\n");
    }
}
