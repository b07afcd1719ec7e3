use crate::error::Result;
use crate::http::bodies::{HealthBody, reply};
use crate::http::call::Call;
use crate::http::reply::Reply;
use crate::metrics;

pub fn root(call: &Call<'_>) -> Result<Reply> {
    if call.header("Accept").is_some_and(prefers_html) {
        return Ok(Reply::new(307).header("Location", "/docs").header("Vary", "Accept"));
    }
    const BODY: &[u8] = br#"{"message":"Mini Order Management Service","docs":"/docs"}"#;
    Ok(Reply::json(200, BODY.to_vec()).header("Vary", "Accept"))
}

pub fn health(call: &Call<'_>) -> Result<Reply> {
    let health = call.service().health();
    let body = HealthBody {
        status: if health.trouble.is_none() { "healthy" } else { "unhealthy" },
        timestamp: health.at.as_secs_f64(),
        version: env!("CARGO_PKG_VERSION"),
        environment: health.environment,
        reason: health.trouble.as_deref(),
    };
    Ok(reply(if health.trouble.is_none() { 200 } else { 503 }, &body))
}

pub fn metrics(call: &Call<'_>) -> Result<Reply> {
    let metrics = call.api.metrics();
    if let Err(why) = call.service().refresh_gauges(&metrics.gauges) {
        log::warn!("the store's gauges are out of date: {why}");
    }
    let text = metrics.render().into_bytes();
    Ok(Reply::new(200).header("Content-Type", metrics::CONTENT_TYPE).bytes(text))
}

/// Whether `text/html` is wanted more than JSON (RFC 9110, 12.5.1).
fn prefers_html(accept: &str) -> bool {
    quality(accept, "text", "html") > quality(accept, "application", "json")
}

/// What a media type is worth to the client, in thousandths; the most specific range counts.
fn quality(accept: &str, family: &str, subtype: &str) -> u32 {
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

    #[test]
    fn a_browser_prefers_html_and_a_client_does_not() {
        assert!(prefers_html("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"));
        assert!(!prefers_html("*/*"));
        assert!(!prefers_html("application/json, text/html;q=0.5"));
        assert!(!prefers_html("nonsense"));
    }
}
