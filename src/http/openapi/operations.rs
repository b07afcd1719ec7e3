//! What each route is for, reads and answers; its columns in the route table say the rest.

use serde_json::json;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{Content, Response, ResponseBuilder};

use super::errors::header;
use super::schemas;
use super::sketch::Sketch;
use crate::http::bodies::{
    AccountBody, AccountsBody, EmailBody, EmailsBody, HealthBody, LivenessBody, LoginBody,
    OrderBody, OrdersBody, ReadinessBody, UserBody, WelcomeBody,
};
use crate::http::handlers::accounts::{LoginRequest, PasswordChange, RegisterRequest};
use crate::http::handlers::orders::OrderRequest;
use crate::http::handlers::users::PasswordReset;
use crate::http::query::MAX_ID;
use crate::metrics;
use crate::store::PAGE_ROWS;

const ACCOUNTS: &str = "Accounts";
const ORDERS: &str = "Orders";
const EMAILS: &str = "Emails";
const SYSTEM: &str = "System";

const AFTER: &str = "Begin behind this id: the `next` of the page before.";

pub fn root() -> Sketch {
    Sketch::new("root", SYSTEM, "The service's name")
        .about("To a client whose `Accept` prefers `text/html`, a redirect to the documentation.")
        .answers::<WelcomeBody>("The name, and where the documentation is")
        .responds(307, with_headers("To `/docs`", &["Location", "Vary"]))
}

pub fn health() -> Sketch {
    Sketch::new("health", SYSTEM, "Whether the service is well")
        .answers::<HealthBody<'static>>("The store takes writes")
        .answers_with::<HealthBody<'static>>(503, response("It doesn't; `reason` says why"))
}

pub fn livez() -> Sketch {
    Sketch::new("livez", SYSTEM, "Whether the process answers, for supervisors")
        .answers::<LivenessBody>("It does")
}

pub fn readyz() -> Sketch {
    Sketch::new("readyz", SYSTEM, "Whether orders can be taken now, for supervisors")
        .answers::<ReadinessBody<'static>>("Every check passes")
        .answers_with::<ReadinessBody<'static>>(503, response("The checks say what is wrong"))
}

pub fn metrics() -> Sketch {
    let text = ObjectBuilder::new().schema_type(Type::String);
    let mut exposition = response("The exposition");
    let content = Content::new(Some(text));
    exposition.content.insert(metrics::CONTENT_TYPE.to_owned(), content.into());
    Sketch::new("metrics", SYSTEM, "Metrics, in the OpenMetrics format").responds(200, exposition)
}

pub fn login() -> Sketch {
    Sketch::new("login", ACCOUNTS, "Log in")
        .about(
            "Gives a token (a JWT) for `Authorization: Bearer`. A wrong name, a wrong password \
             and a disabled user are answered alike, in time too. Limited by client address and, \
             where logins fail, by username.",
        )
        .reads::<LoginRequest>(json!({ "username": "admin", "password": "Admin123" }))
        .answers::<LoginBody<'static>>("The token, and whose it is")
        .refuses(401)
}

pub fn register() -> Sketch {
    Sketch::new("register", ACCOUNTS, "Make a user (admins)")
        .about(
            "400 where the password misses the policy, or the username or the email is another's \
             already; both are compared without case.",
        )
        .reads::<RegisterRequest>(json!({
            "username": "ann", "email": "ann@example.com", "password": "Secure1!", "role": "user",
        }))
        .answers::<UserBody<'static>>("The user")
}

pub fn me() -> Sketch {
    Sketch::new("me", ACCOUNTS, "Who I am").answers::<UserBody<'static>>("The caller")
}

pub fn change_password() -> Sketch {
    Sketch::new("change_password", ACCOUNTS, "Change my password")
        .about(
            "Ends all of the caller's tokens at once, this one too. 400 where the old password is \
             wrong or the new one misses the policy.",
        )
        .reads::<PasswordChange>(json!({ "old_password": "Secure1!", "new_password": "Secure2!" }))
        .responds(204, response("It is changed"))
}

pub fn list_users() -> Sketch {
    paged(Sketch::new("list_users", ACCOUNTS, "List users (admins)"), "100")
        .answers::<AccountsBody<'static>>("A page of users, oldest first")
        .refuses(422)
}

pub fn disable_user() -> Sketch {
    Sketch::new("disable_user", ACCOUNTS, "Disable a user (admins)")
        .about("Ends all of the user's tokens at once. 409 for the last admin that is enabled.")
        .answers::<AccountBody<'static>>("The user")
        .refuses(409)
}

