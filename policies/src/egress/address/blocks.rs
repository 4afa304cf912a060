//! The blocks of special addresses, as tables. Each line says a prefix and its class; the order
//! counts, because a small block may lie in a larger one of another class.

use std::{net::Ipv4Addr, ops::Shr};

use super::Class;

/// A prefix: all addresses that differ from its first in the free low bits alone. At least one bit
/// is not free.
pub(super) struct Block<B> {
    first: B,
    free: u32,
    class: Class,
}

impl<B: Copy + PartialEq + Shr<u32, Output = B>> Block<B> {
    fn holds(&self, address: B) -> bool {
        address >> self.free == self.first >> self.free
    }
}

/// The class of the first block that holds an address.
pub(super) fn first<B>(blocks: &[Block<B>], address: B) -> Option<Class>
where
    B: Copy + PartialEq + Shr<u32, Output = B>,
{
    blocks.iter().find(|block| block.holds(address)).map(|block| block.class)
}

const fn v4(a: u8, b: u8, c: u8, d: u8, bits: u32, class: Class) -> Block<u32> {
    Block { first: Ipv4Addr::new(a, b, c, d).to_bits(), free: 32 - bits, class }
}

/// The address is written as its first four groups and its last four.
const fn v6(high: u64, low: u64, bits: u32, class: Class) -> Block<u128> {
    Block { first: (high as u128) << 64 | low as u128, free: 128 - bits, class }
}

/// The first that holds an address says its class; what none holds is public.
pub(super) const V4: &[Block<u32>] = &[
    // In order: AWS, Azure, GCP and others; AWS's credentials of containers; Azure's wire server;
    // Oracle's classic cloud; Alibaba's. Some lie in no special block, some in one that an entry
    // may let through.
    v4(169, 254, 169, 254, 32, Class::Metadata),
    v4(169, 254, 170, 2, 32, Class::Metadata),
    v4(168, 63, 129, 16, 32, Class::Metadata),
    v4(192, 0, 0, 192, 32, Class::Metadata),
    v4(100, 100, 100, 200, 32, Class::Metadata),
    v4(0, 0, 0, 0, 8, Class::Unspecified),
    v4(10, 0, 0, 0, 8, Class::Private),
    v4(100, 64, 0, 0, 10, Class::Shared),
    v4(127, 0, 0, 0, 8, Class::Loopback),
    v4(169, 254, 0, 0, 16, Class::LinkLocal),
    v4(172, 16, 0, 0, 12, Class::Private),
    v4(192, 0, 0, 0, 24, Class::Protocol),
    v4(192, 0, 2, 0, 24, Class::Documentation),
    v4(192, 88, 99, 0, 24, Class::Protocol),
    v4(192, 168, 0, 0, 16, Class::Private),
    v4(198, 18, 0, 0, 15, Class::Benchmarking),
    v4(198, 51, 100, 0, 24, Class::Documentation),
    v4(203, 0, 113, 0, 24, Class::Documentation),
    v4(224, 0, 0, 0, 4, Class::Multicast),
    v4(255, 255, 255, 255, 32, Class::Broadcast),
    v4(240, 0, 0, 0, 4, Class::Reserved),
];

/// The first that holds an address says its class; what none holds is reserved, because only
/// 2000::/3 has been given to the internet (RFC 4291, section 2.4, and the IANA's registry).
pub(super) const V6: &[Block<u128>] = &[
    // AWS keeps its metadata, DNS and credential services in this block; GCP has one address.
    v6(0xfd00_0ec2_0000_0000, 0, 32, Class::Metadata),
    v6(0xfd20_00ce_0000_0000, 0x254, 128, Class::Metadata),
    v6(0, 0, 128, Class::Unspecified),
    v6(0, 0x1, 128, Class::Loopback),
    v6(0, 0, 96, Class::V4Compatible),
    v6(0, 0xffff_0000_0000, 96, Class::V4Mapped),
    v6(0, 0xffff_0000_0000_0000, 96, Class::V4Translated),
    v6(0x0064_ff9b_0000_0000, 0, 96, Class::Nat64),
    v6(0x0064_ff9b_0001_0000, 0, 48, Class::Nat64),
    v6(0x0100_0000_0000_0000, 0, 64, Class::Discard),
    v6(0x0100_0000_0000_0001, 0, 64, Class::Discard),
    v6(0x2001_0000_0000_0000, 0, 32, Class::Teredo),
    v6(0x2001_0002_0000_0000, 0, 48, Class::Benchmarking),
    v6(0x2001_0000_0000_0000, 0, 23, Class::Protocol),
    v6(0x2001_0db8_0000_0000, 0, 32, Class::Documentation),
    v6(0x2002_0000_0000_0000, 0, 16, Class::SixToFour),
    v6(0x3fff_0000_0000_0000, 0, 20, Class::Documentation),
    v6(0x2000_0000_0000_0000, 0, 3, Class::Public),
    v6(0xfc00_0000_0000_0000, 0, 7, Class::UniqueLocal),
    v6(0xfe80_0000_0000_0000, 0, 10, Class::LinkLocal),
    v6(0xfec0_0000_0000_0000, 0, 10, Class::SiteLocal),
    v6(0xff00_0000_0000_0000, 0, 8, Class::Multicast),
];
