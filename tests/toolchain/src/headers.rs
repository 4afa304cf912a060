//! Every header may be the first one included, in C and C++, without a warning.

use std::path::Path;
use std::process::Command;

use crate::compile;

const STRICT: [&str; 5] = ["-Wall", "-Wextra", "-Werror", "-fsyntax-only", "-Iinclude"];

/// The public headers, which are those not in a folder of `include/`.
fn headers() -> Vec<String> {
    let entries = std::fs::read_dir(compile::root().join("include")).unwrap();
    let files = entries.map(|entry| entry.unwrap()).filter(|e| e.file_type().unwrap().is_file());
    files.map(|file| file.file_name().into_string().unwrap()).collect()
}

fn accepts(compiler: &[&str], language: &str, header: &str) {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join(format!("first.{language}"));
    std::fs::write(&file, format!("#include <{header}>\n#include <{header}>\n")).unwrap();
    let mut command = Command::new(compiler[0]);
    command.current_dir(compile::root()).args(&compiler[1..]).args(STRICT).arg(&file);
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{header} first in {language} by {compiler:?}: {said}");
}

#[test]
fn every_header_may_be_the_first() {
    let headers = headers();
    assert!(headers.len() > 40 && headers.iter().any(|name| name == "lattice_managed.h"));
    let cell = ["-DLATTICE_CELL", "-fPIC", "-msse4.1"];
    let by = |compiler: &[&'static str]| [compiler, &cell].concat();
    for header in &headers {
        accepts(&by(&["clang", "-nostdlibinc", "-U__linux__"]), "cpp", header);
        accepts(&by(&["g++", "-ffp-contract=off"]), "cpp", header);
        accepts(&["clang", "--target=wasm32", "-nostdlib"], "cpp", header);
        accepts(&["g++", "-ffp-contract=off"], "cpp", header);
        if Path::new(header).extension().is_some() {
            accepts(&by(&["clang", "-nostdlibinc", "-U__linux__"]), "c", header);
            accepts(&by(&["gcc", "-ffp-contract=off"]), "c", header);
            accepts(&["clang", "--target=wasm32", "-nostdlib"], "c", header);
            accepts(&["gcc", "-ffp-contract=off"], "c", header);
        }
    }
}
