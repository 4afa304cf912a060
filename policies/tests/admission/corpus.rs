//! The cases with a known verdict: each file gets the one that the index gives it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use lattice_policies::{admission::Rejection, policy::AdmissionLimits};

use crate::sim::scan;

/// One line of the index.
pub(crate) struct Case {
    pub file: PathBuf,
    verdict: String,
    codes: Vec<String>,
}

pub(crate) fn corpus() -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/admission");
    let index = fs::read_to_string(folder.join("index.tsv")).unwrap();
    let case = |line: &str| {
        let mut fields = line.split('\t');
        let mut field = || fields.next().unwrap();
        Case {
            file: folder.join(field()),
            verdict: field().to_owned(),
            codes: field().split('|').map(str::to_owned).collect(),
        }
    };
    index.lines().skip(1).map(case).collect()
}

/// Text is translated here; the platform itself never does.
pub(crate) fn wasm(file: &Path) -> Vec<u8> {
    let bytes = fs::read(file).unwrap();
    if file.extension().is_some_and(|extension| extension == "wat") {
        return wat::parse_bytes(&bytes).unwrap().into_owned();
    }
    bytes
}

fn codes(rejection: &Rejection) -> Vec<String> {
    rejection.reasons.iter().map(|reason| reason.code.to_string()).collect()
}

/// What is wrong with a case's outcome, if anything.
fn complaint(case: &Case) -> Option<String> {
    let outcome = scan(wasm(&case.file), &AdmissionLimits::default());
    match (case.verdict.as_str(), outcome) {
        ("ADMIT" | "RUNTIME", Ok(_)) => None,
        ("ADMIT" | "RUNTIME", Err(rejection)) => Some(format!("refused: {:#?}", rejection.reasons)),
        ("REJECT", Ok(_)) => Some("admitted".to_owned()),
        ("REJECT", Err(rejection)) => {
            let found = codes(&rejection);
            let named = case.codes.iter().any(|code| found.contains(code));
            (!named).then(|| format!("refused for {:#?}", rejection.reasons))
        }
        (verdict, _) => Some(format!("the index has the unknown verdict {verdict}")),
    }
}

#[test]
fn every_case_gets_its_verdict() {
    let cases = corpus();
    let complaints: Vec<String> = cases
        .iter()
        .filter_map(|case| Some(format!("{}: {}", case.file.display(), complaint(case)?)))
        .collect();
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[test]
fn every_file_of_the_corpus_is_in_the_index() {
    let cases = corpus();
    let folder = cases[0].file.parent().unwrap();
    for entry in fs::read_dir(folder).unwrap() {
        let file = entry.unwrap().path();
        let listed = cases.iter().any(|case| case.file == file);
        assert!(listed || file.ends_with("index.tsv"), "{} has no verdict", file.display());
    }
}
