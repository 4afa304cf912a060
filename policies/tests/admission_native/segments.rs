//! Segments: what is loaded lies apart, in the file and in bounds, and nothing is writable code.

use goblin::elf::{
    dynamic::DT_INIT_ARRAY,
    program_header::{
        PF_R, PF_W, PF_X, PT_DYNAMIC, PT_GNU_RELRO, PT_INTERP, PT_LOAD, PT_NOTE, PT_PHDR, PT_TLS,
    },
};
use lattice_policies::{
    Policy,
    admission::{NativeRights, NativeSegment, PAGE_BYTES},
};

use crate::{
    elf::{DATA, DYNAMIC_AT, Elf, INIT_ARRAY, SPAN, Segment, segment},
    verdict::{admitted, changed, refused, refused_as, scan, scan_under},
};

/// The default object's segments by their place.
const CODE: usize = 1;
const DATA_AT: usize = 2;
const RELRO: usize = 3;
const DYNAMIC: usize = 4;
const STACK: usize = 5;

/// The default object without one of them.
fn without(index: usize) -> impl FnOnce(&mut Elf) {
    move |elf| {
        elf.segments.remove(index);
    }
}

fn piece(address: u64, file: std::ops::Range<usize>, rights: NativeRights) -> NativeSegment {
    NativeSegment { address, file, len: 0x1000, rights }
}

#[test]
fn segments_are_whole_pages_with_what_is_fixed_split_off() {
    let module = admitted(|_| ());
    let expected = [
        piece(0, 0..0x1000, NativeRights::Read),
        piece(0x1000, 0x1000..0x1100, NativeRights::Execute),
        piece(DYNAMIC_AT, 0x2000..0x3000, NativeRights::Read),
        piece(DATA, 0x3000..0x3020, NativeRights::Write),
    ];
    assert_eq!((&module.segments[..], module.span), (&expected[..], SPAN));
    assert_eq!(module.writable_bytes(), 0x1000);
    // Without it, all of that segment stays writable.
    let module = admitted(without(RELRO));
    let whole = NativeSegment { len: 0x2000, ..piece(0x2000, 0x2000..0x3020, NativeRights::Write) };
    assert_eq!(module.segments[2..], [whole]);
}

#[test]
fn a_segment_that_begins_within_a_page_brings_what_is_before_it_in_the_file() {
    // All that is written stands a page further on in memory than in the file.
    let module = admitted(|elf| {
        elf.segments.remove(RELRO);
        elf.segments[RELRO].address += PAGE_BYTES;
        elf.segments[DATA_AT] = segment(PT_LOAD, PF_R | PF_W, 0x1f00, 0x1120, 0x1200);
        elf.segments[DATA_AT].address += PAGE_BYTES;
        for relocation in elf.relocations.iter_mut().chain(&mut elf.plt) {
            relocation.at += PAGE_BYTES;
        }
        elf.symbols[6].value += PAGE_BYTES;
        elf.entries.push((DT_INIT_ARRAY, INIT_ARRAY + PAGE_BYTES));
    });
    let data = NativeSegment {
        address: 0x2000,
        file: 0x1000..0x3020,
        len: 0x3000,
        rights: NativeRights::Write,
    };
    assert_eq!(module.segments[2..], [data]);
}

#[test]
fn what_is_fixed_lies_anywhere_in_a_writable_segment_and_nowhere_else() {
    let in_the_middle = |elf: &mut Elf| {
        elf.segments[DATA_AT].len = 0x4000;
        elf.segments[RELRO] = segment(PT_GNU_RELRO, PF_R, 0x4000, 0, 0x1fff);
    };
    let rights: Vec<_> =
        admitted(in_the_middle).segments[2..].iter().map(|it| (it.address, it.rights)).collect();
    use NativeRights::{Read, Write};
    assert_eq!(rights, [(0x2000, Write), (0x4000, Read), (0x5000, Write)]);
    let within_a_page = |elf: &mut Elf| {
        elf.segments[RELRO] = segment(PT_GNU_RELRO, PF_R, 0x2100, 0, 0x200);
    };
    assert_eq!(admitted(within_a_page).segments[2].rights, Write);
    for (from, len) in [(0x1000, 0x1000), (0x2000, 0x3000), (0x9000, 0x1000), (0x2000, u64::MAX)] {
        let elsewhere =
            |elf: &mut Elf| elf.segments[RELRO] = segment(PT_GNU_RELRO, PF_R, from, 0, len);
        refused(elsewhere, "ELF_SEGMENTS", "is no part of a writable segment");
    }
    let twice = |elf: &mut Elf| elf.segments.push(elf.segments[RELRO]);
    refused(twice, "ELF_SEGMENTS", "two parts");
}

#[test]
fn segments_that_lie_over_each_other_are_refused() {
    let overlapping = |elf: &mut Elf| {
        let extra = segment(PT_LOAD, PF_R, 0x3020, 0, 0);
        elf.segments.push(Segment { len: 0x10, address: DATA + 0x800, ..extra });
    };
    refused(overlapping, "ELF_SEGMENTS", "loaded segment 3 does not begin in a page behind");
    let same_page = |elf: &mut Elf| elf.segments[CODE].len = 0x1001;
    let codes = "ELF_CONSTRUCTORS ELF_SEGMENTS EXPORT_SIGNATURE";
    refused(same_page, codes, "loaded segment 1 is not all in the file");
    let same_bytes = |elf: &mut Elf| {
        let extra = segment(PT_LOAD, PF_R, 0x1000, 0x10, 0x10);
        elf.segments.push(Segment { address: 0x9000, ..extra });
    };
    refused(same_bytes, "ELF_SEGMENTS", "does not stand behind the one before it in the file");
}

