//! What a client would rather have (RFC 9110, 12.5.1).

/// Whether the first media type is wanted more than the second.
pub fn prefers(accept: &str, first: (&str, &str), second: (&str, &str)) -> bool {
    quality(accept, first) > quality(accept, second)
}

/// What a media type is worth to the client, in thousandths; the most specific range counts.
fn quality(accept: &str, (family, subtype): (&str, &str)) -> u32 {
    let ranges = accept.split(',').filter_map(|range| {
        let mut parts = range.split(';').map(str::trim);
        let (wanted_family, wanted_subtype) = parts.next()?.split_once('/')?;
        let specificity = match (wanted_family, wanted_subtype) {
            ("*", "*") => 0,
            (wanted, "*") if wanted.eq_ignore_ascii_case(family) => 1,
            (wanted, exact)
                if wanted.eq_ignore_ascii_case(family) && exact.eq_ignore_ascii_case(subtype) =>
            {
                2
            }
            _ => return None,
        };
        let weight = parts.find_map(|part| part.strip_prefix("q=")).unwrap_or("1");
        let weight = weight.parse::<f32>().unwrap_or(0.0).clamp(0.0, 1.0);
        Some((specificity, (weight * 1000.0) as u32))
    });
    ranges.max_by_key(|(specificity, _)| *specificity).map_or(0, |(_, weight)| weight)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefers_html(accept: &str) -> bool {
        prefers(accept, ("text", "html"), ("application", "json"))
    }

    #[test]
    fn a_browser_prefers_html_and_a_client_does_not() {
        assert!(prefers_html("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"));
        assert!(!prefers_html("*/*"));
        assert!(!prefers_html("application/json, text/html;q=0.5"));
        assert!(!prefers_html("nonsense"));
        assert!(!prefers_html(""));
    }
}
