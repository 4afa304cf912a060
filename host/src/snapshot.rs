//! A snapshot: a match between two ticks, whole enough to go on from. Its head is all of it but
//! the pages' bytes, which are known by their hashes; the head's hash names the state.
//!
//! A head is little-endian: the text `lattice snapshot 1`; the module's SHA-256; `i64` the tick that
//! runs next; `i64` the tick before which a match that was asked to stop ends, or -1; `u64` fuel used
//! so far; `u32` pages of memory; `u32` how many of them are not all zero, and of each `u32` its
//! number and its SHA-256; then the globals and the surface's state, each behind its `u32` length.

use std::{collections::BTreeMap, fmt, sync::Arc};

use lattice_policies::Sha256;
use thiserror::Error;

use crate::guest::{Fuel, Moment};

const MAGIC: &[u8] = b"lattice snapshot 1";
/// Bytes of a page of linear memory.
pub const PAGE_BYTES: usize = 64 << 10;

/// A match between two ticks.
#[derive(Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The hash of the module, as it was uploaded.
    pub module: Sha256,
    /// The tick that runs next.
    pub tick: i64,
    /// The tick before which a match that was asked to stop ends.
    pub ends_at: Option<i64>,
    /// Used so far, `init` included.
    pub fuel: Fuel,
    pub memory: MemoryImage,
    /// The mutable globals, in their order, as [`Guest`](crate::Guest) writes them.
    pub globals: Vec<u8>,
    /// As `lattice_surface::Surface` saves itself.
    pub surface: Vec<u8>,
}

/// What stood in a linear memory.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct MemoryImage {
    /// Its size, in pages of 64 KiB.
    pub pages: u32,
    /// Those that are not all zero, by their numbers.
    pub filled: BTreeMap<u32, Page>,
}

/// A page of a linear memory. Cheap to clone.
#[derive(Clone, PartialEq, Eq)]
pub struct Page {
    pub hash: Sha256,
    pub bytes: Arc<[u8]>,
}

/// The value of a mutable global; a floating-point number by its bits, so that NaNs differ too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GlobalValue {
    I32(i32),
    I64(i64),
    F32(u32),
    F64(u64),
    V128(u128),
}

/// Why bytes are no snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BadSnapshot {
    #[error("the snapshot's head is malformed: {0}")]
    Head(&'static str),
    #[error("page {number} of the snapshot, {hash}, is missing")]
    Missing { number: u32, hash: Sha256 },
    #[error("page {number} of the snapshot is {found}, and should be {expected}")]
    Altered { number: u32, expected: Sha256, found: Sha256 },
    #[error("the snapshot is of the module {found}, and this is {expected}")]
    OtherModule { expected: Sha256, found: Sha256 },
    #[error("the snapshot does not fit its module: {0}")]
    Misfit(String),
}

impl Page {
    /// A copy of a page as it lies in memory, or nothing if it is all zero.
    pub(crate) fn copy(bytes: &[u8]) -> Option<Arc<[u8]>> {
        (!is_zero(bytes)).then(|| Arc::from(bytes))
    }
}

impl From<Arc<[u8]>> for Page {
    fn from(bytes: Arc<[u8]>) -> Self {
        Self { hash: Sha256::of(&bytes), bytes }
    }
}

impl Snapshot {
    /// Names the state: equal in two runs if and only if all that a match goes on from is.
    pub fn state(&self) -> Sha256 {
        Sha256::of(&self.head())
    }

    /// The mutable globals, in their order.
    pub fn global_values(&self) -> Result<Vec<GlobalValue>, BadSnapshot> {
        let mut rest = self.globals.as_slice();
        let mut values = Vec::new();
        while !rest.is_empty() {
            let value = GlobalValue::decode(&mut rest);
            values.push(value.ok_or(BadSnapshot::Head("a global of a type that there is not"))?);
        }
        Ok(values)
    }

    pub(crate) fn moment(&self) -> Moment {
        Moment { tick: self.tick, ends_at: self.ends_at, fuel: self.fuel }
    }

