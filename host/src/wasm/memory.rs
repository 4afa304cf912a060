//! An instance's linear memory and its mutable globals, copied out and put back.

use wasmtime::{Instance, Memory, Store, Val};

use super::instance::GuestState;
use crate::{
    image::Image,
    snapshot::{BadSnapshot, GlobalValue, MemoryImage, PAGE_BYTES, Page, is_zero},
};

/// Copies the memory's pages that are not all zero, and the globals of those names.
pub(super) fn copy(
    store: &mut Store<GuestState>,
    instance: &Instance,
    memory: Memory,
    names: &[String],
) -> Image {
    let mut globals = Vec::new();
    for name in names {
        if let Some(global) = instance.get_global(&mut *store, name) {
            encode(&global.get(&mut *store), &mut globals);
        }
    }
    let pages = (0..).zip(memory.data(&*store).chunks(PAGE_BYTES));
    let filled = pages.filter_map(|(number, bytes)| Some((number, Page::copy(bytes)?)));
    let filled = filled.collect();
    Image { pages: memory.size(&*store) as u32, filled, globals }
}

/// Makes a fresh guest's memory what the image says, whatever its data segments have put there.
pub(super) fn put_memory(
    store: &mut Store<GuestState>,
    memory: Memory,
    image: &MemoryImage,
) -> Result<(), BadSnapshot> {
    let size = memory.size(&*store);
    let more = u64::from(image.pages).checked_sub(size).ok_or_else(|| {
        let pages = image.pages;
        BadSnapshot::Misfit(format!(
            "it has {pages} pages of memory, and the module begins with {size}"
        ))
    })?;
    memory
        .grow(&mut *store, more)
        .map_err(|error| BadSnapshot::Misfit(format!("its memory does not fit: {error:#}")))?;
    for (number, target) in (0..).zip(memory.data_mut(&mut *store).chunks_mut(PAGE_BYTES)) {
        match image.filled.get(&number) {
            Some(page) => target.copy_from_slice(&page.bytes),
            // A page that nobody wrote takes no memory until it is written.
            None if !is_zero(target) => target.fill(0),
            None => {}
        }
    }
    Ok(())
}

/// Sets the globals of those names, each to the value of its type.
pub(super) fn put_globals(
    store: &mut Store<GuestState>,
    instance: &Instance,
    names: &[String],
    mut globals: &[u8],
) -> Result<(), BadSnapshot> {
    let misfit = || BadSnapshot::Misfit("its globals are not the module's".to_owned());
    for name in names {
        let global = instance.get_global(&mut *store, name).ok_or_else(misfit)?;
        let to = GlobalValue::decode(&mut globals).ok_or_else(misfit)?;
        global.set(&mut *store, value(to)).map_err(|_| misfit())?;
    }
    if globals.is_empty() { Ok(()) } else { Err(misfit()) }
}

/// The type as a module's binary has it, then the value's bits, little-endian. No other type is
/// there: a module that has a mutable global of a reference type has no snapshots.
fn encode(value: &Val, out: &mut Vec<u8>) {
    match value {
        Val::I32(value) => put(out, 0x7f, &value.to_le_bytes()),
        Val::I64(value) => put(out, 0x7e, &value.to_le_bytes()),
        Val::F32(bits) => put(out, 0x7d, &bits.to_le_bytes()),
        Val::F64(bits) => put(out, 0x7c, &bits.to_le_bytes()),
        Val::V128(value) => put(out, 0x7b, &value.as_u128().to_le_bytes()),
        _ => {}
    }
}

fn put(out: &mut Vec<u8>, tag: u8, bytes: &[u8]) {
    out.push(tag);
    out.extend_from_slice(bytes);
}

fn value(global: GlobalValue) -> Val {
    match global {
        GlobalValue::I32(value) => Val::I32(value),
        GlobalValue::I64(value) => Val::I64(value),
        GlobalValue::F32(bits) => Val::F32(bits),
        GlobalValue::F64(bits) => Val::F64(bits),
        GlobalValue::V128(value) => Val::V128(value.into()),
    }
}
