//! Exports and static constructors: what a host will call is the module's own code.

use goblin::elf::{
    reloc::{R_X86_64_64, R_X86_64_RELATIVE},
    sym::{STB_LOCAL, STB_WEAK, STT_FUNC, STT_NOTYPE, STT_OBJECT, STV_HIDDEN, STV_PROTECTED},
};
use lattice_policies::functions::EXPORTS;

use crate::{
    elf::{ARENA, BSS, CODE, DATA, DYNAMIC_AT, Elf, GOT, INIT_ARRAY, SPAN, Symbol, defined, rela},
    verdict::{admitted, changed, refused, scan},
};

/// The default object's symbols by their place.
const TICK: usize = 5;
const ARENA_AT: usize = 6;

#[test]
fn the_known_exports_are_found_by_name() {
    let module = admitted(|_| ());
    let expected = [
        ("lattice_abi_v1", CODE),
        ("lattice_sim_init", CODE + 0x10),
        ("lattice_sim_tick", CODE + 0x20),
    ];
    assert_eq!(module.exports, expected.into());
    assert_eq!((module.initializers, module.arena), (vec![CODE + 0x30], Some(ARENA)));
    for export in EXPORTS.iter().filter(|export| !export.required) {
        let more = changed(|elf| {
            elf.symbols.push(defined(export.name, STT_FUNC, CODE + 0x50, 1));
            elf.symbols.push(defined("another", STT_OBJECT, DATA, 1));
        });
        let outcome = scan(&more.bytes()).unwrap();
        assert_eq!(outcome.facts().optional_exports, [export.name]);
        assert_eq!(outcome.native().unwrap().exports[export.name], CODE + 0x50);
    }
}

#[test]
fn every_required_one_is_missed() {
    for index in 3..=TICK {
        let name = Elf::default().symbols[index].name.clone();
        let gone = |elf: &mut Elf| elf.symbols[index].name = "other".to_owned();
        refused(gone, "EXPORT_MISSING", &format!("EXPORT_MISSING {name}"));
        let hidden = |elf: &mut Elf| elf.symbols[index].visibility = STV_HIDDEN;
        refused(hidden, "EXPORT_MISSING", &name);
        let local = |elf: &mut Elf| elf.symbols[index].binding = STB_LOCAL;
        refused(local, "EXPORT_MISSING", &name);
    }
    let near = |elf: &mut Elf| elf.symbols[TICK].name = "lattice_sim_tik".to_owned();
    refused(near, "EXPORT_MISSING", "there is an export lattice_sim_tik");
    let mangled = |elf: &mut Elf| elf.symbols[TICK].name = "_Z16lattice_sim_tickx".to_owned();
    refused(mangled, "EXPORT_MISSING", "LATTICE_EXPORT");
}

#[test]
fn an_export_is_code_of_the_module() {
    for place in [0, CODE - 1, CODE + 0x100, DYNAMIC_AT, DATA, SPAN, u64::MAX] {
        let elsewhere = |elf: &mut Elf| elf.symbols[TICK].value = place;
        refused(elsewhere, "EXPORT_SIGNATURE", "lattice_sim_tick must be a function");
    }
    for kind in [STT_OBJECT, STT_NOTYPE] {
        refused(|elf| elf.symbols[TICK].kind = kind, "EXPORT_SIGNATURE", "lattice_sim_tick");
    }
    let twice = |elf: &mut Elf| elf.symbols.push(elf.symbols[TICK].clone());
    refused(twice, "MALFORMED", "two exports lattice_sim_tick");
    for (binding, visibility) in [(STB_WEAK, 0), (1, STV_PROTECTED)] {
        admitted(|elf| {
            elf.symbols[TICK].binding = binding;
            elf.symbols[TICK].visibility = visibility;
        });
    }
}

#[test]
fn the_arena_is_told_in_a_variable_that_can_be_written() {
    assert_eq!(admitted(|elf| elf.symbols[ARENA_AT].name = "other".to_owned()).arena, None);
    assert_eq!(admitted(|elf| elf.symbols[ARENA_AT].size = 64).arena, Some(ARENA));
    assert_eq!(admitted(|elf| elf.symbols[ARENA_AT].value = BSS).arena, Some(BSS));
    type Change = fn(&mut Symbol);
    let wrong: [Change; 8] = [
        |it| it.value = 0x100,
        |it| it.value = CODE,
        |it| it.value = DYNAMIC_AT + 0x900,
        |it| it.value = ARENA + 4,
        |it| it.value = 0x3100 - 8,
        |it| it.value = 0x2fff8,
        |it| it.size = 15,
        |it| it.kind = STT_FUNC,
    ];
    for (index, change) in wrong.iter().enumerate() {
        let elf = changed(|elf| {
            change(&mut elf.symbols[ARENA_AT]);
            elf.relocations.pop();
        });
        let reasons = scan(&elf.bytes()).unwrap_err().reasons;
        assert_eq!(reasons.len(), 1, "{index}: {reasons:#?}");
        assert_eq!(reasons[0].code.text(), "EXPORT_SIGNATURE");
        assert!(reasons[0].detail.contains("lattice_arena must be a variable of 16 bytes"));
    }
    let twice = |elf: &mut Elf| elf.symbols.push(elf.symbols[ARENA_AT].clone());
    refused(twice, "MALFORMED", "two exports lattice_arena");
}

#[test]
fn a_static_constructor_is_code_of_the_module() {
    let set = |kind: u32, symbol: u32, addend: i64| {
        move |elf: &mut Elf| elf.relocations[0] = rela(INIT_ARRAY, kind, symbol, addend)
    };
    assert_eq!(admitted(set(R_X86_64_64, 4, 4)).initializers, [CODE + 0x14]);
    let no_code = "static constructor 0 is no code of the module's";
    for place in [0, CODE - 1, CODE + 0x100, DATA] {
        let elsewhere = set(R_X86_64_RELATIVE, 0, place as i64);
        refused(elsewhere, "ELF_CONSTRUCTORS", no_code);
    }
    refused(set(R_X86_64_64, 1, 0), "ELF_CONSTRUCTORS", no_code);
    // What stands there before it is relocated does not count, nor does a word next to it.
    let none = |elf: &mut Elf| elf.relocations.retain(|it| it.at != INIT_ARRAY);
    refused(none, "ELF_CONSTRUCTORS", no_code);
    refused(|elf| elf.relocations[0].at += 0x20, "ELF_CONSTRUCTORS", no_code);
    let two = |elf: &mut Elf| {
        elf.entries.push((goblin::elf::dynamic::DT_INIT_ARRAYSZ, 16));
        elf.relocations.push(rela(INIT_ARRAY + 8, R_X86_64_RELATIVE, 0, CODE as i64));
    };
    assert_eq!(admitted(two).initializers, [CODE + 0x30, CODE]);
    assert_eq!(INIT_ARRAY + 16, GOT);
}
