//! The service itself: what it is, how it is, what it has counted.

use super::accept;
use crate::error::Result;
use crate::http::bodies::{CheckBody, HealthBody, ReadinessBody, response};
use crate::http::call::Call;
use crate::http::response::Response;
use crate::metrics;

pub fn root(call: &Call<'_>) -> Result<Response> {
    let accept = call.header("Accept").unwrap_or_default();
    if accept::prefers(accept, ("text", "html"), ("application", "json")) {
        return Ok(Response::new(307).header("Location", "/docs").header("Vary", "Accept"));
    }
    const BODY: &[u8] = br#"{"message":"Mini Order Management Service","docs":"/docs"}"#;
    Ok(Response::json(200, BODY.to_vec()).header("Vary", "Accept"))
}

pub fn health(call: &Call<'_>) -> Result<Response> {
    let health = call.service().health();
    let body = HealthBody {
        status: if health.trouble.is_none() { "healthy" } else { "unhealthy" },
        timestamp: health.at.as_secs_f64(),
        version: env!("CARGO_PKG_VERSION"),
        environment: health.environment,
        reason: health.trouble.as_deref(),
    };
    Ok(response(if health.trouble.is_none() { 200 } else { 503 }, &body))
}

/// The process answers: nothing else is asked of it.
pub fn livez(_: &Call<'_>) -> Result<Response> {
    Ok(Response::json(200, br#"{"status":"alive"}"#.to_vec()))
}

pub fn readyz(call: &Call<'_>) -> Result<Response> {
    let readiness = call.service().readiness();
    let is_ready = readiness.is_ready();
    let checks = readiness
        .checks
        .iter()
        .map(|(name, fault)| (*name, CheckBody { ok: fault.is_none(), reason: fault.as_deref() }));
    let body = ReadinessBody {
        status: if is_ready { "ready" } else { "unready" },
        checks: checks.collect(),
        mail_backlog: readiness.mail_backlog,
    };
    Ok(response(if is_ready { 200 } else { 503 }, &body))
}

pub fn metrics(call: &Call<'_>) -> Result<Response> {
    let metrics = call.api.metrics();
    if let Err(why) = call.service().refresh_gauges(&metrics.gauges) {
        log::warn!("the store's gauges are out of date: {why}");
    }
    let text = metrics.render().into_bytes();
    Ok(Response::new(200).header("Content-Type", metrics::CONTENT_TYPE).bytes(text))
}
