//! Lays out the text part: columns that stand below each other, and lines that are not too long
//! for a terminal or a quoted answer.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Columns of a line (RFC 5322, 2.1.1, asks for at most 78, and a quoted line gets longer).
pub const COLUMNS: usize = 72;
/// Columns of a label and the blanks behind it.
const LABEL_COLUMNS: usize = 14;
/// Fewest columns that text is wrapped to, whatever stands beside it.
const MIN_COLUMNS: usize = 20;
/// How far the further lines of an item stand in.
const HANGING: usize = 4;

/// The text in lines of at most [`COLUMNS`], each begun with `indent` blanks. Its own line breaks
/// stay. A word that is too long for a line is broken.
pub fn wrap(text: &str, indent: usize) -> String {
    let blank = " ".repeat(indent);
    let lines = wrapped(text, COLUMNS.saturating_sub(indent).max(MIN_COLUMNS));
    joined(lines.iter().map(|line| format!("{blank}{line}")))
}

/// `label` in a column of its own, and the text beside it.
pub fn fact(label: &str, text: &str, indent: usize) -> String {
    let label = format!("{}{label}", " ".repeat(indent));
    let left = (indent + LABEL_COLUMNS).max(label.width() + 1);
    let lines = wrapped(text, COLUMNS.saturating_sub(left).max(MIN_COLUMNS));
    joined(lines.iter().enumerate().map(|(number, line)| match number {
        0 => format!("{}{line}", padded(&label, left)),
        _ => format!("{}{line}", " ".repeat(left)),
    }))
}

/// The item on the left, and the amount at the right end of its first line.
pub fn row(item: &str, amount: &str, indent: usize) -> String {
    let blank = " ".repeat(indent);
    let room = COLUMNS.saturating_sub(indent + HANGING + 2 + amount.width()).max(MIN_COLUMNS);
    let lines = wrapped(item, room);
    joined(lines.iter().enumerate().map(|(number, line)| match number {
        0 if amount.is_empty() => format!("{blank}{line}"),
        0 => {
            let left = COLUMNS.saturating_sub(amount.width());
            format!("{}{amount}", padded(&format!("{blank}{line}"), left))
        }
        _ => format!("{blank}{}{line}", " ".repeat(HANGING)),
    }))
}

fn joined(lines: impl Iterator<Item = String>) -> String {
    lines.map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

/// Blanks up to that column, and at least one.
fn padded(text: &str, columns: usize) -> String {
    format!("{text}{}", " ".repeat(columns.saturating_sub(text.width()).max(1)))
}

/// At least one line.
fn wrapped(text: &str, columns: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for paragraph in text.lines() {
        let mut line = String::new();
        // Not at blanks that shall not break.
        for word in paragraph.split([' ', '\t']).filter(|word| !word.is_empty()) {
            for piece in pieces(word, columns) {
                if !line.is_empty() && line.width() + 1 + piece.width() > columns {
                    lines.push(std::mem::take(&mut line));
                }
                if !line.is_empty() {
                    line.push(' ');
                }
                line.push_str(piece);
            }
        }
        lines.push(line);
    }
    if lines.is_empty() {
        lines.push(String::new());
    }
    lines
}

/// The word in pieces that fit a line.
fn pieces(word: &str, columns: usize) -> Vec<&str> {
    let (mut pieces, mut start, mut taken) = (Vec::new(), 0, 0);
    for (at, char) in word.char_indices() {
        let width = char.width().unwrap_or(0);
        if taken + width > columns && at > start {
            pieces.push(&word[start..at]);
            (start, taken) = (at, 0);
        }
        taken += width;
    }
    pieces.push(&word[start..]);
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_end_in_the_same_column_whatever_the_script() {
        for item in ["2 × Margherita", "1 × ピザ マルゲリータ", "3 × שלום", "1 × Cafe\u{301}", ""]
        {
            let shown = row(item, "12.34 EUR", 2);
            assert_eq!(shown.width(), COLUMNS, "{shown}");
            assert!(shown.ends_with(" 12.34 EUR"));
        }
    }

    #[test]
    fn a_long_item_goes_on_below_and_leaves_the_amounts_column_free() {
        let shown = row(&"pizza ".repeat(30), "12.34 EUR", 2);
        let lines: Vec<_> = shown.lines().collect();
        assert!(lines.len() > 2 && lines[0].ends_with("12.34 EUR"), "{shown}");
        assert!(lines[1..].iter().all(|line| line.starts_with("      pizza")), "{shown}");
        assert!(lines[1..].iter().all(|line| line.width() <= COLUMNS - 11), "{shown}");
        assert_eq!(row("No price", "", 2), "  No price");
    }

    #[test]
    fn a_label_stands_before_the_first_line_only() {
        let shown = fact("Note", &"please ring ".repeat(12), 2);
        let lines: Vec<_> = shown.lines().collect();
        assert!(lines[0].starts_with("  Note          please ring"), "{shown}");
        assert!(lines[1].starts_with("                ring"), "{shown}");
        assert!(lines.iter().all(|line| line.width() <= COLUMNS));
        assert_eq!(fact("A label too long", "x", 0), "A label too long x");
    }

    #[test]
    fn text_keeps_its_own_lines_and_breaks_words_that_fit_none() {
        assert_eq!(wrap("a\nb\n\nc", 2), "  a\n  b\n\n  c");
        assert_eq!(wrap("", 4), "");
        let shown = wrap(&"漢".repeat(100), 4);
        let lines: Vec<_> = shown.lines().collect();
        assert_eq!(lines.len(), 3);
        assert!(lines.iter().all(|line| line.width() <= COLUMNS), "{shown}");
        assert_eq!(shown.matches('漢').count(), 100);
    }

    #[test]
    fn blanks_that_do_not_break_hold_an_amount_together() {
        let text = format!("{} 12.34\u{a0}EUR", "x".repeat(66));
        assert_eq!(wrap(&text, 0).lines().last(), Some("12.34\u{a0}EUR"));
    }
}
