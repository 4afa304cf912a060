//! `lattice egress explain`: what the rules say of one request, and why, without a packet.
//! Never asks a server or a resolver; the decision is the one that a sim's request meets.

use std::{
    collections::HashMap,
    ffi::{OsStr, OsString},
    net::IpAddr,
    os::unix::ffi::OsStrExt,
};

use clap::Args;
use lattice_policies::{
    Code,
    egress::{
        BadRule, EgressPermit, EgressPolicy, Entry, GameEgress, HeaderLines, Host, Method, Request,
        Rules, decide,
    },
    escape::guest_text,
};
use serde::Serialize;

use super::{
    CliError,
    terminal::{self, Tone, paint},
};

/// Say what the egress rules say to a request, and why, offline
#[derive(Debug, Args)]
#[command(override_usage = "lattice egress explain [--allow ENTRY...] [OPTIONS] METHOD URL")]
#[command(after_help = "\
An entry is HOST:PORT, for https, or http://HOST:PORT. Without --dns for the URL's host, what the
name stands for is not judged. URL and headers are taken byte for byte.

Exit code: 0 allowed, 1 denied, 2 if an entry, an address or the usage is wrong.

Examples:
  lattice egress explain --allow api.example.com:443 GET https://api.example.com/v1/scores
  lattice egress explain --allow api.example.com:443 --dns api.example.com=10.0.0.5 \\
      --json POST https://api.example.com/v1/scores
  lattice egress explain --allow-private http://127.0.0.1:9000 --header 'x-key: 1' \\
      GET http://127.0.0.1:9000/scores")]
pub(crate) struct Explain {
    /// What may be reached; again, or more than one, for further entries; none denies all
    #[arg(long, value_name = "ENTRY")]
    allow: Vec<String>,
    /// The same for an entry that may be on a private network or this machine
    #[arg(long, value_name = "ENTRY")]
    allow_private: Vec<String>,
    /// One header of the request, as `name: value`
    #[arg(long = "header", value_name = "HEADER", allow_hyphen_values = true)]
    headers: Vec<OsString>,
    /// What a lookup of that host answers; `HOST=NXDOMAIN` for no such name
    #[arg(long, value_name = "HOST=IP,IP...")]
    dns: Vec<String>,
    /// Print {Verdict, Code, Reason} as JSON
    #[arg(long)]
    json: bool,
    /// Further entries, the method, and the URL
    #[arg(required = true, value_name = "METHOD URL")]
    words: Vec<OsString>,
}

/// What comes of a request before anything is sent.
#[derive(Debug, PartialEq, Eq)]
struct Verdict {
    /// What the sim sees; `Ok` if the request may leave.
    code: Code,
    /// For the operator.
    reason: String,
}

pub(crate) fn run(args: &Explain) -> Result<(), CliError> {
    let (rules, lookups) = (rules(args)?, lookups(&args.dns)?);
    let [.., method, url] = &args.words[..] else {
        return Err(CliError::usage("a METHOD and a URL are needed"));
    };
    let verdict = verdict(&rules, method, url, &args.headers, &lookups);
    terminal::print(&if args.json { verdict.json()? } else { verdict.text() })?;
    if verdict.is_allowed() { Ok(()) } else { Err(CliError::Refused) }
}

/// The rules of a game with these entries, and the shipped limits.
fn rules(args: &Explain) -> Result<Rules, CliError> {
    let further = args.words.iter().take(args.words.len().saturating_sub(2));
    let further = further.map(|word| word.to_string_lossy().into_owned());
    let public: Vec<_> = args.allow.iter().cloned().chain(further).collect();
    let mut allow = entries(&public, false)?;
    for entry in entries(&args.allow_private, true)? {
        allow.retain(|listed| listed.origin != entry.origin);
        allow.push(entry);
    }
    let own = GameEgress { allow, ..GameEgress::default() };
    Rules::new(&EgressPolicy::default(), &own).map_err(|bad| {
        let bad: Vec<_> = bad.iter().map(BadRule::to_string).collect();
        CliError::usage(bad.join("; "))
    })
}

/// Each entry once. Several may stand in one argument; an empty one is none.
fn entries(arguments: &[String], allow_private: bool) -> Result<Vec<Entry>, CliError> {
    let mut entries: Vec<Entry> = Vec::new();
    for text in arguments.iter().flat_map(|text| text.split([';', ','])).map(str::trim) {
        if text.is_empty() {
            continue;
        }
        let entry: Entry = text.parse().map_err(|error| CliError::usage(format!("{error}")))?;
        if entries.iter().all(|listed| listed.origin != entry.origin) {
            entries.push(Entry { allow_private, ..entry });
        }
    }
    Ok(entries)
}

