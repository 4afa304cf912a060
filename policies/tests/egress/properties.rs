//! Whatever the bytes: the decision answers, and what it permits is listed, clean and stable.

use lattice_policies::{
    Code,
    egress::{
        AddressRefusal, EgressPermit, Entry, HEADER_BLOCK_BYTES, HeaderLines, Method, Request,
        Rules,
        address::{Class, classify},
        decide,
    },
};
use proptest::{
    prelude::*,
    sample::select,
    test_runner::{Config, RngSeed, TestCaseError, TestRunner},
};

use crate::world::{get, request, rules};

/// The same cases in every run.
fn runner(cases: u32) -> TestRunner {
    let rng_seed = RngSeed::Fixed(1);
    TestRunner::new(Config { cases, rng_seed, failure_persistence: None, ..Config::default() })
}

fn listed() -> Rules {
    rules([
        "h.example:443",
        "http://h.example:80",
        "h.example:8443",
        "http://127.0.0.1:80",
        "[::1]:443",
    ])
}

/// Texts that URLs are made of, good and bad, so that a good part of the mixtures is permitted.
fn url() -> impl Strategy<Value = Vec<u8>> {
    let scheme = select(vec!["https://", "http://", "HTTPS://", "https:", "ftp://", ""]);
    let host = select(vec![
        "h.example",
        "H.Example",
        "h.example.",
        "127.0.0.1",
        "127.1",
        "[::1]",
        "[::0001]",
        "i.example",
        "h.example@i.example",
        "u@h.example",
        "h%2eexample",
        "",
    ]);
    let port = select(vec!["", ":", ":443", ":80", ":8443", ":0443", ":65979", ":+443"]);
    let good = || "[!$&-;=?-Z_a-z~\\[\\]]{0,12}";
    let tail = prop_oneof![
        good().prop_map(|path| format!("/{path}")),
        "[/?#][ -~]{0,8}",
        Just(String::new())
    ];
    let mixed = (scheme, host, port, tail)
        .prop_map(|(scheme, host, port, tail)| format!("{scheme}{host}{port}{tail}").into_bytes());
    let noise = prop::collection::vec(any::<u8>(), 0..40);
    let spoilt = (mixed.clone(), any::<prop::sample::Index>(), any::<u8>()).prop_map(
        |(mut url, place, byte)| {
            url.insert(place.index(url.len() + 1), byte);
            url
        },
    );
    prop_oneof![4 => mixed, 2 => spoilt, 1 => noise]
}

fn check_permit(rules: &Rules, permit: &EgressPermit) -> Result<(), TestCaseError> {
    let listed = |entry: &Entry| entry.origin == *permit.origin();
    prop_assert!(rules.entries().iter().any(listed), "{} is not listed", permit.origin());
    let path = permit.path_and_query();
    prop_assert!(path.starts_with('/') && path.bytes().all(|byte| matches!(byte, b'!'..=b'~')));
    prop_assert!(!path.contains(['#', '\\']));
    for (name, value) in permit.headers() {
        prop_assert!(!name.is_empty() && name.bytes().all(|byte| matches!(byte, b'!'..=b'~')));
        prop_assert!(!name.contains(':') && *name == name.to_ascii_lowercase());
        prop_assert!(value.bytes().all(|byte| matches!(byte, b' '..=b'~')), "{value:?}");
        prop_assert_eq!(value, value.trim());
    }
    Ok(())
}

#[test]
fn whatever_is_permitted_is_listed_and_says_the_same_when_it_is_read_again() {
    let rules = listed();
    let permitted = std::cell::Cell::new(0);
    let outcome = runner(30_000).run(&url(), |url| {
        match decide(&rules, &request(&url, HeaderLines::Block(b""))) {
            Err(refusal) => {
                let code = refusal.code();
                prop_assert!(matches!(code, Code::HttpBadRequest | Code::HttpNotAllowed));
                let shown = refusal.to_string();
                prop_assert!(
                    shown.len() < 1_024 && shown.bytes().all(|b| matches!(b, b' '..=b'~'))
                );
            }
            Ok(permit) => {
                permitted.set(permitted.get() + 1);
                check_permit(&rules, &permit)?;
                let again = format!("{}{}", permit.origin(), permit.path_and_query());
                prop_assert_eq!(get(&rules, &again).unwrap(), permit);
            }
        }
        Ok(())
    });
    outcome.unwrap();
    assert!(permitted.get() > 500, "only {} were permitted", permitted.get());
}

