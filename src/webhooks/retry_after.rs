//! `Retry-After` (RFC 9110, 10.2.3): seconds, or a date.

use std::time::Duration;

use crate::clock::Timestamp;

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// How long to wait from `now` on; `None` where the value can't be read.
pub fn parse(value: &str, now: Timestamp) -> Option<Duration> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(Duration::from_secs(value.parse().unwrap_or(u64::MAX)));
    }
    Some(date(value)?.since(now))
}

/// `Tue, 07 Oct 2025 05:58:11 GMT`. The two older forms died before webhooks were born.
fn date(text: &str) -> Option<Timestamp> {
    let (_, rest) = text.split_once(", ")?;
    let parts: Vec<&str> = rest.split(' ').collect();
    let &[day, month, year, time, "GMT"] = parts.as_slice() else { return None };
    let month = MONTHS.iter().position(|known| *known == month)? + 1;
    Timestamp::parse(&format!("{year}-{month:02}-{day}T{time}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_and_dates_are_read_and_nothing_else() {
        let now = Timestamp::from_secs(1_759_816_691);
        for (value, secs) in [
            ("0", Some(0)),
            (" 120 ", Some(120)),
            ("99999999999999999999999", Some(u64::MAX)),
            ("Tue, 07 Oct 2025 05:59:11 GMT", Some(60)),
            ("Tue, 07 Oct 2025 05:57:11 GMT", Some(0)),
            ("", None),
            ("-1", None),
            ("1.5", None),
            ("soon", None),
            ("Tue, 07 Oct 2025 05:59:11 CET", None),
            ("Tue, 99 Oct 2025 05:59:11 GMT", None),
            ("Tue, 07 Okt 2025 05:59:11 GMT", None),
        ] {
            assert_eq!(parse(value, now), secs.map(Duration::from_secs), "{value:?}");
        }
    }
}
