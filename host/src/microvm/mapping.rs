//! Memory that is the host's and a guest's: a part of a file, mapped for the virtual machine. The
//! host itself reads and writes the file, never the mapping.
#![expect(unsafe_code, reason = "the guest's memory has to be mapped to be given to KVM")]

use std::{io, os::fd::BorrowedFd, ptr};

use kvm_bindings::kvm_userspace_memory_region;
use kvm_ioctls::VmFd;
use rustix::{
    io::Errno,
    mm::{MapFlags, ProtFlags, mmap, munmap},
};

/// A file from its beginning, mapped for as long as this lives.
pub(super) struct Mapping {
    at: *mut libc::c_void,
    len: usize,
}

// SAFETY: nothing in this process reads or writes through the address; KVM does, under its locks.
unsafe impl Send for Mapping {}

impl Mapping {
    /// Maps so many bytes, a multiple of 4096.
    pub(super) fn new(file: BorrowedFd<'_>, len: u64) -> io::Result<Self> {
        let len = usize::try_from(len).map_err(|_| Errno::OVERFLOW)?;
        let (rights, flags) = (ProtFlags::READ | ProtFlags::WRITE, MapFlags::SHARED);
        // SAFETY: a new mapping, at an address that the kernel chooses.
        let at = unsafe { mmap(ptr::null_mut(), len, rights, flags, file, 0) }?;
        Ok(Self { at, len })
    }

    /// Makes it the guest's memory at a physical address, in a slot of its own. It has to outlive
    /// the virtual machine.
    pub(super) fn give(&self, vm: &VmFd, slot: u32, at: u64) -> Result<(), kvm_ioctls::Error> {
        let region = kvm_userspace_memory_region {
            slot,
            flags: 0,
            guest_phys_addr: at,
            memory_size: self.len as u64,
            userspace_addr: self.at as u64,
        };
        // SAFETY: the region is mapped, and stays so until after the machine is gone: `Machine`
        // keeps its mappings behind its descriptors.
        unsafe { vm.set_user_memory_region(region) }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: mapped by `new`, and no reference into it was ever made.
        let _ = unsafe { munmap(self.at, self.len) };
    }
}
