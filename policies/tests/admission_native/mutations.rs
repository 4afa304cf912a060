//! Whatever the bytes: the scan answers, and what it admits holds what every admitted module does.

use std::cell::Cell;

use lattice_policies::Policy;
use proptest::{
    prelude::*,
    sample::Index,
    test_runner::{Config, RngSeed, TestRunner},
};

use crate::{
    elf::{Elf, Rela, Segment},
    invariants,
    toolchain::small,
    verdict::scan,
};

/// Whether it is admitted, after holding the outcome to what holds for all.
fn check(bytes: &[u8]) -> bool {
    match scan(bytes) {
        Ok(admitted) => {
            invariants::check(&admitted, &Policy::default());
            true
        }
        Err(rejection) => {
            assert!(!rejection.reasons.is_empty() && rejection.reasons.len() <= 100);
            assert!(rejection.total >= rejection.reasons.len());
            let mut details = rejection.reasons.iter().map(|reason| &reason.detail);
            assert!(details.all(|detail| detail.is_ascii() && detail.len() <= 240));
            false
        }
    }
}

#[test]
fn no_changed_byte_slips_through() {
    for original in [Elf::default().bytes(), small().to_vec()] {
        assert!(check(&original));
        let mut elf = original.clone();
        let (mut admitted, mut refused) = (0, 0);
        for at in 0..elf.len() {
            for value in [0, 1, 0x7f, 0x80, 0xff, original[at] ^ 1, original[at].wrapping_add(8)] {
                elf[at] = value;
                *if check(&elf) { &mut admitted } else { &mut refused } += 1;
            }
            elf[at] = original[at];
        }
        assert!(admitted > 1_000 && refused > 1_000, "{admitted} and {refused}");
    }
}

#[test]
fn no_beginning_of_a_module_is_more_than_it() {
    // The sections' table is last, by which nothing is loaded.
    for original in [Elf::default().bytes(), small().to_vec()] {
        for end in 0..original.len() {
            check(&original[..end]);
        }
        let loaded = scan(&original).unwrap();
        let needed = loaded.native().unwrap().segments.iter().map(|it| it.file.end).max().unwrap();
        assert!(!check(&original[..needed - 1]));
        assert!(check(&original[..needed]), "the rest is for debuggers");
    }
}

/// Numbers that tables of a module are made of, and ones at the ends of all.
fn number() -> impl Strategy<Value = u64> {
    prop_oneof![
        0..0x4100_u64,
        any::<u64>(),
        prop::sample::select(vec![u64::MAX, u64::MAX - 0xfff, 1 << 63, 1 << 32, 0x1000, 24]),
    ]
}

/// The same cases in every run.
fn runner(cases: u32) -> TestRunner {
    let rng_seed = RngSeed::Fixed(1);
    TestRunner::new(Config { cases, rng_seed, failure_persistence: None, ..Config::default() })
}

#[test]
fn changes_of_whole_words_are_answered() {
    let change = (any::<Index>(), number(), 0..4_u32);
    let changes = (any::<bool>(), prop::collection::vec(change, 1..6));
    let (plain, linked) = (Elf::default().bytes(), small());
    let outcome = runner(20_000).run(&changes, |(is_plain, changes)| {
        let mut elf = if is_plain { plain.clone() } else { linked.to_vec() };
        for (at, value, size) in changes {
            let bytes = &value.to_le_bytes()[..1 << size];
            // On a multiple, so that whole fields are hit.
            let at = at.index(elf.len() / bytes.len()) * bytes.len();
            elf[at..at + bytes.len()].copy_from_slice(bytes);
        }
        check(&elf);
        Ok(())
    });
    outcome.unwrap();
}

/// A part of the object and what it is instead.
#[derive(Debug, Clone)]
enum Change {
    Segment(Index, Segment),
    Field(Index, u8, u64),
    Entry(u64, u64),
    Symbol(Index, u8, u64),
    Relocation(Index, Rela),
}

impl Change {
    fn apply(&self, elf: &mut Elf) {
        match self {
            Self::Segment(at, segment) => {
                let at = at.index(elf.segments.len() + 1);
                elf.segments.insert(at, *segment);
            }
            Self::Field(at, field, value) => {
                let at = at.index(elf.segments.len());
                let segment = &mut elf.segments[at];
                let Segment { offset, address, file_len, len, flags, .. } = segment;
                *flags ^= u32::from(*field == 4);
                *[offset, address, file_len, len][usize::from(*field % 4)] = *value;
            }
            Self::Entry(tag, value) => elf.entries.push((*tag, *value)),
            Self::Symbol(at, field, value) => {
                let at = at.index(elf.symbols.len());
                let symbol = &mut elf.symbols[at];
                match field {
                    0 => symbol.value = *value,
                    1 => symbol.size = *value,
                    2 => symbol.section = *value as u16,
                    3 => (symbol.kind, symbol.binding) = (*value as u8 & 15, *value as u8 >> 4),
                    _ => symbol.visibility = *value as u8,
                }
            }
            Self::Relocation(at, relocation) => {
                let at = at.index(elf.relocations.len());
                elf.relocations[at] = *relocation;
            }
        }
    }
}

fn change() -> impl Strategy<Value = Change> {
    let place = any::<Index>;
    let words = || (number(), number(), number(), number());
    let segment = (0..8_u32, 0..8_u32, words()).prop_map(|(kind, flags, words)| {
        let (offset, address, file_len, len) = words;
        Segment { kind, flags, offset, address, file_len, len }
    });
    let rela = (number(), 0..40_u32, 0..9_u32, number())
        .prop_map(|(at, kind, symbol, addend)| Rela { at, kind, symbol, addend: addend as i64 });
    prop_oneof![
        (place(), segment).prop_map(|(at, segment)| Change::Segment(at, segment)),
        (place(), 0..5_u8, number()).prop_map(|(at, field, value)| Change::Field(at, field, value)),
        (0..40_u64, number()).prop_map(|(tag, value)| Change::Entry(tag, value)),
        (place(), 0..5_u8, number())
            .prop_map(|(at, field, value)| Change::Symbol(at, field, value)),
        (place(), rela).prop_map(|(at, rela)| Change::Relocation(at, rela)),
    ]
}

#[test]
fn objects_of_any_parts_are_answered() {
    let (admitted, refused) = (Cell::new(0), Cell::new(0));
    let outcome = runner(20_000).run(&prop::collection::vec(change(), 1..4), |changes| {
        let mut elf = Elf::default();
        for change in changes {
            change.apply(&mut elf);
        }
        let counted = if check(&elf.bytes()) { &admitted } else { &refused };
        counted.set(counted.get() + 1);
        Ok(())
    });
    outcome.unwrap();
    let counts = (admitted.get(), refused.get());
    assert!(counts.0 > 500 && counts.1 > 5_000, "{counts:?}");
}
