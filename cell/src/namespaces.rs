//! Namespaces and the root folder: what the process can still see of the machine, which is nothing.
//! The user and the process namespace come with the process itself, where they do.
#![expect(
    unsafe_code,
    reason = "unshare may pull a shared folder or table from under other threads"
)]

use std::{fs, io};

use rustix::{
    fs::{StatVfsMountFlags, statvfs},
    mount::{MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_change, unmount},
    process::{chdir, pivot_root},
    thread::{UnshareFlags, unshare_unsafe},
};

/// What of it stands.
pub(crate) struct Spaces {
    /// Those of processes, mounts, network, IPC, UTS and cgroup.
    pub(crate) all_but_user: bool,
    pub(crate) empty_root: bool,
}

/// Raises what can be; `made_in` are the flags of `clone(2)` that the process was made with.
pub(crate) fn raise(made_in: u32) -> Spaces {
    let mounts = unshare(UnshareFlags::NEWNS).is_ok();
    let others =
        [UnshareFlags::NEWNET, UnshareFlags::NEWIPC, UnshareFlags::NEWUTS, UnshareFlags::NEWCGROUP];
    // Each is tried, also if another is refused.
    let raised = others.into_iter().filter(|space| unshare(*space).is_ok()).count();
    let processes = made_in & libc::CLONE_NEWPID as u32 != 0;
    Spaces {
        all_but_user: processes && mounts && raised == others.len(),
        empty_root: mounts && empty_root().is_ok_and(|empty| empty),
    }
}

/// A user namespace of its own, without any user in it.
pub(crate) fn unshare_user() -> io::Result<()> {
    unshare(UnshareFlags::NEWUSER)
}

fn unshare(space: UnshareFlags) -> io::Result<()> {
    // SAFETY: the process has one thread, and none of these flags takes its descriptors.
    Ok(unsafe { unshare_unsafe(space) }?)
}

/// A folder that every Linux has; the new root is mounted over it, and it is gone with the old one.
const MOUNT_POINT: &str = "/proc";

/// Changes the root to an empty read-only one, lets go of the old, and looks whether it is so.
fn empty_root() -> io::Result<bool> {
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)?;
    let flags = MountFlags::RDONLY | MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    mount("lattice-cell", MOUNT_POINT, "tmpfs", flags, c"mode=555,size=4k,nr_inodes=1")?;
    chdir(MOUNT_POINT)?;
    // With both in one place the old root comes to lie over the new, and is taken off it.
    pivot_root(".", ".")?;
    unmount(".", UnmountFlags::DETACH)?;
    chdir("/")?;
    let read_only = statvfs("/")?.f_flag.contains(StatVfsMountFlags::RDONLY);
    Ok(read_only && fs::read_dir("/")?.next().is_none())
}
