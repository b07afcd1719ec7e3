//! The current time, and a clock that tests can stop.
//!
//! [`Clock::now`] is the date and time, for what people and files see. [`Clock::uptime`] never
//! goes back: durations and deadlines are measured with it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

/// A moment in UTC, in microseconds since 1970; prints as `2025-10-07T05:58:11`.
///
/// Always between 1970 and 9999: other values are clamped, so that a broken clock makes a
/// wrong date and never a panic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u64);

/// 9999-12-30T22:00:00, the last second that has a four-digit year in every time zone.
const LAST_MICROS: u64 = 253_402_207_200_000_000;

impl Timestamp {
    pub const EPOCH: Timestamp = Timestamp(0);

    pub fn from_micros(micros: u64) -> Timestamp {
        Timestamp(micros.min(LAST_MICROS))
    }

    pub fn from_secs(secs: u64) -> Timestamp {
        Timestamp::from_micros(secs.saturating_mul(1_000_000))
    }

    pub fn as_micros(self) -> u64 {
        self.0
    }

    pub fn as_secs(self) -> u64 {
        self.0 / 1_000_000
    }

    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1e6
    }

    /// Rounded down to whole seconds, as dates are stored and shown.
    pub fn whole_secs(self) -> Timestamp {
        Timestamp::from_secs(self.as_secs())
    }

    /// Time since `earlier`; zero when `earlier` is later.
    pub fn since(self, earlier: Timestamp) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }

    /// Reads `2026-11-22` (its midnight) or `2026-11-22T10:00:00`, both UTC.
    pub fn parse(text: &str) -> Option<Timestamp> {
        let moment = match text.len() {
            10 => text.parse::<jiff::civil::Date>().ok()?.at(0, 0, 0, 0),
            19 if text.as_bytes()[10] == b'T' => text.parse().ok()?,
            _ => return None,
        };
        let epoch = jiff::civil::date(1970, 1, 1).at(0, 0, 0, 0);
        let secs = moment.duration_since(epoch).as_secs();
        Some(Timestamp::from_secs(u64::try_from(secs).ok()?))
    }

    /// `Tue, 07 Oct 2025 05:58:11 +0000`, the date of RFC 5322.
    pub fn to_rfc2822(self) -> String {
        self.civil().strftime("%a, %d %b %Y %H:%M:%S +0000").to_string()
    }

    /// `20251007T055811`, for file names.
    pub fn to_compact(self) -> String {
        self.civil().strftime("%Y%m%dT%H%M%S").to_string()
    }

    fn civil(self) -> jiff::civil::DateTime {
        jiff::Timestamp::from_second(self.as_secs() as i64)
            .map(|at| at.to_zoned(jiff::tz::TimeZone::UTC).datetime())
            .unwrap_or_default()
    }
}

/// For the dates of files.
impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Timestamp {
        Timestamp::EPOCH + time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
    }
}

impl std::ops::Add<Duration> for Timestamp {
    type Output = Timestamp;

    fn add(self, by: Duration) -> Timestamp {
        let micros = u64::try_from(by.as_micros()).unwrap_or(u64::MAX);
        Timestamp::from_micros(self.0.saturating_add(micros))
    }
}

impl std::ops::Sub<Duration> for Timestamp {
    type Output = Timestamp;

    fn sub(self, by: Duration) -> Timestamp {
        let micros = u64::try_from(by.as_micros()).unwrap_or(u64::MAX);
        Timestamp(self.0.saturating_sub(micros))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.civil();
        let (date, time) = (at.date(), at.time());
        write!(
            f,
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}",
            date.year(),
            date.month(),
            date.day(),
            time.hour(),
            time.minute(),
            time.second()
        )
    }
}

/// The source of time, passed to whatever needs it. Clones of a fixed clock move together.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    System {
        started: Instant,
    },
    /// Microseconds since 1970, moved by hand.
    Fixed {
        now: Arc<AtomicU64>,
        started: u64,
    },
}

impl Clock {
    pub fn system() -> Clock {
        Clock(Source::System { started: Instant::now() })
    }

    /// A clock that stays at `now` until [`Clock::advance`] moves it.
    pub fn fixed(now: Timestamp) -> Clock {
        let started = now.as_micros();
        Clock(Source::Fixed { now: Arc::new(AtomicU64::new(started)), started })
    }

    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Source::System { .. } => Timestamp::from(SystemTime::now()),
            Source::Fixed { now, .. } => Timestamp::from_micros(now.load(Ordering::SeqCst)),
        }
    }

    /// Time since this clock was made; never goes back.
    pub fn uptime(&self) -> Duration {
        match &self.0 {
            Source::System { started } => started.elapsed(),
            Source::Fixed { now, started } => {
                Duration::from_micros(now.load(Ordering::SeqCst).saturating_sub(*started))
            }
        }
    }

    /// Moves a fixed clock forward. On the system's clock it does nothing.
    pub fn advance(&self, by: Duration) {
        if let Source::Fixed { now, .. } = &self.0 {
            let micros = u64::try_from(by.as_micros()).unwrap_or(u64::MAX);
            now.fetch_add(micros, Ordering::SeqCst);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_prints_as_the_wire_wants_it() {
        assert_eq!(Timestamp::from_secs(1_759_816_691).to_string(), "2025-10-07T05:58:11");
        assert_eq!(Timestamp::EPOCH.to_string(), "1970-01-01T00:00:00");
    }

    #[test]
    fn a_clock_out_of_range_is_clamped() {
        assert_eq!(Timestamp::from_micros(u64::MAX).to_string(), "9999-12-30T22:00:00");
        assert_eq!(Timestamp::EPOCH - Duration::from_secs(1), Timestamp::EPOCH);
    }

    #[test]
    fn dates_are_read_with_and_without_a_time() {
        let at = Timestamp::parse("2025-10-07T05:58:11").unwrap();
        assert_eq!(at.as_secs(), 1_759_816_691);
        assert_eq!(Timestamp::parse("2025-10-07").unwrap().to_string(), "2025-10-07T00:00:00");
        for wrong in [
            "",
            "2025-13-01",
            "2025-10-07 05:58:11",
            "2025-10-07T05:58",
            "1969-12-31",
            "+025-10-07",
        ] {
            assert_eq!(Timestamp::parse(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn the_mail_date_names_its_day() {
        let at = Timestamp::from_secs(1_759_816_691);
        assert_eq!(at.to_rfc2822(), "Tue, 07 Oct 2025 05:58:11 +0000");
    }

    #[test]
    fn clones_of_a_fixed_clock_move_together() {
        let clock = Clock::fixed(Timestamp::from_secs(100));
        let other = clock.clone();
        clock.advance(Duration::from_secs(5));
        assert_eq!(other.now(), Timestamp::from_secs(105));
        assert_eq!(other.uptime(), Duration::from_secs(5));
    }
}
