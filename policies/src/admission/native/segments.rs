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

/// Where the dynamic table stands in the image, if there is one. In the file it must stand there too:
/// readers that look for it there see the one that counts.
pub(super) fn dynamic(
    image: &Image<'_>,
    headers: &[ProgramHeader],
    findings: &mut Findings,
) -> Option<Range<u64>> {
    let mut tables = headers.iter().filter(|header| header.p_type == PT_DYNAMIC);
    let Some(header) = tables.next() else {
        let detail = "it has no dynamic table, and must be a shared object";
        findings.refuse_with_hint(ReasonCode::ElfKind, detail, say(LINK_SHARED));
        return None;
    };
    if tables.next().is_some() {
        findings.malformed("two dynamic tables", None);
    }
    let in_file = image.rest(header.p_vaddr).map(|bytes| bytes.start as u64);
    if in_file.is_some_and(|at| at != header.p_offset) {
        findings.malformed("its dynamic table stands elsewhere in the file than in memory", None);
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
    let load = load(header, image.file.len());
    let broken = match &load {
        Ok(load) => broken_rules(header, load, image.loads.last()),
        Err(why) => vec![*why],
    };
    for why in &broken {
        findings.refuse(ReasonCode::ElfSegments, format_args!("{what} {why}"));
    }
    let load = load.ok()?;
    if load.rights == NativeRights::Write && load.is_code {
        let detail = format_args!("{what} can be written and executed");
        findings.refuse_with_hint(ReasonCode::ElfWriteExecute, detail, say(SEPARATE_CODE));
    }
    let (end, most) = (load.pages().end, policy.native.image_bytes);
    hold(findings, ReasonCode::LimitMemory, format_args!("the end of {what} in bytes"), end, most);
    (broken.is_empty() && end <= most.into()).then_some(load)
}

/// Where the segment is to stand; `Err` if there is no such place.
fn load(header: &ProgramHeader, file_len: usize) -> Result<Load, &'static str> {
    let range = range(header.p_vaddr, header.p_memsz, u64::MAX - PAGE_BYTES);
    let file = range_in_file(header, file_len);
    Ok(Load {
        range: range.ok_or("ends beyond all addresses")?,
        file: file.ok_or("does not lie in the file")?,
        rights: rights(header.p_flags),
        is_code: header.p_flags & PF_X != 0,
    })
}

fn broken_rules(header: &ProgramHeader, load: &Load, before: Option<&Load>) -> Vec<&'static str> {
    let is_same_place = header.p_vaddr % PAGE_BYTES == header.p_offset % PAGE_BYTES;
    let is_apart = before.is_none_or(|it| it.pages().end <= load.pages().start);
    let is_behind = before.is_none_or(|it| it.file.end <= load.file.start);
    let is_whole = load.rights == NativeRights::Write || header.p_filesz >= header.p_memsz;
    let rules = [
        (header.p_flags & PF_R != 0, "can't be read"),
        (header.p_filesz <= header.p_memsz, "is longer in the file than in memory"),
        (is_whole, "is not all in the file, and nobody could write the rest"),
        (is_same_place, "stands elsewhere in its page than in the file's"),
        (is_apart, "does not begin in a page behind the one before it"),
        (is_behind, "does not stand behind the one before it in the file"),
    ];
    rules.into_iter().filter(|(holds, _)| !holds).map(|(_, why)| why).collect()
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
