//! What the operator asks of a running service, over the socket beside the database or as an
//! admin.

use std::collections::BTreeMap;

use log::LevelFilter;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa::openapi::{RefOr, Schema};

use super::body::body;
use super::call::Call;
use super::json;
use super::openapi::{OperationDoc, Tag, schemas};
use super::reader::{FromJson, Reader};
use crate::config::LogLevel;
use crate::error::{Problem, Result};
use crate::http::Response;

#[derive(Serialize, ToSchema)]
#[schema(as = Status)]
pub struct StatusBody<'a> {
    pub version: &'static str,
    pub environment: &'static str,
    pub ready: bool,
    /// What is wrong, by check; empty when it is ready.
    pub faults: BTreeMap<&'static str, &'a str>,
    #[schema(schema_with = schemas::time)]
    pub started_at: String,
    /// The database's file, on the service's host.
    pub database: String,
    pub users: u64,
    pub orders: u64,
    pub mails_pending: u64,
    pub mails_dead: u64,
    /// When the last verified backup was made, as far as this process knows.
    #[schema(schema_with = schemas::time_or_null, required)]
    pub last_backup_at: Option<String>,
}

pub fn status(call: &Call<'_>) -> Result<Response> {
    let status = call.service().status(call.cx, &call.caller)?;
    let readiness = call.service().readiness();
    let faults =
        readiness.checks.iter().filter_map(|(name, fault)| Some((*name, fault.as_deref()?)));
    let body = StatusBody {
        version: env!("CARGO_PKG_VERSION"),
        environment: status.environment,
        ready: readiness.is_ready(),
        faults: faults.collect(),
        started_at: status.started_at.to_string(),
        database: status.database.display().to_string(),
        users: status.counts.users,
        orders: status.counts.orders,
        mails_pending: status.counts.mails_pending,
        mails_dead: status.counts.mails_dead,
        last_backup_at: status.last_backup.map(|at| at.to_string()),
    };
    Ok(json::response(200, &body))
}

pub fn describe_status() -> OperationDoc {
    OperationDoc::new("status", Tag::System, "The state of the service (admins)")
        .about("Answered with 200 whether it is ready or not: `ready` says which.")
        .answers::<StatusBody>("The state")
}

/// A level of the log, in any case.
#[derive(Debug)]
pub struct Level(LevelFilter);

impl FromJson for Level {
    fn read(value: &Value, reader: &mut Reader) -> Option<Level> {
        reader.parsed(value, |text| match text.parse::<LogLevel>() {
            Ok(level) => Ok(Level(level.0)),
            Err(reason) => Err(Problem::Value { reason }),
        })
    }

    fn describe() -> RefOr<Schema> {
        schemas::string()
    }
}

body! {
    /// What the log is to tell.
    pub struct LogLevelRequest as "LogLevel" {
        level: Level,
    }
}

/// Only over the socket beside the database: an admin could hide what they do.
pub fn set_log_level(call: &Call<'_>) -> Result<Response> {
    call.caller.require_operator()?;
    let LogLevelRequest { level: Level(level) } = call.read_body()?;
    call.service().set_log_level(call.cx, &call.caller, level)?;
    Ok(Response::new(204))
}

#[derive(Serialize, ToSchema)]
#[schema(as = StoreCheck)]
pub struct StoreCheckBody<'a> {
    pub sound: bool,
    pub tables: Vec<TableBody>,
    /// The first hundred faults, in words.
    pub faults: &'a [String],
    /// All of them.
    pub fault_count: u64,
}

#[derive(Serialize, ToSchema)]
#[schema(as = TableRows)]
pub struct TableBody {
    pub name: &'static str,
    pub rows: u64,
}

pub fn check(call: &Call<'_>) -> Result<Response> {
    let check = call.service().check_store(call.cx, &call.caller)?;
    let body = StoreCheckBody {
        sound: check.is_sound(),
        tables: check.rows.iter().map(|(name, rows)| TableBody { name, rows: *rows }).collect(),
        faults: &check.faults,
        fault_count: check.fault_count,
    };
    Ok(json::response(200, &body))
}

pub fn describe_check() -> OperationDoc {
    OperationDoc::new("check_store", Tag::System, "Check the store, row against row (admins)")
        .about(
            "Reads all of a snapshot, which takes seconds with a million orders. Writes go on \
             meanwhile, and the file grows by what they change. 409 while another is under way.",
        )
        .answers::<StoreCheckBody>("What was found")
        .fails_with(409)
}