    /// All of it but the pages' bytes.
    pub fn head(&self) -> Vec<u8> {
        let mut head = MAGIC.to_vec();
        head.extend_from_slice(&self.module.0);
        head.extend_from_slice(&self.tick.to_le_bytes());
        head.extend_from_slice(&self.ends_at.unwrap_or(-1).to_le_bytes());
        head.extend_from_slice(&self.fuel.to_le_bytes());
        head.extend_from_slice(&self.memory.pages.to_le_bytes());
        head.extend_from_slice(&(self.memory.filled.len() as u32).to_le_bytes());
        for (number, page) in &self.memory.filled {
            head.extend_from_slice(&number.to_le_bytes());
            head.extend_from_slice(&page.hash.0);
        }
        for part in [&self.globals, &self.surface] {
            head.extend_from_slice(&(part.len() as u32).to_le_bytes());
            head.extend_from_slice(part);
        }
        head
    }

    /// Reads a head, and takes each page's bytes by its hash from `page`.
    pub fn read(
        head: &[u8],
        mut page: impl FnMut(Sha256) -> Option<Arc<[u8]>>,
    ) -> Result<Self, BadSnapshot> {
        let mut head = Head { rest: head };
        if head.take(MAGIC.len())? != MAGIC {
            return Err(BadSnapshot::Head("it is of no known kind"));
        }
        let module = Sha256(head.array()?);
        let tick = i64::from_le_bytes(head.array()?);
        let ends_at = Some(i64::from_le_bytes(head.array()?)).filter(|tick| *tick >= 0);
        let fuel = u64::from_le_bytes(head.array()?);
        let memory = MemoryImage::read(&mut head, &mut page)?;
        let (globals, surface) = (head.bytes()?.to_vec(), head.bytes()?.to_vec());
        if !head.rest.is_empty() {
            return Err(BadSnapshot::Head("bytes behind its end"));
        }
        Ok(Self { module, tick, ends_at, fuel, memory, globals, surface })
    }
}

impl GlobalValue {
    /// Reads one as a guest writes it: its type as a module's binary has it, then its bits.
    pub(crate) fn decode(rest: &mut &[u8]) -> Option<Self> {
        let [tag] = take(rest)?;
        Some(match tag {
            0x7f => Self::I32(i32::from_le_bytes(take(rest)?)),
            0x7e => Self::I64(i64::from_le_bytes(take(rest)?)),
            0x7d => Self::F32(u32::from_le_bytes(take(rest)?)),
            0x7c => Self::F64(u64::from_le_bytes(take(rest)?)),
            0x7b => Self::V128(u128::from_le_bytes(take(rest)?)),
            _ => return None,
        })
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, left) = rest.split_first_chunk()?;
    *rest = left;
    Some(*taken)
}

impl MemoryImage {
    fn read(
        head: &mut Head<'_>,
        page: &mut impl FnMut(Sha256) -> Option<Arc<[u8]>>,
    ) -> Result<Self, BadSnapshot> {
        let (pages, filled) =
            (u32::from_le_bytes(head.array()?), u32::from_le_bytes(head.array()?));
        let mut image = Self { pages, filled: BTreeMap::new() };
        for _ in 0..filled {
            let (number, hash) = (u32::from_le_bytes(head.array()?), Sha256(head.array()?));
            let follows = image.filled.last_key_value().is_none_or(|(last, _)| *last < number);
            if number >= pages || !follows {
                return Err(BadSnapshot::Head("a page out of its place"));
            }
            let bytes = page(hash).ok_or(BadSnapshot::Missing { number, hash })?;
            image.filled.insert(number, checked(number, hash, bytes)?);
        }
        Ok(image)
    }
}

fn checked(number: u32, expected: Sha256, bytes: Arc<[u8]>) -> Result<Page, BadSnapshot> {
    let page = Page::from(bytes);
    if page.hash == expected && page.bytes.len() == PAGE_BYTES {
        return Ok(page);
    }
    Err(BadSnapshot::Altered { number, expected, found: page.hash })
}

