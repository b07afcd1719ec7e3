//! Which addresses count as one client.

use std::net::{IpAddr, Ipv6Addr};

/// What a client is counted by: an IPv4 address, or the /64 of an IPv6 address, which a host has
/// for itself. An IPv4-mapped IPv6 address counts as the IPv4 address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Network(IpAddr);

/// The address that a client is counted by.
pub fn of(address: IpAddr) -> IpAddr {
    Network::of(address).0
}

impl Network {
    pub fn of(address: IpAddr) -> Network {
        match address.to_canonical() {
            IpAddr::V6(v6) => Network(prefix(v6, 64)),
            v4 => Network(v4),
        }
    }

    /// The addresses of this host itself.
    pub fn is_loopback(self) -> bool {
        // The /64 of `::1` begins with `::`, and has no other host in it.
        self.0.is_loopback() || self.0 == IpAddr::from(Ipv6Addr::UNSPECIFIED)
    }

    /// The network around a /64 that one site may have: its /56 or /48. `None` for IPv4.
    pub fn site(self, bits: u32) -> Option<Network> {
        match self.0 {
            IpAddr::V6(v6) => Some(Network(prefix(v6, bits))),
            IpAddr::V4(_) => None,
        }
    }

    /// As one number; that of an IPv4 address is the IPv6 address that it is mapped to.
    pub fn to_bits(self) -> u128 {
        match self.0 {
            IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
            IpAddr::V6(v6) => v6.to_bits(),
        }
    }
}

fn prefix(address: Ipv6Addr, bits: u32) -> IpAddr {
    Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << (128 - bits))).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(text: &str) -> Network {
        Network::of(text.parse().unwrap())
    }

    #[test]
    fn an_ipv6_host_counts_by_its_network() {
        let network = |text: &str| of(text.parse().unwrap()).to_string();
        assert_eq!(network("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(network("::ffff:192.0.2.1"), "192.0.2.1");
        assert_eq!(network("192.0.2.1"), "192.0.2.1");
    }

    #[test]
    fn a_site_has_many_ipv6_networks() {
        let host = network("2001:db8:1:ab12::5");
        assert_eq!(host.site(56), Some(network("2001:db8:1:ab00::")));
        assert_eq!(host.site(48), Some(network("2001:db8:1::")));
        assert_eq!(network("192.0.2.1").site(48), None);
    }

    #[test]
    fn loopback_is_this_host_alone() {
        for (text, is_loopback) in
            [("127.0.0.2", true), ("::1", true), ("::ffff:127.0.0.1", true), ("192.0.2.1", false)]
        {
            assert_eq!(network(text).is_loopback(), is_loopback, "{text}");
        }
    }
}
