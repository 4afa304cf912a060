//! `docs/surface.md` against the surface table: every row stands there as it is here.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;

use lattice_policies::{
    Code,
    functions::{EXPORTS, HOST_FUNCTIONS, Price, Signature},
};

fn typed(signature: &Signature) -> String {
    let params: Vec<_> = signature.params.iter().map(ToString::to_string).collect();
    let result = signature.result.map_or_else(|| "()".to_owned(), |result| result.to_string());
    format!("({}) -> {result}", params.join(", "))
}

fn fuel(price: Price) -> String {
    let part = |each: u64, unit| match each {
        0 => String::new(),
        each => format!(" + {each} a {unit}"),
    };
    let (bytes, players) = (part(price.per_byte, "byte"), part(price.per_player, "player"));
    format!("{}{bytes}{players}", price.fixed)
}

#[test]
fn every_row_of_the_table_is_documented() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/surface.md");
    let document = fs::read_to_string(path).unwrap();
    let mut rows = Vec::new();
    for function in &HOST_FUNCTIONS {
        let (name, typed) = (function.name, typed(&function.signature));
        rows.push(format!(
            "| `{name}` | `{typed}` | {} | {} |",
            fuel(function.price),
            function.doc
        ));
    }
    for export in &EXPORTS {
        let required = if export.required { "required" } else { "optional" };
        let (name, typed) = (export.name, typed(&export.signature));
        rows.push(format!("| `{name}` | `{typed}` | {required} | {} |", export.doc));
    }
    for code in Code::ALL {
        rows.push(format!("| `{}` | {} |", code.name(), code.value()));
    }
    let missing: Vec<_> = rows.iter().filter(|row| !document.contains(row.as_str())).collect();
    assert!(missing.is_empty(), "docs/surface.md lacks:\n{missing:#?}");
    let tabled = document.lines().filter(|line| line.starts_with("| `")).count();
    assert_eq!(tabled, rows.len(), "and has no row that is not in the table");
}