/// Whether all bytes are zero, as those of a page are that nobody wrote.
pub(crate) fn is_zero(bytes: &[u8]) -> bool {
    // By blocks, so that the compiler compares many bytes at once and a filled page costs little.
    bytes.chunks(256).all(|block| block.iter().fold(0, |all, byte| all | byte) == 0)
}

/// What is left of a head.
struct Head<'a> {
    rest: &'a [u8],
}

impl<'a> Head<'a> {
    fn take(&mut self, size: usize) -> Result<&'a [u8], BadSnapshot> {
        let cut = BadSnapshot::Head("it ends too early");
        let (taken, rest) = self.rest.split_at_checked(size).ok_or(cut)?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], BadSnapshot> {
        self.take(N)?.try_into().map_err(|_| BadSnapshot::Head("it ends too early"))
    }

    fn bytes(&mut self) -> Result<&'a [u8], BadSnapshot> {
        let size = u32::from_le_bytes(self.array()?);
        self.take(size as usize)
    }
}

/// Without the bytes, which nobody wants to read in a log.
impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot")
            .field("tick", &self.tick)
            .field("state", &self.state())
            .field("pages", &self.memory.pages)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(byte: u8) -> Page {
        Page::from(Arc::from(vec![byte; PAGE_BYTES]))
    }

    fn snapshot() -> Snapshot {
        let filled = BTreeMap::from([(0, page(1)), (3, page(2)), (4, page(1))]);
        Snapshot {
            module: Sha256::of(b"module"),
            tick: 7,
            ends_at: Some(9),
            fuel: 11,
            memory: MemoryImage { pages: 5, filled },
            globals: b"globals".to_vec(),
            surface: b"surface".to_vec(),
        }
    }

    fn pages(hash: Sha256) -> Option<Arc<[u8]>> {
        [page(1), page(2)].into_iter().find(|page| page.hash == hash).map(|page| page.bytes)
    }

    #[test]
    fn what_was_written_reads_back() {
        for ends_at in [None, Some(9)] {
            let snapshot = Snapshot { ends_at, ..snapshot() };
            assert_eq!(Snapshot::read(&snapshot.head(), pages).unwrap(), snapshot);
        }
    }

    #[test]
    fn a_head_that_was_cut_or_changed_is_not_the_same_state() {
        let head = snapshot().head();
        for cut in 0..head.len() {
            assert!(Snapshot::read(&head[..cut], pages).is_err(), "{cut}");
        }
        for at in 0..head.len() {
            let mut altered = head.clone();
            altered[at] ^= 1;
            let read = Snapshot::read(&altered, pages);
            assert!(read.is_err() || read.unwrap().state() != snapshot().state(), "byte {at}");
        }
    }

    #[test]
    fn globals_are_read_by_their_types() {
        let globals = [&[0x7f, 255, 255, 255, 255][..], &[0x7c, 0, 0, 0, 0, 0, 0, 248, 127]];
        let of = |globals| Snapshot { globals, ..snapshot() }.global_values();
        let nan = GlobalValue::F64(0x7ff8_0000_0000_0000);
        assert_eq!(of(globals.concat()).unwrap(), [GlobalValue::I32(-1), nan]);
        assert_eq!(of(Vec::new()).unwrap(), []);
        assert!(of(vec![0x7f, 1, 2]).is_err() && of(vec![0x70]).is_err());
    }

    #[test]
    fn pages_that_are_missing_or_altered_are_named() {
        let head = snapshot().head();
        let missing = Snapshot::read(&head, |_| None);
        assert!(matches!(missing, Err(BadSnapshot::Missing { number: 0, .. })));
        let altered = Snapshot::read(&head, |_| Some(page(1).bytes));
        assert!(matches!(altered, Err(BadSnapshot::Altered { number: 3, .. })));
    }

    #[test]
    fn only_pages_with_something_in_them_are_kept() {
        assert!(Page::copy(&vec![0; PAGE_BYTES]).is_none());
        for at in [0, 255, 256, PAGE_BYTES - 1] {
            let mut bytes = vec![0; PAGE_BYTES];
            bytes[at] = 1;
            assert!(Page::copy(&bytes).is_some(), "{at}");
        }
    }
}
