//! What an address is: public, or one of the classes that an outside name has no business with.
//! By the IANA registries of special-purpose addresses (RFC 6890 and those after it), and the
//! addresses at which clouds keep a machine's secrets.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

/// What an address is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// A unicast address that the whole internet may reach.
    Public,
    Loopback,
    Private,
    Shared,
    UniqueLocal,
    /// Where a cloud answers a machine's questions on itself, its credentials included.
    Metadata,
    LinkLocal,
    SiteLocal,
    Unspecified,
    Multicast,
    Broadcast,
    Reserved,
    Protocol,
    Documentation,
    Benchmarking,
    Discard,
    V4Mapped,
    V4Compatible,
    V4Translated,
    Nat64,
    SixToFour,
    Teredo,
}

impl Class {
    /// Whether an entry with `allow_private` lets the class through.
    pub const fn is_private(self) -> bool {
        matches!(self, Class::Loopback | Class::Private | Class::Shared | Class::UniqueLocal)
    }

    /// What it is called, and by whom.
    const fn description(self) -> &'static str {
        match self {
            Class::Public => "public",
            Class::Loopback => "loopback, RFC 1122 and RFC 4291",
            Class::Private => "private, RFC 1918",
            Class::Shared => "shared by a carrier, RFC 6598",
            Class::UniqueLocal => "unique local, RFC 4193",
            Class::Metadata => "a cloud's metadata service",
            Class::LinkLocal => "link-local, RFC 3927 and RFC 4291",
            Class::SiteLocal => "site-local, RFC 3879",
            Class::Unspecified => "this network, RFC 1122 and RFC 4291",
            Class::Multicast => "multicast, RFC 5771 and RFC 4291",
            Class::Broadcast => "broadcast, RFC 919",
            Class::Reserved => "reserved, RFC 1112 and RFC 4291",
            Class::Protocol => "for protocols, RFC 6890, RFC 7526 and RFC 2928",
            Class::Documentation => "documentation, RFC 5737, RFC 3849 and RFC 9637",
            Class::Benchmarking => "benchmarking, RFC 2544 and RFC 5180",
            Class::Discard => "discarded, RFC 6666 and RFC 9780",
            Class::V4Mapped => "IPv4-mapped, RFC 4291",
            Class::V4Compatible => "IPv4-compatible, RFC 4291",
            Class::V4Translated => "IPv4-translated, RFC 2765",
            Class::Nat64 => "IPv4 behind NAT64, RFC 6052 and RFC 8215",
            Class::SixToFour => "IPv4 behind 6to4, RFC 3056",
            Class::Teredo => "IPv4 behind Teredo, RFC 4380",
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.description())
    }
}

/// What an address is. An IPv6 address that carries an IPv4 one is of the class that carries,
/// whatever it carries: nobody outside needs to name a host in that way.
pub fn classify(address: IpAddr) -> Class {
    match address {
        IpAddr::V4(address) => first(V4, address.to_bits(), Class::Public),
        IpAddr::V6(address) => first(V6, address.to_bits(), Class::Reserved),
    }
}

/// The class of the first block that holds the address.
fn first<B: Bits>(blocks: &[Block<B>], address: B, otherwise: Class) -> Class {
    let holds = |block: &&Block<B>| block.holds(address);
    blocks.iter().find(holds).map_or(otherwise, |block| block.class)
}

struct Block<B> {
    first: B,
    /// How many bits below the prefix an address is free in.
    free: u32,
    class: Class,
}

trait Bits: Copy + PartialEq {
    fn above(self, free: u32) -> Self;
}

impl Bits for u32 {
    fn above(self, free: u32) -> Self {
        self.checked_shr(free).unwrap_or(0)
    }
}

impl Bits for u128 {
    fn above(self, free: u32) -> Self {
        self.checked_shr(free).unwrap_or(0)
    }
}

impl<B: Bits> Block<B> {
    fn holds(&self, address: B) -> bool {
        address.above(self.free) == self.first.above(self.free)
    }
}

const fn v4(a: u8, b: u8, c: u8, d: u8, bits: u32, class: Class) -> Block<u32> {
    Block { first: Ipv4Addr::new(a, b, c, d).to_bits(), free: 32 - bits, class }
}

const fn v6(start: [u16; 4], end: [u16; 4], bits: u32, class: Class) -> Block<u128> {
    let ([a, b, c, d], [e, f, g, h]) = (start, end);
    Block { first: Ipv6Addr::new(a, b, c, d, e, f, g, h).to_bits(), free: 128 - bits, class }
}

/// The first that holds an address says its class; what none holds is public.
const V4: &[Block<u32>] = &[
    // The links of AWS, Azure, GCP and others; ECS's credentials; Azure's wire server; Oracle's
    // and Alibaba's. Some lie in no special block, and some in one that may be let through.
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

const NONE: [u16; 4] = [0; 4];

/// The first that holds an address says its class; what none holds is reserved, because only
/// 2000::/3 has been given to the internet (RFC 4291, section 2.4, and the IANA's registry).
const V6: &[Block<u128>] = &[
    // AWS keeps its metadata, DNS and credential services in this block; GCP has one address.
    v6([0xfd00, 0x0ec2, 0, 0], NONE, 32, Class::Metadata),
    v6([0xfd20, 0x00ce, 0, 0], [0, 0, 0, 0x254], 128, Class::Metadata),
    v6(NONE, NONE, 128, Class::Unspecified),
    v6(NONE, [0, 0, 0, 1], 128, Class::Loopback),
    v6(NONE, NONE, 96, Class::V4Compatible),
    v6(NONE, [0, 0xffff, 0, 0], 96, Class::V4Mapped),
    v6(NONE, [0xffff, 0, 0, 0], 96, Class::V4Translated),
    v6([0x64, 0xff9b, 0, 0], NONE, 96, Class::Nat64),
    v6([0x64, 0xff9b, 1, 0], NONE, 48, Class::Nat64),
    v6([0x100, 0, 0, 0], NONE, 64, Class::Discard),
    v6([0x100, 0, 0, 1], NONE, 64, Class::Discard),
    v6([0x2001, 0, 0, 0], NONE, 32, Class::Teredo),
    v6([0x2001, 2, 0, 0], NONE, 48, Class::Benchmarking),
    v6([0x2001, 0, 0, 0], NONE, 23, Class::Protocol),
    v6([0x2001, 0xdb8, 0, 0], NONE, 32, Class::Documentation),
    v6([0x2002, 0, 0, 0], NONE, 16, Class::SixToFour),
    v6([0x3fff, 0, 0, 0], NONE, 20, Class::Documentation),
    v6([0x2000, 0, 0, 0], NONE, 3, Class::Public),
    v6([0xfc00, 0, 0, 0], NONE, 7, Class::UniqueLocal),
    v6([0xfe80, 0, 0, 0], NONE, 10, Class::LinkLocal),
    v6([0xfec0, 0, 0, 0], NONE, 10, Class::SiteLocal),
    v6([0xff00, 0, 0, 0], NONE, 8, Class::Multicast),
];
