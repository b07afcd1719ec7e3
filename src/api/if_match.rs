//! `If-Match` (RFC 9110, 13.1.1): the versions of an order that may be changed.

use crate::error::{Error, Result};
use crate::store::Condition;

/// Reads `*`, or a list of entity tags. `W/"3"` and `"3-gzip"`, as proxies make them of `"3"`,
/// count as that. A tag that no order has is one that doesn't match.
///
/// # Errors
/// Something in it is no tag.
pub fn parse(text: &str) -> Result<Condition> {
    if text.trim() == "*" {
        return Ok(Condition::Exists);
    }
    let mut versions = Vec::new();
    for tag in text.split(',').map(str::trim).filter(|tag| !tag.is_empty()) {
        let bare = tag.strip_prefix("W/").unwrap_or(tag);
        let opaque = bare.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        let opaque = opaque.filter(|text| !text.contains('"')).ok_or(NO_TAG)?;
        let version = opaque.strip_suffix("-gzip").unwrap_or(opaque);
        let number = version.parse::<u64>().ok();
        versions.extend(number.filter(|number| number.to_string() == version));
        if tag.len() > MAX_TAG_BYTES {
            return Err(NO_TAG);
        }
    }
    match text.contains('"') {
        true => Ok(Condition::OneOf(versions)),
        false => Err(NO_TAG),
    }
}

const MAX_TAG_BYTES: usize = 256;
const NO_TAG: Error = Error::Refused("Bad Request");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_versions_as_proxies_leave_them() {
        let versions = |text| match parse(text).unwrap() {
            Condition::OneOf(versions) => versions,
            Condition::Exists => panic!("any version"),
        };
        assert_eq!(versions("\"3\""), [3]);
        assert_eq!(versions(" W/\"3\" ,, \"4-gzip\""), [3, 4]);
        assert_eq!(versions("\"abc\", \"03\""), Vec::<u64>::new());
        assert_eq!(parse("*").unwrap(), Condition::Exists);
        for garbage in ["", "3", "\"3", "\"3\" 4", "w/\"3\"", ",", "\"3\"\"4\"", "*, \"3\""] {
            assert!(parse(garbage).is_err(), "{garbage}");
        }
    }
}
