//! The table of cases: each row as a test needs it.

use std::{fs, path::Path};

use crate::network::{Answer, addresses};

/// One row, its escapes decoded.
#[derive(Debug)]
pub struct Case {
    pub id: String,
    pub kind: String,
    pub allow: Vec<String>,
    pub method: String,
    pub url: String,
    pub headers: String,
    pub dns: String,
    pub verdict: String,
}

pub fn cases() -> Vec<Case> {
    let table = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/egress/cases.tsv");
    let text = fs::read_to_string(table).unwrap();
    let rows = text.lines().filter(|line| line.starts_with('E'));
    let cases: Vec<_> = rows.map(case).collect();
    assert!(cases.len() > 90, "the table is there: {} rows", cases.len());
    cases
}

/// The row of that id, with the kind that a test is for.
pub fn row(id: &str, kind: &str) -> Case {
    let case = cases().into_iter().find(|case| case.id == id).unwrap();
    assert_eq!(case.kind, kind);
    case
}

fn case(row: &str) -> Case {
    let columns: Vec<&str> = row.split('\t').collect();
    let [id, kind, allow, method, url, headers, dns, verdict, _code, _reason] = columns[..] else {
        panic!("{row}")
    };
    Case {
        id: id.to_owned(),
        kind: kind.to_owned(),
        allow: allow.split(';').filter(|entry| !entry.is_empty()).map(str::to_owned).collect(),
        method: method.to_owned(),
        url: decode(url),
        headers: header_block(kind, headers),
        dns: dns.to_owned(),
        verdict: verdict.to_owned(),
    }
}

fn decode(text: &str) -> String {
    let escapes = [("\\r", "\r"), ("\\n", "\n"), ("\\t", "\t"), ("\\x00", "\0"), ("\\x0b", "\x0b")];
    escapes.iter().fold(text.to_owned(), |text, (escape, byte)| text.replace(escape, byte))
}

/// The header column as the block of lines that a sim hands over.
fn header_block(kind: &str, column: &str) -> String {
    match column {
        "" => String::new(),
        _ if kind == "env" => String::new(),
        "65 headers" => "X: y\n".repeat(65),
        _ => format!("{}\n", repeated(&decode(column))),
    }
}

/// `NAME: PIECES...xN` is a value of N pieces: ranges where there are some, otherwise letters.
fn repeated(text: &str) -> String {
    let Some((text, count)) = text.rsplit_once("...x") else { return text.to_owned() };
    let start = text.rfind(' ').unwrap() + 1;
    let piece = text.rsplit_once("0-0").map_or("a", |_| "0-0,");
    format!("{}{}", &text[..start], piece.repeat(count.parse().unwrap()))
}

/// What the resolver answers to a name, in the table's words.
pub fn answers(words: &str) -> Vec<Answer> {
    match words.strip_prefix("CNAME:") {
        _ if words == "NXDOMAIN" => vec![Answer::NoSuchName],
        // A resolver follows the alias itself; what counts is the address at its end.
        Some(alias) => vec![addresses(alias.split_once('=').unwrap().1)],
        None => words.split(" then ").map(addresses).collect(),
    }
}
