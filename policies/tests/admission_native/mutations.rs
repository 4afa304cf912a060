//! Whatever the bytes: the scan answers, and what it admits holds what every admitted module does.

use lattice_policies::Policy;
use proptest::{
    prelude::*,
    sample::Index,
    test_runner::{Config, RngSeed, TestRunner},
};

use crate::{elf::Elf, invariants, toolchain::small, verdict::scan};

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

#[test]
fn changes_of_whole_words_are_answered() {
    let change = (any::<Index>(), number(), 0..4_u32);
    let changes = (any::<bool>(), prop::collection::vec(change, 1..6));
    let config = Config {
        cases: 20_000,
        rng_seed: RngSeed::Fixed(1),
        failure_persistence: None,
        ..Config::default()
    };
    let (plain, linked) = (Elf::default().bytes(), small());
    let mut admitted = 0;
    let outcome = TestRunner::new(config).run(&changes, |(is_plain, changes)| {
        let mut elf = if is_plain { plain.clone() } else { linked.to_vec() };
        for (at, value, size) in changes {
            let bytes = &value.to_le_bytes()[..1 << size];
            // Where the tables are, and on a multiple, so that whole fields are hit.
            let at = at.index(elf.len() / bytes.len()) * bytes.len();
            elf[at..at + bytes.len()].copy_from_slice(bytes);
        }
        let _ = check(&elf);
        Ok(())
    });
    outcome.unwrap();
    admitted += usize::from(check(&plain)) + usize::from(check(linked));
    assert_eq!(admitted, 2);
}
