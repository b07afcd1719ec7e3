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
        let weight =
            parts.find_map(|part| part.strip_prefix(['q', 'Q'])?.strip_prefix('=')).unwrap_or("1");
        let weight = weight.parse::<f32>().unwrap_or(0.0).clamp(0.0, 1.0);
        Some((specificity, (weight * 1000.0) as u32))
    });
    ranges.max_by_key(|(specificity, _)| *specificity).map_or(0, |(_, weight)| weight)
}

/// Whether a client takes gzip; one that says nothing may not know how.
pub fn takes_gzip(accept_encoding: &str) -> bool {
    let weights = accept_encoding.split(',').filter_map(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        let is_gzip = parts.next()?.eq_ignore_ascii_case("gzip");
        let weight = parts.find_map(|part| part.strip_prefix("q=")).unwrap_or("1");
        is_gzip.then(|| weight.parse::<f32>().unwrap_or(0.0))
    });
    weights.fold(0.0, f32::max) > 0.0
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

    #[test]
    fn gzip_is_taken_where_it_is_named_and_not_refused() {
        assert!(takes_gzip("gzip, deflate, br"));
        assert!(takes_gzip("br;q=1.0, GZIP;q=0.5"));
        for refused in ["", "identity", "gzip;q=0", "br, gzip; q=0.0", "gzip;q=x"] {
            assert!(!takes_gzip(refused), "{refused}");
        }
    }
}
