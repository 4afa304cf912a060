//! Bytes that no translator would write: each gets a reason, and none more memory or time than
//! its own length calls for.

use lattice_policies::{
    admission::{Admitted, Rejection},
    policy::AdmissionLimits,
};

use crate::sim::{Sim, expect_of, scan, with};

const HEADER: &[u8] = b"\0asm\x01\0\0\0";
/// What an otherwise empty module lacks.
const NOTHING_THERE: &str = "EXPORT_MISSING MEMORY_MISSING";

fn scan_bytes(wasm: impl Into<Vec<u8>>) -> Result<Admitted, Rejection> {
    scan(wasm.into(), &AdmissionLimits::default())
}

fn leb(mut value: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let byte = (value & 0x7f) as u8;
        value >>= 7;
        if value == 0 {
            bytes.push(byte);
            return bytes;
        }
        bytes.push(byte | 0x80);
    }
}

fn section(id: u8, contents: &[u8]) -> Vec<u8> {
    [&[id][..], &leb(contents.len()), contents].concat()
}

/// A module of these sections.
fn module(sections: &[Vec<u8>]) -> Vec<u8> {
    [HEADER, &sections.concat()].concat()
}

/// A module with one function, of that body without its size.
fn with_body(body: &[u8]) -> Vec<u8> {
    let code = [&[1][..], &leb(body.len()), body].concat();
    module(&[section(1, &[1, 0x60, 0, 0]), section(3, &[1, 0]), section(10, &code)])
}

#[test]
fn what_is_no_module_is_told_what_it_is() {
    for (bytes, hint) in [
        (&b""[..], "empty"),
        (b"\x1f\x8b\x08", "gzip"),
        (b"PK\x03\x04", "zip"),
        (b"(module)", "text format"),
        (b"AGFzbQEAAAA=", "base64"),
        (b"\x7fELF\x02", "native"),
        (b"MZ\x90\0", "native"),
    ] {
        let rejection = scan_bytes(bytes).unwrap_err();
        expect_of(hint, &scan_bytes(bytes), "MALFORMED");
        assert!(rejection.reasons[0].hint.as_ref().unwrap().contains(hint), "{rejection:?}");
    }
    expect_of("noise", &scan_bytes(*b"noise"), "MALFORMED");
    expect_of("half a header", &scan_bytes(&HEADER[..6]), "MALFORMED");
    expect_of("version 2", &scan_bytes(*b"\0asm\x02\0\0\0"), "MALFORMED");
    expect_of("a component", &scan_bytes(*b"\0asm\x0d\0\x01\0"), "NOT_A_CORE_MODULE");
    expect_of("another layer", &scan_bytes(*b"\0asm\x01\0\x02\0"), "NOT_A_CORE_MODULE");
}

#[test]
fn no_beginning_of_a_module_is_admitted() {
    // Its last section is the code, without which the rest does not stand.
    let wasm = Sim::default().wasm();
    assert!(scan_bytes(wasm.clone()).is_ok());
    for end in 0..wasm.len() {
        assert!(scan_bytes(&wasm[..end]).is_err(), "the first {end} bytes");
    }
}

#[test]
fn nothing_may_follow_a_module() {
    let wasm = Sim::default().wasm();
    for tail in [&b"\0"[..], b"\xff", HEADER, b"\x0e\x00", b"\x01\x01\x00"] {
        let outcome = scan_bytes([&wasm, tail].concat());
        expect_of(&format!("{tail:?}"), &outcome, "MALFORMED");
    }
}

