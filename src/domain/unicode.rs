//! Text that people type, so that what looks the same is the same: normal forms (UAX 15), case
//! folding (Unicode, 3.13) and characters that nobody sees.

use std::borrow::Cow;

use caseless::Caseless;
use unicode_joining_type::{JoiningType, get_joining_type};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::canonical_combining_class;

const ZERO_WIDTH_NON_JOINER: char = '\u{200c}';
const ZERO_WIDTH_JOINER: char = '\u{200d}';
/// The canonical combining class of viramas (UAX 44, table 15).
const VIRAMA: u8 = 9;

/// First and last of each range with the property Default_Ignorable_Code_Point, which is stable:
/// Unicode has reserved what it may give the property later. The two joiners are among them.
const DEFAULT_IGNORABLE: [(char, char); 17] = [
    ('\u{ad}', '\u{ad}'),
    ('\u{34f}', '\u{34f}'),
    ('\u{61c}', '\u{61c}'),
    ('\u{115f}', '\u{1160}'),
    ('\u{17b4}', '\u{17b5}'),
    ('\u{180b}', '\u{180f}'),
    ('\u{200b}', '\u{200f}'),
    ('\u{202a}', '\u{202e}'),
    ('\u{2060}', '\u{206f}'),
    ('\u{3164}', '\u{3164}'),
    ('\u{fe00}', '\u{fe0f}'),
    ('\u{feff}', '\u{feff}'),
    ('\u{ffa0}', '\u{ffa0}'),
    ('\u{fff0}', '\u{fff8}'),
    ('\u{1bca0}', '\u{1bca3}'),
    ('\u{1d173}', '\u{1d17a}'),
    ('\u{e0000}', '\u{e0fff}'),
];

/// Normalization Form C. Whatever way a keyboard or a system has to write an `é`, it is one
/// character here.
pub fn nfc(text: &str) -> Cow<'_, str> {
    match text.is_ascii() {
        true => Cow::Borrowed(text),
        false => Cow::Owned(text.nfc().collect()),
    }
}

/// Full case folding in Normalization Form KC: equal for texts that differ only in case, in
/// width, or in how their accents are written ("compatibility caseless match").
pub fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    text.nfd().default_case_fold().nfkd().default_case_fold().nfkc().collect()
}

/// Whether all of it can be seen: no control characters, no separators but the space, and
/// none that are ignored in display, except joiners where a script needs them.
pub fn is_visible(text: &str) -> bool {
    text.char_indices().all(|(at, c)| match c {
        ZERO_WIDTH_NON_JOINER => may_part(&text[..at], &text[at + c.len_utf8()..]),
        ZERO_WIDTH_JOINER => follows_virama(&text[..at]),
        ' ' => true,
        // White space is all separators, and some control characters.
        _ => !c.is_whitespace() && !c.is_control() && !is_default_ignorable(c),
    })
}

fn is_default_ignorable(c: char) -> bool {
    DEFAULT_IGNORABLE.iter().any(|(first, last)| (*first..=*last).contains(&c))
}

/// RFC 5892, A.1: a ZERO WIDTH NON-JOINER follows a virama, or parts two letters that would
/// join, with nothing but transparent characters between.
fn may_part(before: &str, after: &str) -> bool {
    use JoiningType::{DualJoining, LeftJoining, RightJoining, Transparent};
    let is_opaque = |kind: &JoiningType| *kind != Transparent;
    let left = before.chars().rev().map(get_joining_type).find(is_opaque);
    let right = after.chars().map(get_joining_type).find(is_opaque);
    follows_virama(before)
        || (matches!(left, Some(LeftJoining | DualJoining))
            && matches!(right, Some(RightJoining | DualJoining)))
}

/// RFC 5892, A.2, for the ZERO WIDTH JOINER.
fn follows_virama(before: &str) -> bool {
    before.chars().next_back().is_some_and(|c| canonical_combining_class(c) == VIRAMA)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_the_same_folds_to_the_same() {
        for (one, other) in [
            ("Ann", "ANN"),
            ("ΟΔΟΣ", "οδοσ"),
            ("ΟΔΟΣ", "οδος"),
            ("Jos\u{e9}", "JOSE\u{301}"),
            ("straße", "STRASSE"),
            ("\u{ff21}\u{ff4e}n", "ann"),
            ("\u{fb01}nn", "FINN"),
            ("\u{130}", "i\u{307}"),
            ("\u{1fb3}", "\u{3b1}\u{3b9}"),
        ] {
            assert_eq!(fold(one), fold(other), "{one} {other}");
        }
        assert_ne!(fold("Jose"), fold("José"));
    }

    /// So that a name that is found by its fold can be folded again.
    #[test]
    fn a_folded_character_folds_to_itself() {
        for c in (0..=0x10_ffff).filter_map(char::from_u32) {
            let once = fold(&c.to_string());
            assert_eq!(fold(&once), once, "{:x}", c as u32);
        }
    }

    /// Names of earlier versions are found by their lower case first, and then by their fold.
    #[test]
    fn lower_case_changes_nothing_about_the_fold() {
        for c in (0..=0x10_ffff).filter_map(char::from_u32) {
            let text = c.to_string();
            let (lower, folded) = (text.to_lowercase(), fold(&text));
            // The standard library may know letters that the tables of folds don't know yet.
            let is_newer = folded == text && fold(&lower) == lower;
            assert!(is_newer || fold(&lower) == folded, "{:x}", c as u32);
        }
    }

    #[test]
    fn characters_that_nobody_sees_are_found() {
        for visible in ["Ann Lee", "Ärger", "山田", "👍", "a\u{301}"] {
            assert!(is_visible(visible), "{visible}");
        }
        for hidden in [
            '\0',
            '\n',
            '\t',
            '\u{7f}',
            '\u{85}',
            '\u{a0}',
            '\u{ad}',
            '\u{200b}',
            '\u{200c}',
            '\u{200d}',
            '\u{202e}',
            '\u{2028}',
            '\u{2066}',
            '\u{3000}',
            '\u{3164}',
            '\u{feff}',
            '\u{fe0f}',
            '\u{e0041}',
        ] {
            assert!(!is_visible(&format!("a{hidden}b")), "{:x}", hidden as u32);
        }
    }

    #[test]
    fn joiners_may_stand_where_a_script_needs_them() {
        // Persian: both letters would join. Devanagari: after a virama.
        for good in ["می\u{200c}خواهم", "क्\u{200c}ष", "क्\u{200d}ष"] {
            assert!(is_visible(good), "{good}");
        }
        for bad in ["a\u{200c}b", "\u{200c}", "م\u{200c}", "د\u{200c}م", "म\u{200d}म", "م\u{200d}م"]
        {
            assert!(!is_visible(bad), "{bad}");
        }
    }
}
