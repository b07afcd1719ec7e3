//! Which ids of a list are still to be read, and in which order.

use std::ops::RangeInclusive;

use crate::domain::OrderId;

/// The order of a list, by id and so by age.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Direction {
    #[default]
    Ascending,
    Descending,
}

/// The ids that a list still has to go through, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub(super) first: u64,
    pub(super) last: u64,
}

impl Span {
    /// Every id.
    pub(super) fn all() -> Span {
        Span { first: 1, last: u64::MAX }
    }

    pub(super) fn ids(self) -> RangeInclusive<u64> {
        self.first..=self.last
    }

    pub(super) fn holds(self, id: u64) -> bool {
        self.ids().contains(&id)
    }

    /// What is left of the span after `id`, if there is one.
    pub(super) fn past(self, id: Option<u64>, direction: Direction) -> Option<Span> {
        let Some(id) = id else { return (self.first <= self.last).then_some(self) };
        let rest = match direction {
            Direction::Ascending => {
                Span { first: self.first.max(id.saturating_add(1)), last: self.last }
            }
            Direction::Descending => {
                Span { first: self.first, last: self.last.min(id.saturating_sub(1)) }
            }
        };
        (rest.first <= rest.last).then_some(rest)
    }

    /// The `after` that leads to this span, where it is what is left of a list.
    pub fn after(self, direction: Direction) -> OrderId {
        match direction {
            Direction::Ascending => OrderId(self.first.saturating_sub(1)),
            Direction::Descending => OrderId(self.last.saturating_add(1)),
        }
    }
}

pub(super) fn directed<'i, I>(
    rows: I,
    direction: Direction,
) -> Box<dyn Iterator<Item = I::Item> + 'i>
where
    I: DoubleEndedIterator + 'i,
{
    match direction {
        Direction::Ascending => Box::new(rows),
        Direction::Descending => Box::new(rows.rev()),
    }
}
