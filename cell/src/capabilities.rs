//! Who the process is: nobody, with no capability, and none to be had.

use std::io;

use rustix::{
    process::{Gid, Uid, geteuid},
    thread::{
        CapabilitySet, CapabilitySets, capabilities, set_capabilities, set_keep_capabilities,
        set_thread_groups, set_thread_res_gid, set_thread_res_uid,
    },
};

use crate::{namespaces, system};

/// The user and group that own nothing, as every Linux numbers them.
const NOBODY: u32 = 65534;

/// Root becomes nobody, in a user namespace of its own if the machine has them; another user is in
/// one already, or gets none. A root that can't, as it has no rights or there is no nobody in its own
/// user namespace, is no more than another user, and stays who it is. Says whether the process is in
/// a user namespace of its own.
pub(crate) fn become_nobody(made_in: u32) -> bool {
    if made_in & libc::CLONE_NEWUSER as u32 != 0 {
        return true;
    }
    if geteuid().is_root() {
        let _ = leave_root();
    }
    namespaces::unshare_user().is_ok()
}

fn leave_root() -> io::Result<()> {
    let (uid, gid) = (Uid::from_raw(NOBODY), Gid::from_raw(NOBODY));
    // The rights are still needed: for the user namespace, and for emptying the bounding set.
    set_keep_capabilities(true)?;
    set_thread_groups(&[])?;
    set_thread_res_gid(gid, gid, gid)?;
    set_thread_res_uid(uid, uid, uid)?;
    let kept = capabilities(None)?;
    Ok(set_capabilities(None, CapabilitySets { effective: kept.permitted, ..kept })?)
}

/// Empties every set of capabilities, and sees to it that no `execve` would fill one. The bounding
/// set can only be emptied by who has the right to; without it, no-new-privileges stands alone.
pub(crate) fn drop_all() -> io::Result<()> {
    let may = capabilities(None)?.effective.contains(CapabilitySet::SETPCAP);
    if may {
        empty_bounding_set()?;
        system::prctl(libc::PR_SET_SECUREBITS, SECURE_BITS, 0)?;
    }
    system::prctl(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_CLEAR_ALL as u64, 0)?;
    let none = CapabilitySet::empty();
    set_capabilities(None, CapabilitySets { effective: none, permitted: none, inheritable: none })?;
    system::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0)?;

    let left = capabilities(None)?;
    let sets = left.effective | left.permitted | left.inheritable;
    if sets.is_empty() && system::prctl(libc::PR_GET_NO_NEW_PRIVS, 0, 0)? == 1 {
        return Ok(());
    }
    Err(io::Error::other("capabilities are left"))
}

fn empty_bounding_set() -> io::Result<()> {
    for capability in 0..64 {
        match system::prctl(libc::PR_CAPBSET_DROP, capability, 0) {
            Err(error) if error.raw_os_error() == Some(libc::EINVAL) => return Ok(()),
            other => other?,
        };
    }
    Ok(())
}

/// Of <linux/securebits.h>: no rights for user 0, none kept or fixed up over a change of user, no
/// ambient ones; and all of it locked.
const SECURE_BITS: u64 = 0b1110_1111;
