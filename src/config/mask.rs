//! Keeps secrets out of what is shown.

use std::borrow::Cow;

pub const MASK: &str = "**********";

/// The text with the password of every `user:password@host` masked, also of a URL's.
pub fn urls(text: &str) -> String {
    text.split_inclusive(char::is_whitespace).map(word).collect()
}

fn word(word: &str) -> Cow<'_, str> {
    let user = word.find("://").map_or(0, |scheme| scheme + 3);
    let (Some(colon), Some(at)) = (word[user..].find(':'), word.rfind('@')) else {
        return word.into();
    };
    let colon = user + colon;
    if colon >= at {
        return word.into();
    }
    format!("{}:{MASK}{}", &word[..colon], &word[at..]).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_of_a_url_is_masked_and_nothing_else() {
        for (text, shown) in [
            ("postgres://ann:pa:ss@w/rd@db:5432/x", "postgres://ann:**********@db:5432/x"),
            ("ann:pass@mail.example", "ann:**********@mail.example"),
            ("smtp://:pass@host is no host", "smtp://:**********@host is no host"),
            ("https://shop.example:8443", "https://shop.example:8443"),
            ("The Shop <orders@shop.example>", "The Shop <orders@shop.example>"),
            ("::1", "::1"),
            ("", ""),
        ] {
            assert_eq!(urls(text), shown);
        }
    }
}
