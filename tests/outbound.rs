//! Who may open a connection to the outside: the egress, which wants its proofs for it, and the
//! command line's client. Nothing else in what `lattice` is made of names a way to do so. Clippy
//! holds the same by what functions are called; this holds it by what is written.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::clang::project;

/// The two files that may, each with what it does it by.
const ALLOWED: [(&str, &str); 2] = [
    ("host/src/egress/network.rs", "TcpStream::connect"),
    ("console/src/cli/client.rs", "client::legacy"),
];

/// Whatever opens a connection, sends a datagram or asks for a name's addresses, as it is spelled
/// in source: in the standard library, in tokio, in C, and in the crates that would do it for us.
const WAYS: [&str; 20] = [
    "TcpStream::connect",
    "TcpStream as",
    "connect_timeout",
    "TcpSocket",
    "UdpSocket",
    "UnixStream",
    "UnixDatagram",
    "ToSocketAddrs",
    "to_socket_addrs",
    "lookup_host",
    "getaddrinfo",
    "HttpConnector",
    "HttpsConnector",
    "client::legacy",
    "connect_async",
    "libc::socket",
    "libc::connect",
    "libc::syscall",
    "socket2",
    "reqwest",
];

/// What clippy must refuse to see called or named.
const LINTED: [&str; 11] = [
    "std::net::TcpStream::connect",
    "std::net::TcpStream::connect_timeout",
    "std::net::UdpSocket::bind",
    "std::net::ToSocketAddrs::to_socket_addrs",
    "tokio::net::TcpStream::connect",
    "tokio::net::TcpSocket::connect",
    "tokio::net::UdpSocket::bind",
    "tokio::net::lookup_host",
    "libc::getaddrinfo",
    "hyper_util::client::legacy::connect::HttpConnector",
    "hyper_rustls::HttpsConnector",
];

/// The folders of the crates that are linked into `lattice`: all but those that only test it,
/// measure it or play against it.
fn crates() -> Vec<PathBuf> {
    let workspace: toml::Table =
        toml::from_str(&fs::read_to_string(project().join("Cargo.toml")).unwrap()).unwrap();
    let members = workspace["workspace"]["members"].as_array().unwrap();
    let beside =
        |member: &str| ["examples/", "benches", "tests/"].iter().any(|at| member.starts_with(at));
    let members = members.iter().map(|member| member.as_str().unwrap());
    members.filter(|member| !beside(member)).map(|member| project().join(member)).collect()
}

/// Every source file under a folder.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let inside = |path: PathBuf| match path.extension() {
        _ if path.is_dir() => sources(&path),
        Some(kind) if kind == "rs" => vec![path],
        _ => Vec::new(),
    };
    entries.flat_map(inside).collect()
}

/// What a file says that runs outside of its tests, which stand at its end.
fn without_tests(text: &str) -> &str {
    text.split("\n#[cfg(test)]\nmod tests {").next().unwrap()
}

fn ways_in(text: &str) -> Vec<&'static str> {
    WAYS.into_iter().filter(|way| text.contains(way)).collect()
}

#[test]
fn only_the_egress_and_the_command_line_open_connections() {
    let mut files = 0;
    for file in crates().iter().flat_map(|folder| sources(&folder.join("src"))) {
        files += 1;
        let name = file.strip_prefix(project()).unwrap().to_str().unwrap();
        let text = fs::read_to_string(&file).unwrap();
        let text = without_tests(&text);
        if let Some((_, by)) = ALLOWED.iter().find(|(allowed, _)| *allowed == name) {
            assert!(text.contains(by), "{name} does it no more: take it from the list");
            continue;
        }
        assert_eq!(ways_in(text), [""; 0], "{name}");
        assert!(!text.contains("clippy::disallowed"), "{name} takes leave of the lint");
    }
    assert!(files > 150, "the search is in the right place: {files} files");
}

#[test]
fn the_search_sees_what_it_looks_for() {
    let guilty = "async fn f() { tokio::net::TcpStream::connect(to).await }\n";
    assert_eq!(ways_in(guilty), ["TcpStream::connect"]);
    let in_its_tests = format!("fn f() {{}}\n\n#[cfg(test)]\nmod tests {{\n{guilty}}}\n");
    assert_eq!(ways_in(without_tests(&in_its_tests)), [""; 0]);
}

#[test]
fn clippy_refuses_the_calls_and_the_types() {
    let text = fs::read_to_string(project().join("clippy.toml")).unwrap();
    let settings: toml::Table = toml::from_str(&text).unwrap();
    let lists = ["disallowed-methods", "disallowed-types"].map(|list| settings[list].as_array());
    let path = |entry: &toml::Value| entry["path"].as_str().unwrap().to_owned();
    let listed: Vec<_> = lists.into_iter().flat_map(Option::unwrap).map(path).collect();
    for linted in LINTED {
        assert!(listed.iter().any(|found| found == linted), "{linted} is not in clippy.toml");
    }
}
