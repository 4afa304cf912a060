//! The image of one native sim: a memory file of a fixed size, of which the sim's process maps parts.
//! The host never maps it: what it reads is a copy, whatever the process writes meanwhile.

use std::{
    fs::File,
    io,
    ops::Range,
    os::{
        fd::{AsFd, BorrowedFd},
        unix::fs::{FileExt, MetadataExt},
    },
};

use rustix::{
    fs::{SeekFrom, seek},
    io::Errno,
};

use super::library::Library;
use crate::cell::image_file;

/// Bytes of a block in which a file's allocation is counted.
const BLOCK: u64 = 512;

/// A native sim's memory.
pub(crate) struct Image {
    file: File,
}

impl Image {
    /// A new one, with what stands in it when nobody has written to it. It can't be shrunk or grown.
    pub(crate) fn new(library: &Library) -> io::Result<Self> {
        let file = image_file(library.layout().span)?;
        for (at, page) in library.contents() {
            file.write_all_at(page, at)?;
        }
        Ok(Self { file })
    }

    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }

    /// Fills `into` with what stands at that offset.
    pub(crate) fn read(&self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(into, offset)
    }

    pub(crate) fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all_at(bytes, offset)
    }

    /// The parts of a range that somebody wrote or looked at, in order: all else is zero.
    pub(crate) fn filled(&self, range: Range<u64>) -> io::Result<Vec<Range<u64>>> {
        let (mut found, mut at) = (Vec::new(), range.start);
        while at < range.end {
            let start = match seek(&self.file, SeekFrom::Data(at)) {
                Err(Errno::NXIO) => break,
                start => start?,
            };
            if start >= range.end {
                break;
            }
            let end = seek(&self.file, SeekFrom::Hole(start))?.min(range.end);
            found.push(start..end);
            at = end;
        }
        Ok(found)
    }

    /// Bytes of it that take memory.
    pub(crate) fn allocated(&self) -> u64 {
        self.file.metadata().map_or(0, |about| about.blocks() * BLOCK)
    }
}
