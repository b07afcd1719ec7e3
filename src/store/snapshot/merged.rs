//! Many sorted lists of ids as one.

use std::collections::BinaryHeap;

use super::span::Direction;
use crate::error::Result;

/// A list of ids, sorted in the direction of the whole.
pub(super) type Ids<'i> = Box<dyn Iterator<Item = Result<u64>> + 'i>;

/// The ids of all lists, sorted in the direction, each once.
///
/// # Errors
/// The head of a list can't be read.
pub(super) fn merged<'i>(
    lists: Vec<Ids<'i>>,
    direction: Direction,
) -> Result<impl Iterator<Item = Result<u64>> + 'i> {
    let mut merged = Merged { lists, heads: BinaryHeap::new(), direction };
    for list in 0..merged.lists.len() {
        merged.advance(list)?;
    }
    let mut last = None;
    Ok(std::iter::from_fn(move || merged.next().transpose()).filter(move |id| match id {
        Ok(id) => last.replace(*id) != Some(*id),
        Err(_) => true,
    }))
}

struct Merged<'i> {
    lists: Vec<Ids<'i>>,
    /// The next id of each list that has one, ranked so that the largest comes first, and the list.
    heads: BinaryHeap<(u64, usize)>,
    direction: Direction,
}

impl Merged<'_> {
    fn next(&mut self) -> Result<Option<u64>> {
        let Some((rank, list)) = self.heads.pop() else { return Ok(None) };
        self.advance(list)?;
        Ok(Some(self.rank(rank)))
    }

    fn advance(&mut self, list: usize) -> Result<()> {
        if let Some(id) = self.lists[list].next().transpose()? {
            self.heads.push((self.rank(id), list));
        }
        Ok(())
    }

    /// It undoes itself.
    fn rank(&self, id: u64) -> u64 {
        match self.direction {
            Direction::Ascending => u64::MAX - id,
            Direction::Descending => id,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(lists: &[&[u64]], direction: Direction) -> Vec<u64> {
        let lists = lists.iter().map(|list| Box::new(list.iter().map(|id| Ok(*id))) as Ids<'_>);
        merged(lists.collect(), direction).unwrap().map(Result::unwrap).collect()
    }

    #[test]
    fn ids_come_sorted_and_once() {
        let rising = of(&[&[1, 4, 9], &[], &[2, 4, 5]], Direction::Ascending);
        assert_eq!(rising, [1, 2, 4, 5, 9]);
        assert_eq!(of(&[&[9, 4], &[5, 4, 1]], Direction::Descending), [9, 5, 4, 1]);
        assert!(of(&[], Direction::Ascending).is_empty());
    }
}
