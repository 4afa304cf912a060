//! Relocations: which words a loader sets, and to what. Each is one word of 8 bytes in what can be
//! written until it is relocated, and is set once, to an address of the image or of a host function.

use goblin::elf::{
    Reloc, RelocSection,
    dynamic::{DT_JMPREL, DT_PLTREL, DT_PLTRELSZ, DT_RELA, DT_RELAENT, DT_RELASZ},
    header::EM_X86_64,
    reloc::{
        R_X86_64_64, R_X86_64_DTPMOD64, R_X86_64_DTPOFF64, R_X86_64_GLOB_DAT, R_X86_64_IRELATIVE,
        R_X86_64_JUMP_SLOT, R_X86_64_NONE, R_X86_64_RELATIVE, R_X86_64_TLSDESC, R_X86_64_TPOFF64,
        r_to_str, reloc64::SIZEOF_RELA,
    },
};

use super::{
    dynamic::Table,
    header::CONTEXT,
    hints::{NO_IFUNC, NO_THREADS, PLAIN_RELOCATIONS, POSITION_INDEPENDENT, say},
    image::Image,
    module::{NativeRights, Relocation, RelocationValue},
    symbols::{Meaning, Symbols},
};
use crate::{
    Policy,
    admission::{ReasonCode, findings::Findings, limits::hold},
};

/// A word that is set.
const WORD: u64 = 8;

/// All of them, in the order of their places.
pub(super) fn read(
    image: &Image<'_>,
    table: &Table,
    symbols: &Symbols<'_>,
    policy: &Policy,
    findings: &mut Findings,
) -> Vec<Relocation> {
    check_entries(table, findings);
    let tables =
        [((DT_RELA, DT_RELASZ), "relocations"), ((DT_JMPREL, DT_PLTRELSZ), "PLT relocations")];
    let listed = tables.map(|(range, what)| list(image, table, range, what, findings));
    let count = listed.iter().map(RelocSection::len).sum::<usize>() as u64;
    let most = policy.native.relocations;
    hold(findings, ReasonCode::LimitRelocations, "relocations", count, most);
    if count > most.into() {
        return Vec::new();
    }
    let resolver = Resolver { image, symbols };
    let all = listed.iter().flatten();
    let mut relocations: Vec<_> = all.filter_map(|it| resolver.resolve(&it, findings)).collect();
    relocations.sort_by_key(|relocation| relocation.at);
    check_overlaps(&relocations, findings);
    relocations
}

/// What the word at that place is set to.
pub(super) fn value_at(relocations: &[Relocation], at: u64) -> Option<RelocationValue> {
    let place = relocations.binary_search_by_key(&at, |relocation| relocation.at).ok()?;
    Some(relocations[place].value)
}

/// The tables have the one form that there is for x86-64.
fn check_entries(table: &Table, findings: &mut Findings) {
    let is = |tag, value| table.get(tag).is_none_or(|found| found == value);
    if !is(DT_PLTREL, DT_RELA) || !is(DT_RELAENT, SIZEOF_RELA as u64) {
        let detail = "relocations of another form than x86-64 has (DT_PLTREL, DT_RELAENT)";
        findings.refuse_with_hint(ReasonCode::ElfRelocation, detail, say(PLAIN_RELOCATIONS));
    }
}

fn list<'a>(
    image: &Image<'a>,
    table: &Table,
    range: (u64, u64),
    what: &str,
    findings: &mut Findings,
) -> RelocSection<'a> {
    let bytes = table.bytes(image, range, what, findings).unwrap_or_default();
    if !bytes.len().is_multiple_of(SIZEOF_RELA) {
        findings.malformed(format_args!("its {what} end within one"), None);
    }
    RelocSection::parse(bytes, 0, bytes.len(), true, CONTEXT).unwrap_or_default()
}

fn check_overlaps(relocations: &[Relocation], findings: &mut Findings) {
    for pair in relocations.windows(2).filter(|pair| pair[1].at - pair[0].at < WORD) {
        let detail = format_args!("the word at {:#x} is relocated more than once", pair[1].at);
        findings.refuse(ReasonCode::ElfRelocation, detail);
    }
}

