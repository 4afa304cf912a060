//! Program headers: what is loaded where, with what rights, and what none of them may ask for.
//! A segment that is refused is left out of the image, and the rest is read on.

use std::{fmt::Display, ops::Range};

use goblin::elf::{
    ProgramHeader,
    program_header::{
        PF_R, PF_W, PF_X, PT_DYNAMIC, PT_GNU_RELRO, PT_GNU_STACK, PT_INTERP, PT_LOAD, PT_TLS,
    },
};

use super::{
    file::File,
    hints::{LINK_SHARED, NO_EXECUTABLE_STACK, NO_THREADS, SEPARATE_CODE, say},
    image::{Image, Load, page_of},
    module::{MEMORY_PAGE_BYTES, NativeRights, PAGE_BYTES},
};
use crate::{
    Policy,
    admission::{ReasonCode, findings::Findings, limits::hold},
};

/// What the program headers make of the file.
pub(super) fn place<'a>(
    file: File<'a>,
    headers: &[ProgramHeader],
    policy: &Policy,
    findings: &mut Findings,
) -> Image<'a> {
    let loads = headers.iter().filter(|header| header.p_type == PT_LOAD && header.p_memsz > 0);
    let count = loads.clone().count() as u64;
    let most = policy.native.segments;
    hold(findings, ReasonCode::LimitSegments, "segments that are loaded", count, most);
    let mut image = Image { file, ..Image::default() };
    for (index, header) in loads.take(most as usize).enumerate() {
        let what = format_args!("loaded segment {index}");
        if let Some(load) = place_one(&image, &what, header, policy, findings) {
            image.loads.push(load);
        }
    }
    hold_memory(&image, policy, findings);
    image.relro = relro(&image, headers, findings).unwrap_or_default();
    image
}

/// What else the headers ask for.
pub(super) fn check_others(headers: &[ProgramHeader], findings: &mut Findings) {
    for header in headers {
        match header.p_type {
            PT_INTERP => {
                let detail = "a program that asks for an interpreter, and must be a shared object";
                findings.refuse_with_hint(ReasonCode::ElfKind, detail, say(LINK_SHARED));
            }
            PT_TLS => {
                let detail = format_args!("{} bytes of thread-local storage", header.p_memsz);
                findings.refuse_with_hint(ReasonCode::ElfTls, detail, say(NO_THREADS));
            }
            PT_GNU_STACK if header.p_flags & PF_X != 0 => {
                let detail = "it asks for a stack that can be executed";
                findings.refuse_with_hint(
                    ReasonCode::ElfWriteExecute,
                    detail,
                    say(NO_EXECUTABLE_STACK),
                );
            }
            _ => {}
        }
    }
}

/// Where the dynamic table stands in the image, if there is one.
pub(super) fn dynamic(headers: &[ProgramHeader], findings: &mut Findings) -> Option<Range<u64>> {
    let mut tables = headers.iter().filter(|header| header.p_type == PT_DYNAMIC);
    let Some(header) = tables.next() else {
        let detail = "it has no dynamic table, and must be a shared object";
        findings.refuse_with_hint(ReasonCode::ElfKind, detail, say(LINK_SHARED));
        return None;
    };
    if tables.next().is_some() {
        findings.malformed("two dynamic tables", None);
    }
    Some(header.p_vaddr..header.p_vaddr.saturating_add(header.p_filesz))
}

