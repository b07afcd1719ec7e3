//! Writes that meet missing or damaged rows, in one transaction that is never committed.

use std::time::Duration;

use redb::backends::InMemoryBackend;
use redb::{Database, ReadableTable, TableDefinition, WriteTransaction};

use super::*;
use crate::clock::Timestamp;
use crate::domain::event::EventId;
use crate::domain::order::content::{Basket, Details, Line, NewContent, Reference};
use crate::domain::order::{Actor, Change, Status};
use crate::domain::webhook::{NewWebhook, Webhook, WebhookAttempt, WebhookSecret, WebhookUrl};
use crate::domain::{
    ApiKeyHash, ApiKeyId, MailId, MessageId, NewOrder, Order, OrderId, Outcome, Role, User, UserId,
};
use crate::error::{Error, Unauthenticated};
use crate::store::schema;
use crate::store::write_txn::{Applied, Failure, Write, WriteTxn};

const AT: Timestamp = Timestamp::EPOCH;
const HOUR: Duration = Duration::from_secs(3600);

fn transaction() -> WriteTransaction {
    let database = Database::builder().create_with_backend(InMemoryBackend::new()).unwrap();
    database.begin_write().unwrap()
}

fn admin(txn: &mut WriteTxn<'_>, name: &str) -> User {
    let admin = CreateUser { role: Role::Admin, ..CreateUser::for_test(name, AT) };
    admin.apply(txn).unwrap()
}

fn place(txn: &mut WriteTxn<'_>, user: UserId, key: &str, at: Timestamp) -> Applied<Order> {
    let message_id = MessageId("m@example.com".into());
    let idempotency = Some(Idempotency { key: key.into(), keep: HOUR });
    let place = PlaceOrder::simple(user, Outcome::Successful, message_id, at);
    let write = PlaceOrder { idempotency, ..place };
    write.apply(txn).map(|placed| placed.order)
}

#[test]
fn a_user_who_is_disabled_places_no_order_and_repeats_none() {
    let transaction = transaction();
    let mut txn = WriteTxn::begin(&transaction, None);
    let (user, _other) = (admin(&mut txn, "ann").id, admin(&mut txn, "bob"));
    place(&mut txn, user, "before", AT).unwrap();
    SetDisabled { user, disabled: true }.apply(&mut txn).unwrap();
    txn.dirty = false;
    for (user, key) in [(user, "before"), (user, "after"), (UserId(99), "nobody's")] {
        let refused = place(&mut txn, user, key, AT);
        let bad_token = Error::Unauthenticated(Unauthenticated::BadToken).kind();
        assert!(
            matches!(&refused, Err(Failure::Refused(why)) if why.kind() == bad_token),
            "{refused:?}"
        );
    }
    assert!(!txn.dirty, "a refused order has left a trace");
}

fn api_key(txn: &mut WriteTxn<'_>, user: UserId, hash: u8) -> Applied<ApiKeyId> {
    let (name, hash) = ("till".to_owned(), ApiKeyHash([hash; 32]));
    CreateApiKey { user, name, hash, expires_at: None, at: AT }.apply(txn).map(|key| key.id)
}

#[test]
fn a_user_who_is_disabled_makes_no_key_even_after_the_token_was_checked() {
    let transaction = transaction();
    let mut txn = WriteTxn::begin(&transaction, None);
    let (user, _other) = (admin(&mut txn, "ann").id, admin(&mut txn, "bob"));
    assert_eq!(api_key(&mut txn, user, 1).unwrap(), ApiKeyId(1));
    SetDisabled { user, disabled: true }.apply(&mut txn).unwrap();
    txn.dirty = false;
    for user in [user, UserId(99)] {
        assert!(matches!(api_key(&mut txn, user, 2), Err(Failure::Refused(_))));
    }
    assert!(!txn.dirty, "a refused key has left a trace");
}

#[test]
fn the_number_of_a_key_that_was_removed_is_not_given_again() {
    let transaction = transaction();
    let mut txn = WriteTxn::begin(&transaction, None);
    let user = admin(&mut txn, "ann").id;
    let ids = [1, 2].map(|hash| api_key(&mut txn, user, hash).unwrap());
    RevokeApiKeys { at: AT }.apply(&mut txn).unwrap();
    let prune = PruneApiKeys { after: ApiKeyId(0), now: AT + 30 * 24 * HOUR };
    assert_eq!(prune.apply(&mut txn).unwrap().removed, 2);
    assert_eq!((ids, api_key(&mut txn, user, 1).unwrap()), ([1, 2].map(ApiKeyId), ApiKeyId(3)));
}

