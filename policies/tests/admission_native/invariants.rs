//! What holds for every admitted module, whatever its bytes were: a loader that goes by it touches
//! nothing else than the module, and calls nothing else than its code.

use goblin::elf::{
    Elf,
    program_header::{PT_GNU_STACK, PT_INTERP, PT_LOAD, PT_TLS},
    reloc::{R_X86_64_64, R_X86_64_GLOB_DAT, R_X86_64_JUMP_SLOT, R_X86_64_NONE, R_X86_64_RELATIVE},
};
use lattice_policies::{
    Policy,
    admission::{
        Admitted, NativeModule, NativeRights, NativeSegment, PAGE_BYTES, Packaging, Relocation,
        RelocationValue,
    },
    functions::{EXPORTS, HOST_FUNCTIONS, find},
};

/// Panics with what does not hold.
pub(crate) fn check(admitted: &Admitted, policy: &Policy) {
    let module = admitted.native().unwrap();
    assert_eq!(admitted.packaging(), Packaging::Native);
    assert!(admitted.imports().iter().all(|name| find(name).is_some()));
    assert!(admitted.facts().replay_only.is_empty());
    check_segments(module, admitted.bytes().len(), policy);
    check_relocations(module);
    check_code(module);
    check_arena(module);
    check_names(module, policy);
    check_by_another_reader(admitted.bytes());
}

/// The library's reader of whole files, which goes by the section headers too, finds nothing either
/// that was to be refused; where those headers are nonsense, it gives up.
fn check_by_another_reader(bytes: &[u8]) {
    let Ok(elf) = Elf::parse(bytes) else { return };
    assert!(elf.is_64 && elf.little_endian && elf.libraries.is_empty());
    for header in &elf.program_headers {
        assert!(!matches!(header.p_type, PT_INTERP | PT_TLS), "{header:?}");
        let is_used = matches!(header.p_type, PT_LOAD | PT_GNU_STACK) && header.p_memsz > 0;
        assert!(!(is_used && header.is_write() && header.is_executable()), "{header:?}");
    }
    let info = elf.dynamic.unwrap().info;
    assert!(!info.textrel && info.needed_count == 0 && (info.rel, info.relsz) == (0, 0));
    for relocation in elf.dynrelas.iter().chain(elf.pltrelocs.iter()) {
        let kinds =
            [R_X86_64_NONE, R_X86_64_64, R_X86_64_GLOB_DAT, R_X86_64_JUMP_SLOT, R_X86_64_RELATIVE];
        assert!(kinds.contains(&relocation.r_type), "{relocation:?}");
    }
}

fn check_segments(module: &NativeModule, file_len: usize, policy: &Policy) {
    let mut end = 0;
    for segment in &module.segments {
        assert!(segment.address >= end && segment.len > 0, "{segment:x?}");
        assert_eq!((segment.address % PAGE_BYTES, segment.len % PAGE_BYTES), (0, 0));
        assert!(segment.file.start <= segment.file.end && segment.file.end <= file_len);
        assert!(segment.file.len() as u64 <= segment.len, "{segment:x?}");
        end = segment.end();
    }
    assert_eq!(module.span, end);
    assert!(end <= policy.native.image_bytes.into());
    assert!(module.writable_bytes() <= u64::from(policy.admission.memory_pages) << 16);
    // Splitting off what is fixed makes at most two more of one.
    assert!(module.segments.len() <= policy.native.segments as usize + 2);
    let in_file: usize = module.segments.iter().map(|segment| segment.file.len()).sum();
    assert!(in_file <= file_len + module.segments.len() * PAGE_BYTES as usize);
}

fn check_relocations(module: &NativeModule) {
    for pair in module.relocations.windows(2) {
        assert!(pair[0].at + 8 <= pair[1].at, "{pair:x?}");
    }
    for Relocation { at, value } in &module.relocations {
        // A word may reach from what is fixed into what is written after it.
        for byte in [*at, at + 7] {
            let rights = segment_of(module, byte).map(|segment| segment.rights);
            assert!(matches!(rights, Some(NativeRights::Read | NativeRights::Write)), "{at:x}");
        }
        match *value {
            RelocationValue::Image(address) => assert!(address <= module.span),
            RelocationValue::HostFunction(place) => assert!(place < HOST_FUNCTIONS.len()),
        }
    }
}

fn check_code(module: &NativeModule) {
    let required = EXPORTS.iter().filter(|export| export.required);
    assert!(required.into_iter().all(|export| module.exports.contains_key(export.name)));
    for address in module.exports.values().chain(&module.initializers) {
        let rights = segment_of(module, *address).map(|segment| segment.rights);
        assert_eq!(rights, Some(NativeRights::Execute), "{address:x}");
    }
}

fn check_arena(module: &NativeModule) {
    let Some(arena) = module.arena else { return };
    let segment = segment_of(module, arena).unwrap();
    assert_eq!((arena % 8, segment.rights), (0, NativeRights::Write));
    assert!(arena + 16 <= segment.end());
}

fn check_names(module: &NativeModule, policy: &Policy) {
    assert!(module.symbols.len() <= policy.native.names as usize);
    assert!(module.symbols.windows(2).all(|pair| pair[0].0 < pair[1].0));
    for (address, name) in &module.symbols {
        let rights = segment_of(module, *address).map(|segment| segment.rights);
        assert_eq!(rights, Some(NativeRights::Execute), "{name}");
        assert!(!name.is_empty() && name.len() <= policy.admission.name_bytes as usize);
        assert!(name.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{name:?}");
    }
}

fn segment_of(module: &NativeModule, address: u64) -> Option<&NativeSegment> {
    module.segments.iter().find(|it| (it.address..it.end()).contains(&address))
}
