//! The setup: what the host tells a cell once, in the inlet, before the cell raises its barriers.

use lattice_surface::PromptLimits;

/// What a part of the image may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u64)]
pub enum Rights {
    Read = 1,
    Execute = 2,
    Write = 3,
    /// Written by the cell before the sim runs, and only read from then on.
    Gate = 4,
}

impl Rights {
    fn of(number: u64) -> Option<Self> {
        [Self::Read, Self::Execute, Self::Write, Self::Gate]
            .into_iter()
            .find(|rights| *rights as u64 == number)
    }
}

/// A part of the image, in whole pages of 4 KiB. What is in no part is not mapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// From the image's beginning, in bytes.
    pub offset: u64,
    pub len: u64,
    pub rights: Rights,
}

/// How the cell's process was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Process {
    /// The host's process, as the host's own process namespace numbers it. Without it there is no
    /// cell: the kernel ends the cell with the host.
    pub host: u32,
    /// The namespaces that the process was made in, as `clone(2)`'s flags.
    pub namespaces: u32,
    /// The barriers that were raised before it ran, as of `Isolation::bits`.
    pub barriers: u32,
    /// Whether the cell waits for its turn by spinning, on the processor that it was given.
    pub spins: bool,
}

/// What a cell is told once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setup {
    pub limits: PromptLimits,
    /// In bytes.
    pub inlet: u32,
    pub outlet: u32,
    /// The image's size in bytes, gaps included; less than 4 GiB.
    pub span: u64,
    /// Where the [`Rights::Gate`] begins, as an offset in the image: for each host function, in the
    /// order of `HOST_FUNCTIONS`, the address to which the sim's calls of it jump.
    pub gate: u64,
    /// The end of the sim's stack, which grows down, as an offset in the image.
    pub stack_end: u64,
    /// Filled in by who makes the process.
    pub process: Process,
    /// Ascending, none over another.
    pub ranges: Vec<Range>,
}

const WORDS: usize = 16;

impl Setup {
    /// As it stands in the inlet: words of 64 bits, little-endian, the version first.
    pub fn encode(&self) -> Vec<u8> {
        let (limits, process) = (&self.limits, &self.process);
        let words: [u64; WORDS] = [
            crate::VERSION.into(),
            limits.message_out_bytes.into(),
            limits.tick_messages.into(),
            limits.tick_message_bytes.into(),
            limits.log_record_bytes.into(),
            limits.result_bytes.into(),
            self.inlet.into(),
            self.outlet.into(),
            self.span,
            self.gate,
            self.stack_end,
            process.host.into(),
            process.namespaces.into(),
            process.barriers.into(),
            process.spins.into(),
            self.ranges.len() as u64,
        ];
        let ranges = self.ranges.iter().flat_map(|it| [it.offset, it.len, it.rights as u64]);
        words.into_iter().chain(ranges).flat_map(u64::to_le_bytes).collect()
    }

    /// Reads a setup as [`encode`](Self::encode) writes it in the same version; bytes behind it are
    /// passed over.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let mut words = bytes.as_chunks().0.iter().map(|word: &[u8; 8]| u64::from_le_bytes(*word));
        let mut number = || words.next();
        let mut small = || u32::try_from(number()?).ok();
        if small()? != crate::VERSION {
            return None;
        }
        let limits = PromptLimits {
            message_out_bytes: small()?,
            tick_messages: small()?,
            tick_message_bytes: small()?,
            log_record_bytes: small()?,
            result_bytes: small()?,
        };
        let (inlet, outlet) = (small()?, small()?);
        let (span, gate, stack_end) = (number()?, number()?, number()?);
        let mut small = || u32::try_from(number()?).ok();
        let (host, namespaces, barriers, spins) = (small()?, small()?, small()?, small()? != 0);
        let process = Process { host, namespaces, barriers, spins };
        let mut ranges = Vec::new();
        for _ in 0..number()? {
            let (offset, len) = (number()?, number()?);
            ranges.push(Range { offset, len, rights: Rights::of(number()?)? });
        }
        Some(Self { limits, inlet, outlet, span, gate, stack_end, process, ranges })
    }
}

/// Whether a call's range, its pointer an offset in an image of `span` bytes, lies in the sim's
/// memory. An empty one lies anywhere, as natively no byte of it is touched.
pub fn in_image(ptr: u32, len: u32, span: u64) -> bool {
    len == 0 || u64::from(ptr) + u64::from(len) <= span
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setup_reads_back_and_a_cut_one_does_not() {
        let limits = PromptLimits {
            message_out_bytes: 1,
            tick_messages: 2,
            tick_message_bytes: 3,
            log_record_bytes: 4,
            result_bytes: 5,
        };
        let range = |offset, rights| Range { offset, len: 4096, rights };
        let setup = Setup {
            limits,
            inlet: 6,
            outlet: 7,
            span: 1 << 31,
            gate: 8,
            stack_end: 9,
            process: Process { host: 10, namespaces: 11, barriers: 12, spins: true },
            ranges: vec![range(0, Rights::Execute), range(8192, Rights::Gate)],
        };
        let bytes = setup.encode();
        assert_eq!(Setup::decode(&bytes), Some(setup));
        for cut in 0..bytes.len() {
            assert_eq!(Setup::decode(&bytes[..cut]), None, "{cut}");
        }
        let mut other = bytes;
        other[0] ^= 1;
        assert_eq!(Setup::decode(&other), None, "another version's");
    }

    #[test]
    fn a_range_lies_in_the_image_or_does_not() {
        for (ptr, len, expected) in [
            (0, 10, true),
            (9, 1, true),
            (10, 0, true),
            (u32::MAX, 0, true),
            (10, 1, false),
            (0, 11, false),
            (u32::MAX, u32::MAX, false),
        ] {
            assert_eq!(in_image(ptr, len, 10), expected, "({ptr}, {len})");
        }
    }
}
