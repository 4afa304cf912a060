//! The rejection itself: what a person or a program gets to read.

use lattice_policies::{Sha256, admission::ReasonCode, policy::AdmissionLimits};

use crate::sim::{Sim, importing, scan, with};

#[test]
fn a_rejection_names_the_module_and_every_reason() {
    let sim = Sim {
        imports: r#"(import "env" "system" (func (param i32) (result i32)))
            (import "env" "fd_write" (func (param i32 i32 i32 i32) (result i32)))"#,
        tick: "",
        ..Sim::default()
    };
    let rejection = sim.scan().unwrap_err();
    assert_eq!(rejection.sha256, Sha256::of(&sim.wasm()));
    assert_eq!(rejection.size, sim.wasm().len());
    let details: Vec<&str> = rejection.reasons.iter().map(|reason| &*reason.detail).collect();
    assert_eq!(details, ["env.system", "env.fd_write", "lattice_sim_tick"]);
    assert!(rejection.has(ReasonCode::ExportMissing));
    assert!(!rejection.has(ReasonCode::Malformed));
}

#[test]
fn an_admission_carries_the_bytes_and_their_hash() {
    let wasm = Sim::default().wasm();
    let admitted = scan(wasm.clone(), &AdmissionLimits::default()).unwrap();
    assert_eq!(&admitted.bytes()[..], wasm);
    assert_eq!(admitted.sha256(), Sha256::of(&wasm));
}

#[test]
fn a_reason_as_json_has_a_hint_only_where_there_is_one() {
    let json = |imports| {
        let rejection = importing(imports).scan().unwrap_err();
        serde_json::to_value(&rejection.reasons[0]).unwrap()
    };
    let strlen = json(r#"(import "env" "strlen" (func (param i32) (result i32)))"#);
    let expected = serde_json::json!({
        "Code": "IMPORT_NOT_ALLOWED", "Detail": "env.strlen", "Hint": "libc: include <string.h>"
    });
    assert_eq!(strlen, expected);
    let cut = scan(b"\0asm\x01\0\0\0\x01\x7f".to_vec(), &AdmissionLimits::default()).unwrap_err();
    let malformed = serde_json::to_value(&cut.reasons[0]).unwrap();
    assert_eq!(malformed["Code"], "MALFORMED");
    assert_eq!(malformed.get("Hint"), None, "{malformed}");
}

#[test]
fn nothing_a_guest_writes_reaches_a_terminal_as_it_is() {
    let nasty = "\\1b]0;title\\07\\e2\\80\\ae\\0d\\0a<script>\\00\\ef\\bb\\bf\u{e9}";
    let import = format!(r#"(import "env\0a" "{nasty}" (func))"#);
    let export = format!(r#"(func (export "{nasty}{}"))"#, "x".repeat(200));
    let sim = Sim { imports: &import, more: &export, ..Sim::default() };
    for reason in sim.scan().unwrap_err().reasons {
        let shown = reason.to_string();
        assert!(shown.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{shown:?}");
    }
}

#[test]
fn a_flood_of_reasons_does_not_hide_what_the_whole_module_suffers_from() {
    let imports: String =
        (0..200).map(|n| format!(r#"(import "env" "foreign_{n}" (func))"#)).collect();
    let sim = Sim { imports: &imports, more: "(tag)", ..Sim::default() };
    let rejection = sim.scan().unwrap_err();
    assert!(rejection.has(ReasonCode::FeatureDisabled));
    assert_eq!((rejection.reasons.len(), rejection.total), (100, 202));
}

#[test]
fn every_code_has_a_text_of_its_own() {
    let mut texts: Vec<&str> = ReasonCode::ALL.iter().map(|code| code.text()).collect();
    let shape = |c: char| c.is_ascii_uppercase() || c == '_';
    assert!(texts.iter().all(|text| text.chars().all(shape)));
    texts.sort_unstable();
    texts.dedup();
    assert_eq!(texts.len(), ReasonCode::ALL.len());
}

#[test]
fn a_module_may_be_huge_and_plain() {
    let more = format!(r#"(data (i32.const 0) "{}")"#, "a".repeat(100_000)).repeat(100);
    let admitted = with(&more).scan().unwrap();
    assert!(admitted.bytes().len() > 10_000_000);
}