#[test]
fn sections_that_disagree_are_malformed() {
    let data_count = section(12, &[3]);
    let one_segment = section(11, &[1, 1, 0]);
    let mismatch = module(&[data_count, one_segment]);
    expect_of("data count", &scan_bytes(mismatch), "MALFORMED");

    let twice = module(&[section(1, &[0]), section(1, &[0])]);
    expect_of("a section twice", &scan_bytes(twice), "MALFORMED");

    let mut same_export = with(r#"(func (export "a")) (func (export "b"))"#).wasm();
    let name = same_export.windows(2).position(|window| window == [1, b'b']).unwrap();
    same_export[name + 1] = b'a';
    expect_of("an export twice", &scan_bytes(same_export), "MALFORMED");
}

#[test]
fn a_number_has_at_most_five_bytes() {
    let long = module(&[section(1, &[0x80, 0x80, 0x80, 0x80, 0x80, 0])]);
    expect_of("six", &scan_bytes(long), "MALFORMED");
    let wide = module(&[section(1, &[0x80, 0x80, 0x80, 0x80, 0x70])]);
    expect_of("35 bits", &scan_bytes(wide), "MALFORMED");
    let padded = module(&[section(1, &[0x80, 0x80, 0x80, 0x80, 0])]);
    expect_of("five, padded as linkers do", &scan_bytes(padded), NOTHING_THERE);
}

#[test]
fn counts_that_lie_reserve_nothing() {
    const LIE: [u8; 5] = [0xff, 0xff, 0xff, 0xff, 0x0f];
    for (what, id, code) in [
        ("imports", 2, "MALFORMED"),
        ("functions", 3, "MALFORMED LIMIT_FUNCTIONS"),
        ("tables", 4, "MALFORMED"),
        ("memories", 5, "MALFORMED"),
        ("globals", 6, "MALFORMED LIMIT_GLOBALS"),
        ("exports", 7, "MALFORMED LIMIT_EXPORTS"),
        ("elements", 9, "MALFORMED LIMIT_SEGMENTS"),
        ("data", 11, "MALFORMED LIMIT_SEGMENTS"),
    ] {
        let outcome = scan_bytes(module(&[section(id, &LIE)]));
        // Where the lie breaks the frame of the sections, what else is missing is not told.
        let rest = if what == "functions" || what == "data" { "" } else { NOTHING_THERE };
        let found = crate::sim::codes(&outcome);
        for code in code.split(' ').chain(rest.split_whitespace()) {
            assert!(found.contains(&code), "{what}: {code} is not among {found:?}");
        }
    }
    let group = [&[1, 0x4e][..], &LIE].concat();
    let outcome = scan_bytes(module(&[section(1, &group)]));
    expect_of("a recursion group", &outcome, "FEATURE_DISABLED EXPORT_MISSING MEMORY_MISSING");
}

#[test]
fn a_limit_of_the_parser_itself_has_the_code_of_ours() {
    let params = [&[1, 0x60][..], &leb(2_000), &[0x7f; 2_000], &[0]].concat();
    let results = [&[1, 0x60, 0][..], &leb(2_000), &[0x7f; 2_000]].concat();
    let name = [&[1][..], &leb(200_000), &vec![b'a'; 200_000], &[1, b'x', 0, 0]].concat();
    for (code, wasm) in [
        ("LIMIT_PARAMS", module(&[section(1, &params)])),
        ("LIMIT_RESULTS", module(&[section(1, &results)])),
        ("LIMIT_NAME", module(&[section(2, &name)])),
    ] {
        expect_of(code, &scan_bytes(wasm), &format!("{code} {NOTHING_THERE}"));
    }
}

#[test]
fn locals_are_counted_and_not_made() {
    let four_billion = [1, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x7f, 0x0b];
    let outcome = scan_bytes(with_body(&four_billion));
    expect_of("in one group", &outcome, &format!("LIMIT_LOCALS {NOTHING_THERE}"));

    let groups = [&leb(4_097)[..], &[1, 0x7f].repeat(4_097), &[0x0b]].concat();
    let outcome = scan_bytes(with_body(&groups));
    expect_of("in many groups", &outcome, &format!("LIMIT_LOCALS {NOTHING_THERE}"));
}

#[test]
fn a_body_ends_where_it_says() {
    for (what, body) in [
        ("no end", &[0][..]),
        ("two ends", &[0, 0x0b, 0x0b]),
        ("an open block", &[0, 0x02, 0x40, 0x0b]),
        ("cut in an immediate", &[0, 0x41]),
        ("an unknown opcode", &[0, 0xff, 0x0b]),
        ("nothing", &[]),
    ] {
        let outcome = scan_bytes(with_body(body));
        expect_of(what, &outcome, &format!("MALFORMED {NOTHING_THERE}"));
    }
}

#[test]
fn a_body_that_cannot_be_read_needs_no_feature() {
    // `throw`, then what no proposal has.
    let outcome = scan_bytes(with_body(&[0, 0x08, 0, 0xff, 0x0b]));
    expect_of("garbage", &outcome, &format!("MALFORMED {NOTHING_THERE}"));
}

#[test]
fn blocks_are_counted_without_recursion() {
    let deep = [&[0][..], &[0x02, 0x40].repeat(100_000)].concat();
    let outcome = scan_bytes(with_body(&deep));
    expect_of("deep", &outcome, &format!("LIMIT_NESTING {NOTHING_THERE}"));

    let offset = [&[1, 0][..], &[0x02, 0x40].repeat(100_000)].concat();
    let outcome = scan_bytes(module(&[section(11, &offset)]));
    assert!(outcome.is_err(), "deep in a constant expression");
}

#[test]
fn custom_sections_are_counted_and_never_read() {
    let broken_names = section(0, b"\x04name\xff\xff\xff\xff\xff");
    let wasm = [Sim::default().wasm(), broken_names.repeat(64)].concat();
    expect_of("64", &scan_bytes(wasm.clone()), "");
    expect_of("65", &scan_bytes([wasm, broken_names].concat()), "LIMIT_CUSTOM");
}

#[test]
fn floods_take_no_more_than_their_bytes_call_for() {
    const FLOOD: usize = 400_000;
    let named = |n: usize, kind: &[u8]| [&[7][..], format!("{n:07}").as_bytes(), kind].concat();
    let plain = section(1, &[1, 0x60, 0, 0]);

    let imports = (0..FLOOD).flat_map(|n| [vec![1, b'm'], named(n, &[0, 0])].concat());
    let imports = leb(FLOOD).into_iter().chain(imports).collect::<Vec<u8>>();
    let outcome = scan_bytes(module(&[plain.clone(), section(2, &imports)]));
    assert_eq!(outcome.unwrap_err().total, FLOOD + 6, "each, the limit, and what is missing");

    let exports = (0..FLOOD).flat_map(|n| named(n, &[2, 0]));
    let exports = leb(FLOOD).into_iter().chain(exports).collect::<Vec<u8>>();
    let outcome = scan_bytes(module(&[section(5, &[1, 0, 1]), section(7, &exports)]));
    expect_of("exports", &outcome, "LIMIT_EXPORTS EXPORT_MISSING");
}

#[test]
fn one_wrong_type_may_be_used_often() {
    const FLOOD: usize = 300_000;
    let wide = [&[1, 0x60][..], &leb(1_000), &[0x7f; 1_000], &[0]].concat();
    let import = [&b"\x03env\x0elattice_ms_log"[..], &[0, 0]].concat();
    let imports = [leb(FLOOD), import.repeat(FLOOD)].concat();
    let export = [&b"\x10lattice_sim_tick"[..], &[0], &leb(FLOOD)].concat();
    let exports = [leb(FLOOD), export.repeat(FLOOD)].concat();
    let sections = [section(1, &wide), section(2, &imports), section(3, &[1, 0])];
    let code = section(10, &[1, 2, 0, 0x0b]);
    let wasm = module(&[sections.concat(), section(7, &exports), code]);
    let rejection = scan_bytes(wasm).unwrap_err();
    assert!(rejection.total > 2 * FLOOD);
    let longest = rejection.reasons.iter().map(|reason| reason.detail.len()).max().unwrap();
    assert!(longest <= 240, "{longest}");
}
