//! Shows an SMTP conversation while it is held, to somebody who wants to see why it fails.

use std::sync::Arc;

use super::reply::Reply;

/// Shows nothing by itself; clones share who is shown it.
#[derive(Clone, Default)]
pub struct Transcript(Option<Arc<Show>>);

type Show = dyn Fn(&str) + Send + Sync;

impl Transcript {
    /// `show` gets a line at a time: what we say behind `> `, what the server says behind `< `, and
    /// in parentheses what is not said. Secrets are masked.
    pub fn to(show: impl Fn(&str) + Send + Sync + 'static) -> Transcript {
        Transcript(Some(Arc::new(show)))
    }

    pub(super) fn we(&self, line: &str) {
        self.show(|| format!("> {line}"));
    }

    pub(super) fn they(&self, reply: &Reply) {
        let (last, others) = match reply.lines.split_last() {
            Some((last, others)) => (last.as_str(), others),
            None => ("", &[][..]),
        };
        for line in others {
            self.show(|| format!("< {}-{line}", reply.code));
        }
        self.show(|| format!("< {} {last}", reply.code));
    }

    pub(super) fn note(&self, what: &str) {
        self.show(|| format!("({what})"));
    }

    /// The server's control characters would reach a terminal.
    fn show(&self, line: impl FnOnce() -> String) {
        if let Some(show) = &self.0 {
            let line = line();
            let shown = line.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c });
            show(shown.collect::<String>().trim_end());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::reply::Parsed;
    use super::*;
    use parking_lot::Mutex;

    #[test]
    fn a_reply_is_shown_line_by_line_without_what_would_command_a_terminal() {
        let shown = Arc::new(Mutex::new(Vec::new()));
        let lines = Arc::clone(&shown);
        let transcript = Transcript::to(move |line| lines.lock().push(line.to_owned()));
        let Parsed::Whole(reply, _) = Reply::parse(b"250-a\r\n250 b\x1b[31m\r\n") else { panic!() };
        transcript.we("EHLO shop");
        transcript.they(&reply);
        transcript.note("encrypted");
        let expected = ["> EHLO shop", "< 250-a", "< 250 b\u{fffd}[31m", "(encrypted)"];
        assert_eq!(*shown.lock(), expected);
    }
}
