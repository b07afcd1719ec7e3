//! Time zones, for what people read. Everything else is in UTC.

use std::str::FromStr;

use jiff::tz;

use super::Timestamp;

/// A time zone of the IANA database: the system's copy, else the one in the binary, which is of
/// the day when its crate was released.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimeZone(tz::TimeZone);

impl TimeZone {
    pub const UTC: TimeZone = TimeZone(tz::TimeZone::UTC);

    /// `Europe/Berlin`.
    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or("UTC")
    }

    /// `2025-10-07 07:58:11 CEST`. A zone without an abbreviation has its offset there: `+0530`.
    pub fn show(&self, at: Timestamp) -> String {
        self.format(at, "%Y-%m-%d %H:%M:%S %Z")
    }

    /// `2025-10-07 07:58 CEST`.
    pub fn show_minutes(&self, at: Timestamp) -> String {
        self.format(at, "%Y-%m-%d %H:%M %Z")
    }

    fn format(&self, at: Timestamp, format: &str) -> String {
        // A `Timestamp` has a four-digit year in every time zone.
        let at = i64::try_from(at.as_secs()).ok().and_then(|at| jiff::Timestamp::new(at, 0).ok());
        at.unwrap_or_default().to_zoned(self.0.clone()).strftime(format).to_string()
    }
}

impl Default for TimeZone {
    fn default() -> TimeZone {
        TimeZone::UTC
    }
}

impl FromStr for TimeZone {
    type Err = &'static str;

    /// Names are taken in any case.
    fn from_str(name: &str) -> Result<TimeZone, Self::Err> {
        // The most frequent one needs no database, which takes a while to be found.
        if name.eq_ignore_ascii_case("UTC") {
            return Ok(TimeZone::UTC);
        }
        // A system's copy may lack the older names.
        let found = tz::db().get(name).or_else(|_| tz::TimeZoneDatabase::bundled().get(name));
        let unknown = "must be a time zone's IANA name, like Europe/Berlin";
        found.map(TimeZone).map_err(|_| unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone(name: &str) -> TimeZone {
        name.parse().unwrap()
    }

    #[test]
    fn a_moment_is_shown_in_its_zone_with_the_abbreviation_of_the_season() {
        let (summer, winter) = (1_759_816_691, 1_767_225_600);
        let shown = |name: &str, secs| zone(name).show_minutes(Timestamp::from_secs(secs));
        assert_eq!(shown("UTC", summer), "2025-10-07 05:58 UTC");
        assert_eq!(shown("Europe/Berlin", summer), "2025-10-07 07:58 CEST");
        assert_eq!(shown("Europe/Berlin", winter), "2026-01-01 01:00 CET");
        assert_eq!(shown("america/new_york", winter), "2025-12-31 19:00 EST");
        assert_eq!(shown("Asia/Dubai", winter), "2026-01-01 04:00 +04");
        assert_eq!(zone("Asia/Tokyo").show(Timestamp::EPOCH), "1970-01-01 09:00:00 JST");
    }

    #[test]
    fn the_ends_of_time_have_a_date_in_every_zone() {
        for name in ["Pacific/Kiritimati", "Pacific/Pago_Pago"] {
            for at in [Timestamp::EPOCH, Timestamp::from_micros(u64::MAX)] {
                assert!(zone(name).show(at).len() > 20, "{name}");
            }
        }
    }

    #[test]
    fn a_zone_is_a_name_of_the_database_and_also_an_older_one() {
        assert!("US/Pacific".parse::<TimeZone>().is_ok());
        for wrong in
            ["", "Berlin", "CEST-1", "Europe/Nowhere", "+01:00", "../passwd", "/etc/passwd"]
        {
            assert!(wrong.parse::<TimeZone>().is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn the_binary_has_the_zones_where_the_system_has_none() {
        let bundled = tz::TimeZoneDatabase::bundled();
        assert!(["Europe/Berlin", "Asia/Kolkata"].iter().all(|name| bundled.get(name).is_ok()));
    }
}
