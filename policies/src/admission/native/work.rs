//! The work of a scan, counted: whatever a file claims, its tables are asked for once each, and
//! together are no more than so many times its bytes.

#[allow(dead_code, reason = "the parts of which other tests have use")]
#[path = "../../../tests/admission_native/elf.rs"]
mod elf;

use goblin::elf::{
    dynamic::{
        DT_GNU_HASH, DT_HASH, DT_INIT_ARRAY, DT_INIT_ARRAYSZ, DT_JMPREL, DT_PLTRELSZ, DT_RELA,
        DT_RELASZ, DT_STRSZ, DT_STRTAB, DT_SYMTAB,
    },
    program_header::{PF_R, PT_LOAD},
};

use super::*;
use elf::{Elf, HASH_AT, segment};

/// Two tables of headers, the dynamic one, names twice, two hash tables' parts, symbols twice,
/// relocations twice and constructors.
const TABLES: usize = 11;

/// How many bytes the scan asks for, each as often as it does.
fn asked_for(bytes: &[u8]) -> usize {
    let (policy, mut findings) = (Policy::default(), Findings::new());
    let file = File::new(bytes);
    let headers = header::read(&file, &mut findings);
    let Some((header, headers)) = headers else { return file.asked_for() };
    read(file, &header, &headers, &policy, &mut findings).1.file.asked_for()
}

#[test]
fn a_plain_module_is_read_about_once() {
    let bytes = Elf::default().bytes();
    let work = asked_for(&bytes);
    assert!((500..bytes.len()).contains(&work), "{work} of {}", bytes.len());
}

#[test]
fn tables_that_claim_the_whole_file_are_read_once_each() {
    let hostile = |hash: u64| {
        let mut elf = Elf::default();
        // The file once more, as data, so that every table can be all of it.
        elf.segments.splice(0..2, [segment(PT_LOAD, PF_R, 0, 0x2000, 0x2000)]);
        for tag in [DT_STRTAB, DT_SYMTAB, DT_RELA, DT_JMPREL, DT_INIT_ARRAY] {
            elf.entries.push((tag, 0));
        }
        for tag in [DT_STRSZ, DT_RELASZ, DT_PLTRELSZ, DT_INIT_ARRAYSZ] {
            elf.entries.push((tag, 0x2000));
        }
        elf.without = vec![hash];
        let mut bytes = elf.bytes();
        // As many buckets, or chains, as there can be.
        let (buckets, chains) = (HASH_AT as usize, HASH_AT as usize + 0xe4);
        bytes[buckets..buckets + 4].copy_from_slice(&0x500_u32.to_le_bytes());
        bytes[chains..chains + 4].copy_from_slice(&0x155_u32.to_le_bytes());
        asked_for(&bytes) as f64 / bytes.len() as f64
    };
    for hash in [DT_HASH, DT_GNU_HASH] {
        let times = hostile(hash);
        assert!((2.0..=TABLES as f64).contains(&times), "{times}");
    }
}

#[test]
fn no_word_of_a_file_makes_it_longer_work() {
    let original = Elf::default().bytes();
    let mut bytes = original.clone();
    for (size, values) in
        [(4, &[0x100, 0x3000, u64::MAX][..]), (8, &[0x1000, 0x3000, u64::MAX, 1 << 63])]
    {
        for at in (0..original.len() - size).step_by(size) {
            for value in values {
                bytes[at..at + size].copy_from_slice(&value.to_le_bytes()[..size]);
                let work = asked_for(&bytes);
                assert!(work <= TABLES * bytes.len(), "{work} with {value:#x} at {at:#x}");
            }
            bytes[at..at + size].copy_from_slice(&original[at..at + size]);
        }
    }
}