struct Resolver<'r, 'a> {
    image: &'r Image<'a>,
    symbols: &'r Symbols<'a>,
}

impl Resolver<'_, '_> {
    fn resolve(&self, found: &Reloc, findings: &mut Findings) -> Option<Relocation> {
        if found.r_type == R_X86_64_NONE {
            return None;
        }
        self.check_place(found, findings);
        let at = found.r_offset;
        let addend = found.r_addend.unwrap_or_default();
        let value = match found.r_type {
            R_X86_64_RELATIVE => self.address(found, 0, addend, findings),
            R_X86_64_64 => self.of_symbol(found, addend, findings),
            // By the processor's ABI, these have no addend.
            R_X86_64_GLOB_DAT | R_X86_64_JUMP_SLOT => self.of_symbol(found, 0, findings),
            _ => refuse_kind(found, findings),
        };
        Some(Relocation { at, value: value? })
    }

    fn check_place(&self, found: &Reloc, findings: &mut Findings) {
        let rights = self.image.load_of(found.r_offset, WORD).map(|load| load.rights);
        if rights == Some(NativeRights::Write) {
            return;
        }
        let shown = Shown(found);
        if rights.is_some() {
            let detail = format_args!("{shown} is of what is never written");
            findings.refuse_with_hint(ReasonCode::ElfTextrel, detail, say(POSITION_INDEPENDENT));
        } else {
            let detail = format_args!("{shown} lies in no segment");
            findings.refuse(ReasonCode::ElfRelocation, detail);
        }
    }

    fn of_symbol(
        &self,
        found: &Reloc,
        addend: i64,
        findings: &mut Findings,
    ) -> Option<RelocationValue> {
        let named = self.symbols.meanings.get(found.r_sym);
        match named.copied().unwrap_or(Meaning::Nothing) {
            Meaning::Address(base) => self.address(found, base, addend, findings),
            Meaning::HostFunction(place) if addend == 0 => {
                Some(RelocationValue::HostFunction(place))
            }
            Meaning::HostFunction(_) => {
                let detail = format_args!("{} is of a place within a host function", Shown(found));
                findings.refuse(ReasonCode::ElfRelocation, detail);
                None
            }
            Meaning::Refused => None,
            Meaning::Nothing => {
                if self.symbols.whole {
                    let detail = format_args!("{} names no symbol with an address", Shown(found));
                    findings.refuse(ReasonCode::ElfRelocation, detail);
                }
                None
            }
        }
    }

    /// The end of the image is a place too: that of an array may be there.
    fn address(
        &self,
        found: &Reloc,
        base: u64,
        addend: i64,
        findings: &mut Findings,
    ) -> Option<RelocationValue> {
        let address = base.checked_add_signed(addend);
        let inside = address.filter(|address| *address <= self.image.span());
        if inside.is_none() {
            let detail = format_args!("{} points outside the module", Shown(found));
            findings.refuse(ReasonCode::ElfRelocation, detail);
        }
        inside.map(RelocationValue::Image)
    }
}

fn refuse_kind(found: &Reloc, findings: &mut Findings) -> Option<RelocationValue> {
    use ReasonCode::{ElfIfunc, ElfRelocation, ElfTls};
    let (code, hint) = match found.r_type {
        R_X86_64_IRELATIVE => (ElfIfunc, NO_IFUNC),
        R_X86_64_DTPMOD64 | R_X86_64_DTPOFF64 | R_X86_64_TPOFF64 | R_X86_64_TLSDESC => {
            (ElfTls, NO_THREADS)
        }
        _ => (ElfRelocation, POSITION_INDEPENDENT),
    };
    let detail = format_args!("{} is of a kind that there is not for a sim", Shown(found));
    findings.refuse_with_hint(code, detail, say(hint));
    None
}

/// The relocation's kind and place.
struct Shown<'r>(&'r Reloc);

impl std::fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Reloc { r_type, r_offset, .. } = *self.0;
        let name = r_to_str(r_type, EM_X86_64);
        write!(f, "the relocation of {r_offset:#x}, of kind {r_type} ({name}),")
    }
}