/// What each host name stands for, in lower case.
type Lookups = HashMap<String, Vec<IpAddr>>;

fn lookups(arguments: &[String]) -> Result<Lookups, CliError> {
    let mut lookups = Lookups::new();
    for argument in arguments {
        let (host, answer) = argument.split_once('=').ok_or_else(|| bad_answer(argument))?;
        let answer = answer_of(answer).ok_or_else(|| bad_answer(argument))?;
        lookups.entry(host.trim().to_ascii_lowercase()).or_default().extend(answer);
    }
    Ok(lookups)
}

/// The addresses of an answer. That a name is another's alias decides nothing: what counts is where
/// it leads.
fn answer_of(text: &str) -> Option<Vec<IpAddr>> {
    if matches!(text.trim(), "" | "NXDOMAIN") {
        return Some(Vec::new());
    }
    let address = |item: &str| {
        let alias = item.strip_prefix("CNAME:").and_then(|alias| alias.split_once('='));
        alias.map_or(item, |(_, address)| address).parse().ok()
    };
    text.split(',').map(|item| address(item.trim())).collect()
}

fn bad_answer(argument: &str) -> CliError {
    let argument = guest_text(argument.as_bytes(), 80);
    CliError::usage(format!(
        "`{argument}` is no lookup: write HOST=IP,IP... or, for no such name, HOST=NXDOMAIN"
    ))
}

fn verdict(
    rules: &Rules,
    method: &OsStr,
    url: &OsStr,
    headers: &[OsString],
    lookups: &Lookups,
) -> Verdict {
    let Some(method) = method.to_str().and_then(Method::named) else {
        return Verdict::no_method(method);
    };
    let headers: Vec<&[u8]> = headers.iter().map(|line| line.as_bytes()).collect();
    let headers = HeaderLines::Lines(&headers);
    match decide(rules, &Request { method, url: url.as_bytes(), headers, body: &[] }) {
        Ok(permit) => Verdict::of_addresses(&permit, lookups),
        Err(refusal) => Verdict { code: refusal.code(), reason: refusal.to_string() },
    }
}

impl Verdict {
    fn no_method(method: &OsStr) -> Self {
        let method = guest_text(method.as_bytes(), 32);
        let methods = Method::ALL.map(Method::as_str).join(", ");
        let reason = format!("`{method}` is no method of a fetch; the methods are {methods}");
        Self { code: Code::HttpBadRequest, reason }
    }

    /// What is said of a permitted request once its host's addresses are looked at.
    fn of_addresses(permit: &EgressPermit, lookups: &Lookups) -> Self {
        let answer = match (permit.literal(), &permit.origin().host) {
            (Some(address), _) => Some(vec![address]),
            (None, Host::Name(name)) => lookups.get(name).cloned(),
            (None, _) => None,
        };
        let allowed = allowed(permit);
        let Some(answer) = answer else {
            let unknown = "the addresses of its host were not checked (--dns gives them)";
            return Self { code: Code::Ok, reason: format!("{allowed}; {unknown}") };
        };
        match permit.vet(&answer) {
            Ok(destination) => {
                let addresses: Vec<_> =
                    destination.addresses().iter().map(ToString::to_string).collect();
                let reason = format!("{allowed}, at {}", addresses.join(", "));
                Self { code: Code::Ok, reason }
            }
            Err(refusal) => Self { code: Code::HttpFailed, reason: refusal.to_string() },
        }
    }

    fn is_allowed(&self) -> bool {
        self.code == Code::Ok
    }

    /// `ALLOW` or `DENY`, and the code's name.
    fn words(&self) -> [&'static str; 2] {
        if self.is_allowed() { ["ALLOW", "OK"] } else { ["DENY", self.code.name()] }
    }

    fn json(&self) -> Result<String, CliError> {
        #[derive(Serialize)]
        #[serde(rename_all = "PascalCase")]
        struct Answer<'a> {
            verdict: &'static str,
            code: &'static str,
            reason: &'a str,
        }
        let [verdict, code] = self.words();
        let answer = Answer { verdict, code, reason: &self.reason };
        let text = serde_json::to_string(&answer).map_err(CliError::failed)?;
        Ok(text + "\n")
    }

    fn text(&self) -> String {
        let tone = if self.is_allowed() { Tone::Good } else { Tone::Bad };
        let [verdict, code] = self.words();
        format!("{}  {code}\n  {}\n", paint(tone, verdict), self.reason)
    }
}

