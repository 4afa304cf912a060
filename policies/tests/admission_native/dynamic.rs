//! The dynamic table: every library, old form and constructor that a sim has no use for is named.

use goblin::elf::dynamic::{
    DT_DEBUG, DT_FINI, DT_FINI_ARRAY, DT_FLAGS, DT_GNU_HASH, DT_HASH, DT_INIT, DT_INIT_ARRAY,
    DT_INIT_ARRAYSZ, DT_NEEDED, DT_PLTGOT, DT_PLTREL, DT_PREINIT_ARRAY, DT_REL, DT_RELA,
    DT_RELAENT, DT_RELASZ, DT_RELSZ, DT_RUNPATH, DT_SONAME, DT_STRSZ, DT_STRTAB, DT_SYMENT,
    DT_SYMTAB, DT_TEXTREL, DT_VERSYM,
};

use crate::{
    elf::{BSS, CODE, Elf, HASH_AT, INIT_ARRAY, RELA_AT, STRINGS_AT},
    verdict::{admitted, changed, refused, scan},
};

fn with(tag: u64, value: u64) -> impl FnOnce(&mut Elf) {
    move |elf| elf.entries.push((tag, value))
}

#[test]
fn every_needed_library_is_named_with_what_to_do() {
    let needing = |elf: &mut Elf| {
        elf.symbols[3].name = "libc.so.6".to_owned();
        // The names before it are "", lattice_ms_log and lattice_ms_send.
        elf.twice.extend([(DT_NEEDED, 1 + 15 + 16), (DT_NEEDED, u64::MAX)]);
    };
    refused(needing, "ELF_NEEDED EXPORT_MISSING", "ELF_NEEDED libc.so.6 (link with -nostdlib");
    refused(needing, "ELF_NEEDED EXPORT_MISSING", "ELF_NEEDED a library");
}

#[test]
fn what_a_loader_may_not_be_asked_is_refused() {
    for (tag, value, code, text) in [
        (DT_TEXTREL, 0, "ELF_TEXTREL", "-fPIC"),
        (DT_FLAGS, 4, "ELF_TEXTREL", "-fPIC"),
        (DT_FLAGS, 0x10, "ELF_TLS", "thread"),
        (DT_INIT, CODE, "ELF_CONSTRUCTORS", "DT_INIT function (static constructors stand in"),
        (DT_PREINIT_ARRAY, INIT_ARRAY, "ELF_CONSTRUCTORS", "DT_PREINIT_ARRAY"),
        (DT_REL, RELA_AT, "ELF_RELOCATION", "DT_REL"),
        (DT_RELSZ, 24, "ELF_RELOCATION", "DT_REL"),
        (36, RELA_AT, "ELF_RELOCATION", "nopack-relative-relocs"),
        (0x6fff_e000, RELA_AT, "ELF_RELOCATION", "DT_RELR"),
        (DT_PLTREL, DT_REL, "ELF_RELOCATION", "DT_PLTREL"),
        (DT_RELAENT, 16, "ELF_RELOCATION", "DT_RELAENT"),
    ] {
        refused(with(tag, value), code, text);
    }
}

#[test]
fn what_only_concerns_other_loaders_is_passed_over() {
    for tag in [DT_SONAME, DT_RUNPATH, DT_DEBUG, DT_FINI, DT_FINI_ARRAY, DT_PLTGOT, DT_VERSYM, 99] {
        admitted(with(tag, u64::MAX));
    }
    admitted(with(DT_FLAGS, 0xa));
}

#[test]
fn tables_lie_in_one_segment_and_in_the_file() {
    for (tag, what) in [(DT_STRTAB, "names"), (DT_RELA, "relocations")] {
        for address in [0x1800, BSS, 0x9000, u64::MAX] {
            let elsewhere = |elf: &mut Elf| elf.entries.push((tag, address));
            let text = format!("its {what} do not lie in one segment");
            let told = scan(&changed(elsewhere).bytes());
            assert_eq!(told.unwrap_err().reasons[0].detail, text, "{address:#x}");
        }
    }
    for (tag, value) in [(DT_STRSZ, u64::MAX), (DT_STRSZ, 0x900), (DT_RELASZ, u64::MAX)] {
        let told = scan(&changed(with(tag, value)).bytes());
        assert!(told.unwrap_err().reasons[0].detail.contains("do not lie in one segment"));
    }
    refused(with(DT_RELASZ, 25), "MALFORMED", "its relocations end within one");
    refused(with(DT_INIT_ARRAYSZ, 9), "MALFORMED", "its static constructors end within one");
    let far = |elf: &mut Elf| elf.entries.push((DT_INIT_ARRAY, BSS));
    refused(far, "MALFORMED", "its static constructors do not lie in one segment");
}

#[test]
fn an_entry_stands_once() {
    refused(|elf| elf.twice.push((DT_SYMTAB, 0x400)), "MALFORMED", "two entries 0x6");
    refused(|elf| elf.twice.push((DT_SYMENT, 24)), "MALFORMED", "two entries 0xb");
}

#[test]
fn symbols_are_counted_by_either_hash_table_and_refused_without() {
    let counted = |without: u64| admitted(move |elf| elf.without = vec![without]);
    assert_eq!(counted(DT_HASH), counted(DT_GNU_HASH));
    let none = |elf: &mut Elf| elf.without.push(DT_GNU_HASH);
    refused(none, "MALFORMED", "DT_HASH or DT_GNU_HASH");
    for (tag, value) in [
        (DT_GNU_HASH, 0x9000),
        (DT_GNU_HASH, 0xff8),
        // Bucket counts, bloom words and chains without end.
        (DT_GNU_HASH, STRINGS_AT),
        (DT_HASH, u64::MAX),
        (DT_HASH, STRINGS_AT),
        (DT_SYMTAB, 0x9000),
        (DT_SYMTAB, 0xff8),
        (DT_SYMENT, 16),
    ] {
        let told = scan(&changed(with(tag, value)).bytes());
        let reasons = told.unwrap_err().reasons;
        assert!(reasons[0].detail.contains("symbols"), "{tag:#x} {value:#x}: {reasons:#?}");
    }
    // A chain that does not end within its segment.
    let mut endless = Elf::default().bytes();
    let chain = HASH_AT as usize + 28;
    endless[chain..0x1000].fill(0);
    assert!(scan(&endless).is_err());
}
