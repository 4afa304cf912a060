//! What an address is: public, or one of the classes that an outside name has no business with.
//! By the IANA registries of special-purpose addresses (RFC 6890 and those after it), and the
//! addresses at which clouds keep a machine's secrets.

mod blocks;

use std::{fmt, net::IpAddr};

use blocks::{V4, V6, first};

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
        IpAddr::V4(address) => first(V4, address.to_bits()).unwrap_or(Class::Public),
        IpAddr::V6(address) => first(V6, address.to_bits()).unwrap_or(Class::Reserved),
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv6Addr;

    use proptest::{prelude::*, test_runner::RngSeed};

    use super::*;

    fn class(address: &str) -> Class {
        classify(address.parse().unwrap())
    }

    #[test]
    fn a_block_has_both_its_ends_and_not_what_lies_beside_them() {
        for (before, first, last, behind, inside) in [
            ("9.255.255.255", "10.0.0.0", "10.255.255.255", "11.0.0.0", Class::Private),
            ("100.63.255.255", "100.64.0.0", "100.127.255.255", "100.128.0.0", Class::Shared),
            ("126.255.255.255", "127.0.0.0", "127.255.255.255", "128.0.0.0", Class::Loopback),
            ("169.253.255.255", "169.254.0.0", "169.254.255.255", "169.255.0.0", Class::LinkLocal),
            ("172.15.255.255", "172.16.0.0", "172.31.255.255", "172.32.0.0", Class::Private),
            ("192.0.1.255", "192.0.2.0", "192.0.2.255", "192.0.3.0", Class::Documentation),
            ("192.88.98.255", "192.88.99.0", "192.88.99.255", "192.88.100.0", Class::Protocol),
            ("192.167.255.255", "192.168.0.0", "192.168.255.255", "192.169.0.0", Class::Private),
            ("198.17.255.255", "198.18.0.0", "198.19.255.255", "198.20.0.0", Class::Benchmarking),
            ("203.0.112.255", "203.0.113.0", "203.0.113.255", "203.0.114.0", Class::Documentation),
            (
                "2001:db7:ffff::1",
                "2001:db8::",
                "2001:db8:ffff::",
                "2001:db9::",
                Class::Documentation,
            ),
            ("2001:200::", "2002::", "2002:ffff::1", "2003::", Class::SixToFour),
            ("3ffe::", "3fff::", "3fff:fff::1", "3fff:1000::", Class::Documentation),
        ] {
            assert_eq!(class(before), Class::Public, "{before}");
            assert_eq!(class(first), inside, "{first}");
            assert_eq!(class(last), inside, "{last}");
            assert_eq!(class(behind), Class::Public, "{behind}");
        }
    }

    #[test]
    fn the_internet_is_public() {
        for address in ["93.184.216.34", "1.1.1.1", "223.255.255.255", "168.63.129.17"] {
            assert_eq!(class(address), Class::Public, "{address}");
        }
        for address in ["2001:4860:4860::8888", "2606:4700::1111", "2001:200::", "2c0f:ffff::1"] {
            assert_eq!(class(address), Class::Public, "{address}");
        }
    }

    #[test]
    fn what_has_another_use_is_named() {
        for (address, named) in [
            ("0.0.0.0", Class::Unspecified),
            ("0.1.2.3", Class::Unspecified),
            ("192.0.0.8", Class::Protocol),
            ("224.0.0.1", Class::Multicast),
            ("239.255.255.255", Class::Multicast),
            ("240.0.0.1", Class::Reserved),
            ("255.255.255.254", Class::Reserved),
            ("255.255.255.255", Class::Broadcast),
            ("::", Class::Unspecified),
            ("::1", Class::Loopback),
            ("fe80::1", Class::LinkLocal),
            ("febf::1", Class::LinkLocal),
            ("fec0::1", Class::SiteLocal),
            ("feff::1", Class::SiteLocal),
            ("fc00::1", Class::UniqueLocal),
            ("fdff::1", Class::UniqueLocal),
            ("ff02::1", Class::Multicast),
            ("100::1", Class::Discard),
            ("100:0:0:1::1", Class::Discard),
            ("100:0:0:2::1", Class::Reserved),
            ("2001:2::1", Class::Benchmarking),
            ("2001:10::1", Class::Protocol),
            ("2001:1ff::1", Class::Protocol),
            ("1fff::1", Class::Reserved),
            ("4000::1", Class::Reserved),
            ("5f00::1", Class::Reserved),
        ] {
            assert_eq!(class(address), named, "{address}");
        }
    }

    #[test]
    fn a_clouds_metadata_is_never_let_through() {
        for address in [
            "169.254.169.254",
            "169.254.170.2",
            "168.63.129.16",
            "192.0.0.192",
            "100.100.100.200",
            "fd00:ec2::254",
            "fd00:ec2::23",
            "fd20:ce::254",
        ] {
            assert_eq!(class(address), Class::Metadata, "{address}");
        }
        assert!(!Class::Metadata.is_private());
    }

    #[test]
    fn an_entry_for_development_lets_four_classes_through() {
        for (address, let_through) in [
            ("127.0.0.1", true),
            ("::1", true),
            ("10.1.2.3", true),
            ("100.64.0.1", true),
            ("fd12::1", true),
            ("169.254.1.1", false),
            ("fe80::1", false),
            ("0.0.0.0", false),
            ("192.0.2.1", false),
            ("198.18.0.1", false),
            ("::ffff:127.0.0.1", false),
        ] {
            assert_eq!(class(address).is_private(), let_through, "{address}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            rng_seed: RngSeed::Fixed(1),
            failure_persistence: None,
            ..ProptestConfig::default()
        })]

        #[test]
        fn an_address_that_carries_another_is_never_public(v4: u32, low: u64) {
            let [.., a, b, c, d] = u64::from(v4).to_be_bytes();
            let (high, end) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
            let tail = |start: [u16; 6]| {
                let [s0, s1, s2, s3, s4, s5] = start;
                Ipv6Addr::new(s0, s1, s2, s3, s4, s5, high, end)
            };
            let behind = |start: u128, free: u32| {
                Ipv6Addr::from_bits(start << free | u128::from(v4) << (free - 32) | u128::from(low))
            };
            for address in [
                tail([0, 0, 0, 0, 0, 0xffff]),
                tail([0, 0, 0, 0, 0, 0]),
                tail([0, 0, 0, 0, 0xffff, 0]),
                tail([0x64, 0xff9b, 0, 0, 0, 0]),
                tail([0x64, 0xff9b, 1, 0, 0, 0]),
                behind(0x2002, 112),
                behind(0x2001_0000, 96),
            ] {
                let class = classify(address.into());
                prop_assert_ne!(class, Class::Public, "{}", address);
                prop_assert!(!class.is_private() || address == Ipv6Addr::LOCALHOST, "{}", address);
            }
        }
    }
}
