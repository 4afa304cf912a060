//! How many matches this machine can hold at once, by what the kernel allows one process.

use std::fs;

use thiserror::Error;

use crate::engine::{GUARD_BYTES, SLOT_BYTES};

/// Memory mappings that one running match needs: memory, guard, image, grown part, table, stack.
const MAPS_PER_SLOT: u64 = 6;
/// Mappings left for the host itself: code, threads, SQLite, sockets' buffers.
const MAPS_FOR_HOST: u64 = 4_096;
/// Half of what x86-64 and arm64 give a process with four-level page tables.
const ADDRESS_SPACE: u64 = 1 << 46;

/// The configured slots do not fit on this machine.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "{slots} match slots do not fit: {limit} allows {fits}. Set `slots` to {fits} or less{advice}"
)]
pub struct CapacityError {
    pub slots: u32,
    pub fits: u64,
    limit: &'static str,
    advice: &'static str,
}

/// Checks `slots` against the limits on memory maps and on address space.
pub(crate) fn check(slots: u32) -> Result<(), CapacityError> {
    let advice = ", or raise it with `sysctl vm.max_map_count=N`";
    refuse_over(slots, map_limit() / MAPS_PER_SLOT, "the kernel's vm.max_map_count", advice)?;
    let space = address_space() / (SLOT_BYTES + GUARD_BYTES);
    refuse_over(slots, space, "the address space (`ulimit -v`)", "")
}

fn refuse_over(
    slots: u32,
    fits: u64,
    limit: &'static str,
    advice: &'static str,
) -> Result<(), CapacityError> {
    if u64::from(slots) <= fits {
        return Ok(());
    }
    Err(CapacityError { slots, fits, limit, advice })
}

fn map_limit() -> u64 {
    const KERNEL_DEFAULT: u64 = 65_530;
    let text = fs::read_to_string("/proc/sys/vm/max_map_count").unwrap_or_default();
    text.trim().parse().unwrap_or(KERNEL_DEFAULT).saturating_sub(MAPS_FOR_HOST)
}

fn address_space() -> u64 {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    #[allow(unsafe_code, reason = "getrlimit writes the struct it is given and nothing else")]
    let answer = unsafe { libc::getrlimit(libc::RLIMIT_AS, &raw mut limit) };
    if answer == 0 { limit.rlim_cur.min(ADDRESS_SPACE) } else { ADDRESS_SPACE }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_beyond_a_limit_are_refused_with_the_number_that_fits() {
        let error = refuse_over(20_000, 10_239, "vm.max_map_count", ", or raise it").unwrap_err();
        assert_eq!(error.fits, 10_239);
        let text = error.to_string();
        assert!(text.contains("20000") && text.contains("10239 or less, or raise it"), "{text}");
        assert!(refuse_over(10_239, 10_239, "", "").is_ok());
    }
}