pub fn enable_user() -> Sketch {
    Sketch::new("enable_user", ACCOUNTS, "Enable a user (admins)")
        .answers::<AccountBody<'static>>("The user")
}

pub fn set_password() -> Sketch {
    Sketch::new("set_password", ACCOUNTS, "Reset a user's password (admins)")
        .about("Ends all of the user's tokens at once. 400 where it misses the policy.")
        .reads::<PasswordReset>(json!({ "new_password": "Secure2!" }))
        .responds(204, response("It is set"))
}

pub fn create_order() -> Sketch {
    let headers = with_headers("The order", &["Idempotent-Replayed"]);
    Sketch::new("create_order", ORDERS, "Place an order")
        .about(
            "Answered once the order and its email are safe on disk, together. A request that is \
             sent again with the same `Idempotency-Key` and the same order gets the first answer \
             again and does nothing; with another order it is 422.",
        )
        .header(
            "Idempotency-Key",
            schemas::idempotency_key(),
            "1 to 255 visible characters, bare or in quotes, the caller's own for this order.",
        )
        .reads::<OrderRequest>(json!({ "success": true }))
        .answers_with::<OrderBody>(200, headers)
}

pub fn list_orders() -> Sketch {
    let mut lists = with_headers("The orders", &["Link", "Vary", "Content-Disposition"]);
    let csv = ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some("`id,user_id,success,created_at`, as RFC 4180 has it"));
    lists.content.insert("text/csv".to_owned(), Content::new(Some(csv)).into());
    let limit = schemas::integer(1, PAGE_ROWS as u64);
    Sketch::new("list_orders", ORDERS, "List orders")
        .about(
            "The caller's own; all of them for an admin. Without `limit` the whole list, streamed. \
             Unknown and repeated parameters are 422.",
        )
        .query("limit", limit, "A page of at most so many, with `next`.")
        .query("after", schemas::id(), AFTER)
        .query("order", schemas::choice(["asc", "desc"]), "Oldest first (`asc`), or newest.")
        .query("success", schemas::lax_bool(), "Only such orders.")
        .query("created_from", schemas::moment(), "From this second or day on, UTC.")
        .query("created_to", schemas::moment(), "Up to this second or day, included, UTC.")
        .query("user_id", schemas::id(), "Only this user's (admins; 403 for others).")
        .query("format", schemas::choice(["json", "csv"]), "Instead of `Accept`.")
        .answers_with::<OrdersBody>(200, lists)
        .refuses(403)
        .refuses(422)
}

pub fn get_order() -> Sketch {
    Sketch::new("get_order", ORDERS, "Look an order up")
        .about("The caller's own, any for an admin; another's is 404.")
        .answers::<OrderBody>("The order")
}

pub fn list_emails() -> Sketch {
    paged(Sketch::new("list_emails", EMAILS, "List emails (admins)"), "100")
        .query("state", schemas::mail_state(), "Those in this state; `pending` if absent.")
        .answers::<EmailsBody<'static>>("A page of emails, oldest first")
        .refuses(422)
}

pub fn retry_email() -> Sketch {
    Sketch::new("retry_email", EMAILS, "Send a dead email again (admins)")
        .answers::<EmailBody<'static>>("The email")
        .refuses(409)
}

pub fn back_up() -> Sketch {
    let file = ObjectBuilder::new().schema_type(Type::String).description(Some("a database file"));
    let mut backup = with_headers("The backup", &["Content-Disposition"]);
    let content = Content::new(Some(file));
    backup.content.insert("application/octet-stream".to_owned(), content.into());
    Sketch::new("back_up", SYSTEM, "Download a backup (admins)")
        .about(
            "A snapshot of one moment, made and checked before the answer begins;              `orderd restore` takes it. 409 while another is under way.",
        )
        .responds(200, backup)
        .refuses(409)
}

/// The parameters of the lists that are always paged.
fn paged(sketch: Sketch, default: &str) -> Sketch {
    let limit = schemas::integer(1, PAGE_ROWS as u64);
    sketch.query("limit", limit, &format!("A page of at most so many; {default} if absent.")).query(
        "after",
        schemas::integer(1, MAX_ID),
        AFTER,
    )
}

fn response(about: &str) -> Response {
    ResponseBuilder::new().description(about).build()
}

fn with_headers(about: &str, names: &[&str]) -> Response {
    let mut response = response(about);
    for name in names {
        response.headers.insert((*name).to_owned(), header(name));
    }
    response
}
