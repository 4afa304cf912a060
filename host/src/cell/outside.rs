//! What the kernel says of a cell's process, read by the host before the sim's first instruction:
//! the cell's own word is not enough.

use std::fs;

use rustix::thread::{CapabilitySet, capabilities};

/// Whether the process has its filter, no capability and no way to one. All that is wrong is named.
pub(super) fn check(pid: u32, namespaces: u32) -> Result<(), String> {
    let path = format!("/proc/{pid}/status");
    let status = fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
    wrong(&status, namespaces == 0 && !may_bound())
}

/// Whether a process that this one makes can empty its bounding set. If not, it stays: it bounds
/// only what an execve brings, which with no-new-privileges is nothing.
fn may_bound() -> bool {
    capabilities(None).is_ok_and(|own| own.effective.contains(CapabilitySet::SETPCAP))
}

fn wrong(status: &str, unbounded: bool) -> Result<(), String> {
    let none = "0000000000000000";
    let expected = [
        ("Threads", "1"),
        ("NoNewPrivs", "1"),
        ("Seccomp", "2"),
        ("CapInh", none),
        ("CapPrm", none),
        ("CapEff", none),
        ("CapAmb", none),
        ("CapBnd", none),
    ];
    let expected = &expected[..expected.len() - usize::from(unbounded)];
    let wrong: Vec<_> = expected
        .iter()
        .filter_map(|(field, value)| {
            let is = value_of(status, field);
            (is != Some(value)).then(|| format!("{field} is {}", is.unwrap_or("not told")))
        })
        .collect();
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join(", ")) }
}

fn value_of<'a>(status: &'a str, field: &str) -> Option<&'a str> {
    let mut fields = status.lines().filter_map(|line| line.split_once(':'));
    fields.find(|(name, _)| *name == field).map(|(_, value)| value.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "Name:\tlattice-cell\nThreads:\t1\nCapInh:\t0000000000000000\n\
        CapPrm:\t0000000000000000\nCapEff:\t0000000000000000\nCapBnd:\t0000000000000000\n\
        CapAmb:\t0000000000000000\nNoNewPrivs:\t1\nSeccomp:\t2\nSeccomp_filters:\t1\n";

    #[test]
    fn a_process_that_is_as_it_should_be_passes() {
        assert_eq!(wrong(GOOD, false), Ok(()));
    }

    #[test]
    fn whatever_is_wrong_is_named() {
        let bad = GOOD.replace("Seccomp:\t2", "Seccomp:\t0").replace("NoNewPrivs:\t1\n", "");
        assert_eq!(wrong(&bad, false), Err("NoNewPrivs is not told, Seccomp is 0".into()));
        let bounded = GOOD.replace("CapBnd:\t0000000000000000", "CapBnd:\t000001ffffffffff");
        assert_eq!(wrong(&bounded, false), Err("CapBnd is 000001ffffffffff".into()));
        assert_eq!(wrong(&bounded, true), Ok(()));
    }
}
