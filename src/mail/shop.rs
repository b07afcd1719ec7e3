//! What every mail says of the shop.

use crate::clock::TimeZone;
use crate::config::Config;

#[derive(Clone, Debug)]
pub struct Shop {
    pub name: String,
    /// Where its name leads to.
    pub url: Option<String>,
    /// Of all times in the mails.
    pub time_zone: TimeZone,
}

impl Shop {
    pub fn of(config: &Config) -> Shop {
        Shop {
            name: config.shop_name.as_str().to_owned(),
            url: config.shop_url.as_ref().map(|url| url.as_str().to_owned()),
            time_zone: config.time_zone.clone(),
        }
    }
}

impl Default for Shop {
    fn default() -> Shop {
        Shop { name: "Orders".to_owned(), url: None, time_zone: TimeZone::UTC }
    }
}
