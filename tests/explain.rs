//! `lattice egress explain`: the corpus of requests, each with the verdict that it must get, by the
//! command that an operator types.

use std::{collections::BTreeMap, ffi::OsString, fs, os::unix::ffi::OsStringExt};

use serde_json::Value;

use crate::{
    app::lattice,
    clang::project,
    cli::{Said, run},
};

/// A row of the corpus.
struct Case {
    id: String,
    kind: String,
    allow: String,
    method: String,
    url: OsString,
    headers: String,
    dns: String,
    verdict: String,
    code: String,
}

fn cases() -> Vec<Case> {
    let text = fs::read_to_string(project().join("tests/fixtures/egress/cases.tsv")).unwrap();
    let rows = text.lines().filter(|line| !line.starts_with('#')).skip(1);
    rows.map(|row| {
        let [id, kind, allow, method, url, headers, dns, verdict, code, _reason] =
            row.split('\t').collect::<Vec<_>>().try_into().unwrap();
        let [id, kind, allow, method] = [id, kind, allow, method].map(str::to_owned);
        let [headers, dns, verdict, code] = [headers, dns, verdict, code].map(str::to_owned);
        Case { id, kind, allow, method, url: bytes(url), headers, dns, verdict, code }
    })
    .collect()
}

/// The corpus' text with its escapes `\r`, `\n`, `\t` and `\x..` decoded. Others are none.
fn bytes(text: &str) -> OsString {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        bytes.extend(rest[..at].bytes());
        let (byte, length) = escape(&rest[at + 1..]).unwrap_or((b'\\', 0));
        bytes.push(byte);
        rest = &rest[at + 1 + length..];
    }
    bytes.extend(rest.bytes());
    OsString::from_vec(bytes)
}

/// The byte that an escape stands for, and how long it is behind its backslash.
fn escape(text: &str) -> Option<(u8, usize)> {
    match text.as_bytes().first()? {
        b'r' => Some((b'\r', 1)),
        b'n' => Some((b'\n', 1)),
        b't' => Some((b'\t', 1)),
        b'x' => u8::from_str_radix(text.get(1..3)?, 16).ok().map(|byte| (byte, 3)),
        _ => None,
    }
}

impl Case {
    /// The request's header lines. `NAME: ab...xN` stands for N times the last character, or
    /// for N of the comma's items; `65 headers` for so many.
    fn headers(&self) -> Vec<OsString> {
        if let Some(count) = self.headers.strip_suffix(" headers") {
            let count: usize = count.parse().unwrap();
            return (0..count).map(|number| format!("x-{number}: 1").into()).collect();
        }
        match self.headers.split_once("...x") {
            Some((start, count)) => {
                let (again, count) = (start.rsplit(',').next().unwrap(), count.parse().unwrap());
                let again = if again.is_empty() { "0-0," } else { &again[again.len() - 1..] };
                vec![format!("{start}{}", again.repeat(count)).into()]
            }
            None if self.headers.is_empty() || self.kind == "env" => Vec::new(),
            None => vec![bytes(&self.headers)],
        }
    }

    /// What the operator's command says, with that answer of the resolver.
    fn explained(&self, dns: &str) -> Said {
        let mut command = lattice();
        command.args(["egress", "explain", "--json", "--allow", &self.allow, "--dns", dns]);
        for header in self.headers() {
            command.arg("--header").arg(header);
        }
        if let (true, Some((name, value))) =
            (self.kind == "env", self.headers.trim_start_matches("env ").split_once('='))
        {
            command.env(name, value).env(name.to_lowercase(), value);
        }
        run(command.arg(&self.method).arg(&self.url))
    }
}

/// The verdict in words, after a look at the exit code, which must say the same.
#[track_caller]
fn verdict(id: &str, said: &Said) -> Value {
    let answer: Value = serde_json::from_str(&said.stdout)
        .unwrap_or_else(|_| panic!("{id}: {}{}", said.stdout, said.stderr));
    assert_eq!(said.code, i32::from(answer["Verdict"] == "DENY"), "{id}: {answer}");
    assert_eq!(said.stderr, "", "{id}");
    assert_eq!(answer["Verdict"] == "ALLOW", answer["Code"] == "OK", "{id}: {answer}");
    assert!(answer["Reason"].as_str().unwrap().is_ascii(), "{id}: {answer}");
    answer
}

