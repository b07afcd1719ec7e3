//! The service itself: what it is, how it is, what it has counted.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::Content;
use utoipa::openapi::schema::{ObjectBuilder, Type};

use super::call::Call;
use super::openapi::{OperationDoc, Tag, plain_response, response_with_headers, schemas};
use super::{accept, json};
use crate::error::Result;
use crate::http::{Field, Response};
use crate::metrics;

#[derive(Serialize, ToSchema)]
#[schema(as = Welcome)]
pub struct WelcomeBody {
    message: &'static str,
    /// Where the documentation is.
    docs: &'static str,
}

pub fn root(call: &Call<'_>) -> Result<Response> {
    let accept = call.header(Field::Accept).unwrap_or_default();
    if accept::prefers(accept, ("text", "html"), ("application", "json")) {
        let page = if call.backend.console.is_some() { "./console/" } else { "./docs" };
        return Ok(Response::new(307).header("Location", page).header("Vary", "Accept"));
    }
    let body = WelcomeBody { message: "Mini Order Management Service", docs: "/docs" };
    Ok(json::response(200, &body).header("Vary", "Accept"))
}

pub fn describe_root() -> OperationDoc {
    OperationDoc::new("root", Tag::System, "The service's name")
        .about(
            "To a client whose `Accept` prefers `text/html`, a redirect to the console, or to the \
             documentation where there is none.",
        )
        .answers::<WelcomeBody>("The name, and where the documentation is")
        .responds(307, response_with_headers("To `./console/` or `./docs`", &["Location", "Vary"]))
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Health)]
pub struct HealthBody<'a> {
    #[schema(schema_with = schemas::health_status)]
    pub status: &'static str,
    /// Seconds since 1970.
    pub timestamp: f64,
    pub version: &'static str,
    pub environment: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub reason: Option<&'a str>,
    /// What needs an operator, though orders are taken all the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub warning: Option<&'a str>,
}

pub fn health(call: &Call<'_>) -> Result<Response> {
    let health = call.service().health();
    let body = HealthBody {
        status: if health.trouble.is_none() { "healthy" } else { "unhealthy" },
        timestamp: health.at.as_secs_f64(),
        version: env!("CARGO_PKG_VERSION"),
        environment: health.environment,
        reason: health.trouble.as_deref(),
        warning: health.warning.as_deref(),
    };
    Ok(json::response(if health.trouble.is_none() { 200 } else { 503 }, &body))
}

pub fn describe_health() -> OperationDoc {
    OperationDoc::new("health", Tag::System, "Whether the service is well")
        .answers::<HealthBody>("The store takes writes")
        .answers_with::<HealthBody>(503, plain_response("It doesn't; `reason` says why"))
}

#[derive(Serialize, ToSchema)]
#[schema(as = Liveness)]
pub struct LivenessBody {
    #[schema(schema_with = schemas::alive)]
    status: &'static str,
}

/// The process answers: nothing else is asked of it.
pub fn livez(_: &Call<'_>) -> Result<Response> {
    Ok(json::response(200, &LivenessBody { status: "alive" }))
}

pub fn describe_livez() -> OperationDoc {
    OperationDoc::new("livez", Tag::System, "Whether the process answers, for supervisors")
        .answers::<LivenessBody>("It does")
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Readiness)]
pub struct ReadinessBody<'a> {
    #[schema(schema_with = schemas::readiness)]
    pub status: &'static str,
    pub checks: BTreeMap<&'static str, CheckBody<'a>>,
    /// Mails that wait to be sent.
    pub mail_backlog: u64,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Check)]
pub struct CheckBody<'a> {
    pub ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub reason: Option<&'a str>,
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
    Ok(json::response(if is_ready { 200 } else { 503 }, &body))
}

pub fn describe_readyz() -> OperationDoc {
    OperationDoc::new("readyz", Tag::System, "Whether orders can be taken now, for supervisors")
        .answers::<ReadinessBody>("Every check passes")
        .answers_with::<ReadinessBody>(503, plain_response("The checks say what is wrong"))
}

pub fn metrics(call: &Call<'_>) -> Result<Response> {
    let backend = call.backend;
    let rendering = backend.exposition.get(&backend.service, &backend.metrics)?;
    let accept = call.header(Field::Accept).unwrap_or_default();
    let (content_type, text) =
        match accept::prefers(accept, ("application", "openmetrics-text"), ("text", "plain")) {
            true => (metrics::OPEN_METRICS, &rendering.open_metrics),
            false => (metrics::TEXT, &rendering.text),
        };
    let response = Response::new(200).header("Content-Type", content_type).header("Vary", "Accept");
    Ok(response.bytes(text.clone().into_bytes()))
}

pub fn describe_metrics() -> OperationDoc {
    let mut exposition = response_with_headers("The metrics of the last second", &["Vary"]);
    let content = Content::new(Some(ObjectBuilder::new().schema_type(Type::String)));
    // The type alone: what makes code from documents can't read its parameters, nor OpenMetrics.
    exposition.content.insert("text/plain".to_owned(), content.into());
    OperationDoc::new("metrics", Tag::System, "Metrics, for Prometheus")
        .about(
            "In Prometheus's text format 0.0.4; where `Accept` prefers it, in OpenMetrics \
             (`application/openmetrics-text`).",
        )
        .responds(200, exposition)
}
