//! The first bytes of an upload: whether it is a shared object for this machine, and what it is
//! instead; and the program headers, which are all that a loader goes by.

use goblin::{
    container::{Container, Ctx, Endian},
    elf::{
        ProgramHeader,
        header::{
            EI_CLASS, EI_DATA, ELFCLASS64, ELFDATA2LSB, ELFMAG, EM_X86_64, ET_DYN, ET_EXEC, ET_REL,
            EV_CURRENT, et_to_str, machine_to_str,
        },
    },
    elf64::header::{Header, SIZEOF_EHDR},
};

use super::{
    file::File,
    hints::{COMPILE_FOR_IT, LINK_THE_OBJECT, NO_PROGRAM, say},
};
use crate::admission::{ReasonCode, findings::Findings};

/// 64 bits, little-endian.
pub(super) const CONTEXT: Ctx = Ctx { container: Container::Big, le: Endian::Little };

/// The file's header and its program headers, if it is worth reading on.
pub(super) fn read(
    file: &File<'_>,
    findings: &mut Findings,
) -> Option<(Header, Vec<ProgramHeader>)> {
    let header = read_header(file, findings)?;
    let headers = read_program_headers(file, &header);
    if headers.is_none() {
        findings.malformed("its program headers do not lie in the file", None);
    }
    Some((header, headers?))
}

fn read_header(file: &File<'_>, findings: &mut Findings) -> Option<Header> {
    let magic = file.get(0..file.len().min(ELFMAG.len()))?;
    if magic != ELFMAG {
        let detail = "does not begin with the bytes 7f 45 4c 46, as a shared object does";
        findings.malformed(detail, what_else(magic));
        return None;
    }
    let header = file.get(0..SIZEOF_EHDR).and_then(|bytes| Header::parse(bytes).ok());
    let Some(header) = header else {
        findings.malformed("ends within its header, or has one of no byte order", None);
        return None;
    };
    is_for_this_machine(&header, findings).then_some(header)
}

/// Where another class or byte order makes the rest unreadable, the machine and the kind are at the
/// same place still.
fn is_for_this_machine(header: &Header, findings: &mut Findings) -> bool {
    let (class, order) = (header.e_ident[EI_CLASS], header.e_ident[EI_DATA]);
    let is_readable = class == ELFCLASS64 && order == ELFDATA2LSB;
    if !is_readable {
        let detail = "not of 64 bits and little-endian, as x86-64 is";
        findings.refuse_with_hint(ReasonCode::ElfClass, detail, say(COMPILE_FOR_IT));
    }
    let is_known = header.e_version == u32::from(EV_CURRENT);
    if is_readable && !is_known {
        findings.malformed(format_args!("ELF version {}", header.e_version), None);
    }
    if header.e_machine != EM_X86_64 {
        let (name, number) = (machine_to_str(header.e_machine), header.e_machine);
        let detail = format_args!("for machine {number} ({name}), and must be for x86-64");
        findings.refuse_with_hint(ReasonCode::ElfMachine, detail, say(COMPILE_FOR_IT));
    }
    if header.e_type != ET_DYN {
        let kind = et_to_str(header.e_type);
        let detail = format_args!("of kind {kind}, and must be a shared object (DYN)");
        findings.refuse_with_hint(ReasonCode::ElfKind, detail, || for_kind(header.e_type));
    }
    is_readable && is_known && matches!(header.e_type, ET_DYN | ET_EXEC)
}

fn read_program_headers(file: &File<'_>, header: &Header) -> Option<Vec<ProgramHeader>> {
    let count = usize::from(header.e_phnum);
    let size = ProgramHeader::size(CONTEXT);
    let table = file.table(header.e_phoff, count, size)?;
    if usize::from(header.e_phentsize) != size {
        return None;
    }
    ProgramHeader::parse(table, 0, count, CONTEXT).ok()
}

fn for_kind(kind: u16) -> Option<String> {
    let hint = match kind {
        ET_REL => LINK_THE_OBJECT,
        ET_EXEC => NO_PROGRAM,
        _ => return None,
    };
    Some(hint.to_owned())
}

/// A guess at what was uploaded instead, by its first bytes.
fn what_else(magic: &[u8]) -> Option<String> {
    let hint = match magic {
        b"" => "the upload is empty",
        b"\0asm" => "this is a WebAssembly module: upload it as wasm",
        b"!<ar" => "this is an archive of object files: link them with -shared",
        _ => return None,
    };
    Some(hint.to_owned())
}
