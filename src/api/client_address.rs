//! Which client a request comes from, through the proxies that are trusted.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};

use ipnet::IpNet;

use crate::http::{Field, Head, Peer};

/// Characters of an unreadable element that the log shows.
const SHOWN_CHARS: usize = 64;

/// Proxies whose `X-Forwarded-For` is believed.
pub struct TrustedProxies {
    networks: Vec<IpNet>,
    // What is wrong with a proxy's settings shows in every request, and is told once.
    told_unreadable: AtomicBool,
    told_untrusted: AtomicBool,
}

impl TrustedProxies {
    pub fn new(networks: Vec<IpNet>) -> TrustedProxies {
        let (told_unreadable, told_untrusted) = Default::default();
        TrustedProxies { networks, told_unreadable, told_untrusted }
    }

    /// The peer, or whom a trusted proxy says it speaks for: the rightmost address in
    /// `X-Forwarded-For` that is not itself a trusted proxy. Where that element is no address,
    /// the peer counts.
    pub fn client_of(&self, head: &Head, peer: &Peer) -> IpAddr {
        let peer = peer.ip().to_canonical();
        let Some(forwarded) = head.field(Field::XForwardedFor) else { return peer };
        if !self.trusts(peer) {
            self.warn_of_untrusted(peer);
            return peer;
        }
        let mut nearest = peer;
        for element in forwarded.rsplit(',').map(str::trim).filter(|it| !it.is_empty()) {
            let Some(address) = parse_element(element) else {
                self.warn_of_unreadable(element, peer);
                return peer;
            };
            nearest = address.to_canonical();
            if !self.trusts(nearest) {
                break;
            }
        }
        nearest
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.networks.iter().any(|net| net.contains(&address))
    }

    fn warn_of_unreadable(&self, element: &str, peer: IpAddr) {
        if !self.told_unreadable.swap(true, Ordering::Relaxed) {
            let shown: String = element.chars().take(SHOWN_CHARS).collect();
            log::warn!(
                "X-Forwarded-For from {peer} has {shown:?}, which is no address: such requests \
                 count for the proxy itself (this is logged once)"
            );
        }
    }

    /// Behind a proxy on this host everybody would be one client, and one that is never locked
    /// out.
    fn warn_of_untrusted(&self, peer: IpAddr) {
        if peer.is_loopback() && !self.told_untrusted.swap(true, Ordering::Relaxed) {
            log::warn!(
                "X-Forwarded-For from {peer}, which TRUSTED_PROXIES doesn't name: all clients of \
                 a proxy on this host count as one; set TRUSTED_PROXIES={peer} if it is one (this \
                 is logged once)"
            );
        }
    }
}

/// An address as proxies write it: perhaps in quotes, in brackets, with a port or with an IPv6
/// zone.
fn parse_element(element: &str) -> Option<IpAddr> {
    let unquoted = element.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let text = unquoted.unwrap_or(element).trim();
    if let Some(bracketed) = text.strip_prefix('[') {
        let (address, port) = bracketed.split_once(']')?;
        let is_port = |port: &str| port.parse::<u16>().is_ok();
        let has_rest = !port.is_empty() && !port.strip_prefix(':').is_some_and(is_port);
        return if has_rest { None } else { without_zone(address).parse().ok() };
    }
    let address = without_zone(text).parse();
    address.or_else(|_| text.parse::<SocketAddr>().map(|it| it.ip())).ok()
}

/// The zone of a link-local address means something on the proxy's host alone.
fn without_zone(address: &str) -> &str {
    address.split_once('%').map_or(address, |(address, _)| address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_as_proxies_write_it() {
        for (element, expected) in [
            ("192.0.2.1", "192.0.2.1"),
            ("192.0.2.1:4711", "192.0.2.1"),
            ("\"192.0.2.1:4711\"", "192.0.2.1"),
            ("2001:db8::5", "2001:db8::5"),
            ("[2001:db8::5]", "2001:db8::5"),
            ("[2001:db8::5]:443", "2001:db8::5"),
            ("\"[2001:db8::5]:443\"", "2001:db8::5"),
            ("fe80::1%eth0", "fe80::1"),
            ("[fe80::1%25eth0]:80", "fe80::1"),
        ] {
            assert_eq!(parse_element(element), expected.parse().ok(), "{element}");
        }
        for element in [
            "unknown",
            "_hidden",
            "-",
            "\"",
            "\"\"",
            "[]",
            "[",
            "[::1",
            "[::1]x",
            "[::1]:",
            "[::1]:99999",
            "192.0.2.1:",
            "192.0.2.1:x",
            "192.0.2",
            "192.0.2.1 192.0.2.2",
        ] {
            assert_eq!(parse_element(element), None, "{element}");
        }
    }
}