#[test]
fn segments_lie_in_the_file_and_at_the_same_place_of_their_page() {
    type Change = fn(&mut Segment);
    let cases: [(Change, &str); 7] = [
        (|it| it.offset = u64::MAX, "does not lie in the file"),
        (|it| it.file_len = 0x10_0000, "does not lie in the file"),
        (|it| it.address = u64::MAX - 0x10, "ends beyond all addresses"),
        (|it| it.len = u64::MAX, "ends beyond all addresses"),
        (|it| it.len = 0xff, "is longer in the file than in memory"),
        (|it| it.offset += 8, "stands elsewhere in its page"),
        (|it| it.flags = PF_X, "can't be read"),
    ];
    for (change, why) in cases {
        let mut elf = changed(|elf| change(&mut elf.segments[CODE]));
        // What points there is refused as well.
        let outcome = scan(&elf.bytes());
        let reasons = outcome.unwrap_err().reasons;
        assert!(reasons.iter().any(|it| it.detail.contains(why)), "{why}: {reasons:#?}");
        elf.segments.remove(CODE);
        let codes = "ELF_CONSTRUCTORS EXPORT_SIGNATURE";
        refused_as(&scan(&elf.bytes()), codes, "own code");
    }
}

#[test]
fn nothing_can_be_written_and_executed() {
    let all = |elf: &mut Elf| elf.segments[DATA_AT].flags |= PF_X;
    refused(all, "ELF_WRITE_EXECUTE", "loaded segment 2 can be written and executed");
    let code = |elf: &mut Elf| elf.segments[CODE].flags |= PF_W;
    refused(code, "ELF_WRITE_EXECUTE", "separate-code");
    let stack = |elf: &mut Elf| elf.segments[STACK].flags |= PF_X;
    refused(stack, "ELF_WRITE_EXECUTE", "-z,noexecstack");
    // None is asked for, and none is given.
    admitted(without(STACK));
}

#[test]
fn what_a_sim_has_no_use_for_is_refused_or_passed_over() {
    let tls = |elf: &mut Elf| elf.segments.push(segment(PT_TLS, PF_R, 0x2000, 4, 4));
    refused(tls, "ELF_TLS", "4 bytes of thread-local storage (a sim has one thread");
    let interpreted = |elf: &mut Elf| elf.segments.push(segment(PT_INTERP, PF_R, 0x400, 4, 4));
    refused(interpreted, "ELF_KIND", "interpreter");
    for kind in [PT_NOTE, PT_PHDR, 0x6474_e550, 0x6474_e553, 0x1234_5678] {
        admitted(|elf| elf.segments.push(segment(kind, PF_R, u64::MAX, u64::MAX, u64::MAX)));
    }
    admitted(|elf| elf.segments.push(segment(PT_LOAD, 0, u64::MAX, 0, 0)));
}

#[test]
fn there_is_one_dynamic_table() {
    refused(without(DYNAMIC), "ELF_KIND", "no dynamic table");
    let twice = |elf: &mut Elf| elf.segments.push(elf.segments[DYNAMIC]);
    refused(twice, "MALFORMED", "two dynamic tables");
    for (address, len) in [(0x1800, 0x20), (0x9000, 0x20), (0x2f00, 0x200), (u64::MAX, 0x20)] {
        let elsewhere = |elf: &mut Elf| {
            elf.segments[DYNAMIC] = segment(PT_DYNAMIC, PF_R, address, len, len);
        };
        refused(elsewhere, "MALFORMED", "dynamic table lies in no segment, or has no end");
    }
    let two_places = |elf: &mut Elf| elf.segments[DYNAMIC].offset += 0x10;
    refused(two_places, "MALFORMED", "stands elsewhere in the file than in memory");
    // The entry that ends it is cut off.
    refused(|elf| elf.segments[DYNAMIC].file_len = 0x20, "MALFORMED", "or has no end");
}

#[test]
fn memory_and_segments_are_bounded_by_the_policy() {
    let under = |limit: fn(&mut Policy), change: fn(&mut Elf)| {
        let mut policy = Policy::default();
        limit(&mut policy);
        scan_under(&changed(change).bytes(), &policy)
    };
    let few = |policy: &mut Policy| policy.native.segments = 3;
    assert!(under(few, |_| ()).is_ok());
    let one_more = |elf: &mut Elf| {
        let extra = segment(PT_LOAD, PF_R, 0x3020, 0, 0);
        elf.segments.push(Segment { address: 0x9020, len: 0, ..extra });
        elf.segments.push(Segment { flags: PF_R | PF_W, address: 0x9020, len: 9, ..extra });
    };
    refused_as(&under(few, one_more), "LIMIT_SEGMENTS", "4, and the limit is 3");
    let small = |policy: &mut Policy| policy.admission.memory_pages = 1;
    assert!(under(small, |elf| elf.segments[DATA_AT].len = 0x1_0000).is_ok());
    let large = under(small, |elf| elf.segments[DATA_AT].len = 0x1_0001);
    refused_as(&large, "LIMIT_MEMORY", "bytes of writable segments: 69632, and the limit is 65536");
    let narrow = |policy: &mut Policy| policy.native.image_bytes = 0x1_0000;
    assert!(under(narrow, |elf| elf.segments[DATA_AT].len = 0xe000).is_ok());
    let wide = under(narrow, |elf| elf.segments[DATA_AT].len = 0xe001);
    let reasons = wide.unwrap_err().reasons;
    let told = "the end of loaded segment 2 in bytes: 69632, and the limit is 65536";
    assert!(reasons.iter().any(|reason| reason.detail == told), "{reasons:#?}");
    let byte = |policy: &mut Policy| policy.admission.module_bytes = 0x301f;
    refused_as(&under(byte, |_| ()), "LIMIT_MODULE", "12320");
}
