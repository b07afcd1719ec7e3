//! The current time, and a clock that tests can stop.
//!
//! [`Clock::now`] is the date and time, for what people and files see. [`Clock::uptime`] never
//! goes back: durations and deadlines are measured with it. [`TimeZone`] is for dates in mails.

mod zone;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

pub use zone::TimeZone;

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

    /// Reads `2026-11-22` (its midnight) or `2026-11-22T10:00:00`, both UTC. A time may go
    /// without seconds, with a fraction, and with `Z` or an offset, as RFC 3339 writes them. A
    /// blank ahead of the offset was a `+` that a query has decoded.
    ///
    /// A fraction counts in microseconds. One that is smaller counts as one microsecond, so that
    /// it still compares right with a whole second. What an offset moves out of the range is
    /// clamped.
    pub fn parse(text: &str) -> Option<Timestamp> {
        let (date, time) = match text.split_at_checked(10)? {
            (date, "") => (date, None),
            (date, time) => (date, Some(time.strip_prefix('T')?)),
        };
        let date: jiff::civil::Date = date.parse().ok()?;
        let epoch = jiff::civil::date(1970, 1, 1);
        let days = u64::try_from(date.duration_since(epoch).as_hours() / 24).ok()?;
        let midnight = Timestamp::from_secs(days * 86_400);
        match time {
            None => Some(midnight),
            Some(time) => midnight.at_time(time),
        }
    }

    /// `2026-11-22T18:30:00Z`: a date, a time with seconds, and a zone (RFC 3339). `None` for any
    /// other form, and for what lies before 1970.
    pub fn parse_rfc3339(text: &str) -> Option<Timestamp> {
        let text = text.to_ascii_uppercase();
        let (date, time) = text.split_at_checked(10)?;
        let time = time.strip_prefix(['T', ' '])?;
        let zone = time
            .strip_suffix('Z')
            .map(|_| "Z")
            .or_else(|| time.get(time.len().checked_sub(6)?..))?;
        let has_zone = zone == "Z" || zone.starts_with(['+', '-']);
        let has_seconds = time.as_bytes().get(5) == Some(&b':');
        if !has_zone || !has_seconds {
            return None;
        }
        Timestamp::parse(&format!("{date}T{time}"))
    }

    /// The moment of `05:58`, `05:58:11`, `05:58:11.5`, each with or without an offset, on the
    /// day that begins at this midnight.
    fn at_time(self, text: &str) -> Option<Timestamp> {
        let (clock, rest) = text.split_at_checked(5)?;
        let minute = hour_and_minute(clock)?;
        let (second, rest) = match rest.strip_prefix(':') {
            Some(rest) => second(rest)?,
            None => (Duration::ZERO, rest),
        };
        let at = self + Duration::from_secs(minute * 60) + second;
        let offset = |clock| Some(Duration::from_secs(hour_and_minute(clock)? * 60));
        match rest.split_at_checked(1) {
            None => Some(at),
            Some(("Z", "")) => Some(at),
            Some(("+" | " ", clock)) => Some(at - offset(clock)?),
            Some(("-", clock)) => Some(at + offset(clock)?),
            Some(_) => None,
        }
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

/// `05:58`, in minutes since midnight.
fn hour_and_minute(text: &str) -> Option<u64> {
    let (hour, minute) = text.split_once(':')?;
    Some(two_digits(hour, 24)? * 60 + two_digits(minute, 60)?)
}

/// `11` or `11.5`, and what comes behind it.
fn second(text: &str) -> Option<(Duration, &str)> {
    let (second, rest) = text.split_at_checked(2)?;
    let second = Duration::from_secs(two_digits(second, 60)?);
    let Some(rest) = rest.strip_prefix('.') else { return Some((second, rest)) };
    let (digits, rest) = rest.split_at(rest.bytes().take_while(u8::is_ascii_digit).count());
    if digits.is_empty() || digits.len() > 9 {
        return None;
    }
    let micros: u64 = format!("{digits:0<6}")[..6].parse().ok()?;
    let is_none = digits.bytes().all(|digit| digit == b'0');
    Some((second + Duration::from_micros(if is_none { 0 } else { micros.max(1) }), rest))
}

fn two_digits(text: &str, bound: u64) -> Option<u64> {
    let is_number = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|number| is_number && *number < bound)
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
            "2025-10-07T05",
            "2025-10-07T05:58:",
            "2025-10-07T05:58:60",
            "2025-10-07T24:00",
            "2025-10-07T05:58:11.",
            "2025-10-07T05:58:11.1234567890",
            "2025-10-07T+5:58",
            "2025-10-07T05:58Z1",
            "2025-10-07T05:58:11z",
            "2025-10-07T05:58:11+2:00",
            "2025-10-07T05:58:11+0200",
            "2025-10-07T05:58:11+24:00",
            "2025-10-07Z",
            "1969-12-31",
            "+025-10-07",
            "2025-10-0\u{e4}",
        ] {
            assert_eq!(Timestamp::parse(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn a_time_may_have_an_offset_or_a_fraction_and_lack_its_seconds() {
        let minute = Timestamp::from_secs(1_759_816_680);
        for (text, micros) in [
            ("2025-10-07T05:58", 0),
            ("2025-10-07T05:58Z", 0),
            ("2025-10-07T05:58:00Z", 0),
            ("2025-10-07T07:58+02:00", 0),
            ("2025-10-07T07:58:00 02:00", 0),
            ("2025-10-06T22:28:00-07:30", 0),
            ("2025-10-07T05:58:11.000Z", 11_000_000),
            ("2025-10-07T05:58:11.5", 11_500_000),
            ("2025-10-07T07:58:11.123456+02:00", 11_123_456),
            ("2025-10-07T05:58:11.9999999Z", 11_999_999),
            ("2025-10-07T05:58:11.000000001Z", 11_000_001),
        ] {
            let at = Timestamp::parse(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(at.as_micros() - minute.as_micros(), micros, "{text}");
        }
        assert_eq!(Timestamp::parse("1970-01-01T00:00+23:59"), Some(Timestamp::EPOCH));
        let last = Timestamp::from_secs(u64::MAX);
        assert_eq!(Timestamp::parse("9999-12-31T23:59:59-23:59"), Some(last));
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
