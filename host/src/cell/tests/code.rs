//! Machine code, put together from the few instructions that the tests need.

use lattice_cell::IMAGE_BASE;

use super::image::GATE;

/// A function of a sim's.
#[derive(Default)]
pub(super) struct Code(Vec<u8>);

impl Code {
    /// Sets the registers of the first arguments: rdi, rsi, rdx, rcx, r8, r9.
    pub(super) fn arguments(mut self, values: &[u64]) -> Self {
        const MOVES: [[u8; 2]; 6] =
            [[0x48, 0xbf], [0x48, 0xbe], [0x48, 0xba], [0x48, 0xb9], [0x49, 0xb8], [0x49, 0xb9]];
        for (instruction, value) in MOVES.iter().zip(values) {
            self.0.extend(instruction);
            self.0.extend(value.to_le_bytes());
        }
        self
    }

    /// Calls the host function at that place of the table.
    pub(super) fn host(mut self, place: u32) -> Self {
        let slot = IMAGE_BASE + GATE + 8 * u64::from(place);
        self = self.rax(slot);
        self.raw(&[0xff, 0x10]) // call [rax]
    }

    pub(super) fn rax(mut self, value: u64) -> Self {
        self.0.extend([0x48, 0xb8]);
        self.0.extend(value.to_le_bytes());
        self
    }

    /// Stores all of rax at that offset of the image.
    pub(super) fn store(mut self, offset: u64) -> Self {
        self.0.extend([0x48, 0xa3]);
        self.0.extend((IMAGE_BASE + offset).to_le_bytes());
        self
    }

    /// A system call with rax as it is.
    pub(super) fn syscall(self) -> Self {
        self.raw(&[0x0f, 0x05])
    }

    pub(super) fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend(bytes);
        self
    }

    /// Returns.
    pub(super) fn done(self) -> Vec<u8> {
        self.raw(&[0xc3]).0
    }
}

/// An offset of the image as the sim's pointer.
pub(super) fn pointer(offset: u64) -> u64 {
    IMAGE_BASE + offset
}
