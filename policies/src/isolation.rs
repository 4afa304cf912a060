//! The barriers around a native sim, each of which a machine has or has not: what a policy may
//! demand, and what is written down of a match. Never raises one.

use std::{collections::BTreeSet, fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

/// One barrier around a native sim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Barrier {
    /// Every system call but waiting for the host, waking it and ending kills the process.
    Seccomp,
    /// The processor's clock can't be read.
    Clock,
    /// No capability, and none to be had by an `execve`.
    Unprivileged,
    /// User, process, mount, network, IPC, UTS and cgroup namespaces of its own.
    Namespaces,
    /// The root folder is empty and read-only.
    EmptyRoot,
    /// Landlock forbids every file, and every TCP port where the kernel can.
    Landlock,
    /// Speculation past stores and indirect branches is off, as far as the kernel can.
    Speculation,
    /// A cgroup of its own bounds its memory and its number of processes.
    Cgroup,
    /// It runs in a virtual machine of its own, in which there is no kernel and no device.
    VirtualMachine,
}

impl Barrier {
    pub const ALL: [Self; 9] = [
        Self::Seccomp,
        Self::Clock,
        Self::Unprivileged,
        Self::Namespaces,
        Self::EmptyRoot,
        Self::Landlock,
        Self::Speculation,
        Self::Cgroup,
        Self::VirtualMachine,
    ];

    /// Without one of these no native sim runs, whatever a policy says.
    pub const ALWAYS: [Self; 3] = [Self::Seccomp, Self::Clock, Self::Unprivileged];

    /// The barrier as it stands in policies, answers and receipts.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Seccomp => "seccomp",
            Self::Clock => "clock",
            Self::Unprivileged => "unprivileged",
            Self::Namespaces => "namespaces",
            Self::EmptyRoot => "empty-root",
            Self::Landlock => "landlock",
            Self::Speculation => "speculation",
            Self::Cgroup => "cgroup",
            Self::VirtualMachine => "virtual-machine",
        }
    }

    /// Whether it keeps a process from what its kernel would do for it, which is nothing to a sim
    /// in a virtual machine of its own.
    const fn guards_kernel(self) -> bool {
        use Barrier::{EmptyRoot, Landlock, Namespaces, Seccomp, Unprivileged};
        matches!(self, Seccomp | Unprivileged | Namespaces | EmptyRoot | Landlock)
    }
}

impl fmt::Display for Barrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

/// Not the name of a barrier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no barrier; there are {list}", list = Isolation::all())]
pub struct UnknownBarrier(String);

impl FromStr for Barrier {
    type Err = UnknownBarrier;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let named = Self::ALL.into_iter().find(|barrier| barrier.text() == text);
        named.ok_or_else(|| UnknownBarrier(text.to_owned()))
    }
}

impl Serialize for Barrier {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.text())
    }
}

impl<'de> Deserialize<'de> for Barrier {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// The barriers that stand, or that have to.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Isolation(BTreeSet<Barrier>);

impl Isolation {
    pub fn all() -> Self {
        Self(Barrier::ALL.into())
    }

    /// From now on this barrier stands too.
    pub fn insert(&mut self, barrier: Barrier) {
        self.0.insert(barrier);
    }

    pub fn has(&self, barrier: Barrier) -> bool {
        self.0.contains(&barrier)
    }

    /// In the order of [`Barrier::ALL`].
    pub fn iter(&self) -> impl Iterator<Item = Barrier> {
        self.0.iter().copied()
    }

    /// What of `demanded`, and of what is always demanded, does not stand here. A virtual machine
    /// stands for each barrier that guards the host's kernel: no sim in it reaches that.
    #[must_use]
    pub fn lacks(&self, demanded: &Self) -> Self {
        let all = demanded.iter().chain(Barrier::ALWAYS);
        all.filter(|barrier| !self.stands(*barrier)).collect()
    }

    fn stands(&self, barrier: Barrier) -> bool {
        self.has(barrier) || barrier.guards_kernel() && self.has(Barrier::VirtualMachine)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Bit n for the barrier at place n of [`Barrier::ALL`].
    pub fn bits(&self) -> u32 {
        self.iter().fold(0, |bits, barrier| bits | 1 << barrier as u8)
    }

    /// Of [`bits`](Self::bits); those of no barrier are passed over.
    pub fn of_bits(bits: u32) -> Self {
        Barrier::ALL.into_iter().filter(|barrier| bits & 1 << *barrier as u8 != 0).collect()
    }
}

impl FromIterator<Barrier> for Isolation {
    fn from_iter<I: IntoIterator<Item = Barrier>>(barriers: I) -> Self {
        Self(barriers.into_iter().collect())
    }
}

/// `seccomp, clock`, or `none`.
impl fmt::Display for Isolation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("none");
        }
        let names: Vec<_> = self.iter().map(Barrier::text).collect();
        f.write_str(&names.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn barriers_survive_their_texts_and_bits() {
        for (place, barrier) in (0..).zip(Barrier::ALL) {
            assert_eq!(barrier.text().parse(), Ok(barrier));
            assert_eq!(Isolation::from_iter([barrier]).bits(), 1 << place);
        }
        assert_eq!(Isolation::of_bits(u32::MAX), Isolation::all());
        assert_eq!(Isolation::of_bits(Isolation::all().bits()), Isolation::all());
        let unknown = "walls".parse::<Barrier>().unwrap_err().to_string();
        assert!(unknown.contains("`walls`") && unknown.contains("landlock"), "{unknown}");
    }

    #[test]
    fn what_is_always_demanded_is_missed_also_where_nothing_is() {
        let stand: Isolation = [Barrier::Seccomp, Barrier::Landlock].into_iter().collect();
        let demanded: Isolation = [Barrier::Landlock, Barrier::Cgroup].into_iter().collect();
        assert_eq!(stand.lacks(&demanded).to_string(), "clock, unprivileged, cgroup");
        assert_eq!(stand.lacks(&Isolation::default()).to_string(), "clock, unprivileged");
        assert_eq!(Isolation::all().lacks(&Isolation::all()).to_string(), "none");
    }

    #[test]
    fn a_virtual_machine_stands_for_what_guards_the_kernel_and_for_nothing_else() {
        let machine: Isolation = [Barrier::VirtualMachine].into_iter().collect();
        assert_eq!(machine.lacks(&Isolation::all()).to_string(), "clock, speculation, cgroup");
        assert_eq!(machine.lacks(&Isolation::default()).to_string(), "clock");
        let process: Isolation = Barrier::ALWAYS.into_iter().collect();
        assert_eq!(process.lacks(&machine).to_string(), "virtual-machine");
    }
}
