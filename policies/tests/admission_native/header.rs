//! The header: what is no shared object for this machine is told what it is.

use goblin::elf::header::{EM_AARCH64, ET_CORE, ET_EXEC, ET_REL};

use crate::{
    elf::Elf,
    verdict::{changed, refused, refused_as, scan},
};

#[test]
fn what_is_no_shared_object_is_told_what_it_is() {
    refused_as(&scan(b""), "MALFORMED", "the upload is empty");
    refused_as(&scan(b"\0asm\x01\0\0\0"), "MALFORMED", "upload it as wasm");
    refused_as(&scan(b"!<arch>\n"), "MALFORMED", "archive");
    refused_as(&scan(b"#!/bin/sh"), "MALFORMED", "7f 45 4c 46");
    refused_as(&scan(b"\x7fELF\x02\x01\x01"), "MALFORMED", "within its header");
}

#[test]
fn another_machine_is_refused_with_the_command_for_this_one() {
    refused(|elf| elf.ident.0 = 1, "ELF_CLASS", "--target=x86_64-linux-gnu");
    refused(|elf| elf.ident.1 = 2, "ELF_CLASS ELF_KIND ELF_MACHINE", "little-endian");
    refused(|elf| elf.machine = EM_AARCH64, "ELF_MACHINE", "machine 183 (AARCH64)");
    refused(|elf| elf.version = 2, "MALFORMED", "ELF version 2");
}

#[test]
fn another_kind_is_refused_with_what_to_do() {
    refused(|elf| elf.kind = ET_REL, "ELF_KIND", "link it with -shared");
    refused(|elf| elf.kind = ET_EXEC, "ELF_KIND", "this is a program");
    refused(|elf| elf.kind = ET_CORE, "ELF_KIND", "of kind CORE");
}

#[test]
fn program_headers_lie_in_the_file() {
    let with = |at: usize, bytes: &[u8]| {
        let mut elf = Elf::default().bytes();
        elf[at..at + bytes.len()].copy_from_slice(bytes);
        scan(&elf)
    };
    for (what, at, bytes) in [
        ("no place", 0x20, &u64::MAX.to_le_bytes()[..]),
        ("behind the end", 0x20, &0x3000_u64.to_le_bytes()),
        ("too many", 0x38, &u16::MAX.to_le_bytes()),
        ("of another size", 0x36, &57_u16.to_le_bytes()),
    ] {
        let outcome = with(at, bytes);
        assert!(outcome.is_err(), "{what}");
        refused_as(&outcome, "MALFORMED", "program headers do not lie in the file");
    }
    let none = changed(|elf| elf.segments.clear());
    refused_as(&scan(&none.bytes()), "ELF_KIND", "no dynamic table");
}
