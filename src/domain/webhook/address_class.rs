//! What an address is for, as IANA's registries of special-purpose addresses have it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};

/// What a network is for, as IANA's special-purpose registries have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Globally reachable.
    Public,
    /// For a site of its own: RFC 1918, and fc00::/7.
    Private,
    Loopback,
    /// Everything else: this network, link-local, shared, multicast, documentation, metadata of
    /// clouds. Such an address is reached only where a network is named that has it.
    Special,
}

/// The first network that has an address decides; what none has is public.
const V4: [(Ipv4Net, Class); 23] = [
    // Two of the addresses for protocols, and three networks, are globally reachable.
    v4([192, 0, 0, 9], 32, Class::Public),
    v4([192, 0, 0, 10], 32, Class::Public),
    // The metadata service of Alibaba's cloud, in the shared space below.
    v4([100, 100, 100, 200], 32, Class::Special),
    v4([0, 0, 0, 0], 8, Class::Special),
    v4([10, 0, 0, 0], 8, Class::Private),
    v4([100, 64, 0, 0], 10, Class::Special),
    v4([127, 0, 0, 0], 8, Class::Loopback),
    v4([169, 254, 0, 0], 16, Class::Special),
    v4([172, 16, 0, 0], 12, Class::Private),
    v4([192, 0, 0, 0], 24, Class::Special),
    v4([192, 0, 2, 0], 24, Class::Special),
    v4([192, 31, 196, 0], 24, Class::Public),
    v4([192, 52, 193, 0], 24, Class::Public),
    v4([192, 88, 99, 0], 24, Class::Special),
    v4([192, 168, 0, 0], 16, Class::Private),
    v4([192, 175, 48, 0], 24, Class::Public),
    v4([198, 18, 0, 0], 15, Class::Special),
    v4([198, 51, 100, 0], 24, Class::Special),
    v4([203, 0, 113, 0], 24, Class::Special),
    v4([224, 0, 0, 0], 4, Class::Special),
    v4([240, 0, 0, 0], 4, Class::Special),
    v4([255, 255, 255, 255], 32, Class::Special),
    v4([0, 0, 0, 0], 0, Class::Public),
];

/// The first network that has an address decides. What isn't global unicast (2000::/3) and in no
/// other row is nobody's yet.
const V6: [(Ipv6Net, Class); 20] = [
    v6([0, 0, 0, 0, 0, 0, 0, 1], 128, Class::Loopback),
    // The metadata service of Amazon's cloud, in the private space below.
    v6([0xfd00, 0xec2, 0, 0, 0, 0, 0, 0], 32, Class::Special),
    v6([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7, Class::Private),
    v6([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10, Class::Special),
    v6([0xff00, 0, 0, 0, 0, 0, 0, 0], 8, Class::Special),
    // Of 2001::/23 these parts are globally reachable.
    v6([0x2001, 1, 0, 0, 0, 0, 0, 1], 128, Class::Public),
    v6([0x2001, 1, 0, 0, 0, 0, 0, 2], 128, Class::Public),
    v6([0x2001, 1, 0, 0, 0, 0, 0, 3], 128, Class::Public),
    v6([0x2001, 3, 0, 0, 0, 0, 0, 0], 32, Class::Public),
    v6([0x2001, 4, 0x112, 0, 0, 0, 0, 0], 48, Class::Public),
    v6([0x2001, 0x20, 0, 0, 0, 0, 0, 0], 28, Class::Public),
    v6([0x2001, 0x30, 0, 0, 0, 0, 0, 0], 28, Class::Public),
    v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 23, Class::Special),
    v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32, Class::Special),
    v6([0x2620, 0x4f, 0x8000, 0, 0, 0, 0, 0], 48, Class::Public),
    v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20, Class::Special),
    v6([0x2000, 0, 0, 0, 0, 0, 0, 0], 3, Class::Public),
    v6([0x5f00, 0, 0, 0, 0, 0, 0, 0], 16, Class::Special),
    v6([0x100, 0, 0, 0, 0, 0, 0, 0], 64, Class::Special),
    v6([0, 0, 0, 0, 0, 0, 0, 0], 0, Class::Special),
];

/// `64:ff9b::/96` (RFC 6052) leads to the IPv4 address in its last 32 bits.
const NAT64: Ipv6Net = Ipv6Net::new_assert(Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0), 96);
/// `2002::/16` (RFC 3056) leads to the IPv4 address in the 32 bits that follow.
const SIX_TO_FOUR: Ipv6Net = Ipv6Net::new_assert(Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16);

impl Class {
    /// The class of the address that a packet to `address` ends at.
    pub fn of(address: IpAddr) -> Class {
        class_of(inner(address))
    }
}

