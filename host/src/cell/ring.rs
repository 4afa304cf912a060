//! The ring between the host and one cell, and the memory files that a cell inherits. Only the
//! control page is mapped here; everything else goes by reads and writes of the file, which no
//! process can make fail or change under a reference.

use std::{
    fs::File,
    io,
    os::{fd::AsFd, unix::fs::FileExt},
    ptr,
};

use lattice_cell::{Control, INLET};
use rustix::{
    fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create},
    io::Errno,
    mm::{MapFlags, ProtFlags, mmap, munmap},
};

/// The ring of one cell.
pub(crate) struct Ring {
    file: File,
    control: MappedControl,
    inlet: u32,
    outlet: u32,
}

impl Ring {
    /// A ring with so many bytes for each direction, none of which can be taken from it again.
    pub(crate) fn new(inlet: u32, outlet: u32) -> io::Result<Self> {
        let len = INLET + u64::from(inlet) + u64::from(outlet);
        let file = sealed(c"lattice-ring", MemfdFlags::NOEXEC_SEAL, len)?;
        let control = MappedControl::of(&file)?;
        Ok(Self { file, control, inlet, outlet })
    }

    pub(crate) fn control(&self) -> &Control {
        self.control.get()
    }

    /// In bytes.
    pub(crate) fn inlet(&self) -> u32 {
        self.inlet
    }

    /// In bytes.
    pub(crate) fn outlet(&self) -> u32 {
        self.outlet
    }

    /// Writes at the inlet's beginning.
    pub(crate) fn write_inlet(&self, bytes: &[u8]) -> io::Result<()> {
        if bytes.len() > self.inlet as usize {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the inlet is smaller"));
        }
        self.file.write_all_at(bytes, INLET)
    }

    /// Copies the outlet's first bytes, as many as the cell says and never more than there are.
    pub(crate) fn read_outlet(&self, bytes: u32, into: &mut Vec<u8>) -> io::Result<()> {
        into.clear();
        into.resize(bytes.min(self.outlet) as usize, 0);
        self.file.read_exact_at(into, INLET + u64::from(self.inlet))
    }

    /// Writes into the outlet, as a cell does.
    #[cfg(test)]
    pub(crate) fn write_outlet(&self, at: u32, bytes: &[u8]) -> io::Result<()> {
        let room = (self.outlet - at.min(self.outlet)) as usize;
        assert!(bytes.len() <= room, "a test writes within the outlet");
        self.file.write_all_at(bytes, INLET + u64::from(self.inlet) + u64::from(at))
    }

    /// Copies what stands in the inlet, as a cell does.
    #[cfg(test)]
    pub(crate) fn read_inlet(&self, at: u64, into: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(into, INLET + at)
    }

    pub(super) fn file(&self) -> &File {
        &self.file
    }
}

/// A memory file for a sim's image: of that length for good, and executable where it is mapped so.
pub(crate) fn image_file(len: u64) -> io::Result<File> {
    sealed(c"lattice-image", MemfdFlags::EXEC, len)
}

/// `kind` is left out where the kernel does not know it.
fn sealed(name: &std::ffi::CStr, kind: MemfdFlags, len: u64) -> io::Result<File> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let file = match memfd_create(name, flags | kind) {
        Err(Errno::INVAL) => memfd_create(name, flags)?,
        other => other?,
    };
    let file = File::from(file);
    file.set_len(len)?;
    fcntl_add_seals(&file, SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL)?;
    Ok(file)
}

/// The control page, mapped.
struct MappedControl(ptr::NonNull<Control>);

impl MappedControl {
    fn of(file: &File) -> io::Result<Self> {
        let rights = ProtFlags::READ | ProtFlags::WRITE;
        #[allow(unsafe_code, reason = "the kernel chooses a new place; the file can't shrink")]
        let at = unsafe {
            mmap(ptr::null_mut(), INLET as usize, rights, MapFlags::SHARED, file.as_fd(), 0)
        }?;
        ptr::NonNull::new(at.cast()).map(Self).ok_or_else(|| io::Error::other("mapped at null"))
    }

    fn get(&self) -> &Control {
        #[allow(unsafe_code, reason = "mapped as long as self, and a Control is atomics only")]
        unsafe {
            self.0.as_ref()
        }
    }
}

impl Drop for MappedControl {
    fn drop(&mut self) {
        #[allow(unsafe_code, reason = "no reference outlives self")]
        let _ = unsafe { munmap(self.0.as_ptr().cast(), INLET as usize) };
    }
}

#[allow(unsafe_code, reason = "a mapping belongs to the process, and atomics to every thread")]
// SAFETY: as the reason says.
unsafe impl Send for MappedControl {}
#[allow(unsafe_code, reason = "a mapping belongs to the process, and atomics to every thread")]
// SAFETY: as the reason says.
unsafe impl Sync for MappedControl {}