/// Keys of an admin or the operator who has placed an order for another.
#[test]
fn keys_of_orders_for_others_are_forgotten_like_those_of_ones_own() {
    let transaction = transaction();
    let mut txn = WriteTxn::begin(&transaction, None);
    let (ann, bob) = (admin(&mut txn, "ann").id, admin(&mut txn, "bob").id);
    for user in [Some(ann), None] {
        let content = NewContent { owner: Some(bob), ..chat() };
        let by = Actor { user, is_admin: true };
        let idempotency = Some(Idempotency { key: "k".into(), keep: HOUR });
        let place = PlaceOrder::simple(bob, Outcome::Successful, MessageId("m@b".into()), AT);
        let order = NewOrder::Content(Box::new(content));
        PlaceOrder { by, order, idempotency, ..place }.apply(&mut txn).unwrap();
    }
    let forget = ForgetKeys { after: OrderId(0), placed_before: AT + HOUR, now: AT + 2 * HOUR };
    assert_eq!(forget.apply(&mut txn).unwrap().removed, 2);
    drop(txn);
    let keys = transaction.open_table(schema::IDEMPOTENCY).unwrap();
    assert_eq!(keys.iter().unwrap().count(), 0, "a key is left without its order");
}

#[test]
fn of_two_orders_in_one_commit_with_one_reference_the_later_is_refused() {
    let transaction = transaction();
    let mut txn = WriteTxn::begin(&transaction, None);
    let (ann, bob) = (admin(&mut txn, "ann").id, admin(&mut txn, "bob").id);
    let mut numbered = |user| {
        let content = NewContent { reference: Reference::parse("A-17"), ..chat() };
        let place = PlaceOrder::simple(user, Outcome::Successful, MessageId("m@b".into()), AT);
        let order = NewOrder::Content(Box::new(content));
        PlaceOrder { order, ..place }.apply(&mut txn).map(|placed| placed.order.id.0)
    };
    assert_eq!(numbered(ann).unwrap(), 1);
    let refused = numbered(ann);
    assert!(matches!(&refused, Err(Failure::Refused(Error::Conflict(_)))), "{refused:?}");
    assert_eq!(numbered(bob).unwrap(), 2);
}

#[test]
fn a_clock_that_was_set_back_takes_no_change_ahead_of_the_one_before() {
    let transaction = transaction();
    let mut txn = WriteTxn::begin(&transaction, None);
    let user = admin(&mut txn, "ann").id;
    let (by, noon) = (Actor { user: Some(user), is_admin: true }, AT + 12 * HOUR);
    let place = PlaceOrder::simple(user, Outcome::Successful, MessageId("m@b".into()), noon);
    let order = NewOrder::Content(Box::new(chat()));
    let id = PlaceOrder { by, order, ..place }.apply(&mut txn).unwrap().order.id;
    let mut move_to = |to, at| {
        let (change, condition) = (Change::Status { to, reason: None, note: None }, None);
        let message_id = MessageId("c@b".into());
        let change = ChangeOrder { id, by, change, condition, message_id, at };
        let order = change.apply(&mut txn).unwrap().order;
        let content = order.content().unwrap().clone();
        (content.updated_at, content.closed_at, content.history.last().unwrap().at)
    };
    assert_eq!(move_to(Status::Ready, noon + HOUR), (noon + HOUR, None, noon + HOUR));
    let closed = (noon + HOUR, Some(noon + HOUR), noon + HOUR);
    assert_eq!(move_to(Status::Completed, noon), closed);
}

fn chat() -> NewContent {
    let basket =
        Basket { currency: None, prices_include_tax: false, lines: vec![Line::named("Chat")] };
    NewContent { basket, reference: None, details: Details::default(), owner: None }
}

