//! A native module as it is run: laid out and relocated for the one address at which images begin,
//! with its entries. Pure; each match has an image of its own made of it.

use std::collections::BTreeMap;

use lattice_cell::IMAGE_BASE;
use lattice_policies::{
    Policy, Sha256,
    admission::{NativeModule, PAGE_BYTES, Relocation, RelocationValue},
    functions::HOST_FUNCTIONS,
};

use super::layout::{GATE_CODE, GATE_SLOT, Layout, TooLarge};
use crate::{fault::Frame, guest::Entry};

/// A native module that is laid out.
pub(crate) struct Library {
    sha256: Sha256,
    layout: Layout,
    contents: Contents,
    exports: BTreeMap<&'static str, u64>,
    initializers: Vec<u64>,
    symbols: Vec<(u64, String)>,
    span: u64,
}

impl Library {
    /// Lays out the module whose bytes are given.
    pub(crate) fn new(
        module: &NativeModule,
        bytes: &[u8],
        sha256: Sha256,
        policy: &Policy,
    ) -> Result<Self, TooLarge> {
        let layout = Layout::of(module, policy)?;
        let mut contents = Contents::default();
        for segment in &module.segments {
            contents.write(segment.address, bytes.get(segment.file.clone()).unwrap_or_default());
        }
        contents.relocate(&module.relocations, &layout);
        contents.write(layout.gate_code, &gate_code(&layout));
        if let Some(at) = module.arena {
            let arena = [IMAGE_BASE + layout.arena.start, layout.arena.end - layout.arena.start];
            contents.write(at, arena.map(u64::to_le_bytes).as_flattened());
        }
        let NativeModule { exports, initializers, symbols, span, .. } = module.clone();
        Ok(Self { sha256, layout, contents, exports, initializers, symbols, span })
    }

    /// The hash of the module's bytes.
    pub(crate) fn sha256(&self) -> Sha256 {
        self.sha256
    }

    pub(crate) fn layout(&self) -> &Layout {
        &self.layout
    }

    /// What stands in an image that nobody has written to: pages of 4 KiB by their offsets, the
    /// rest zero.
    pub(crate) fn contents(&self) -> impl Iterator<Item = (u64, &[u8])> {
        self.contents.pages.iter().map(|(at, page)| (*at, page.as_slice()))
    }

    /// The functions that the call runs one after the other, as offsets in the image; none if the
    /// module does not have them.
    pub(crate) fn functions(&self, entry: Entry) -> Vec<u64> {
        let export = self.exports.get(entry.export());
        let before = if entry == Entry::Initialize { &*self.initializers } else { &[] };
        before.iter().chain(export).copied().collect()
    }

    /// Where in the module an instruction at that address of the process is; `None` if it is in none
    /// of it.
    pub(crate) fn frame(&self, instruction: u64) -> Option<Frame> {
        let offset = instruction.checked_sub(IMAGE_BASE).filter(|offset| *offset < self.span)?;
        let behind = self.symbols.partition_point(|(address, _)| *address <= offset);
        let symbol = behind.checked_sub(1).map(|at| &*self.symbols[at].1);
        let offset = offset as usize;
        Some(match symbol {
            Some(name) => Frame::named(name, Some(offset)),
            None => Frame { function: format!("code at {offset:#x}"), offset: Some(offset) },
        })
    }
}

/// The pages of 4 KiB in which something stands, by their offsets.
#[derive(Default)]
struct Contents {
    pages: BTreeMap<u64, Box<[u8; PAGE_BYTES as usize]>>,
}

impl Contents {
    fn write(&mut self, mut at: u64, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let within = at % PAGE_BYTES;
            let here = bytes.len().min((PAGE_BYTES - within) as usize);
            let (part, rest) = bytes.split_at(here);
            if part.iter().any(|byte| *byte != 0) || self.pages.contains_key(&(at - within)) {
                let page = self.pages.entry(at - within);
                let page = page.or_insert_with(|| Box::new([0; PAGE_BYTES as usize]));
                page[within as usize..][..here].copy_from_slice(part);
            }
            (at, bytes) = (at + here as u64, rest);
        }
    }

    fn relocate(&mut self, relocations: &[Relocation], layout: &Layout) {
        for Relocation { at, value } in relocations {
            let address = match *value {
                RelocationValue::Image(offset) => IMAGE_BASE + offset,
                RelocationValue::HostFunction(place) => layout.host_function(place),
            };
            self.write(*at, &address.to_le_bytes());
        }
    }
}

