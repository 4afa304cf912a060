//! The cases with a known verdict, as far as rules and addresses decide them.

use std::{fs, net::IpAddr, path::Path};

use lattice_policies::{
    Code,
    egress::{EgressPermit, HeaderLines, Method, Request, decide},
};

use crate::world::{reaches, rules};

/// What is decided before a packet leaves; the other kinds need a peer.
const DECIDED: [&str; 6] = ["url", "dns", "method", "header", "rate", "env"];
const NEEDS_A_PEER: [&str; 4] = ["redirect", "tls", "conn", "limit"];

/// One line of the table.
struct Case {
    id: String,
    kind: String,
    allow: Vec<String>,
    method: String,
    url: Vec<u8>,
    headers: Vec<Vec<u8>>,
    /// The answers of each lookup in turn.
    lookups: Vec<Vec<IpAddr>>,
    verdict: String,
    code: String,
}

fn cases() -> Vec<Case> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/egress/cases.tsv");
    let text = fs::read_to_string(file).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#')).skip(1);
    let cases: Vec<Case> = lines.map(case).collect();
    assert!(cases.len() > 100, "the table has {} cases", cases.len());
    cases
}

fn case(line: &str) -> Case {
    let fields: Vec<&str> = line.split('\t').collect();
    let [id, kind, allow, method, url, headers, dns, verdict, code, _reason] = fields[..] else {
        panic!("{line} has {} fields", fields.len());
    };
    Case {
        id: id.to_owned(),
        kind: kind.to_owned(),
        allow: allow.split(';').filter(|entry| !entry.is_empty()).map(str::to_owned).collect(),
        method: method.to_owned(),
        url: unescape(url),
        headers: if kind == "header" { header_lines(headers) } else { Vec::new() },
        lookups: dns.split_once('=').map_or_else(Vec::new, |(_, answers)| lookups(answers)),
        verdict: verdict.to_owned(),
        code: code.to_owned(),
    }
}

/// Decodes `\r`, `\n`, `\t` and `\x00`; any other backslash is one.
fn unescape(text: &str) -> Vec<u8> {
    let mut pieces = text.split('\\');
    let mut bytes = pieces.next().unwrap().as_bytes().to_vec();
    for piece in pieces {
        let (byte, letters) = escaped(piece).unwrap_or((b'\\', 0));
        bytes.push(byte);
        bytes.extend(piece[letters..].bytes());
    }
    bytes
}

/// The byte that the letters behind a backslash mean, and how many they are.
fn escaped(behind: &str) -> Option<(u8, usize)> {
    match behind.bytes().next()? {
        b'r' => Some((b'\r', 1)),
        b'n' => Some((b'\n', 1)),
        b't' => Some((b'\t', 1)),
        b'x' => Some((u8::from_str_radix(behind.get(1..3)?, 16).ok()?, 3)),
        _ => None,
    }
}

/// One header, or `65 headers`.
fn header_lines(text: &str) -> Vec<Vec<u8>> {
    match text.strip_suffix(" headers").map(str::parse) {
        Some(Ok(count)) => (0..count).map(|number| format!("x-{number}: v").into()).collect(),
        _ => vec![unescape(&repeat(text))],
    }
}

/// `X: aaa...x9000` is as long as it says: its last letter again, or what stands behind its last
/// comma but one, such as a range.
fn repeat(text: &str) -> String {
    let Some((start, times)) = text.split_once("...x") else { return text.to_owned() };
    let unit = match start.strip_suffix(',').map(|list| list.rfind(',')) {
        Some(Some(comma)) => &start[comma + 1..],
        _ => &start[start.len() - 1..],
    };
    format!("{start}{}", unit.repeat(times.parse().unwrap()))
}

/// `A,B`, `CNAME:other=A`, `NXDOMAIN`, or one `then` another.
fn lookups(text: &str) -> Vec<Vec<IpAddr>> {
    let answers = |lookup: &str| match lookup.rsplit('=').next().unwrap() {
        "NXDOMAIN" => Vec::new(),
        list => list.split(',').map(|address| address.parse().unwrap()).collect(),
    };
    text.split(" then ").map(answers).collect()
}

impl Case {
    /// The permit, or the code that the guest gets at once.
    fn decide(&self) -> Result<EgressPermit, Code> {
        let entries = rules(self.allow.iter().map(String::as_str));
        let method = Method::named(&self.method).ok_or(Code::HttpBadRequest)?;
        let lines: Vec<&[u8]> = self.headers.iter().map(Vec::as_slice).collect();
        let headers = HeaderLines::Lines(&lines);
        let request = Request { method, url: &self.url, headers, body: b"" };
        decide(&entries, &request).map_err(|refusal| refusal.code())
    }

    /// What is wrong with the outcome, if anything.
    fn complaint(&self) -> Option<String> {
        let outcome = self.decide();
        let reached =
            |lookup: &Vec<IpAddr>| outcome.as_ref().is_ok_and(|permit| reaches(permit, lookup));
        let reached: Vec<bool> = self.lookups.iter().map(reached).collect();
        let right = match (self.verdict.as_str(), &outcome) {
            ("ALLOW" | "LIMIT", Ok(permit)) => reached == [true] && !permit.stripped(),
            ("STRIP", Ok(permit)) => {
                reached == [true] && permit.stripped() && permit.headers().is_empty()
            }
            ("DENY", Ok(_)) => self.kind == "dns" && reached == [false],
            ("DENY", Err(code)) => code.name() == self.code,
            ("DENY-2ND", Ok(_)) => reached == [true, false],
            _ => false,
        };
        (!right).then(|| format!("{}: {outcome:?}, reached {reached:?}", self.id))
    }
}

#[test]
fn every_case_gets_its_verdict_and_its_code() {
    let cases = cases();
    let known = |kind: &str| DECIDED.contains(&kind) || NEEDS_A_PEER.contains(&kind);
    let decided = cases.iter().filter(|case| DECIDED.contains(&case.kind.as_str()));
    let complaints: Vec<String> = decided.filter_map(Case::complaint).collect();
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
    for case in &cases {
        assert!(known(&case.kind), "{} is of the unknown kind {}", case.id, case.kind);
    }
}

#[test]
fn the_table_is_decoded_as_it_says() {
    assert_eq!(unescape(r"a\r\n\t\x00b\\c"), b"a\r\n\t\0b\\\\c");
    assert_eq!(unescape("\u{430}\\@"), "\u{430}\\@".as_bytes());
    assert_eq!(header_lines("65 headers").len(), 65);
    assert_eq!(repeat("X: aa...x3"), "X: aaaaa");
    assert_eq!(repeat("Range: bytes=0-0,0-0,...x2"), "Range: bytes=0-0,0-0,0-0,0-0,");
    assert_eq!(lookups("93.184.216.34 then 127.0.0.1").len(), 2);
    assert_eq!(lookups("CNAME:internal.corp=10.0.0.5")[0][0].to_string(), "10.0.0.5");
    assert_eq!(lookups("NXDOMAIN"), [Vec::<IpAddr>::new()]);
}