/// The address that a packet to this one ends at.
pub fn inner(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address.to_canonical() else { return address.to_canonical() };
    let bits = v6.to_bits();
    if NAT64.contains(&v6) {
        return Ipv4Addr::from_bits(bits as u32).into();
    }
    if SIX_TO_FOUR.contains(&v6) {
        return Ipv4Addr::from_bits((bits >> 80) as u32).into();
    }
    v6.into()
}

fn class_of(address: IpAddr) -> Class {
    let found = match address {
        IpAddr::V4(v4) => V4.iter().find(|(net, _)| net.contains(&v4)).map(|(_, class)| *class),
        IpAddr::V6(v6) => V6.iter().find(|(net, _)| net.contains(&v6)).map(|(_, class)| *class),
    };
    found.unwrap_or(Class::Special)
}

const fn v4([a, b, c, d]: [u8; 4], bits: u8, class: Class) -> (Ipv4Net, Class) {
    (Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), bits), class)
}

const fn v6([a, b, c, d, e, f, g, h]: [u16; 8], bits: u8, class: Class) -> (Ipv6Net, Class) {
    (Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, d, e, f, g, h), bits), class)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(text: &str) -> Class {
        Class::of(text.parse().unwrap())
    }

    #[test]
    fn addresses_are_classed_as_iana_has_them() {
        for (expected, addresses) in [
            (
                Class::Public,
                &[
                    "1.1.1.1",
                    "8.8.8.8",
                    "9.255.255.255",
                    "11.0.0.0",
                    "100.63.255.255",
                    "100.128.0.0",
                    "126.255.255.255",
                    "128.0.0.1",
                    "169.253.255.255",
                    "169.255.0.0",
                    "172.15.255.255",
                    "172.32.0.0",
                    "192.0.0.9",
                    "192.0.0.10",
                    "192.0.1.1",
                    "192.31.196.1",
                    "192.52.193.1",
                    "192.167.255.255",
                    "192.169.0.0",
                    "192.175.48.1",
                    "198.17.255.255",
                    "198.20.0.0",
                    "223.255.255.255",
                    "2606:4700::1111",
                    "2a00::1",
                    "2001:200::1",
                    "2001:1::1",
                    "2001:1::2",
                    "2001:1::3",
                    "2001:3::5",
                    "2001:4:112::1",
                    "2001:20::1",
                    "2001:30::1",
                    "2620:4f:8000::1",
                    "3ffe:ffff::1",
                    "::ffff:8.8.8.8",
                    "64:ff9b::8.8.8.8",
                    "2002:0808:0808::1",
                ][..],
            ),
            (
                Class::Private,
                &[
                    "10.0.0.1",
                    "10.255.255.255",
                    "172.16.0.0",
                    "172.31.255.255",
                    "192.168.0.1",
                    "fc00::1",
                    "fdff:ffff::1",
                    "fd00:ec1::254",
                    "fd00:ec3::254",
                    "::ffff:192.168.1.1",
                    "64:ff9b::10.0.0.1",
                    "2002:0a00:0001::",
                    "2002:c0a8:0101:1::7",
                ],
            ),
            (
                Class::Loopback,
                &[
                    "127.0.0.1",
                    "127.255.255.255",
                    "::1",
                    "::ffff:127.0.0.1",
                    "64:ff9b::7f00:1",
                    "2002:7f00:0001::",
                ],
            ),
            (
                Class::Special,
                &[
                    "0.0.0.0",
                    "0.1.2.3",
                    "100.64.0.0",
                    "100.100.100.200",
                    "100.127.255.255",
                    "169.254.0.1",
                    "169.254.169.254",
                    "192.0.0.1",
                    "192.0.0.8",
                    "192.0.0.170",
                    "192.0.2.1",
                    "192.88.99.1",
                    "198.18.0.1",
                    "198.19.255.255",
                    "198.51.100.7",
                    "203.0.113.9",
                    "224.0.0.1",
                    "239.255.255.255",
                    "240.0.0.1",
                    "255.255.255.255",
                    "::",
                    "::2",
                    "::127.0.0.1",
                    "::ffff:169.254.169.254",
                    "::ffff:0.0.0.0",
                    "64:ff9b::a9fe:a9fe",
                    "64:ff9b:1::1",
                    "2002:a9fe:a9fe::",
                    "100::1",
                    "2001::1",
                    "2001:0:4136:e378::1",
                    "2001:2::1",
                    "2001:10::1",
                    "2001:db8::1",
                    "3fff::1",
                    "4000::1",
                    "5f00::1",
                    "fe80::1",
                    "febf::1",
                    "fec0::1",
                    "fd00:ec2::254",
                    "ff02::1",
                ],
            ),
        ] {
            for address in addresses {
                assert_eq!(class(address), expected, "{address}");
            }
        }
    }
}
