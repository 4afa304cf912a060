//! Sims that are broken on purpose, each in a way that lets the native program go astray: `lattice
//! verify` finds each at its tick, and says what it can of the cause.

use std::{fs, process::Command};

use crate::{
    clang::project,
    cli::Said,
    twin::{Twins, runner, sim},
};

/// Asserts that the twins differ in tick 5 and not before.
#[track_caller]
fn differ_in_tick_5(twins: &Twins, words: &[&str]) {
    let Said { code, stdout, stderr } = twins.verify(&["--ticks", "20"]);
    assert_eq!(code, 1, "{stdout}{stderr}");
    assert!(stdout.starts_with("they differ in tick 5\n"), "{stdout}{stderr}");
    for word in words {
        assert!(stdout.contains(word), "no {word} in {stdout}");
    }
    assert_eq!(stderr, "");
}

const ONCE: &str = "hint: the native program is not the same twice";

#[test]
fn a_nan_s_sign_is_named() {
    let helpers = "static volatile double zero;";
    let source = sim(helpers, "double nan = zero / zero; lattice_ms_broadcast(&nan, 8, 0);");
    let twins = Twins::of_text("nan.c", &source);
    differ_in_tick_5(&twins, &["saying 2; byte 7", "wasm 7f, native ff", "hint: a NaN's sign bit"]);
}

#[test]
fn an_unsigned_char_is_named() {
    let helpers = "static volatile char letter = (char)0xe9;";
    let text = sim(helpers, "lattice_logf(LATTICE_INFO, \"letter %d\", (int)letter);");
    let twins = Twins::of_text("letter.c", &text);
    // `lattice build` and the header refuse the flag; somebody has gone round both.
    let source = twins.folder.path().join("letter.c");
    fs::write(&source, text).unwrap();
    let built = Command::new("clang")
        .args(["-O2", "-funsigned-char", "-U__CHAR_UNSIGNED__", "-fwrapv"])
        .arg(format!("-I{}", project().join("include").display()))
        .arg(source)
        .arg(runner())
        .args(["-lm", "-o"])
        .arg(twins.native())
        .status();
    assert!(built.unwrap().success());
    differ_in_tick_5(&twins, &["letter -23", "letter 233", "hint: a plain char above 0x7f"]);
}

#[test]
fn an_address_is_found_to_differ_from_run_to_run() {
    let source = sim(
        "static int somewhere;",
        "uint64_t address = (uintptr_t)&somewhere; lattice_ms_broadcast(&address, 8, 0);",
    );
    differ_in_tick_5(&Twins::of_text("address.c", &source), &["saying 2; byte 0", ONCE]);
}

#[test]
fn memory_that_was_never_written_is_found() {
    let helpers = "
__attribute__((noinline)) static uint64_t leftovers(void) {
    volatile uint64_t never[1024];
    uint64_t sum = 0;
    for (int i = 0; i < 1024; ++i) sum += never[i];
    return sum;
}";
    let source = sim(helpers, "uint64_t sum = leftovers(); lattice_ms_broadcast(&sum, 8, 0);");
    differ_in_tick_5(&Twins::of_text("leftovers.c", &source), &["broadcast", ONCE]);
}

#[test]
fn a_crash_that_the_sandbox_has_not_is_named_with_its_signal() {
    let source = sim("static int *volatile nowhere;", "*nowhere = 1;");
    let twins = Twins::of_text("null.c", &source);
    differ_in_tick_5(&twins, &["native: had ended before", "ended by signal 11"]);
}

/// Goes through all 32-bit numbers, of which there is no last one where a `size_t` has 64 bits.
const ENDLESS: &str = "
    volatile size_t number = 0xffffff00u;
    while (number != 0) { ++number; }
";

#[test]
fn a_call_that_never_ends_natively_is_ended_and_named() {
    let twins = Twins::of_text("endless.c", &sim("", ENDLESS));
    let patience = ["--ticks", "20", "--patience-ms", "400"];
    let Said { code, stdout, stderr } = twins.verify(&patience);
    assert_eq!((code, stderr.as_str()), (1, ""), "{stdout}");
    for words in [
        "they differ in tick 5\n",
        "native: had ended before",
        "did not come to the end of tick 5 within 400 ms, and was ended",
    ] {
        assert!(stdout.contains(words), "no {words} in {stdout}");
    }
}

#[test]
fn a_constructor_and_a_destructor_that_never_end_are_found_too() {
    let patience = ["--ticks", "3", "--patience-ms", "400"];
    for (function, words) in [
        ("Once()", "the end of init, or a static constructor within 400"),
        ("~Once()", "did not end within 400 ms after its last call"),
    ] {
        let natively = format!(
            "#ifndef __wasm__\nstatic volatile int ever = 1;\n\
             struct Once {{ {function} {{ while (ever) {{}} }} }} once;\n#endif"
        );
        let said = Twins::of_text("once.cpp", &sim(&natively, "")).verify(&patience);
        assert!(said.code == 1 && said.stdout.contains(words), "{}{}", said.stdout, said.stderr);
    }
}
