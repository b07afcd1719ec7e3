//! Text that people type into an order: one line, or a note of several.

use crate::error::Problem;

/// Characters that reorder what stands around them (Unicode's property Bidi_Control). A name with
/// one can look like another.
const BIDI_CONTROLS: [(char, char); 4] = [
    ('\u{61c}', '\u{61c}'),
    ('\u{200e}', '\u{200f}'),
    ('\u{202a}', '\u{202e}'),
    ('\u{2066}', '\u{2069}'),
];

/// A trimmed line of at most `max` characters; it may be empty.
///
/// # Errors
/// It is too long, or has control characters.
pub fn line(text: &str, max: usize) -> Result<String, Problem> {
    checked(text.trim().to_owned(), max, |_| false)
}

/// A trimmed text of at most `max` characters; it may be empty. Its line ends become newlines, and
/// it may have tabs.
///
/// # Errors
/// It is too long, or has other control characters.
pub fn note(text: &str, max: usize) -> Result<String, Problem> {
    let text = text.trim().replace("\r\n", "\n").replace('\r', "\n");
    checked(text, max, |c| matches!(c, '\n' | '\t'))
}

fn checked(text: String, max: usize, is_allowed: fn(char) -> bool) -> Result<String, Problem> {
    if text.chars().count() > max {
        return Err(Problem::TooLong { max });
    }
    if text.chars().any(|c| is_control(c) && !is_allowed(c)) {
        return Err(Problem::Value { reason: "Control characters are not allowed".to_owned() });
    }
    Ok(text)
}

/// Also the separators of lines and paragraphs, which end a line for some readers.
fn is_control(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}')
        || BIDI_CONTROLS.iter().any(|(first, last)| (*first..=*last).contains(&c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_trimmed_and_counted_in_characters() {
        assert_eq!(line(" Grüße \u{a0}", 5).unwrap(), "Grüße");
        assert_eq!(line("   ", 5).unwrap(), "");
        assert_eq!(line("Grüße!", 5), Err(Problem::TooLong { max: 5 }));
        assert_eq!(line("👨\u{200d}👩", 3).unwrap().chars().count(), 3);
    }

    #[test]
    fn only_notes_have_several_lines() {
        assert_eq!(note("a\r\nb\rc\n\td ", 20).unwrap(), "a\nb\nc\n\td");
        for bad in ["a\nb", "a\tb", "a\0b", "a\u{85}b", "a\u{2028}b", "a\u{202e}b", "a\u{200f}b"] {
            assert!(line(bad, 20).is_err(), "{bad:?}");
        }
        for bad in ["a\u{b}b", "a\u{1b}b", "a\u{2066}b"] {
            assert!(note(bad, 20).is_err(), "{bad:?}");
        }
    }
}