#[test]
fn keys_of_missing_orders_are_forgotten_and_hold_up_no_others() {
    let transaction = transaction();
    let mut txn = WriteTxn::begin(&transaction, None);
    let user = admin(&mut txn, "ann").id;
    let missing = place(&mut txn, user, "missing", AT).unwrap();
    place(&mut txn, user, "old", AT).unwrap();
    place(&mut txn, user, "young", AT + HOUR).unwrap();
    drop(txn);
    transaction.open_table(schema::ORDERS).unwrap().remove(missing.id.0).unwrap();
    let mut txn = WriteTxn::begin(&transaction, None);
    let forget = ForgetKeys { after: OrderId(0), placed_before: AT + HOUR, now: AT + 2 * HOUR };
    assert_eq!(forget.apply(&mut txn).unwrap().removed, 2);
    assert_eq!(forget.apply(&mut txn).unwrap().removed, 0);
    let left: Vec<_> =
        txn.oldest_keys(OrderId(0), 9).unwrap().into_iter().map(|(_, key)| key).collect();
    assert_eq!(left, ["young"]);
}

#[test]
fn keys_of_orders_from_the_future_stay_and_hold_up_no_others() {
    let transaction = transaction();
    let mut txn = WriteTxn::begin(&transaction, None);
    let user = admin(&mut txn, "ann").id;
    place(&mut txn, user, "future", AT + 99 * HOUR).unwrap();
    place(&mut txn, user, "old", AT).unwrap();
    place(&mut txn, user, "young", AT + HOUR).unwrap();
    let forget = ForgetKeys { after: OrderId(0), placed_before: AT + HOUR, now: AT + 2 * HOUR };
    let done = forget.apply(&mut txn).unwrap();
    assert_eq!((done.removed, done.next), (1, None));
    let left: Vec<_> = txn.oldest_keys(OrderId(0), 9).unwrap();
    assert_eq!(left.iter().map(|(_, key)| key).collect::<Vec<_>>(), ["future", "young"]);
}

#[test]
fn an_admin_is_let_in_again_while_another_row_is_damaged() {
    let transaction = transaction();
    let mut txn = WriteTxn::begin(&transaction, None);
    let (damaged, locked_out) = (admin(&mut txn, "ann").id, admin(&mut txn, "bob").id);
    SetDisabled { user: locked_out, disabled: true }.apply(&mut txn).unwrap();
    drop(txn);
    let damage = b"damaged".as_slice();
    transaction.open_table(schema::USERS).unwrap().insert(damaged.0, damage).unwrap();
    let mut txn = WriteTxn::begin(&transaction, None);
    let user = SetDisabled { user: locked_out, disabled: false }.apply(&mut txn).unwrap();
    assert!(!user.disabled);
}

#[test]
fn the_sender_is_woken_for_new_and_retried_mail_and_not_for_what_it_put_off() {
    let transaction = transaction();
    let mut txn = WriteTxn::begin(&transaction, None);
    let user = admin(&mut txn, "ann").id;
    let id = MailId(place(&mut txn, user, "one", AT).unwrap().id.0);
    assert!(txn.queued_mail, "a new one");
    txn.queued_mail = false;
    let attempt = Attempt::Deferred { due: AT + HOUR, error: "not now".into() };
    let marks = vec![MailMark { id, order: OrderId(id.0), attempt }];
    MarkMails { marks, at: AT }.apply(&mut txn).unwrap();
    assert!(!txn.queued_mail, "a deferred one");
    RetryMail { id, at: AT }.apply(&mut txn).unwrap();
    assert!(txn.queued_mail, "a retried one");
}

/// The ids in a table of mails.
fn ids(transaction: &WriteTransaction, table: TableDefinition<u64, &[u8]>) -> Vec<u64> {
    let table = transaction.open_table(table).unwrap();
    table.iter().unwrap().map(|row| row.unwrap().0.value()).collect()
}

