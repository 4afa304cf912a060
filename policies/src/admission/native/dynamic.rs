//! The dynamic table: where the module's tables are, and what it may not ask of a loader. Entries
//! that only concern other loaders are passed over.

use std::{collections::BTreeMap, ops::Range};

use goblin::elf::{
    Dynamic, ProgramHeader,
    dynamic::{
        DF_STATIC_TLS, DF_TEXTREL, DT_FLAGS, DT_GNU_HASH, DT_HASH, DT_INIT, DT_INIT_ARRAY,
        DT_INIT_ARRAYSZ, DT_JMPREL, DT_NEEDED, DT_NULL, DT_PLTREL, DT_PLTRELSZ, DT_PREINIT_ARRAY,
        DT_REL, DT_RELA, DT_RELAENT, DT_RELASZ, DT_RELSZ, DT_STRSZ, DT_STRTAB, DT_SYMENT,
        DT_SYMTAB, DT_TEXTREL,
    },
    program_header::PT_DYNAMIC,
};

use super::{
    header::CONTEXT,
    hints::{INIT_ARRAY, NO_LIBRARY, NO_THREADS, PLAIN_RELOCATIONS, POSITION_INDEPENDENT, say},
    image::Image,
    strings::Strings,
};
use crate::admission::{ReasonCode, findings::Findings};

/// Packed relative relocations: `DT_RELR` of the generic ABI, and Android's forms of it.
const PACKED: [u64; 4] = [36, 0x6fff_e000, 0x6000_000f, 0x6000_0011];
/// What is read of a table, each at most once.
const READ: [u64; 15] = [
    DT_FLAGS,
    DT_GNU_HASH,
    DT_HASH,
    DT_INIT_ARRAY,
    DT_INIT_ARRAYSZ,
    DT_JMPREL,
    DT_PLTREL,
    DT_PLTRELSZ,
    DT_RELA,
    DT_RELAENT,
    DT_RELASZ,
    DT_STRSZ,
    DT_STRTAB,
    DT_SYMENT,
    DT_SYMTAB,
];

/// The table's entries.
#[derive(Default)]
pub(super) struct Table {
    values: BTreeMap<u64, u64>,
    /// Where in the string table the names of the libraries are.
    needed: Vec<u64>,
    /// The others, as far as they are refused.
    refused: Vec<u64>,
}

impl Table {
    /// The entries up to the one that ends the table.
    pub(super) fn read(image: &Image<'_>, range: Range<u64>, findings: &mut Findings) -> Self {
        let entries = entries(image, range);
        if entries.is_none() {
            findings.malformed("its dynamic table lies in no segment, or has no end", None);
        }
        let mut table = Self::default();
        for (tag, value) in entries.unwrap_or_default() {
            table.take(tag, value, findings);
        }
        table
    }

    pub(super) fn get(&self, tag: u64) -> Option<u64> {
        self.values.get(&tag).copied()
    }

    /// The bytes between an address and so many further, if both entries are there. `None` if there
    /// are none, and nothing is wrong with that.
    pub(super) fn bytes<'a>(
        &self,
        image: &Image<'a>,
        (address, len): (u64, u64),
        what: &str,
        findings: &mut Findings,
    ) -> Option<&'a [u8]> {
        let len = self.get(len).filter(|len| *len > 0)?;
        let bytes = self.get(address).and_then(|address| image.bytes(address, len));
        if bytes.is_none() {
            findings.malformed(format_args!("its {what} do not lie in one segment"), None);
        }
        bytes
    }

    fn take(&mut self, tag: u64, value: u64, findings: &mut Findings) {
        if READ.contains(&tag) {
            if self.values.insert(tag, value).is_some() {
                findings.malformed(format_args!("two entries {tag:#x} in its dynamic table"), None);
            }
        } else if tag == DT_NEEDED {
            self.needed.push(value);
        } else {
            self.refused.push(tag);
        }
    }

    /// Refuses what it asks for that no module may.
    pub(super) fn check(&self, names: &Strings<'_>, findings: &mut Findings) {
        for at in &self.needed {
            let name = String::from_utf8_lossy(names.get(*at).unwrap_or(b"a library"));
            findings.refuse_with_hint(ReasonCode::ElfNeeded, name, say(NO_LIBRARY));
        }
        for tag in &self.refused {
            refuse_tag(*tag, findings);
        }
        let flags = self.get(DT_FLAGS).unwrap_or_default();
        if flags & DF_TEXTREL != 0 {
            refuse_tag(DT_TEXTREL, findings);
        }
        if flags & DF_STATIC_TLS != 0 {
            let detail = "it is marked as having thread-local storage";
            findings.refuse_with_hint(ReasonCode::ElfTls, detail, say(NO_THREADS));
        }
    }
}

/// Tags and values; `None` if they do not lie in a segment or do not end.
fn entries(image: &Image<'_>, range: Range<u64>) -> Option<Vec<(u64, u64)>> {
    let bytes = image.bytes(range.start, range.end - range.start)?;
    let whole = ProgramHeader {
        p_type: PT_DYNAMIC,
        p_offset: 0,
        p_filesz: bytes.len() as u64,
        ..ProgramHeader::new()
    };
    let table = Dynamic::parse(bytes, &[whole], CONTEXT).ok()??;
    let entries: Vec<_> = table.dyns.iter().map(|entry| (entry.d_tag, entry.d_val)).collect();
    entries.last().is_some_and(|(tag, _)| *tag == DT_NULL).then_some(entries)
}

fn refuse_tag(tag: u64, findings: &mut Findings) {
    let (code, detail, hint) = match tag {
        DT_TEXTREL => {
            (ReasonCode::ElfTextrel, "its code is relocated (DT_TEXTREL)", POSITION_INDEPENDENT)
        }
        DT_INIT => (ReasonCode::ElfConstructors, "a DT_INIT function", INIT_ARRAY),
        DT_PREINIT_ARRAY => (ReasonCode::ElfConstructors, "a DT_PREINIT_ARRAY", INIT_ARRAY),
        DT_REL | DT_RELSZ => {
            (ReasonCode::ElfRelocation, "relocations without addends (DT_REL)", PLAIN_RELOCATIONS)
        }
        tag if PACKED.contains(&tag) => {
            (ReasonCode::ElfRelocation, "packed relocations (DT_RELR)", PLAIN_RELOCATIONS)
        }
        _ => return,
    };
    findings.refuse_with_hint(code, detail, say(hint));
}
