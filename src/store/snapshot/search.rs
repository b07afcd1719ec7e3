//! Finds orders by their words.
//!
//! An order is under each of its words in `order_words`. The words that begin with the one that is
//! searched for lie next to each other there, and under each the orders are sorted: so the orders
//! of all of them can be read in their order, from any id on, as one list. Of several words the
//! rarest is read this way, and its orders are compared with the others.

use std::ops::Bound;

use redb::ReadOnlyTable;

use super::Snapshot;
use super::merged::{Ids, merged};
use super::span::{Direction, Span, directed};
use crate::domain::order::words::Search;
use crate::error::Result;
use crate::store::schema;

/// Most words that are read as one list. Where more begin with what is searched for, so many
/// orders match that all of them can as well be looked through.
const MAX_WORDS: usize = 1000;

/// So many rows of a word are counted to tell how rare it is.
const COUNTED_ROWS: usize = 256;

type Words = ReadOnlyTable<(&'static str, u64), ()>;

impl Snapshot {
    /// The orders that may match, in the direction; none where too many do.
    pub(super) fn ids_of_search(
        &self,
        search: &Search,
        direction: Direction,
        span: Span,
    ) -> Result<Option<Ids<'static>>> {
        let index = self.open(schema::ORDER_WORDS)?;
        let mut lists = Vec::new();
        for way in search.ways() {
            let Some(wanted) = rarest(&index, way)? else { return Ok(None) };
            let Some(words) = words_beginning(&index, wanted)? else { return Ok(None) };
            for word in &words {
                let range =
                    (word.as_str(), *span.ids().start())..=(word.as_str(), *span.ids().end());
                let rows = index.range(range)?.map(|row| Ok(row?.0.value().1));
                lists.push(directed(rows, direction));
            }
            // An order is also found by its id. A span ends with the last order that there is.
            let id = wanted.parse().ok().filter(|id| *id > 0 && span.holds(*id));
            let id = id.filter(|_| !wanted.starts_with('0'));
            lists.push(Box::new(id.map(Ok).into_iter()));
        }
        Ok(Some(Box::new(merged(lists, direction)?)))
    }
}

/// The word with the fewest orders, as far as they are counted.
fn rarest<'w>(index: &Words, way: &'w [String]) -> Result<Option<&'w str>> {
    if let [only] = way {
        return Ok(Some(only));
    }
    let mut rarest: Option<(usize, &str)> = None;
    for word in way {
        let mut count = 0;
        for row in index.range((Bound::Included((word.as_str(), 0)), Bound::Unbounded))? {
            if count == COUNTED_ROWS || !row?.0.value().0.starts_with(word.as_str()) {
                break;
            }
            count += 1;
        }
        if rarest.is_none_or(|(least, _)| count < least) {
            rarest = Some((count, word));
        }
    }
    Ok(rarest.map(|(_, word)| word))
}

/// The words of the index that begin so; none where there are more than [`MAX_WORDS`].
fn words_beginning(index: &Words, wanted: &str) -> Result<Option<Vec<String>>> {
    let mut words: Vec<String> = Vec::new();
    loop {
        let from = match words.last() {
            Some(last) => Bound::Excluded((last.as_str(), u64::MAX)),
            None => Bound::Included((wanted, 0)),
        };
        let Some(row) = index.range((from, Bound::Unbounded))?.next() else { break };
        let (key, _) = row?;
        let (word, _) = key.value();
        if !word.starts_with(wanted) {
            break;
        }
        if words.len() == MAX_WORDS {
            return Ok(None);
        }
        words.push(word.to_owned());
    }
    Ok(Some(words))
}