fn allowed(permit: &EgressPermit) -> String {
    let stripped = if permit.stripped() { ", without its Accept-Encoding," } else { "" };
    format!("{} to {}{stripped} may leave", permit.method(), permit.origin())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        explain: Explain,
    }

    fn parse(words: &[&str]) -> Explain {
        Line::try_parse_from([&["explain"], words].concat()).unwrap().explain
    }

    fn judged(words: &[&str]) -> Verdict {
        let args = parse(words);
        let [.., method, url] = &args.words[..] else { panic!("{words:?}") };
        let (rules, lookups) = (rules(&args).ok().unwrap(), lookups(&args.dns).ok().unwrap());
        verdict(&rules, method, url, &args.headers, &lookups)
    }

    const URL: &str = "https://b.test/";

    #[test]
    fn entries_may_follow_one_flag_stand_in_one_argument_or_have_a_flag_each() {
        for words in [
            &["--allow", "a.test:443", "b.test:443", "GET", URL][..],
            &["--allow", "a.test:443", "--allow", "b.test:443", "GET", URL],
            &["--allow", "a.test:443;b.test:443", "GET", URL],
            &["--allow", " a.test:443, b.test:443 ", "GET", URL],
            &["--allow", "b.test:443", "b.test:443", "--json", "GET", URL],
            &["GET", URL, "--allow", "b.test:443"],
        ] {
            assert_eq!(judged(words).code, Code::Ok, "{words:?}");
        }
        for words in
            [&["--allow", "", "GET", URL][..], &["GET", URL], &["--allow", ";", "GET", URL]]
        {
            let denied = judged(words);
            assert_eq!(denied.code, Code::HttpNotAllowed, "{words:?}");
            assert!(denied.reason.contains("the allow-list is empty"), "{}", denied.reason);
        }
    }

    #[test]
    fn a_lookup_is_judged_where_it_is_given() {
        let dns = |answer: &str| judged(&["--allow", "b.test:443", "--dns", answer, "GET", URL]);
        assert_eq!(dns("B.Test=93.184.216.34,2606:2800::1").code, Code::Ok);
        for answer in
            ["b.test=10.0.0.1", "b.test=93.184.216.34,10.0.0.1", "b.test=CNAME:x.y=10.0.0.1"]
        {
            let denied = dns(answer);
            assert_eq!(denied.code, Code::HttpFailed, "{answer}");
            assert!(denied.reason.contains("10.0.0.1"), "{}", denied.reason);
        }
        for nothing in ["b.test=NXDOMAIN", "b.test="] {
            assert!(dns(nothing).reason.contains("no address"), "{nothing}");
        }
        let unchecked = dns("c.test=10.0.0.1");
        assert!(unchecked.reason.contains("were not checked"), "{}", unchecked.reason);
        for bad in ["b.test", "b.test=10.0.0", "b.test=10.0.0.1,,"] {
            assert!(matches!(lookups(&[bad.into()]), Err(CliError::Usage(_))), "{bad}");
        }
    }

    #[test]
    fn an_address_in_the_url_is_judged_without_a_lookup() {
        let url = "http://127.0.0.1:9000/";
        let public = judged(&["--allow", "http://127.0.0.1:9000", "GET", url]);
        assert_eq!(public.code, Code::HttpFailed);
        let private = judged(&["--allow-private", "http://127.0.0.1:9000", "GET", url]);
        assert_eq!(private.code, Code::Ok, "{}", private.reason);
    }

    #[test]
    fn a_header_is_one_line_of_bytes_whatever_it_begins_with() {
        let header =
            |line: &str| judged(&["--allow", "b.test:443", "--header", line, "GET", URL]).code;
        assert_eq!(header("-x: 1"), Code::Ok);
        assert_eq!(header("--json: 1"), Code::Ok);
        assert_eq!(header("Accept-Encoding: gzip"), Code::Ok);
        assert_eq!(header("x: a\nhost: b"), Code::HttpBadRequest);
    }

    #[test]
    fn a_malformed_entry_or_a_missing_word_is_a_usage_error() {
        let error = rules(&parse(&["--allow", "*.test:443", "GET", URL])).unwrap_err();
        assert!(
            matches!(&error, CliError::Usage(text) if text.contains("`*.test:443`")),
            "{error}"
        );
    }
}