#[test]
fn a_mail_that_overtakes_others_leaves_them_waiting() {
    let transaction = transaction();
    let mut txn = WriteTxn::begin(&transaction, None);
    let user = admin(&mut txn, "ann").id;
    for key in ["1", "2", "3", "4"] {
        place(&mut txn, user, key, AT).unwrap();
    }
    let sent = |id| MailMark { id: MailId(id), order: OrderId(id), attempt: Attempt::Sent };
    // Of 99 there is no order: it must not count as taken, nor all before it.
    MarkMails { marks: vec![sent(3), sent(99)], at: AT }.apply(&mut txn).unwrap();
    let place = MailPlace::Own { id: MailId(98), due: AT };
    QuarantineMail { place, error: String::new(), at: AT }.apply(&mut txn).unwrap();
    let place = MailPlace::Order(OrderId(2));
    QuarantineMail { place, error: "taken".into(), at: AT }.apply(&mut txn).unwrap();
    assert!(!txn.is_fresh(MailId(2)).unwrap() && txn.is_fresh(MailId(4)).unwrap());
    RetryMail { id: MailId(4), at: AT }.apply(&mut txn).unwrap();
    assert!(txn.is_fresh(MailId(4)).unwrap(), "it is due without that");
    let nobodys = RetryMail { id: MailId(5), at: AT }.apply(&mut txn);
    assert!(matches!(nobodys, Err(Failure::Refused(Error::NotFound))), "{nobodys:?}");
    txn.finish().unwrap();
    drop(txn);
    assert_eq!(ids(&transaction, schema::MAILS_PENDING), [1, 2]);
    assert_eq!(ids(&transaction, schema::MAILS_SENT), [3]);
    assert!(ids(&transaction, schema::MAILS_DEAD).is_empty());
}

#[test]
fn an_hour_s_range_is_closed_when_another_s_is_opened_and_opened_again_by_a_clock_set_back() {
    let transaction = transaction();
    let mut txn = WriteTxn::begin(&transaction, None);
    let user = admin(&mut txn, "ann").id;
    for (key, hour) in [("1", 10), ("2", 11), ("3", 11), ("4", 10), ("5", 12)] {
        place(&mut txn, user, key, AT + HOUR * hour).unwrap();
    }
    drop(txn);
    let hours = transaction.open_table(schema::ORDERS_BY_HOUR).unwrap();
    let rows = hours.iter().unwrap().map(|row| row.unwrap());
    let rows: Vec<_> = rows.map(|(hour, range)| (hour.value(), range.value())).collect();
    assert_eq!(rows, [(10, (1, 4)), (11, (2, 3)), (12, (5, schema::OPEN_END))]);
}

fn webhook(txn: &mut WriteTxn<'_>) -> Webhook {
    let url = WebhookUrl::parse("https://shop.example/").unwrap();
    let new = NewWebhook { url, types: None, description: None };
    let create = CreateWebhook { new, secret: WebhookSecret::new([7; 32]), at: AT, trouble: None };
    create.apply(txn).unwrap()
}

/// What an attempt, or a look at the feed, has begun with may be no more when it ends.
#[test]
fn what_was_begun_at_another_place_or_url_or_before_a_stop_moves_no_webhook() {
    let transaction = transaction();
    let mut txn = WriteTxn::begin(&transaction, None);
    let (id, begun) = (webhook(&mut txn).id, WebhookPosition::of(&webhook(&mut txn)));
    let begun = WebhookPosition { id, ..begun };
    let url = WebhookUrl::parse("https://shop.example/other").unwrap();
    let attempt = WebhookAttempt {
        at: AT,
        event: Some(EventId(1)),
        status: Some(200),
        elapsed: HOUR,
        error: None,
        answer: None,
    };
    let elsewhere = [
        WebhookPosition { cursor: EventId(5), ..begun.clone() },
        WebhookPosition { url, ..begun.clone() },
    ];
    let moved = |txn: &mut WriteTxn<'_>, began: &WebhookPosition| {
        let pass = PassEvents { began: began.clone(), up_to: EventId(9), lost: None };
        pass.apply(txn).unwrap();
        let (attempt, effect) = (attempt.clone(), AttemptEffect::Advance(EventId(9)));
        RecordAttempt { began: began.clone(), attempt, effect }.apply(txn).unwrap();
        txn.webhook(id).unwrap().unwrap().cursor == EventId(9)
    };
    for began in &elsewhere {
        assert!(!moved(&mut txn, began), "{began:?}");
    }
    ChangeWebhook { id, change: WebhookChange::Disable }.apply(&mut txn).unwrap();
    assert!(!moved(&mut txn, &begun), "it is disabled");
    ChangeWebhook { id, change: WebhookChange::Enable }.apply(&mut txn).unwrap();
    assert!(moved(&mut txn, &begun));
}
