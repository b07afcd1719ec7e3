//! Where webhooks may go. A webhook is a hole in the wall: whoever may make one could else have
//! this host talk to whatever stands behind its firewall.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;

use super::address_class::{Class, inner};
use super::url::{Scheme, WebhookUrl};

/// The setting that says it, as refusals name it.
pub const SETTING: &str = "WEBHOOK_NETWORKS";

/// The networks that webhooks may go to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Networks {
    classes: Vec<Class>,
    named: Vec<IpNet>,
}

/// Why an address is not connected to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutOfReach {
    /// No network of the setting has it.
    Network(IpAddr, Class),
    /// Without encryption only private and loopback addresses are reached.
    Plain(IpAddr),
}

impl Networks {
    pub fn everywhere() -> Networks {
        let classes = vec![Class::Public, Class::Private, Class::Loopback];
        Networks { classes, named: Vec::new() }
    }

    pub fn public() -> Networks {
        Networks { classes: vec![Class::Public], named: Vec::new() }
    }

    /// Whether a webhook may connect to the address.
    ///
    /// # Errors
    /// Why it may not.
    pub fn check(&self, scheme: Scheme, address: IpAddr) -> Result<(), OutOfReach> {
        let (judged, class) = (inner(address), Class::of(address));
        if !self.classes.contains(&class) && !self.named.iter().any(|it| it.contains(&judged)) {
            return Err(OutOfReach::Network(address, class));
        }
        if scheme == Scheme::Http && !matches!(class, Class::Private | Class::Loopback) {
            return Err(OutOfReach::Plain(address));
        }
        Ok(())
    }
}

impl Networks {
    /// Those of the URL's addresses that may be connected to: at least one.
    ///
    /// # Errors
    /// Why none may.
    pub fn reachable(&self, url: &WebhookUrl, found: &[IpAddr]) -> Result<Vec<IpAddr>, String> {
        let check = |address: &IpAddr| self.check(url.scheme(), *address);
        let permitted: Vec<IpAddr> = found.iter().copied().filter(|it| check(it).is_ok()).collect();
        if !permitted.is_empty() {
            return Ok(permitted);
        }
        Err(match found.iter().find_map(|address| check(address).err()) {
            Some(why) => why.to_string(),
            None => format!("{} has no address", url.host()),
        })
    }
}

impl FromStr for Networks {
    type Err = String;

    fn from_str(text: &str) -> Result<Networks, String> {
        let mut networks = Networks::default();
        for item in text.split(',').map(str::trim).filter(|item| !item.is_empty()) {
            match item {
                "public" => networks.classes.push(Class::Public),
                "private" => networks.classes.push(Class::Private),
                "loopback" => networks.classes.push(Class::Loopback),
                _ => networks.named.push(network(item)?),
            }
        }
        Ok(networks)
    }
}

fn network(item: &str) -> Result<IpNet, String> {
    let address = item.parse::<IpAddr>().map(IpNet::from);
    address.or_else(|_| item.parse()).map_err(|_: ipnet::AddrParseError| {
        format!(
            "{item:?} is none of public, private and loopback, nor an address or a network like \
             10.0.0.0/8"
        )
    })
}

impl fmt::Display for OutOfReach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OutOfReach::Network(address, Class::Special) => {
                write!(f, "{address} is in no network that {SETTING} names")
            }
            OutOfReach::Network(address, class) => {
                let kind = match class {
                    Class::Public => "public",
                    Class::Private => "private",
                    _ => "loopback",
                };
                write!(f, "{address} is {kind}, which {SETTING} doesn't allow")
            }
            OutOfReach::Plain(address) => write!(
                f,
                "{address} takes https:// only: http:// is for private and loopback addresses of \
                 {SETTING}"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn permits(networks: &str, scheme: Scheme, address: &str) -> bool {
        let networks: Networks = networks.parse().unwrap();
        networks.check(scheme, address.parse().unwrap()).is_ok()
    }

    #[test]
    fn what_no_word_stands_for_is_reached_by_its_network_alone() {
        for address in
            ["0.0.0.0", "100.64.0.1", "169.254.169.254", "fe80::1", "fd00:ec2::254", "224.0.0.1"]
        {
            assert!(!permits("public,private,loopback", Scheme::Https, address), "{address}");
        }
        assert!(permits("public,169.254.169.254", Scheme::Https, "169.254.169.254"));
        assert!(permits("100.64.0.0/10", Scheme::Https, "100.99.0.1"));
        assert!(permits("100.64.0.0/10", Scheme::Https, "64:ff9b::6463:1"));
        assert!(permits("fd00:ec2::/32", Scheme::Https, "fd00:ec2::254"));
        assert!(!permits("10.1.0.0/16", Scheme::Https, "10.2.0.1"));
        assert!(!permits("", Scheme::Https, "8.8.8.8"));
    }

    #[test]
    fn plain_http_stays_at_home() {
        assert!(permits("private, loopback", Scheme::Http, "10.0.0.1"));
        assert!(permits("127.0.0.0/8", Scheme::Http, "127.0.0.1"));
        assert!(!permits("public", Scheme::Http, "8.8.8.8"));
        assert!(!permits("8.8.8.0/24", Scheme::Http, "8.8.8.8"));
        assert!(!permits("169.254.0.0/16", Scheme::Http, "169.254.169.254"));
    }

    #[test]
    fn a_refusal_names_the_address_and_the_setting() {
        let address = "::ffff:10.0.0.1".parse().unwrap();
        let refusal = Networks::public().check(Scheme::Https, address).unwrap_err().to_string();
        assert_eq!(refusal, "::ffff:10.0.0.1 is private, which WEBHOOK_NETWORKS doesn't allow");
        let plain = Networks::everywhere().check(Scheme::Http, "8.8.8.8".parse().unwrap());
        assert!(plain.unwrap_err().to_string().contains("WEBHOOK_NETWORKS"));
    }

    #[test]
    fn a_list_has_words_addresses_and_networks() {
        let networks: Networks = " public,10.0.0.0/8 , ::1,".parse().unwrap();
        assert_eq!((networks.classes.len(), networks.named.len()), (1, 2));
        for wrong in ["Public", "localhost", "10.0.0.0/33", "10.0.0"] {
            assert!(wrong.parse::<Networks>().is_err(), "{wrong}");
        }
    }
}
