//! The words by which orders are searched.
//!
//! Text is compared in Normalization Form KC, folded and without marks, so that `müller` finds
//! `MULLER`; whatever is no letter or digit parts it into words.

use std::collections::BTreeSet;
use std::ops::Bound;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::{Content, Order};
use crate::domain::unicode::fold;

/// What may stand among the digits of a phone number.
const PHONE_MARKS: &str = "+-()./ ";

/// What is searched for: every word must begin a word of the order, or be its id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Search {
    words: Vec<String>,
    /// The digits of what may be a phone number: that they begin a word is enough, too.
    digits: Option<String>,
}

impl Search {
    /// `None` where the text has neither a letter nor a digit.
    pub fn parse(text: &str) -> Option<Search> {
        let words: Vec<String> = words(text).collect();
        if words.is_empty() {
            return None;
        }
        let is_number = text.nfkc().all(|c| c.is_ascii_digit() || PHONE_MARKS.contains(c));
        let digits = (is_number && words.len() > 1).then(|| words.concat());
        Some(Search { words, digits })
    }

    /// The ways to find an order: in each of them all words must be met.
    pub fn ways(&self) -> impl Iterator<Item = &[String]> {
        [Some(self.words.as_slice()), self.digits.as_ref().map(std::slice::from_ref)]
            .into_iter()
            .flatten()
    }

    pub fn finds(&self, order: &Order) -> bool {
        let id = order.id.to_string();
        let words = order.content().map(words_of).unwrap_or_default();
        self.ways().any(|way| way.iter().all(|wanted| *wanted == id || begins_one(&words, wanted)))
    }
}

/// Whether one of the sorted words begins with `wanted`.
fn begins_one(words: &BTreeSet<String>, wanted: &str) -> bool {
    let first = words.range::<str, _>((Bound::Included(wanted), Bound::Unbounded)).next();
    first.is_some_and(|word| word.starts_with(wanted))
}

/// The words of an order, which its index holds.
pub fn words_of(content: &Content) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    if let Some(customer) = &content.details.customer {
        found.extend(customer.name.iter().flat_map(|name| words(name)));
        found.extend(customer.email.iter().flat_map(|email| words(email.as_str())));
        found.extend(customer.phone.as_deref().and_then(digits));
    }
    found.extend(content.reference.iter().flat_map(|reference| words(reference.as_str())));
    found
}

fn words(text: &str) -> impl Iterator<Item = String> {
    let folded: String = match text.is_ascii() {
        true => text.to_ascii_lowercase(),
        false => fold(text).nfd().filter(|c| !is_combining_mark(*c)).nfc().collect(),
    };
    let parts = folded.split(|c: char| !c.is_alphanumeric()).filter(|part| !part.is_empty());
    parts.map(str::to_owned).collect::<Vec<_>>().into_iter()
}

/// The digits of a phone number as one word, if it has any.
fn digits(phone: &str) -> Option<String> {
    let digits: String = phone.nfkc().filter(char::is_ascii_digit).collect();
    (!digits.is_empty()).then_some(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(text: &str) -> Vec<String> {
        words(text).collect()
    }

    #[test]
    fn text_is_parted_folded_and_without_marks() {
        assert_eq!(list("Anna-Maria MÜLLER"), ["anna", "maria", "muller"]);
        assert_eq!(list("straße ﬁne É"), ["strasse", "fine", "e"]);
        assert_eq!(list("ann@example.com"), ["ann", "example", "com"]);
        assert_eq!(list(" -- "), Vec::<String>::new());
        assert_eq!(list("山田 太郎"), ["山田", "太郎"]);
    }

    #[test]
    fn digits_alone_are_also_one_word() {
        let ways = |text| {
            let search = Search::parse(text).unwrap();
            search.ways().map(|way| way.join(" ")).collect::<Vec<_>>()
        };
        assert_eq!(ways("+49 30-12"), ["49 30 12", "493012"]);
        assert_eq!(ways("4930"), ["4930"]);
        assert_eq!(ways("\u{ff0b}４９\u{3000}（３０）"), ["49 30", "4930"]);
        assert_eq!(ways("a 1"), ["a 1"]);
        assert_eq!(Search::parse("+- ()"), None);
    }

    #[test]
    fn the_phone_is_indexed_by_its_digits() {
        assert_eq!(digits("+49 (30) 12").as_deref(), Some("493012"));
        assert_eq!(digits("none"), None);
    }
}
