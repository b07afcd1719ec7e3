//! A server's reply (RFC 5321, 4.2), read leniently: servers differ, and only the codes count.

/// Longest reply, in bytes. EHLO answers of several KB exist.
pub(super) const MAX_LEN: usize = 64 * 1024;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reply {
    pub code: u16,
    /// The enhanced status code (RFC 3463), where there is one that agrees with the code.
    pub enhanced: Option<[u16; 3]>,
    /// The text of each line, without the code.
    pub lines: Vec<String>,
}

/// What the bytes so far hold.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Parsed {
    /// A reply, and how many bytes it takes.
    Whole(Reply, usize),
    Partial,
    /// These bytes can't become a reply.
    Garbage,
}

impl Reply {
    /// Reads the first reply. Blank lines before and within it are skipped; of codes that differ
    /// from line to line the last counts.
    pub fn parse(bytes: &[u8]) -> Parsed {
        let (mut taken, mut lines) = (0, Vec::new());
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            if line.last() != Some(&b'\n') {
                break;
            }
            taken += line.len();
            let line = String::from_utf8_lossy(line);
            let line = line.trim_end_matches(['\r', '\n', ' ']);
            if line.is_empty() {
                continue;
            }
            let Some((code, is_last, text)) = parse_line(line) else { return Parsed::Garbage };
            lines.push(text.to_owned());
            if is_last {
                let enhanced = enhanced_code(code, &lines[0]);
                return Parsed::Whole(Reply { code, enhanced, lines }, taken);
            }
        }
        Parsed::Partial
    }

    pub fn is_success(&self) -> bool {
        self.code / 100 == 2
    }

    /// `550 5.1.1 No such user`
    pub fn text(&self) -> String {
        format!("{} {}", self.code, self.lines.join(" ")).trim_end().to_owned()
    }
}

/// The code, whether it is the last line, and the text: `250-SIZE`, `250 Ok`, `334`.
fn parse_line(line: &str) -> Option<(u16, bool, &str)> {
    let code = line.get(..3).filter(|it| it.bytes().all(|byte| byte.is_ascii_digit()))?;
    let code = code.parse().ok().filter(|code| (200..600).contains(code))?;
    match line.as_bytes().get(3) {
        None => Some((code, true, "")),
        Some(b' ') => Some((code, true, line[4..].trim_start())),
        Some(b'-') => Some((code, false, &line[4..])),
        Some(_) => None,
    }
}

/// The three numbers at the text's start; the first is the class, and the code's first digit.
fn enhanced_code(code: u16, text: &str) -> Option<[u16; 3]> {
    let word = text.split([' ', '\t']).next()?.trim_end_matches(':');
    let mut numbers = word.split('.').map(|number| match number.len() {
        1..=3 if number.bytes().all(|byte| byte.is_ascii_digit()) => number.parse().ok(),
        _ => None,
    });
    let enhanced = [numbers.next()??, numbers.next()??, numbers.next()??];
    (numbers.next().is_none() && enhanced[0] == code / 100).then_some(enhanced)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(text: &str) -> Reply {
        match Reply::parse(text.as_bytes()) {
            Parsed::Whole(reply, taken) if taken == text.len() => reply,
            other => panic!("{text:?}: {other:?}"),
        }
    }

    #[test]
    fn replies_of_all_kinds_of_servers_are_read() {
        for (text, code, lines) in [
            ("250 Ok\r\n", 250, vec!["Ok"]),
            ("250 Ok\n", 250, vec!["Ok"]),
            ("\r\n\n250 Ok\r\n", 250, vec!["Ok"]),
            ("250-a\r\n\r\n250-\r\n250 b\r\n", 250, vec!["a", "", "b"]),
            ("334\r\n", 334, vec![""]),
            ("334 \r\n", 334, vec![""]),
            ("550-a\r\n554 b\r\n", 554, vec!["a", "b"]),
            ("220 gr\u{fc}n\r\n", 220, vec!["gr\u{fc}n"]),
        ] {
            let reply = whole(text);
            assert_eq!(
                (reply.code, reply.lines),
                (code, lines.into_iter().map(str::to_owned).collect())
            );
        }
        assert!(matches!(Reply::parse(b"250 \xff\xfe\r\n"), Parsed::Whole(..)));
        assert!(matches!(Reply::parse(b"250 a\r\n\r\n250 b\r\n"), Parsed::Whole(_, 7)));
    }

    #[test]
    fn half_a_reply_waits_and_garbage_does_not() {
        for text in ["", "2", "250 Ok", "250-a\r\n", "250-a\r\n250 b", "\r\n"] {
            assert_eq!(Reply::parse(text.as_bytes()), Parsed::Partial, "{text:?}");
        }
        for text in ["hi\r\n", "25 a\r\n", "999 a\r\n", "100 a\r\n", "250+a\r\n", "\u{ff}50 a\r\n"]
        {
            assert_eq!(Reply::parse(text.as_bytes()), Parsed::Garbage, "{text:?}");
        }
    }

    #[test]
    fn an_enhanced_code_is_one_only_where_it_agrees_with_the_code() {
        for (text, enhanced) in [
            ("550 5.1.1 No such user\r\n", Some([5, 1, 1])),
            ("550-5.1.10 a\r\n550 5.1.10 b\r\n", Some([5, 1, 10])),
            ("550 5.1.1: no\r\n", Some([5, 1, 1])),
            ("550 5.1.1\r\n", Some([5, 1, 1])),
            ("550 4.1.1 no\r\n", None),
            ("550 5.1 no\r\n", None),
            ("550 5.1.1.1 no\r\n", None),
            ("550 5.1.1000 no\r\n", None),
            ("550 No such user\r\n", None),
        ] {
            assert_eq!(whole(text).enhanced, enhanced, "{text:?}");
        }
    }
}