/// For each host function `jmp *slot(%rip)`, and traps up to the next.
fn gate_code(layout: &Layout) -> Vec<u8> {
    let mut code = Vec::new();
    for place in 0..HOST_FUNCTIONS.len() as u64 {
        let next = layout.gate_code + place * GATE_CODE + 6;
        let distance = (layout.gate + place * GATE_SLOT - next) as u32;
        code.extend_from_slice(&[0xff, 0x25]);
        code.extend_from_slice(&distance.to_le_bytes());
        code.resize((place + 1) as usize * GATE_CODE as usize, 0xcc);
    }
    code
}

#[cfg(test)]
pub(super) mod tests {
    use lattice_policies::admission::{NativeRights, NativeSegment};

    use super::*;

    /// Code in the first page, data in the second.
    pub(in crate::native) fn library() -> Library {
        let segment = |address, file, rights| NativeSegment { address, file, len: 4096, rights };
        let relocation = |at, value| Relocation { at, value };
        let module = NativeModule {
            segments: vec![
                segment(0, 0..4, NativeRights::Execute),
                segment(4096, 4..6, NativeRights::Write),
            ],
            relocations: vec![
                relocation(4096 + 16, RelocationValue::Image(2)),
                relocation(4096 + 24, RelocationValue::HostFunction(1)),
            ],
            exports: BTreeMap::from([(Entry::TICK, 2), ("_initialize", 3)]),
            initializers: vec![1, 0],
            arena: Some(4096 + 32),
            span: 8192,
            symbols: vec![(1, "one".into()), (2, "two".into())],
        };
        Library::new(&module, b"codeDA", Sha256::of(b"codeDA"), &Policy::default()).unwrap()
    }

    #[test]
    fn segments_relocations_arena_and_gate_stand_where_they_belong() {
        let library = library();
        let layout = &library.layout;
        let pages: BTreeMap<_, _> = library.contents().collect();
        let places: Vec<_> = pages.keys().copied().collect();
        assert_eq!(
            places,
            [0, 4096, layout.gate_code],
            "nothing stands in the stack and the arena"
        );
        let word = |at: usize| u64::from_le_bytes(pages[&4096][at..][..8].try_into().unwrap());
        assert_eq!((&pages[&0][..5], &pages[&4096][..3]), (&b"code\0"[..], &b"DA\0"[..]));
        assert_eq!(word(16), IMAGE_BASE + 2);
        assert_eq!(word(24), IMAGE_BASE + layout.gate_code + 16);
        assert_eq!(word(32), IMAGE_BASE + layout.arena.start);
        assert_eq!(word(40), layout.arena.end - layout.arena.start);
    }

    #[test]
    fn each_host_function_jumps_by_its_own_slot() {
        let library = library();
        let layout = &library.layout;
        let code = gate_code(layout);
        assert_eq!(code.len(), HOST_FUNCTIONS.len() * 16);
        for (place, jump) in (0..).zip(code.chunks(16)) {
            let distance = u32::from_le_bytes(jump[2..6].try_into().unwrap());
            let next = layout.gate_code + place * 16 + 6;
            assert_eq!((jump[0], jump[1], jump[15]), (0xff, 0x25, 0xcc));
            assert_eq!(next + u64::from(distance), layout.gate + place * 8);
        }
    }

    #[test]
    fn constructors_come_before_what_is_exported() {
        let library = library();
        assert_eq!(library.functions(Entry::Initialize), [1, 0, 3]);
        assert_eq!(library.functions(Entry::Tick(0)), [2]);
        assert_eq!(library.functions(Entry::Save), []);
    }

    #[test]
    fn an_instruction_is_in_the_function_that_begins_last_before_it() {
        let library = library();
        let name = |offset| library.frame(IMAGE_BASE + offset).map(|frame| frame.function);
        assert_eq!(name(1).as_deref(), Some("one"));
        assert_eq!(name(8191).as_deref(), Some("two"));
        assert_eq!(name(0).as_deref(), Some("code at 0x0"));
        assert_eq!((name(8192), library.frame(0), library.frame(u64::MAX)), (None, None, None));
    }
}
