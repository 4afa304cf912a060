//! Symbols: what nobody defines is a host function or refused, each with what to do.

use goblin::elf::sym::{STB_WEAK, STT_FUNC, STT_GNU_IFUNC, STT_OBJECT, STT_TLS};
use lattice_policies::{Policy, admission::RelocationValue, functions::HOST_FUNCTIONS};

use crate::{
    elf::{CODE, Elf, GOT, defined, undefined},
    verdict::{changed, refused, refused_as, scan, scan_under},
};

/// Puts a symbol before the defined ones, as a linker does.
fn importing(name: &str) -> impl Fn(&mut Elf) + use<'_> {
    move |elf| {
        elf.symbols.insert(3, undefined(name));
        elf.relocations[2].symbol += 1;
    }
}

#[test]
fn the_host_functions_are_imported_by_name() {
    let admitted = scan(&Elf::default().bytes()).unwrap();
    assert_eq!(admitted.imports(), ["lattice_ms_log", "lattice_ms_send"]);
    for function in &HOST_FUNCTIONS {
        let one = |elf: &mut Elf| elf.symbols[1].name = function.name.to_owned();
        assert!(scan(&changed(one).bytes()).is_ok(), "{}", function.name);
    }
    let weak = |elf: &mut Elf| elf.symbols[1].binding = STB_WEAK;
    assert!(scan(&changed(weak).bytes()).is_ok());
}

#[test]
fn every_other_import_is_named_with_what_to_do() {
    for (name, advice) in [
        ("printf", "lattice_ms_log"),
        ("memcpy", "<string.h>"),
        ("malloc", "<stdlib.h>"),
        ("socket", "no operating system"),
        ("__tls_get_addr", "one thread"),
        ("__stack_chk_fail", "-fno-stack-protector"),
        ("__memcpy_chk", "-U_FORTIFY_SOURCE"),
        ("__cxa_finalize", "-nostdlib"),
        ("__udivti3", "128-bit"),
        ("lattice_ms_sned", "did you mean lattice_ms_send?"),
        ("_Z14lattice_ms_logiPKci", "C++ mangled the name"),
        ("my_helper", "no source file of the sim defines it"),
        ("lattice_ms_log ", "did you mean lattice_ms_log?"),
        ("lattice_ms_", "did you mean lattice_ms_log?"),
    ] {
        refused(importing(name), "IMPORT_NOT_ALLOWED", advice);
        refused(importing(name), "IMPORT_NOT_ALLOWED", &format!("IMPORT_NOT_ALLOWED {name}"));
    }
}

#[test]
fn a_weak_import_is_no_way_around() {
    let weak = |elf: &mut Elf| {
        importing("__gmon_start__")(elf);
        elf.symbols[3].binding = STB_WEAK;
    };
    refused(weak, "IMPORT_NOT_ALLOWED", "__gmon_start__ (link with -nostdlib)");
}

#[test]
fn what_nasty_names_say_reaches_no_terminal() {
    let nasty = format!("\x1b]0;title\x07\u{202e}{}", "x".repeat(300));
    let rejection = scan(&changed(importing(&nasty)).bytes()).unwrap_err();
    let shown = rejection.reasons[0].to_string();
    assert!(shown.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{shown:?}");
    assert!(!shown.contains(&"x".repeat(129)), "it is cut: {shown}");
}

#[test]
fn a_sims_own_definition_is_its_own_whatever_its_name() {
    let own = |elf: &mut Elf| elf.symbols[2] = defined("lattice_ms_send", STT_FUNC, CODE + 0x40, 8);
    let outcome = scan(&changed(own).bytes()).unwrap();
    assert_eq!(outcome.imports(), ["lattice_ms_log"]);
    let called = outcome.native().unwrap().relocations.iter().find(|it| it.at == GOT + 8);
    assert_eq!(called.unwrap().value, RelocationValue::Image(CODE + 0x40));
}

#[test]
fn symbols_of_kinds_that_a_sim_has_not_are_refused() {
    let kind = |index: usize, kind: u8| move |elf: &mut Elf| elf.symbols[index].kind = kind;
    refused(kind(6, STT_TLS), "ELF_TLS EXPORT_SIGNATURE", "lattice_arena is thread-local");
    refused(kind(1, STT_OBJECT), "IMPORT_KIND", "lattice_ms_log");
    refused(kind(5, STT_GNU_IFUNC), "ELF_IFUNC EXPORT_SIGNATURE", "target_clones");
}

#[test]
fn names_lie_among_the_names() {
    let mut elf = Elf::default().bytes();
    elf[0x400 + 24..][..4].copy_from_slice(&u32::MAX.to_le_bytes());
    refused_as(&scan(&elf), "ELF_RELOCATION MALFORMED", "a symbol's name does not lie");
}

#[test]
fn their_number_is_bounded_by_the_policy() {
    let mut policy = Policy::default();
    policy.native.symbols = 7;
    assert!(scan_under(&Elf::default().bytes(), &policy).is_ok());
    policy.native.symbols = 6;
    let many = scan_under(&Elf::default().bytes(), &policy);
    refused_as(&many, "LIMIT_SYMBOLS", "7, and the limit is 6");
    let mut policy = Policy::default();
    policy.admission.imports = 1;
    let many = scan_under(&Elf::default().bytes(), &policy);
    refused_as(&many, "LIMIT_IMPORTS", "2, and the limit is 1");
}

#[test]
fn a_module_hears_all_that_is_wrong_with_it_at_once() {
    let wrong = |elf: &mut Elf| {
        importing("printf")(elf);
        importing("system")(elf);
        elf.segments[1].flags |= goblin::elf::program_header::PF_W;
        elf.twice.push((goblin::elf::dynamic::DT_NEEDED, 0));
        elf.symbols.pop();
        elf.symbols.pop();
        elf.relocations[2].symbol = 5;
        elf.relocations[1].kind = 2;
    };
    let codes = "ELF_NEEDED ELF_RELOCATION ELF_WRITE_EXECUTE EXPORT_MISSING IMPORT_NOT_ALLOWED";
    refused(wrong, codes, "lattice_sim_tick");
}
