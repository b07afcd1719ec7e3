//! Latency over time, in bounded memory however long it runs.

use std::time::Duration;

use hdrhistogram::Histogram;

use crate::latency::{histogram, nanos};

/// At most so many slots. Where more would be needed, each two become one of twice the width.
const MAX_SLOTS: usize = 120;
const FIRST_WIDTH: Duration = Duration::from_millis(25);

/// Slots of one width, from the end of the warm-up.
pub struct Timeline {
    pub width: Duration,
    /// In nanoseconds, to two digits.
    pub slots: Vec<Histogram<u64>>,
}

impl Default for Timeline {
    fn default() -> Timeline {
        Timeline { width: FIRST_WIDTH, slots: Vec::new() }
    }
}

impl Timeline {
    pub fn record(&mut self, at: Duration, latency: Duration) {
        let mut index = self.index(at);
        while index >= MAX_SLOTS {
            self.halve();
            index = self.index(at);
        }
        while self.slots.len() <= index {
            self.slots.push(histogram(2));
        }
        self.slots[index].saturating_record(nanos(latency));
    }

    /// Each width is the first one doubled some times, so the narrower timeline can reach the
    /// other's.
    pub fn absorb(&mut self, mut other: Timeline) {
        while self.width < other.width {
            self.halve();
        }
        while other.width < self.width {
            other.halve();
        }
        for (index, theirs) in other.slots.into_iter().enumerate() {
            match self.slots.get_mut(index) {
                // All have the same bounds.
                Some(mine) => drop(mine.add(theirs)),
                None => self.slots.push(theirs),
            }
        }
    }

    fn index(&self, at: Duration) -> usize {
        (at.as_nanos() / self.width.as_nanos()) as usize
    }

    fn halve(&mut self) {
        self.width *= 2;
        let mut slots = std::mem::take(&mut self.slots).into_iter();
        while let Some(mut first) = slots.next() {
            if let Some(second) = slots.next() {
                let _ = first.add(second);
            }
            self.slots.push(first);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(timeline: &Timeline) -> Vec<u64> {
        timeline.slots.iter().map(Histogram::len).collect()
    }

    #[test]
    fn a_long_run_has_wider_slots_and_loses_nothing() {
        let mut timeline = Timeline::default();
        for second in 0..1000 {
            timeline.record(Duration::from_secs(second), Duration::from_millis(1));
        }
        assert!(timeline.slots.len() <= MAX_SLOTS);
        assert_eq!(counts(&timeline).iter().sum::<u64>(), 1000);
    }

    #[test]
    fn timelines_of_different_widths_add_up() {
        let (mut short, mut long) = (Timeline::default(), Timeline::default());
        short.record(Duration::ZERO, Duration::from_millis(1));
        long.record(FIRST_WIDTH * 150, Duration::from_millis(1));
        short.absorb(long);
        assert_eq!(short.width, FIRST_WIDTH * 2);
        assert_eq!((counts(&short)[0], counts(&short)[75]), (1, 1));
    }
}