#[test]
fn every_request_of_the_corpus_gets_its_verdict() {
    let mut count = BTreeMap::new();
    for case in cases() {
        // An argument cannot hold the byte 0; that row is decided in the rules' own tests.
        let is_typed = !bytes(&case.headers).as_encoded_bytes().contains(&0);
        let is_decided_before_sending = matches!(
            &*case.kind,
            "url" | "dns" | "method" | "header" | "rate" | "env" | "redirect"
        );
        if !is_typed || !is_decided_before_sending {
            continue;
        }
        *count.entry(case.kind.clone()).or_insert(0) += 1;
        let (first, then) =
            case.dns.split_once(" then ").map_or((&*case.dns, None), |(first, then)| {
                (first, Some(format!("{}={then}", first.split('=').next().unwrap())))
            });
        let answer = verdict(&case.id, &case.explained(first));
        let expected = if case.verdict == "DENY" { "DENY" } else { "ALLOW" };
        assert_eq!(answer["Verdict"], expected, "{}: {answer}", case.id);
        if case.kind != "dns" && case.verdict == "DENY" {
            assert_eq!(answer["Code"], *case.code, "{}: {answer}", case.id);
        }
        assert_eq!(then.is_some(), case.verdict == "DENY-2ND", "{}", case.id);
        if let Some(then) = then {
            assert_eq!(verdict(&case.id, &case.explained(&then))["Verdict"], "DENY", "{}", case.id);
        }
    }
    let kinds: Vec<_> = count.iter().map(|(kind, count)| (&**kind, *count)).collect();
    let expected = [
        ("dns", 7),
        ("env", 1),
        ("header", 21),
        ("method", 3),
        ("rate", 2),
        ("redirect", 1),
        ("url", 66),
    ];
    assert_eq!(kinds, expected);
}

#[test]
fn what_a_lookup_revealed_is_the_operators_alone() {
    let explain = |dns: &str| {
        let allow = "api.example.com:443";
        let mut command = lattice();
        command.args(["egress", "explain", "--json", "--allow", allow, "--dns", dns]);
        verdict(dns, &run(command.args(["GET", "https://api.example.com/"])))
    };
    let private = explain("api.example.com=10.0.0.5");
    let unknown = explain("api.example.com=NXDOMAIN");
    for denied in [&private, &unknown] {
        assert_eq!(denied["Code"], "LATTICE_HTTP_FAILED", "{denied}");
    }
    assert!(private["Reason"].as_str().unwrap().contains("10.0.0.5"), "{private}");
    assert!(unknown["Reason"].as_str().unwrap().contains("no address"), "{unknown}");
    let unchecked = explain("other.example.com=10.0.0.5");
    assert!(unchecked["Reason"].as_str().unwrap().contains("not checked"), "{unchecked}");
}

#[test]
fn what_is_no_question_is_2_and_no_verdict() {
    let explain = |args: &[&str]| run(lattice().args(["egress", "explain"]).args(args));
    let url = "https://api.example.com/";
    for (args, words) in [
        (&["--allow", "*.example.com:443", "GET", url][..], &["`*.example.com:443`"][..]),
        (&["--allow", "api.example.com", "GET", url], &["`api.example.com:443`"]),
        (&["--allow", "https://api.example.com:443/v1", "GET", url], &["path"]),
        (&["--dns", "api.example.com", "GET", url], &["HOST=IP"]),
        (&["--dns", "api.example.com=10.0.0", "GET", url], &["HOST=IP"]),
        (&["--allow", "api.example.com:443", url], &["METHOD and a URL"]),
    ] {
        let said = explain(args);
        said.failed(2, words);
        assert_eq!(said.stdout, "", "{args:?}");
    }
}

#[test]
fn a_person_reads_the_verdict_and_the_reason() {
    let mut command = lattice();
    command.args(["egress", "explain", "--allow", "a.example.com:443", "b.example.com:443"]);
    let said = run(command
        .args(["--header", "Accept-Encoding: gzip", "GET"])
        .arg("https://B.example.com"));
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert!(said.stdout.starts_with("ALLOW  OK\n"), "{}", said.stdout);
    assert!(said.stdout.contains("https://b.example.com:443"), "{}", said.stdout);
    let said = run(lattice().args(["egress", "explain", "GET", "https://b.example.com"]));
    assert_eq!(said.code, 1);
    assert!(said.stdout.starts_with("DENY  LATTICE_HTTP_NOT_ALLOWED\n"), "{}", said.stdout);
    assert!(said.stdout.contains("the allow-list is empty"), "{}", said.stdout);
}