#[test]
fn whatever_the_headers_what_is_sent_has_no_control_characters() {
    let rules = listed();
    let name = prop_oneof![
        select(vec!["X-A", "Host", "te", "Accept-Encoding", "x y", ""]).prop_map(str::to_owned),
        "[!-~]{1,6}"
    ];
    let value = prop_oneof![
        "[ -~]{0,8}".prop_map(String::into_bytes),
        prop::collection::vec(any::<u8>(), 0..6)
    ];
    let line = (name, value).prop_map(|(name, value)| [name.as_bytes(), b": ", &value].concat());
    let permitted = std::cell::Cell::new(0);
    let outcome = runner(20_000).run(&prop::collection::vec(line, 0..4), |lines| {
        let parts: Vec<&[u8]> = lines.iter().map(Vec::as_slice).collect();
        let block = lines.join(&b'\n');
        for headers in [HeaderLines::Lines(&parts), HeaderLines::Block(&block)] {
            if let Ok(permit) = decide(&rules, &request(b"https://h.example/", headers)) {
                permitted.set(permitted.get() + 1);
                check_permit(&rules, &permit)?;
                prop_assert!(
                    permit.headers().iter().all(|(name, _)| name != "host" && name != "te")
                );
            }
        }
        Ok(())
    });
    outcome.unwrap();
    assert!(permitted.get() > 2_000, "only {} were permitted", permitted.get());
}

#[test]
fn noise_is_answered() {
    let rules = listed();
    let bytes = || prop::collection::vec(any::<u8>(), 0..200);
    let outcome = runner(20_000).run(&(bytes(), bytes()), |(url, block)| {
        let headers = HeaderLines::Block(&block);
        for url in [&url[..], b"https://h.example/"] {
            let _ = decide(&rules, &Request { method: Method::Post, url, headers, body: &block });
        }
        Ok(())
    });
    outcome.unwrap();
    let huge = vec![b'a'; 8 << 20];
    let refused = decide(&rules, &request(&huge, HeaderLines::Block(b""))).unwrap_err();
    assert!(refused.to_string().contains("longer than 8192"), "{refused}");
    let headers = HeaderLines::Block(&huge[..=HEADER_BLOCK_BYTES]);
    assert!(decide(&rules, &request(b"https://h.example/", headers)).is_err());
}

#[test]
fn what_may_be_dialled_is_all_of_the_answer_and_all_of_it_public() {
    let permit = get(&listed(), "https://h.example/").unwrap();
    let v4 = any::<u32>().prop_map(|bits| std::net::Ipv4Addr::from_bits(bits).into());
    let v6 = (0..4u128, any::<u128>())
        .prop_map(|(start, bits)| std::net::Ipv6Addr::from_bits(bits >> 2 | start << 126).into());
    let answer = prop::collection::vec(prop_oneof![v4, v6], 0..4);
    let outcome = runner(20_000).run(&answer, |answer| {
        let public = answer.iter().all(|address| classify(*address) == Class::Public);
        match permit.vet(&answer) {
            Ok(destination) => {
                let dialled = destination.addresses().iter();
                let dialled: Vec<_> =
                    dialled.map(|address| (address.ip(), address.port())).collect();
                let expected: Vec<_> = answer.iter().map(|address| (*address, 443)).collect();
                prop_assert_eq!(dialled, expected);
                prop_assert!(public && !answer.is_empty());
            }
            Err(AddressRefusal { unfit, .. }) => {
                prop_assert!(answer.is_empty() || !public);
                prop_assert!(unfit.iter().all(|unfit| answer.contains(&unfit.address)));
            }
        }
        Ok(())
    });
    outcome.unwrap();
}