/// The segment, if it stands in the file and behind the ones before it.
fn place_one(
    image: &Image<'_>,
    what: &dyn Display,
    header: &ProgramHeader,
    policy: &Policy,
    findings: &mut Findings,
) -> Option<Load> {
    let mut refuse = |why: &str| {
        findings.refuse(ReasonCode::ElfSegments, format_args!("{what} {why}"));
    };
    let Some(range) = range(header.p_vaddr, header.p_memsz, u64::MAX - PAGE_BYTES) else {
        refuse("ends beyond all addresses");
        return None;
    };
    let Some(file) = range_in_file(header, image.file.len()) else {
        refuse("does not lie in the file");
        return None;
    };
    let before = image.loads.last();
    let (rights, is_code) = (rights(header.p_flags), header.p_flags & PF_X != 0);
    let rules = [
        (header.p_filesz <= header.p_memsz, "is longer in the file than in memory"),
        (
            header.p_vaddr % PAGE_BYTES == header.p_offset % PAGE_BYTES,
            "stands elsewhere in its page than in the file's",
        ),
        (
            before.is_none_or(|it| it.pages().end <= page_of(range.start)),
            "does not begin in a page behind the one before it",
        ),
        (
            before.is_none_or(|it| it.file.end <= file.start),
            "does not stand behind the one before it in the file",
        ),
        (header.p_flags & PF_R != 0, "can't be read"),
        (
            rights == NativeRights::Write || header.p_filesz == header.p_memsz,
            "is not all in the file, and nobody could write the rest",
        ),
    ];
    let broken = rules.iter().filter(|(holds, _)| !holds);
    let is_sound = broken.map(|(_, why)| refuse(why)).count() == 0;
    if rights == NativeRights::Write && is_code {
        let detail = format_args!("{what} can be written and executed");
        findings.refuse_with_hint(ReasonCode::ElfWriteExecute, detail, say(SEPARATE_CODE));
    }
    let (end, most) = (page_of(range.end + (PAGE_BYTES - 1)), policy.native.image_bytes);
    hold(findings, ReasonCode::LimitMemory, format_args!("the end of {what} in bytes"), end, most);
    (is_sound && end <= most.into()).then_some(Load { range, file, rights, is_code })
}

fn rights(flags: u32) -> NativeRights {
    match (flags & PF_W != 0, flags & PF_X != 0) {
        (true, _) => NativeRights::Write,
        (false, true) => NativeRights::Execute,
        (false, false) => NativeRights::Read,
    }
}

/// The range, if it ends at most there.
fn range(start: u64, len: u64, most: u64) -> Option<Range<u64>> {
    let end = start.checked_add(len)?;
    (end <= most).then_some(start..end)
}

fn range_in_file(header: &ProgramHeader, file_len: usize) -> Option<Range<usize>> {
    let range = range(header.p_offset, header.p_filesz, file_len as u64)?;
    Some(range.start as usize..range.end as usize)
}

/// What is writable, also if only until it is relocated, is memory.
fn hold_memory(image: &Image<'_>, policy: &Policy, findings: &mut Findings) {
    let writable = image.loads.iter().filter(|load| load.rights == NativeRights::Write);
    let bytes: u64 = writable.map(|load| load.pages().end - load.pages().start).sum();
    let most = u64::from(policy.admission.memory_pages) * MEMORY_PAGE_BYTES;
    hold(findings, ReasonCode::LimitMemory, "bytes of writable segments", bytes, most);
}

/// The whole pages of `PT_GNU_RELRO`, counted as the loaders of systems count them: from the page
/// where it begins to the page where it ends, that one not counted.
fn relro(
    image: &Image<'_>,
    headers: &[ProgramHeader],
    findings: &mut Findings,
) -> Option<Range<u64>> {
    let mut named = headers.iter().filter(|header| header.p_type == PT_GNU_RELRO);
    let header = named.next()?;
    if named.next().is_some() {
        findings.refuse(ReasonCode::ElfSegments, "two parts are only read once relocated");
    }
    let end = header.p_vaddr.saturating_add(header.p_memsz);
    let pages = page_of(header.p_vaddr)..page_of(end);
    let is_part = |load: &&Load| {
        let all = load.pages();
        load.rights == NativeRights::Write && all.start <= pages.start && pages.end <= all.end
    };
    if !pages.is_empty() && !image.loads.iter().any(|load| is_part(&load)) {
        let detail = format_args!(
            "what is only read once relocated, {:#x} to {end:#x}, is no part of a writable segment",
            header.p_vaddr
        );
        findings.refuse(ReasonCode::ElfSegments, detail);
        return None;
    }
    Some(pages)
}
