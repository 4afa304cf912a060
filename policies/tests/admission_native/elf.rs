//! A small shared object in parts, each of which can be wrong by itself. The default one is admitted.

use goblin::elf::{
    dynamic::{
        DT_GNU_HASH, DT_HASH, DT_INIT_ARRAY, DT_INIT_ARRAYSZ, DT_JMPREL, DT_NULL, DT_PLTREL,
        DT_PLTRELSZ, DT_RELA, DT_RELAENT, DT_RELASZ, DT_STRSZ, DT_STRTAB, DT_SYMENT, DT_SYMTAB,
    },
    header::{EM_X86_64, ET_DYN},
    program_header::{PF_R, PF_W, PF_X, PT_DYNAMIC, PT_GNU_RELRO, PT_GNU_STACK, PT_LOAD},
    reloc::{R_X86_64_64, R_X86_64_GLOB_DAT, R_X86_64_JUMP_SLOT, R_X86_64_RELATIVE},
    sym::{STB_GLOBAL, STT_FUNC, STT_NOTYPE, STT_OBJECT},
};

pub(crate) const HEADERS_AT: u64 = 0x40;
pub(crate) const SYMBOLS_AT: u64 = 0x400;
pub(crate) const STRINGS_AT: u64 = 0x800;
pub(crate) const HASH_AT: u64 = 0xa00;
pub(crate) const RELA_AT: u64 = 0xb00;
pub(crate) const PLT_AT: u64 = 0xf00;
pub(crate) const CODE: u64 = 0x1000;
pub(crate) const DYNAMIC_AT: u64 = 0x2000;
pub(crate) const INIT_ARRAY: u64 = 0x2800;
pub(crate) const GOT: u64 = 0x2810;
pub(crate) const DATA: u64 = 0x3000;
pub(crate) const ARENA: u64 = 0x3010;
pub(crate) const BSS: u64 = 0x3020;
/// Where the default one's last page ends.
pub(crate) const SPAN: u64 = 0x4000;

#[derive(Debug, Clone)]
pub(crate) struct Elf {
    /// The class, the byte order, the version, the kind and the machine.
    pub ident: (u8, u8),
    pub version: u32,
    pub kind: u16,
    pub machine: u16,
    /// Read-only, code, data, relro, dynamic, stack.
    pub segments: Vec<Segment>,
    pub symbols: Vec<Symbol>,
    pub relocations: Vec<Rela>,
    pub plt: Vec<Rela>,
    /// Instead of the dynamic table's entry of that tag, or further ones.
    pub entries: Vec<(u64, u64)>,
    /// Entries that are not there.
    pub without: Vec<u64>,
    /// Entries that are there once more.
    pub twice: Vec<(u64, u64)>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Segment {
    pub kind: u32,
    pub flags: u32,
    pub offset: u64,
    pub address: u64,
    pub file_len: u64,
    pub len: u64,
}

#[derive(Debug, Clone)]
pub(crate) struct Symbol {
    pub name: String,
    pub kind: u8,
    pub binding: u8,
    pub visibility: u8,
    pub section: u16,
    pub value: u64,
    pub size: u64,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Rela {
    pub at: u64,
    pub kind: u32,
    pub symbol: u32,
    pub addend: i64,
}

pub(crate) fn segment(kind: u32, flags: u32, at: u64, file_len: u64, len: u64) -> Segment {
    Segment { kind, flags, offset: at, address: at, file_len, len }
}

pub(crate) fn defined(name: &str, kind: u8, value: u64, size: u64) -> Symbol {
    let name = name.to_owned();
    Symbol { name, kind, binding: STB_GLOBAL, visibility: 0, section: 1, value, size }
}

pub(crate) fn undefined(name: &str) -> Symbol {
    Symbol { section: 0, ..defined(name, STT_NOTYPE, 0, 0) }
}

pub(crate) fn rela(at: u64, kind: u32, symbol: u32, addend: i64) -> Rela {
    Rela { at, kind, symbol, addend }
}

impl Default for Elf {
    fn default() -> Self {
        let symbols = vec![
            Symbol { binding: 0, ..undefined("") },
            undefined("lattice_ms_log"),
            undefined("lattice_ms_send"),
            defined("lattice_abi_v1", STT_FUNC, CODE, 1),
            defined("lattice_sim_init", STT_FUNC, CODE + 0x10, 8),
            defined("lattice_sim_tick", STT_FUNC, CODE + 0x20, 8),
            defined("lattice_arena", STT_OBJECT, ARENA, 16),
        ];
        let segments = vec![
            segment(PT_LOAD, PF_R, 0, 0x1000, 0x1000),
            segment(PT_LOAD, PF_R | PF_X, CODE, 0x100, 0x100),
            segment(PT_LOAD, PF_R | PF_W, DYNAMIC_AT, BSS - DYNAMIC_AT, 0x1100),
            segment(PT_GNU_RELRO, PF_R, DYNAMIC_AT, 0x1000, 0x1000),
            segment(PT_DYNAMIC, PF_R | PF_W, DYNAMIC_AT, 0x800, 0x800),
            segment(PT_GNU_STACK, PF_R | PF_W, 0, 0, 0),
        ];
        Self {
            ident: (2, 1),
            version: 1,
            kind: ET_DYN,
            machine: EM_X86_64,
            segments,
            symbols,
            relocations: vec![
                rela(INIT_ARRAY, R_X86_64_RELATIVE, 0, CODE as i64 + 0x30),
                rela(DATA, R_X86_64_64, 1, 0),
                rela(GOT, R_X86_64_GLOB_DAT, 6, 0),
            ],
            plt: vec![rela(GOT + 8, R_X86_64_JUMP_SLOT, 2, 0)],
            entries: Vec::new(),
            without: vec![DT_HASH],
            twice: Vec::new(),
        }
    }
}

impl Elf {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![0; BSS as usize];
        let mut put = |at: u64, part: &[u8]| {
            bytes[at as usize..at as usize + part.len()].copy_from_slice(part);
        };
        put(0, &self.header());
        put(HEADERS_AT, &self.segments.iter().flat_map(Segment::bytes).collect::<Vec<u8>>());
        let (symbols, strings) = self.symbol_table();
        put(SYMBOLS_AT, &symbols);
        put(STRINGS_AT, &strings);
        put(HASH_AT, &self.hashes());
        put(RELA_AT, &table(&self.relocations));
        put(PLT_AT, &table(&self.plt));
        put(DYNAMIC_AT, &self.dynamic(strings.len()));
        bytes
    }

