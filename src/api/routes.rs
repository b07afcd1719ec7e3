//! The whole API on one page.

use super::call::{Call, Pending};
use super::openapi::OperationDoc;
use super::{
    accounts, api_keys, backups, console, docs, emails, events, host, order_changes, order_list,
    orders, system, users, webhook_setup, webhooks,
};
use crate::error::Result;
use crate::http::Response;
use crate::service::{Caller, Limit};

/// One row. A route without one of its columns doesn't compile.
pub struct Route {
    pub method: Method,
    /// Literal segments, or `{name}` for an id.
    pub pattern: &'static str,
    pub access: Access,
    pub limit: Option<Limit>,
    pub body: BodyKind,
    pub handler: Handler,
    /// What the OpenAPI document says of it; none for pages that people look at, and for what only
    /// the operator may ask.
    pub operation: Option<fn() -> OperationDoc>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    Get,
    Post,
}

/// Who may come in. The operation behind the route decides again for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    Public,
    User,
    Admin,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyKind {
    /// A body is ignored.
    Unused,
    Json,
    /// As HTML forms send it.
    Form,
}

/// What responds. It reads fields, makes one call, renders.
#[derive(Clone, Copy)]
pub enum Handler {
    Now(fn(&Call<'_>) -> Result<Response>),
    /// Begins now and renders later: no thread waits in between.
    Later(fn(&Call<'_>) -> Result<Box<dyn Pending>>),
}

use Access::{Admin, Public, User};
use BodyKind::{Form, Json, Unused};
use Handler::{Later, Now};
use Method::{Get, Post};

#[rustfmt::skip]
pub const ROUTES: &[Route] = &[
    //    method pattern                            access  limit                  body    handler                               operation
    route(Get,  "/",                                Public, None,                  Unused, Now(system::root),                     Some(system::describe_root)),
    route(Get,  "/health",                          Public, None,                  Unused, Now(system::health),                   Some(system::describe_health)),
    route(Get,  "/livez",                           Public, None,                  Unused, Now(system::livez),                    Some(system::describe_livez)),
    route(Get,  "/readyz",                          Public, None,                  Unused, Now(system::readyz),                   Some(system::describe_readyz)),
    route(Get,  "/metrics",                         Public, None,                  Unused, Now(system::metrics),                  Some(system::describe_metrics)),
    route(Get,  "/metrics/",                        Public, None,                  Unused, Now(system::metrics),                  None),

    route(Get,  "/openapi.json",                    Public, None,                  Unused, Now(docs::document),                   None),
    route(Get,  "/docs",                            Public, None,                  Unused, Now(docs::page),                       None),
    route(Get,  "/docs/start.js",                   Public, None,                  Unused, Now(docs::start_script),               None),
    route(Get,  "/docs/style.css",                  Public, None,                  Unused, Now(docs::own_stylesheet),             None),
    route(Get,  "/docs/favicon.png",                Public, None,                  Unused, Now(docs::icon),                       None),
    route(Get,  "/docs/5.35.0/swagger-ui-bundle.js", Public, None,                 Unused, Now(docs::bundle),                     None),
    route(Get,  "/docs/5.35.0/swagger-ui.css",      Public, None,                  Unused, Now(docs::stylesheet),                 None),
    route(Get,  "/console/",                        Public, None,                  Unused, Now(console::page),                    None),
    route(Get,  "/console/{release}/{file}",        Public, None,                  Unused, Now(console::asset),                   None),
    route(Get,  "/redoc",                           Public, None,                  Unused, Now(docs::redoc),                      None),

    route(Post, "/auth/login",                      Public, Some(Limit::LOGIN),    Json,   Now(accounts::login),                  Some(accounts::describe_login)),
    route(Post, "/auth/token",                      Public, Some(Limit::LOGIN),    Form,   Now(accounts::token),                  Some(accounts::describe_token)),
    route(Post, "/auth/logout",                     User,   None,                  Unused, Now(accounts::log_out),                Some(accounts::describe_log_out)),
    route(Post, "/auth/register",                   Admin,  Some(Limit::REGISTER), Json,   Now(accounts::register),               Some(accounts::describe_register)),
    route(Get,  "/auth/me",                         User,   None,                  Unused, Now(accounts::me),                     Some(accounts::describe_me)),
    route(Post, "/auth/password",                   User,   Some(Limit::PASSWORD), Json,   Now(accounts::change_password),        Some(accounts::describe_change_password)),

    route(Get,  "/auth/users",                      Admin,  None,                  Unused, Now(users::list),                      Some(users::describe_list)),
    route(Get,  "/auth/users/{user_id}",            Admin,  None,                  Unused, Now(users::get),                       Some(users::describe_get)),
    route(Post, "/auth/users/{user_id}/update",     Admin,  None,                  Json,   Now(users::update),                    Some(users::describe_update)),
    route(Post, "/auth/users/{user_id}/disable",    Admin,  None,                  Unused, Now(users::disable),                   Some(users::describe_disable)),
    route(Post, "/auth/users/{user_id}/enable",     Admin,  None,                  Unused, Now(users::enable),                    Some(users::describe_enable)),
    route(Post, "/auth/users/{user_id}/password",   Admin,  None,                  Json,   Now(users::set_password),              Some(users::describe_set_password)),

    route(Post, "/auth/keys/create",                User,   None,                  Json,   Now(api_keys::create),                 Some(api_keys::describe_create)),
    route(Get,  "/auth/keys/",                      User,   None,                  Unused, Now(api_keys::list),                   Some(api_keys::describe_list)),
    route(Post, "/auth/keys/{key_id}/revoke",       User,   None,                  Unused, Now(api_keys::revoke),                 Some(api_keys::describe_revoke)),

    route(Post, "/orders/create",                   User,   Some(Limit::ORDERS),   Json,   Later(orders::create),                 Some(orders::describe_create)),
    route(Get,  "/orders/",                         User,   None,                  Unused, Now(order_list::list),                 Some(order_list::describe_list)),
    route(Get,  "/orders/counts",                   Admin,  None,                  Unused, Now(orders::count),                    Some(orders::describe_count)),
    route(Get,  "/orders/{order_id}",               User,   None,                  Unused, Now(orders::get),                      Some(orders::describe_get)),

    route(Post, "/orders/{order_id}/status",        User,   None,                  Json,   Later(order_changes::set_status),      Some(order_changes::describe_set_status)),
    route(Post, "/orders/{order_id}/update",        User,   None,                  Json,   Later(order_changes::update),          Some(order_changes::describe_update)),
    route(Post, "/orders/{order_id}/payments",      User,   None,                  Json,   Later(order_changes::pay),             Some(order_changes::describe_pay)),
    route(Post, "/orders/{order_id}/refunds",       User,   None,                  Json,   Later(order_changes::refund),          Some(order_changes::describe_refund)),

    route(Get,  "/events/",                         Admin,  None,                  Unused, Later(events::read),                   Some(events::describe_read)),

    route(Post, "/webhooks/create",                       Admin,  None,                  Json,   Later(webhook_setup::create),         Some(webhook_setup::describe_create)),
    route(Get,  "/webhooks/",                             Admin,  None,                  Unused, Now(webhooks::list),                  Some(webhooks::describe_list)),
    route(Get,  "/webhooks/{webhook_id}",                 Admin,  None,                  Unused, Now(webhooks::get),                   Some(webhooks::describe_get)),
    route(Post, "/webhooks/{webhook_id}/update",          Admin,  None,                  Json,   Later(webhook_setup::update),         Some(webhook_setup::describe_update)),
    route(Post, "/webhooks/{webhook_id}/enable",          Admin,  None,                  Unused, Now(webhooks::enable),                Some(webhooks::describe_enable)),
    route(Post, "/webhooks/{webhook_id}/disable",         Admin,  None,                  Unused, Now(webhooks::disable),               Some(webhooks::describe_disable)),
    route(Post, "/webhooks/{webhook_id}/delete",          Admin,  None,                  Unused, Now(webhooks::delete),                Some(webhooks::describe_delete)),
    route(Post, "/webhooks/{webhook_id}/rotate",          Admin,  None,                  Unused, Now(webhooks::rotate),                Some(webhooks::describe_rotate)),
    route(Post, "/webhooks/{webhook_id}/seek",            Admin,  None,                  Json,   Now(webhooks::seek),                  Some(webhooks::describe_seek)),
    route(Post, "/webhooks/{webhook_id}/test",            Admin,  None,                  Unused, Later(webhooks::test),                Some(webhooks::describe_test)),

    route(Get,  "/emails/",                         Admin,  None,                  Unused, Now(emails::list),                     Some(emails::describe_list)),
    route(Get,  "/emails/{email_id}",               Admin,  None,                  Unused, Now(emails::get),                      Some(emails::describe_get)),
    route(Post, "/emails/retry",                    Admin,  None,                  Unused, Now(emails::retry_many),               Some(emails::describe_retry_many)),
    route(Post, "/emails/{email_id}/retry",         Admin,  None,                  Unused, Now(emails::retry),                    Some(emails::describe_retry)),

    route(Get,  "/admin/backup",                    Admin,  None,                  Unused, Now(backups::download),                Some(backups::describe_download)),
    route(Get,  "/admin/status",                    Admin,  None,                  Unused, Now(host::status),                     Some(host::describe_status)),
    route(Get,  "/admin/check",                     Admin,  None,                  Unused, Now(host::check),                      Some(host::describe_check)),
    route(Post, "/admin/log-level",                 Admin,  None,                  Json,   Now(host::set_log_level),              None),
];

const fn route(
    method: Method,
    pattern: &'static str,
    access: Access,
    limit: Option<Limit>,
    body: BodyKind,
    handler: Handler,
    operation: Option<fn() -> OperationDoc>,
) -> Route {
    Route { method, pattern, access, limit, body, handler, operation }
}

impl Route {
    /// Whether a key may be used there, where a token may. A rule and no column: whatever is added
    /// below these prefixes is closed to keys unless it is named here. A stolen key makes no
    /// other, ends none, and opens nothing of the host.
    pub fn takes_keys(&self) -> bool {
        let is_read = self.method == Get;
        match self.pattern.split('/').nth(1) {
            Some("auth") => is_read && ["/auth/me", "/auth/keys/"].contains(&self.pattern),
            Some("admin") => false,
            Some("webhooks") => is_read,
            _ => true,
        }
    }

    /// # Errors
    /// The caller has not the rights that the route asks for.
    pub fn check_rights(&self, caller: &Caller) -> Result<()> {
        if !self.takes_keys() {
            caller.refuse_key()?;
        }
        match self.access {
            Admin => caller.require_admin(),
            Public | User => Ok(()),
        }
    }
}

impl Method {
    pub fn as_str(self) -> &'static str {
        match self {
            Get => "GET",
            Post => "POST",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_by_user_stands_only_where_the_user_is_known() {
        for route in ROUTES {
            let is_by_user = matches!(route.limit, Some(Limit::ByUser(_)));
            assert!(!is_by_user || route.access != Public, "{}", route.pattern);
        }
    }

    fn closed_to_keys() -> Vec<String> {
        let closed = ROUTES.iter().filter(|it| it.access != Public && !it.takes_keys());
        closed.map(|it| format!("{} {}", it.method.as_str(), it.pattern)).collect()
    }

    #[test]
    fn a_key_is_taken_everywhere_but_where_credentials_the_host_and_webhooks_are_changed() {
        let open_in = |prefix: &str| {
            let meant = |it: &&Route| it.access != Public && it.pattern.starts_with(prefix);
            let open = ROUTES.iter().filter(meant).filter(|it| it.takes_keys());
            open.map(|it| (it.method, it.pattern)).collect::<Vec<_>>()
        };
        assert_eq!(open_in("/auth/"), [(Get, "/auth/me"), (Get, "/auth/keys/")]);
        assert_eq!(open_in("/admin/"), []);
        assert!(open_in("/webhooks/").iter().all(|(method, _)| *method == Get));
        let is_below = |it: &String| {
            ["/auth/", "/admin/", "/webhooks/"].iter().any(|prefix| it.contains(prefix))
        };
        assert!(closed_to_keys().iter().all(is_below), "{:?}", closed_to_keys());
    }

    #[test]
    fn what_comes_below_those_prefixes_is_closed_to_keys_by_itself() {
        let takes_keys = |method, pattern| {
            let handler = Now(system::root);
            route(method, pattern, User, None, Unused, handler, None).takes_keys()
        };
        for pattern in ["/auth/me/x", "/auth/keys", "/auth/new", "/admin/", "/admin/new/{id}"] {
            assert!(!takes_keys(Get, pattern), "{pattern}");
        }
        for pattern in ["/auth/me", "/auth/keys/", "/webhooks/", "/webhooks/{id}/test"] {
            assert!(takes_keys(Get, pattern) && !takes_keys(Post, pattern), "{pattern}");
        }
        assert!(takes_keys(Get, "/events/") && takes_keys(Post, "/orders/create"));
    }
}
