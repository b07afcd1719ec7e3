//! The shape of a right response, cheap enough to check on every one.

/// Literal text, `#` for a number of one digit or more, `*` for anything up to the next
/// literal. `{"id":#,"at":"*"}` fits `{"id":12,"at":"now"}`.
#[derive(Clone, Debug)]
pub struct Shape(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(Vec<u8>),
    Number,
    Anything,
}

impl Shape {
    pub fn of(pattern: &str) -> Shape {
        let mut parts = Vec::new();
        for byte in pattern.bytes() {
            match (byte, parts.last_mut()) {
                (b'#', _) => parts.push(Part::Number),
                (b'*', _) => parts.push(Part::Anything),
                (byte, Some(Part::Text(text))) => text.push(byte),
                (byte, _) => parts.push(Part::Text(vec![byte])),
            }
        }
        Shape(parts)
    }

    /// Whether all of `body` fits; the first number in it, or 0.
    pub fn fit(&self, body: &[u8]) -> Option<u64> {
        let mut rest = body;
        let mut first = None;
        let mut skips = false;
        for part in &self.0 {
            match part {
                Part::Anything => skips = true,
                Part::Number => {
                    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
                    let number = std::str::from_utf8(&rest[..digits]).ok()?.parse().ok()?;
                    first.get_or_insert(number);
                    rest = &rest[digits..];
                }
                Part::Text(text) => {
                    let at = if std::mem::take(&mut skips) { find(rest, text)? } else { 0 };
                    rest = rest[at..].strip_prefix(text.as_slice())?;
                }
            }
        }
        (skips || rest.is_empty()).then_some(first.unwrap_or(0))
    }
}

fn find(bytes: &[u8], text: &[u8]) -> Option<usize> {
    bytes.windows(text.len()).position(|window| window == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_fits_as_a_whole_or_not_at_all() {
        let order = Shape::of(r#"{"id":#,"success":true,"at":"*"}"#);
        assert_eq!(order.fit(br#"{"id":12,"success":true,"at":"x"}"#), Some(12));
        for other in [
            &br#"{"id":12,"success":false,"at":"x"}"#[..],
            br#"{"id":,"success":true,"at":"x"}"#,
            br#"{"id":1,"success":true,"at":"x"}x"#,
            br#"{"id":1,"success":true,"at":"x"#,
            b"",
        ] {
            assert_eq!(order.fit(other), None, "{}", String::from_utf8_lossy(other));
        }
    }

    #[test]
    fn anything_may_be_last() {
        assert_eq!(Shape::of("{*").fit(b"{\"a\":1"), Some(0));
        assert_eq!(Shape::of("*").fit(b""), Some(0));
    }
}
