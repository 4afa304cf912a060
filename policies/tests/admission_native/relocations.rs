//! Relocations: whole words of what is written, each once, to places of the module or of the host.

use goblin::elf::{
    dynamic::{DT_PLTRELSZ, DT_RELA, DT_RELASZ},
    reloc::{
        R_X86_64_32, R_X86_64_64, R_X86_64_COPY, R_X86_64_DTPMOD64, R_X86_64_GLOB_DAT,
        R_X86_64_IRELATIVE, R_X86_64_NONE, R_X86_64_PC32, R_X86_64_RELATIVE, R_X86_64_TPOFF64,
    },
};
use lattice_policies::{
    Policy,
    admission::{Relocation, RelocationValue},
};

use crate::{
    elf::{ARENA, BSS, CODE, DATA, Elf, GOT, INIT_ARRAY, RELA_AT, SPAN, rela},
    verdict::{admitted, changed, refused, refused_as, scan_under},
};

/// The default object's relocations by their place.
const POINTER: usize = 1;
const VARIABLE: usize = 2;

#[test]
fn every_word_gets_its_value() {
    let found = admitted(|_| ()).relocations;
    let expected = [
        Relocation { at: INIT_ARRAY, value: RelocationValue::Image(CODE + 0x30) },
        Relocation { at: GOT, value: RelocationValue::Image(ARENA) },
        // The places of lattice_ms_send and lattice_ms_log in the table.
        Relocation { at: GOT + 8, value: RelocationValue::HostFunction(3) },
        Relocation { at: DATA, value: RelocationValue::HostFunction(0) },
    ];
    assert_eq!(found, expected);
}

#[test]
fn addends_count_where_the_abi_says_so() {
    let value = |kind: u32, symbol: u32, addend: i64| {
        let change = |elf: &mut Elf| elf.relocations[VARIABLE] = rela(GOT, kind, symbol, addend);
        admitted(change).relocations[1].value
    };
    assert_eq!(value(R_X86_64_64, 6, 8), RelocationValue::Image(ARENA + 8));
    assert_eq!(value(R_X86_64_64, 6, -8), RelocationValue::Image(ARENA - 8));
    assert_eq!(value(R_X86_64_GLOB_DAT, 6, 8), RelocationValue::Image(ARENA));
    assert_eq!(value(R_X86_64_RELATIVE, 6, 8), RelocationValue::Image(8));
    // An end may be pointed at.
    assert_eq!(value(R_X86_64_RELATIVE, 0, SPAN as i64), RelocationValue::Image(SPAN));
    let nothing = |elf: &mut Elf| elf.relocations.push(rela(u64::MAX, R_X86_64_NONE, 99, 7));
    assert_eq!(admitted(nothing), admitted(|_| ()));
}

#[test]
fn other_kinds_are_refused_by_name() {
    for (kind, code, text) in [
        (R_X86_64_PC32, "ELF_RELOCATION", "of kind 2 (X86_64_PC32), is of a kind"),
        (R_X86_64_32, "ELF_RELOCATION", "-fPIC"),
        (R_X86_64_COPY, "ELF_RELOCATION", "kind 5"),
        (1_000, "ELF_RELOCATION", "kind 1000"),
        (R_X86_64_IRELATIVE, "ELF_IFUNC", "kind 37"),
        (R_X86_64_DTPMOD64, "ELF_TLS", "one thread"),
        (R_X86_64_TPOFF64, "ELF_TLS", "one thread"),
    ] {
        refused(|elf| elf.relocations[POINTER].kind = kind, code, text);
    }
}

#[test]
fn words_lie_wholly_in_what_is_written() {
    let at = |at: u64| move |elf: &mut Elf| elf.relocations[POINTER].at = at;
    for place in [DATA + 1, DATA + 0x100 - 8, BSS] {
        admitted(at(place));
    }
    for place in [0x100, CODE, 0xff8] {
        refused(at(place), "ELF_TEXTREL", "-fPIC");
    }
    for place in [CODE + 0x100 - 7, CODE + 0x200, 0x3100 - 7, 0x9000, u64::MAX, u64::MAX - 7] {
        refused(at(place), "ELF_RELOCATION", "lies in no segment");
    }
}

#[test]
fn a_word_is_set_once() {
    for place in [GOT, GOT - 7, GOT + 7, INIT_ARRAY + 7] {
        let twice = |elf: &mut Elf| elf.relocations[POINTER].at = place;
        refused(twice, "ELF_RELOCATION", "is relocated more than once");
    }
    // The one table lies over the other.
    let tables = |elf: &mut Elf| {
        elf.entries.push((goblin::elf::dynamic::DT_JMPREL, RELA_AT));
    };
    refused(tables, "ELF_RELOCATION", "is relocated more than once");
}

#[test]
fn values_lie_in_the_module() {
    let relative = |addend| rela(GOT, R_X86_64_RELATIVE, 0, addend);
    for value in [SPAN as i64 + 1, -1, i64::MAX, i64::MIN] {
        let far = |elf: &mut Elf| elf.relocations[VARIABLE] = relative(value);
        refused(far, "ELF_RELOCATION", "points outside the module");
    }
    let added = |elf: &mut Elf| elf.relocations[VARIABLE] = rela(GOT, R_X86_64_64, 6, i64::MAX);
    refused(added, "ELF_RELOCATION", "points outside the module");
    let symbol = |elf: &mut Elf| elf.symbols[3].value = u64::MAX;
    refused(symbol, "EXPORT_SIGNATURE", "lattice_abi_v1");
    let used = |elf: &mut Elf| {
        symbol(elf);
        elf.relocations[VARIABLE].symbol = 3;
    };
    refused(used, "ELF_RELOCATION EXPORT_SIGNATURE", "points outside the module");
}

#[test]
fn a_symbol_that_is_named_is_there_and_has_an_address() {
    for symbol in [0, 7, u32::MAX] {
        let none = |elf: &mut Elf| elf.relocations[VARIABLE].symbol = symbol;
        refused(none, "ELF_RELOCATION", "names no symbol with an address");
    }
    for section in [0xfff1, 0xfff2, 0xffff] {
        let absolute = |elf: &mut Elf| elf.symbols[6].section = section;
        refused(absolute, "ELF_RELOCATION", "names no symbol with an address");
    }
    let within = |elf: &mut Elf| elf.relocations[POINTER].addend = 1;
    refused(within, "ELF_RELOCATION", "a place within a host function");
}

#[test]
fn their_number_is_bounded_by_the_policy() {
    let mut policy = Policy::default();
    policy.native.relocations = 4;
    assert!(scan_under(&Elf::default().bytes(), &policy).is_ok());
    policy.native.relocations = 3;
    let many = scan_under(&Elf::default().bytes(), &policy);
    refused_as(&many, "ELF_CONSTRUCTORS LIMIT_RELOCATIONS", "relocations: 4, and the limit is 3");
}

#[test]
fn a_module_may_have_none() {
    let none = changed(|elf| {
        elf.without.extend([DT_RELA, DT_RELASZ, DT_PLTRELSZ, goblin::elf::dynamic::DT_INIT_ARRAY]);
        elf.without.push(goblin::elf::dynamic::DT_INIT_ARRAYSZ);
    });
    let module = crate::verdict::scan(&none.bytes()).unwrap().native().unwrap().clone();
    assert!(module.relocations.is_empty() && module.initializers.is_empty());
}
