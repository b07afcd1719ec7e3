//! What a client would rather have (RFC 9110, 12.4 and 12.5).

/// Whether the first media type is wanted more than the second.
pub fn prefers(accept: &str, first: (&str, &str), second: (&str, &str)) -> bool {
    quality(accept, first) > quality(accept, second)
}

/// Whether an `Accept` wants this media type by its name; a wildcard doesn't.
pub fn names(accept: &str, media_type: &str) -> bool {
    weighted(accept).any(|(range, weight)| range.eq_ignore_ascii_case(media_type) && weight > 0)
}

/// Whether a client takes gzip; one that says nothing may not know how.
pub fn takes_gzip(accept_encoding: &str) -> bool {
    weighted(accept_encoding)
        .any(|(coding, weight)| coding.eq_ignore_ascii_case("gzip") && weight > 0)
}

/// What a media type is worth to the client, in thousandths; the most specific range counts.
fn quality(accept: &str, (family, subtype): (&str, &str)) -> u32 {
    let ranges = weighted(accept).filter_map(|(range, weight)| {
        let (wanted_family, wanted_subtype) = range.split_once('/')?;
        let is_family = wanted_family.eq_ignore_ascii_case(family);
        let specificity = match (wanted_family, wanted_subtype) {
            ("*", "*") => 0,
            (_, "*") if is_family => 1,
            (_, exact) if is_family && exact.eq_ignore_ascii_case(subtype) => 2,
            _ => return None,
        };
        Some((specificity, weight))
    });
    ranges.max_by_key(|(specificity, _)| *specificity).map_or(0, |(_, weight)| weight)
}

/// The members of a list, each with its weight in thousandths: 1000 where it has none, 0 where
/// it can't be read.
fn weighted(list: &str) -> impl Iterator<Item = (&str, u32)> {
    list.split(',').map(|member| {
        let mut parts = member.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default();
        let weight = parts.find_map(|part| part.strip_prefix(['q', 'Q'])?.strip_prefix('='));
        let weight = weight.map_or(1.0, |weight| weight.parse::<f32>().unwrap_or(0.0));
        (name, (weight.clamp(0.0, 1.0) * 1000.0) as u32)
    })
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
        for refused in ["", "identity", "gzip;q=0", "br, gzip; q=0.0", "gzip;Q=0", "gzip;q=x"] {
            assert!(!takes_gzip(refused), "{refused}");
        }
    }

    #[test]
    fn a_media_type_is_named_in_any_case_and_with_a_weight() {
        const PROBLEM: &str = "application/problem+json";
        assert!(names("application/json, application/problem+json;q=0.5", PROBLEM));
        assert!(names("Application/Problem+JSON", PROBLEM));
        for other in [
            "*/*",
            "application/*",
            "application/json",
            "",
            "application/problem+json;q=0",
            "application/problem+json;Q=0.0",
            "application/problem+json;q=x",
        ] {
            assert!(!names(other, PROBLEM), "{other}");
        }
    }
}