    fn header(&self) -> Vec<u8> {
        let mut header = b"\x7fELF".to_vec();
        header.extend([self.ident.0, self.ident.1, 1]);
        header.resize(16, 0);
        header.extend(self.kind.to_le_bytes());
        header.extend(self.machine.to_le_bytes());
        header.extend(self.version.to_le_bytes());
        // No entry, the program headers, no section headers, no flags.
        header.extend([0, HEADERS_AT, 0].iter().flat_map(|word: &u64| word.to_le_bytes()));
        header.extend(0_u32.to_le_bytes());
        let counts = [64, 56, self.segments.len() as u16, 64, 0, 0];
        header.extend(counts.iter().flat_map(|count: &u16| count.to_le_bytes()));
        header
    }

    fn symbol_table(&self) -> (Vec<u8>, Vec<u8>) {
        let (mut symbols, mut strings) = (Vec::new(), Vec::new());
        for symbol in &self.symbols {
            symbols.extend((strings.len() as u32).to_le_bytes());
            symbols.extend([symbol.binding << 4 | symbol.kind, symbol.visibility]);
            symbols.extend(symbol.section.to_le_bytes());
            symbols.extend([symbol.value, symbol.size].iter().flat_map(|word| word.to_le_bytes()));
            strings.extend(symbol.name.bytes().chain([0]));
        }
        (symbols, strings)
    }

    /// A GNU hash table with one bucket, and behind it a plain one of which only the count is right.
    fn hashes(&self) -> Vec<u8> {
        let first =
            self.symbols.iter().skip(1).take_while(|symbol| symbol.section == 0).count() + 1;
        let last = self.symbols.len();
        let mut words = vec![1, first as u32, 1, 0, 0, 0, first as u32];
        words.extend((first..last).map(|index| u32::from(index + 1 == last)));
        words.resize(SYSV_HASH as usize / 4, 0);
        words.extend([0, last as u32]);
        words.iter().flat_map(|word| word.to_le_bytes()).collect()
    }

    fn dynamic(&self, strings: usize) -> Vec<u8> {
        let len = |relocations: &[Rela]| 24 * relocations.len() as u64;
        let mut entries = vec![
            (DT_SYMTAB, SYMBOLS_AT),
            (DT_SYMENT, 24),
            (DT_STRTAB, STRINGS_AT),
            (DT_STRSZ, strings as u64),
            (DT_GNU_HASH, HASH_AT),
            (DT_HASH, HASH_AT + SYSV_HASH),
            (DT_RELA, RELA_AT),
            (DT_RELASZ, len(&self.relocations)),
            (DT_RELAENT, 24),
            (DT_JMPREL, PLT_AT),
            (DT_PLTRELSZ, len(&self.plt)),
            (DT_PLTREL, DT_RELA),
            (DT_INIT_ARRAY, INIT_ARRAY),
            (DT_INIT_ARRAYSZ, 8),
        ];
        entries.retain(|(tag, _)| !self.without.contains(tag));
        for (tag, value) in &self.entries {
            entries.retain(|(other, _)| other != tag);
            entries.push((*tag, *value));
        }
        entries.extend(&self.twice);
        entries.push((DT_NULL, 0));
        entries
            .iter()
            .flat_map(|(tag, value)| [tag.to_le_bytes(), value.to_le_bytes()].concat())
            .collect()
    }
}

/// From the one hash table to the other.
const SYSV_HASH: u64 = 0xe0;

impl Segment {
    fn bytes(&self) -> Vec<u8> {
        let Self { kind, flags, offset, address, file_len, len } = *self;
        let words = [offset, address, address, file_len, len, 0x1000];
        let numbers = [kind, flags].into_iter().flat_map(u32::to_le_bytes);
        numbers.chain(words.into_iter().flat_map(u64::to_le_bytes)).collect()
    }
}

fn table(relocations: &[Rela]) -> Vec<u8> {
    let words =
        |it: &Rela| [it.at, u64::from(it.symbol) << 32 | u64::from(it.kind), it.addend as u64];
    relocations.iter().flat_map(words).flat_map(u64::to_le_bytes).collect()
}
