//! Hosts, ports and schemes that look like a listed one, or like none that is forbidden.

use lattice_policies::{
    Code::{HttpBadRequest, HttpNotAllowed},
    egress::Rules,
};

use crate::world::{get, reaches, refusal, rules};

fn listed() -> Rules {
    rules(["api.example.com:443", "api.example.com:8443", "xn--bcher-kva.example:443"])
}

#[test]
fn the_listed_origin_is_reached_in_each_of_its_spellings() {
    for url in [
        "https://api.example.com/v1/x",
        "https://api.example.com",
        "https://api.example.com?q",
        "https://api.example.com#f",
        "https://api.example.com:443/",
        "https://api.example.com:8443/",
        "https://api.example.com:/",
        "HTTPS://API.EXAMPLE.COM/",
        "https://XN--bcher-KVA.example/",
        "https://api.example.com/%2e%2e/%00?u=http://127.0.0.1@evil.test/",
        "https://api.example.com/#@evil.test/",
    ] {
        let permit = get(&listed(), url).unwrap();
        assert!(reaches(&permit, &["93.184.216.34".parse().unwrap()]), "{url}");
        assert!(!reaches(&permit, &["127.0.0.1".parse().unwrap()]), "{url}");
    }
}

#[test]
fn what_is_near_a_listed_origin_is_not_listed() {
    for url in [
        "https://example.com/",
        "https://sub.api.example.com/",
        "https://api.example.com.evil.test/",
        "https://evilapi.example.com/",
        "https://api-example.com/",
        "https://api.example.co/",
        "https://api.example.com:444/",
        "https://api.example.com:80/",
        "https://api.example.com:4430/",
        "http://api.example.com/",
        "http://api.example.com:443/",
        "http://api.example.com:8443/",
        "https://api.example.com./",
        "https://evil.test#@api.example.com/",
        "https://evil.test?@api.example.com/",
        "https://evil.test/@api.example.com/",
        "https://evil.test/https://api.example.com/",
        "https://xn--bcher-kva.example:8443/",
    ] {
        assert_eq!(refusal(&listed(), url), HttpNotAllowed, "{url}");
    }
}

#[test]
fn a_url_that_two_parsers_read_in_two_ways_is_malformed() {
    for url in [
        "https://api.example.com@evil.test/",
        "https://api.example.com:443@evil.test/",
        "https://evil.test@api.example.com/",
        "https://@api.example.com/",
        "https://api.example.com\\@evil.test/",
        "https://evil.test\\@api.example.com/",
        "https:\\\\api.example.com/",
        "https:/\\api.example.com/",
        "https://api.example.com\\.evil.test/",
        "https://api.example.com%40evil.test/",
        "https://api.example.com%2f@evil.test/",
        "https://api.example.com%00.evil.test/",
        "https://%61pi.example.com/",
        "https://api%2eexample.com/",
        "https://api.example.com:%34%34%33/",
        "https://api.example.com:+443/",
        "https://api.example.com:-1/",
        "https://api.example.com:0443/",
        "https://api.example.com:0/",
        "https://api.example.com:65979/",
        "https://api.example.com:4294967739/",
        "https://api.example.com:443:443/",
        "https://api.example.com:443a/",
        "https://api.example.com:0x1bb/",
        "https://api..example.com/",
        "https://.api.example.com/",
        "https://api_.example.com/",
        "https://-api.example.com/",
        "https://[api.example.com]/",
        "https://[api.example.com/",
        "https://api.example.com]/",
        "https://api.example.com;evil.test/",
        "https://api.example.com,evil.test/",
        "https://api.example.com&@evil.test/",
        "https://\u{ff41}pi.example.com/",
        "https://api\u{200b}.example.com/",
        "https://api.example.com\u{2215}evil.test/",
        "https://b\u{fc}cher.example/",
        "https://api.example.com/ ",
        " https://api.example.com/",
        "\u{feff}https://api.example.com/",
        "https://api.example.com /",
        "https://api.example.com\t/",
        "https://api.example.com/\r\nHost: evil.test",
        "https://api.example.com/\0",
        "https://api.example.com/a|b",
        "https://api.example.com/\"",
        "https:api.example.com/",
        "https:///api.example.com/",
        "https:////api.example.com/",
        "//api.example.com/",
        "api.example.com:443/",
        "api.example.com:443",
        "ws://api.example.com/",
        "wss://api.example.com/",
        "ftp://api.example.com:443/",
        "gopher://api.example.com:443/_x",
        "jar:https://api.example.com!/",
        "view-source:https://api.example.com/",
        "data:,x",
        "",
    ] {
        assert_eq!(refusal(&listed(), url), HttpBadRequest, "{url:?}");
    }
}

#[test]
fn an_address_is_not_listed_in_any_spelling() {
    for host in [
        "127.0.0.1",
        "127.1",
        "127.0.1",
        "2130706433",
        "0177.0.0.1",
        "0x7f.1",
        "0x7f000001",
        "017700000001",
        "0",
        "0.0.0.0",
        "127.0.0.1.",
        "169.254.169.254",
        "2852039166",
        "0xa9fea9fe",
        "0251.0376.0251.0376",
        "169.254.43518",
        "425.510.425.510",
        "10.0.0.1",
        "100.64.0.1",
        "100.100.100.200",
        "172.16.0.1",
        "192.168.1.1",
        "240.0.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "93.184.216.34",
        "[::]",
        "[::1]",
        "[0:0:0:0:0:0:0:1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::ffff:0:127.0.0.1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[64:ff9b:1::7f00:1]",
        "[2002:7f00:1::]",
        "[2001:0:7f00:1::]",
        "[fe80::1]",
        "[fe80::1%25eth0]",
        "[fe80::1%eth0]",
        "[fec0::1]",
        "[fc00::1]",
        "[ff02::1]",
        "[fd00:ec2::254]",
        "localhost",
        "LOCALHOST",
        "localhost.localdomain",
        "localhost.",
        "ip6-localhost",
        "metadata.google.internal",
        "metadata",
        "127.0.0.1.nip.io",
    ] {
        for port in ["", ":443", ":80", ":8443"] {
            for scheme in ["http", "https"] {
                let url = format!("{scheme}://{host}{port}/latest/meta-data/");
                assert_eq!(refusal(&listed(), &url), HttpNotAllowed, "{url}");
            }
        }
    }
    for host in ["::1", "[::1", "[1.2.3.4]", "[::1]a", "[v7.1]", "[]", "[:::]"] {
        assert_eq!(refusal(&listed(), &format!("http://{host}/")), HttpBadRequest, "{host}");
    }
}

#[test]
fn an_address_that_is_listed_still_has_to_be_fit() {
    let entries = ["http://93.184.216.34:80", "http://127.0.0.1:80", "http://[::ffff:1.2.3.4]:80"];
    let rules = rules(entries);
    for (url, fit) in [
        ("http://93.184.216.34/", true),
        ("http://127.0.0.1/", false),
        ("http://[::ffff:1.2.3.4]/", false),
    ] {
        assert_eq!(reaches(&get(&rules, url).unwrap(), &[]), fit, "{url}");
    }
}

#[test]
fn an_empty_list_denies_everything_that_is_well_formed() {
    for url in ["https://api.example.com/", "http://127.0.0.1/", "https://[::1]/"] {
        assert_eq!(refusal(&Rules::deny_all(), url), HttpNotAllowed);
    }
    assert_eq!(refusal(&Rules::deny_all(), "https://a b/"), HttpBadRequest);
}
