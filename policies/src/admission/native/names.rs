//! Functions' names, for telling where a fault was. They are a debugger's (`.symtab`, found by section
//! headers that nothing else goes by), or the dynamic symbols' where the module was stripped. Nothing
//! depends on them, so what can't be read is passed over.

use goblin::{
    elf::{
        SectionHeader, Sym, Symtab,
        section_header::{SHN_UNDEF, SHT_SYMTAB, section_header64::SIZEOF_SHDR},
        sym::{STT_FUNC, sym64::SIZEOF_SYM},
    },
    elf64::header::Header,
};

use super::{header::CONTEXT, image::Image, strings::Strings, symbols::Symbols};
use crate::{Policy, escape::guest_text};

/// Addresses and names, ascending by address; of several names for one address the first.
pub(super) fn read(
    image: &Image<'_>,
    header: &Header,
    symbols: &Symbols<'_>,
    policy: &Policy,
) -> Vec<(u64, String)> {
    let name_bytes = policy.admission.name_bytes;
    let listed = debug_names(image, header, name_bytes).unwrap_or_else(|| exported(symbols));
    let functions = listed.filter(|(address, name)| !name.is_empty() && image.is_code(*address));
    let shown = |name: &[u8]| guest_text(name, name_bytes as usize);
    let kept = functions.take(policy.native.names as usize);
    let mut names: Vec<_> = kept.map(|(address, name)| (address, shown(name))).collect();
    names.sort_by_key(|(address, _)| *address);
    names.dedup_by_key(|(address, _)| *address);
    names
}

type Names<'n, 'a> = Box<dyn Iterator<Item = (u64, &'a [u8])> + 'n>;

fn exported<'n, 'a: 'n>(symbols: &'n Symbols<'a>) -> Names<'n, 'a> {
    let functions = symbols.definitions.iter().filter(|it| it.kind == STT_FUNC);
    Box::new(functions.map(|it| (it.address, it.name)))
}

/// The names of `.symtab`; `None` without one that can be read.
fn debug_names<'n, 'a: 'n>(
    image: &Image<'a>,
    header: &Header,
    name_bytes: u32,
) -> Option<Names<'n, 'a>> {
    let sections = sections(image, header)?;
    let symtab = sections.iter().find(|section| section.sh_type == SHT_SYMTAB)?;
    let strtab = sections.get(symtab.sh_link as usize)?;
    let contents = |section: &SectionHeader| {
        image.file.table(section.sh_offset, usize::try_from(section.sh_size).ok()?, 1)
    };
    let strings = Strings::new(contents(strtab)?, name_bytes);
    let bytes = contents(symtab)?;
    let symbols = Symtab::parse(bytes, 0, bytes.len() / SIZEOF_SYM, CONTEXT).ok()?;
    let names = symbols.iter().collect::<Vec<Sym>>().into_iter().filter(is_function);
    Some(Box::new(
        names
            .filter_map(move |symbol| Some((symbol.st_value, strings.get(symbol.st_name as u64)?))),
    ))
}

fn sections(image: &Image<'_>, header: &Header) -> Option<Vec<SectionHeader>> {
    let count = usize::from(header.e_shnum);
    let bytes = image.file.table(header.e_shoff, count, SIZEOF_SHDR)?;
    if count == 0 || usize::from(header.e_shentsize) != SIZEOF_SHDR {
        return None;
    }
    SectionHeader::parse_from(bytes, 0, count, CONTEXT).ok()
}

fn is_function(symbol: &Sym) -> bool {
    symbol.st_type() == STT_FUNC && symbol.st_shndx != SHN_UNDEF as usize
}
