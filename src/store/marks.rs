//! Finds orders by ids that rose with theirs: each row holds the largest that was given when the
//! order was placed.

use redb::{ReadableTable, StorageError};

use super::records::{OrderPrefix, decode};

/// The mark of an order, as `mark` reads it. An order whose row can't be read has that of the last
/// one before it whose row can: so marks rise all the same.
pub(super) fn mark_of<E: From<StorageError>>(
    orders: &impl ReadableTable<u64, &'static [u8]>,
    order: u64,
    mark: impl Fn(&OrderPrefix<'_>, u64) -> u64,
) -> Result<u64, E> {
    for order in (1..=order).rev() {
        let Some(row) = orders.get(order)? else { continue };
        if let Ok(record) = decode::<OrderPrefix<'_>>(row.value()) {
            return Ok(mark(&record, order));
        }
    }
    Ok(0)
}

/// The first order from `first` to `last` whose mark is at least `wanted`; `mark_of` reads the
/// mark of an order. `None` where all marks are smaller.
pub(super) fn first_marked<E>(
    first: u64,
    last: u64,
    wanted: u64,
    mut mark_of: impl FnMut(u64) -> Result<u64, E>,
) -> Result<Option<u64>, E> {
    let (mut low, mut high) = (first, last.saturating_add(1));
    while low < high {
        let middle = low + (high - low) / 2;
        match mark_of(middle)? < wanted {
            true => low = middle + 1,
            false => high = middle,
        }
    }
    Ok((low <= last).then_some(low))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_order_with_a_mark_is_found() {
        // Orders 3 to 7. The second of two with the same mark got no id of its own.
        let marks = [4, 4, 6, 9, 9];
        let find = |wanted| {
            first_marked(3, 7, wanted, |id| Ok::<u64, ()>(marks[id as usize - 3])).unwrap()
        };
        let found = [1, 4, 5, 6, 7, 9, 10].map(find);
        assert_eq!(found, [Some(3), Some(3), Some(5), Some(5), Some(6), Some(6), None]);
        assert_eq!(first_marked(1, 0, 1, |_| Err(())), Ok(None));
    }
}
