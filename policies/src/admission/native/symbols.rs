//! Dynamic symbols: what the module imports and what it exports, by name. The only symbols that
//! count: relocations and exports are held to the same table, so what is not in it is nowhere.

use goblin::elf::{
    Sym, Symtab,
    dynamic::{DT_GNU_HASH, DT_HASH, DT_STRSZ, DT_STRTAB, DT_SYMENT, DT_SYMTAB},
    section_header::{SHN_LORESERVE, SHN_UNDEF},
    sym::{
        STB_LOCAL, STT_FUNC, STT_GNU_IFUNC, STT_NOTYPE, STT_TLS, STV_HIDDEN, STV_INTERNAL,
        sym64::SIZEOF_SYM,
    },
};

use super::{
    dynamic::Table,
    hash::{count_by_gnu_hash, count_by_hash},
    header::CONTEXT,
    hints::{NO_IFUNC, NO_THREADS, for_symbol, say},
    image::Image,
    strings::Strings,
};
use crate::{
    Policy,
    admission::{ReasonCode, findings::Findings, limits::hold},
    functions::HOST_FUNCTIONS,
};

/// What a relocation that names a symbol finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// The place of a host function in `HOST_FUNCTIONS`.
    HostFunction(usize),
    /// An address in the image.
    Address(u64),
    /// What no host function is, and nobody defines.
    Refused,
    /// Nothing that has an address.
    Nothing,
}

/// A symbol that others can link to.
pub(super) struct Definition<'a> {
    /// As far as a known one could be as long.
    pub(super) name: &'a [u8],
    pub(super) kind: u8,
    pub(super) address: u64,
    pub(super) size: u64,
}

#[derive(Default)]
pub(super) struct Symbols<'a> {
    pub(super) strings: Strings<'a>,
    /// Of each symbol.
    pub(super) meanings: Vec<Meaning>,
    pub(super) definitions: Vec<Definition<'a>>,
    /// The host functions that are imported, each once, in order of appearance.
    pub(super) imports: Vec<String>,
    /// Whether all were read, so that what is not there is missing.
    pub(super) whole: bool,
}

impl<'a> Symbols<'a> {
    /// Reads all of them, and refuses those that are not there for a sim.
    pub(super) fn read(
        image: &Image<'a>,
        table: &Table,
        policy: &Policy,
        findings: &mut Findings,
    ) -> Self {
        let strings = table.bytes(image, (DT_STRTAB, DT_STRSZ), "names", findings);
        let strings = Strings::new(strings.unwrap_or_default(), policy.admission.name_bytes);
        let mut symbols = Self { strings, ..Self::default() };
        let Some(listed) = list(image, table, policy, findings) else { return symbols };
        symbols.whole = true;
        for (index, symbol) in listed.iter().enumerate() {
            // The first stands for none.
            let meaning =
                if index == 0 { Meaning::Nothing } else { symbols.take(&symbol, findings) };
            symbols.meanings.push(meaning);
        }
        let undefined = listed.iter().skip(1).filter(is_undefined).count() as u64;
        hold(findings, ReasonCode::LimitImports, "imports", undefined, policy.admission.imports);
        symbols
    }

    fn take(&mut self, symbol: &Sym, findings: &mut Findings) -> Meaning {
        let Some(name) = self.strings.get(symbol.st_name as u64) else {
            findings.malformed("a symbol's name does not lie among its names", None);
            return Meaning::Nothing;
        };
        refuse_kind(symbol, name, findings);
        if is_undefined(symbol) {
            return self.import(symbol, name, findings);
        }
        if symbol.st_shndx >= SHN_LORESERVE as usize {
            return Meaning::Nothing;
        }
        if is_for_others(symbol) {
            let Sym { st_value: address, st_size: size, .. } = *symbol;
            let kind = symbol.st_type();
            self.definitions.push(Definition { name, kind, address, size });
        }
        Meaning::Address(symbol.st_value)
    }

    /// A weak one is no exception: the host grants it, or it is refused.
    fn import(&mut self, symbol: &Sym, name: &[u8], findings: &mut Findings) -> Meaning {
        let shown = String::from_utf8_lossy(name);
        let granted = HOST_FUNCTIONS.iter().position(|function| function.name.as_bytes() == name);
        let Some(place) = granted else {
            let hint = || for_symbol(&shown);
            findings.refuse_with_hint(ReasonCode::ImportNotAllowed, &shown, hint);
            return Meaning::Refused;
        };
        if !matches!(symbol.st_type(), STT_NOTYPE | STT_FUNC) {
            let detail = format_args!("{shown} is not meant as a function, and is one");
            findings.refuse(ReasonCode::ImportKind, detail);
        }
        if !self.imports.iter().any(|import| **import == *shown) {
            self.imports.push(shown.into_owned());
        }
        Meaning::HostFunction(place)
    }
}

fn is_undefined(symbol: &Sym) -> bool {
    symbol.st_shndx == SHN_UNDEF as usize
}

fn is_for_others(symbol: &Sym) -> bool {
    let is_hidden = matches!(symbol.st_visibility(), STV_HIDDEN | STV_INTERNAL);
    symbol.st_bind() != STB_LOCAL && !is_hidden
}

fn refuse_kind(symbol: &Sym, name: &[u8], findings: &mut Findings) {
    let shown = String::from_utf8_lossy(name);
    match symbol.st_type() {
        STT_TLS => {
            let detail = format_args!("{shown} is thread-local");
            findings.refuse_with_hint(ReasonCode::ElfTls, detail, say(NO_THREADS));
        }
        STT_GNU_IFUNC => {
            let detail = format_args!("{shown} is picked when it is loaded");
            findings.refuse_with_hint(ReasonCode::ElfIfunc, detail, say(NO_IFUNC));
        }
        _ => {}
    }
}

/// The symbols, if there are no more than there may be.
///
/// Nothing says how many there are but the tables by which they are found. Where such a table lies,
/// what it leaves out is not there: no relocation can name it, and no export is it.
fn list<'a>(
    image: &Image<'a>,
    table: &Table,
    policy: &Policy,
    findings: &mut Findings,
) -> Option<Symtab<'a>> {
    let by_hash = |address| count_by_hash(image, address);
    let by_gnu_hash = |address| count_by_gnu_hash(image, address);
    let hash = table.get(DT_HASH).map(by_hash);
    let count = hash.or_else(|| table.get(DT_GNU_HASH).map(by_gnu_hash)).flatten();
    let size = SIZEOF_SYM as u64;
    let listed = count.and_then(|count| {
        let is_sound = table.get(DT_SYMENT).is_none_or(|entry| entry == size);
        let bytes = image.bytes(table.get(DT_SYMTAB)?, count.checked_mul(size)?);
        Symtab::parse(bytes.filter(|_| is_sound)?, 0, count as usize, CONTEXT).ok()
    });
    let Some(listed) = listed else {
        let detail = "its symbols, or the DT_HASH or DT_GNU_HASH that counts them, can't be read";
        findings.malformed(detail, None);
        return None;
    };
    let (count, most) = (listed.len() as u64, policy.native.symbols);
    hold(findings, ReasonCode::LimitSymbols, "dynamic symbols", count, most);
    (count <= most.into()).then_some(listed)
}
