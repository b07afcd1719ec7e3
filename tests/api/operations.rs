//! Who may is decided twice: by the route, and by the operation, asked here without one.

use log::LevelFilter;
use orderd::app::{Dependencies, Foundation};
use orderd::auth::Cost;
use orderd::domain::event::EventId;
use orderd::domain::webhook::{NewWebhook, WebhookUpdate, WebhookUrl};
use orderd::domain::{
    ApiKeyId, EmailAddress, MailId, NewUser, Password, Role, UserId, Username, WebhookId,
};
use orderd::error::Error;
use orderd::service::{Caller, Context, NewApiKey, OrderQuery, Service};
use orderd::store::{Direction, MailFilter, OrderFilter, UpdateUser};
use serde_json::json;
use support::app::{PASSWORD, TestApp, config};
use support::folder::Folder;

const ANN: Caller = Caller::User { id: UserId(2), role: Role::User, key: None };

#[test]
fn an_operation_for_admins_refuses_everyone_else_whatever_route_leads_to_it() {
    let folder = Folder::new();
    let dependencies = Dependencies { hash_cost: Cost::Minimal, ..Dependencies::default() };
    let Foundation { service, store, .. } =
        Foundation::open(&config(&folder, &[]), &dependencies).unwrap();
    for (operation, outcome) in outcomes(&service, &ANN) {
        assert!(matches!(outcome, Err(Error::Forbidden(_))), "{operation}: {outcome:?}");
    }
    for (operation, outcome) in outcomes(&service, &Caller::Anonymous) {
        assert!(matches!(outcome, Err(Error::Unauthenticated(_))), "{operation}: {outcome:?}");
    }
    store.close();
}

/// What an operation that makes, changes or ends credentials does with an admin's key, or one that
/// opens the host.
#[test]
fn an_operation_that_takes_a_login_refuses_a_key_whatever_route_leads_to_it() {
    let folder = Folder::new();
    let dependencies = Dependencies { hash_cost: Cost::Minimal, ..Dependencies::default() };
    let Foundation { service, store, .. } =
        Foundation::open(&config(&folder, &[]), &dependencies).unwrap();
    let (id, role, key) = (UserId(1), Role::Admin, Some(ApiKeyId(1)));
    let (cx, caller) = (Context::local(), Caller::User { id, role, key });
    let password = Password::parse(PASSWORD).unwrap();
    let new = NewApiKey { user: None, name: "another".into(), expires_at: None };
    let open = [
        "list_emails",
        "get_email",
        "count_orders",
        "retry_email",
        "another's orders",
        "list_webhooks",
        "get_webhook",
    ];
    let mut outcomes = outcomes(&service, &caller);
    outcomes.retain(|(operation, _)| !open.contains(operation));
    outcomes.extend([
        ("change_password", service.change_password(&cx, &caller, PASSWORD, &password)),
        ("create_key", service.create_key(&cx, &caller, new).map(drop)),
        ("revoke_key", service.revoke_key(&cx, &caller, ApiKeyId(1))),
        ("status", service.status(&cx, &caller).map(drop)),
        ("check", service.check_store(&cx, &caller).map(drop)),
    ]);
    for (operation, outcome) in outcomes {
        assert!(matches!(outcome, Err(Error::Forbidden(_))), "{operation}: {outcome:?}");
    }
    store.close();
}

/// What becomes of each operation that only an admin may ask for.
fn outcomes(service: &Service, caller: &Caller) -> Vec<(&'static str, Result<(), Error>)> {
    let (cx, user) = (Context::local(), UserId(1));
    let password = Password::parse(PASSWORD).unwrap();
    let another = NewUser {
        username: Username::parse("ben").unwrap(),
        email: EmailAddress::parse("ben@example.com").unwrap(),
        role: Role::Admin,
        password: password.clone(),
    };
    let filter = OrderFilter { user: Some(user), ..OrderFilter::default() };
    let query = OrderQuery { filter, ..OrderQuery::default() };
    let (all, rising) = (MailFilter::default(), Direction::Ascending);
    let update = UpdateUser { user, username: None, email: None, role: Some(Role::User) };
    let mut outcomes = outcomes_of_webhooks(service, caller);
    outcomes.extend([
        ("register", service.register(&cx, caller, another).map(drop)),
        ("set_password", service.set_password(&cx, caller, user, &password)),
        ("set_disabled", service.set_disabled(&cx, caller, user, true).map(drop)),
        ("list_users", service.users(&cx, caller, None, UserId(0), 9).map(drop)),
        ("get_user", service.user(&cx, caller, user).map(drop)),
        ("update_user", service.update_user(&cx, caller, update).map(drop)),
        ("list_emails", service.mails(&cx, caller, &all, rising, None, 9).map(drop)),
        ("get_email", service.mail(&cx, caller, MailId(1)).map(drop)),
        ("count_orders", service.count_open_orders(&cx, caller).map(drop)),
        ("retry_email", service.retry_mail(&cx, caller, MailId(1)).map(drop)),
        ("another's orders", service.orders(&cx, caller, query).map(drop)),
        ("back_up", service.back_up(&cx, caller).map(drop)),
        ("set_log_level", service.set_log_level(&cx, caller, LevelFilter::Off)),
    ]);
    outcomes
}

fn outcomes_of_webhooks(
    service: &Service,
    caller: &Caller,
) -> Vec<(&'static str, Result<(), Error>)> {
    let (cx, id) = (Context::local(), WebhookId(1));
    let url = WebhookUrl::parse("https://8.8.8.8/").unwrap();
    let new = NewWebhook { url, types: None, description: None };
    let (update, nowhere) = (WebhookUpdate::default(), Ok(Vec::new()));
    vec![
        ("list_webhooks", service.webhooks(&cx, caller).map(drop)),
        ("get_webhook", service.webhook(&cx, caller, id).map(drop)),
        ("create_webhook", service.create_webhook(&cx, caller, new, &nowhere).map(drop)),
        ("update_webhook", service.update_webhook(&cx, caller, id, update, &nowhere).map(drop)),
        ("enable_webhook", service.enable_webhook(&cx, caller, id).map(drop)),
        ("disable_webhook", service.disable_webhook(&cx, caller, id).map(drop)),
        ("rotate_webhook", service.rotate_webhook(&cx, caller, id).map(drop)),
        ("seek_webhook", service.seek_webhook(&cx, caller, id, EventId(0)).map(drop)),
        ("delete_webhook", service.delete_webhook(&cx, caller, id)),
        ("test_webhook", service.test_webhook(caller, id).webhook.map(drop)),
    ]
}

/// The route table says it too: before the operation is asked, and before its values are read.
#[test]
fn whoever_may_not_is_told_so_before_any_value_is_looked_at() {
    let app = TestApp::start();
    let ann = app.user("ann");
    for (method, target) in [
        ("POST", "/auth/register"),
        ("GET", "/auth/users?limit=x"),
        ("GET", "/auth/users/x"),
        ("POST", "/auth/users/x/update"),
        ("POST", "/auth/users/x/disable"),
        ("POST", "/auth/users/x/enable"),
        ("POST", "/auth/users/x/password"),
        ("GET", "/emails/?state=x"),
        ("POST", "/emails/x/retry"),
        ("POST", "/admin/log-level"),
        ("GET", "/webhooks/x"),
        ("POST", "/webhooks/create"),
        ("POST", "/webhooks/x/update"),
        ("POST", "/webhooks/x/seek"),
    ] {
        let response = app.request(method, target).bearer(&ann).json(&json!({})).send();
        assert_eq!(response.status, 403, "{target}");
    }
}
