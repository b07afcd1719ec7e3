//! Which client a request comes from, through the proxies that are trusted.

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;

use crate::http::{Field, Head, Peer};

/// Proxies whose `X-Forwarded-For` is believed.
pub struct TrustedProxies(pub Vec<IpNet>);

impl TrustedProxies {
    /// The peer, or whom a trusted proxy says it speaks for: the rightmost address in
    /// `X-Forwarded-For` that is not itself a trusted proxy.
    pub fn client_of(&self, head: &Head, peer: &Peer) -> IpAddr {
        let peer = peer.ip().to_canonical();
        if !self.trusts(peer) {
            return peer;
        }
        let forwarded = head.field(Field::XForwardedFor).unwrap_or_default();
        let mut nearest = peer;
        for hop in forwarded.rsplit(',') {
            let Some(address) = parse_hop(hop.trim()) else { break };
            nearest = address.to_canonical();
            if !self.trusts(nearest) {
                break;
            }
        }
        nearest
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|net| net.contains(&address))
    }
}

/// Some proxies write the client's port behind its address.
fn parse_hop(hop: &str) -> Option<IpAddr> {
    hop.parse().or_else(|_| hop.parse::<SocketAddr>().map(|it| it.ip())).ok()
}
