use redb::backends::InMemoryBackend;
use redb::{Database, ReadableDatabase, WriteTransaction};

use super::*;
use crate::clock::Timestamp;
use crate::domain::money::{MAX_AMOUNT, Milli};
use crate::domain::order::change::{Payment, Refund};
use crate::domain::order::content::{Basket, Customer, Details, Line, NewContent, Reference};
use crate::domain::order::status::RefundReason;
use crate::domain::order::{Actor, Change, Entry, OrderBody};
use crate::domain::{Currency, EmailAddress, MailId, MessageId, NewOrder, Outcome};
use crate::store::records::{EventMark, decode, decode_order, encode};
use crate::store::schema::{self, OPEN_END};
use crate::store::write_txn::{Write, WriteTxn};
use crate::store::writes::{
    Attempt, ChangeOrder, CreateUser, Idempotency, MailMark, MarkMails, Notice, PlaceOrder,
};

const AT: Timestamp = Timestamp::EPOCH;
const ANN: UserId = UserId(1);
const BEN: UserId = UserId(2);
/// Orders of Ann's: a simple one under a key, one with all that has an index, a closed one.
const SIMPLE: u64 = 1;
const PENDING: u64 = 2;
const CLOSED: u64 = 3;

fn amount(minor_units: u64) -> Amount {
    Amount::new(minor_units).unwrap()
}

fn payment(minor_units: u64) -> Payment {
    let method = "cash".to_owned();
    Payment { amount: amount(minor_units), method, reference: None, note: None, key: None }
}

fn refund(minor_units: u64) -> Refund {
    let reason = RefundReason::Other;
    Refund { amount: amount(minor_units), reason, note: None, key: None }
}

fn entry(kind: EntryKind) -> Entry {
    Entry { at: AT, actor: None, kind }
}

fn place(txn: &mut WriteTxn<'_>, by: Actor, order: NewOrder, key: Option<&str>) {
    let keep = std::time::Duration::from_secs(60);
    let (to, message_id) = (EmailAddress::parse("shop@example.com"), MessageId("n@b".into()));
    let place = PlaceOrder {
        by,
        order,
        message_id: MessageId("m@b".into()),
        notice: Some(Notice { to: to.unwrap(), message_id }),
        at: AT,
        idempotency: key.map(|key| Idempotency { key: key.into(), keep }),
    };
    place.apply(txn).unwrap();
}

fn change(txn: &mut WriteTxn<'_>, id: u64, change: Change) {
    let by = Actor { user: None, is_admin: true };
    let (message_id, condition) = (MessageId("c@b".into()), None);
    ChangeOrder { id: OrderId(id), by, change, condition, message_id, at: AT }.apply(txn).unwrap();
}

/// Of 10.00, with a name and a reference that it is found by.
fn content(reference: &str) -> NewContent {
    let line = Line { unit_price: amount(1000), discount: amount(10), ..Line::named("Cake") };
    let customer = Customer { name: Some("Ada".into()), ..Customer::default() };
    NewContent {
        basket: Basket {
            currency: Currency::parse("EUR"),
            prices_include_tax: false,
            lines: vec![line],
        },
        reference: Reference::parse(reference),
        details: Details { customer: Some(customer), ..Details::default() },
        owner: Some(ANN),
    }
}

/// The faults of a sound store after something in it was spoilt.
fn faults_after(spoil: impl Fn(&WriteTransaction)) -> Vec<String> {
    let database = Database::builder().create_with_backend(InMemoryBackend::new()).unwrap();
    let transaction = database.begin_write().unwrap();
    schema::create_missing(&transaction).unwrap();
    let mut txn = WriteTxn::begin(&transaction, None);
    CreateUser::for_test("ann", AT).apply(&mut txn).unwrap();
    CreateUser::for_test("ben", AT).apply(&mut txn).unwrap();
    let (ann, ben) = (Actor { user: Some(ANN), is_admin: false }, Some(BEN));
    place(&mut txn, ann, NewOrder::Simple(Outcome::Successful), Some("k"));
    let admin = Actor { user: ben, is_admin: true };
    place(&mut txn, admin, NewOrder::Content(Box::new(content("A-17"))), Some("k"));
    place(&mut txn, ann, NewOrder::Content(Box::new(content("A-18"))), None);
    change(&mut txn, PENDING, Change::Payment(payment(400)));
    change(&mut txn, PENDING, Change::Refund(refund(100)));
    let (to, reason, note) = (Status::Canceled, None, None);
    change(&mut txn, CLOSED, Change::Status { to, reason, note });
    let mark = |id| MailMark { id: MailId(id), order: OrderId(SIMPLE), attempt: Attempt::Sent };
    MarkMails { marks: vec![mark(1)], at: AT }.apply(&mut txn).unwrap();
    txn.finish().unwrap();
    drop(txn);
    spoil(&transaction);
    transaction.commit().unwrap();
    Check::of(&database.begin_read().unwrap()).unwrap().faults
}

#[track_caller]
fn assert_told(faults: &[String], expected: &str) {
    assert!(faults.iter().any(|it| it.contains(expected)), "no {expected:?} in {faults:?}");
}

/// Another row of the order, its indexes left as they are.
fn rewrite(transaction: &WriteTransaction, id: u64, edit: impl Fn(&mut Content)) {
    let mut orders = transaction.open_table(schema::ORDERS).unwrap();
    let bytes = orders.get(id).unwrap().unwrap().value().to_vec();
    let mut order = decode_order(id, &bytes).unwrap();
    let OrderBody::Content(content) = &mut order.body else { panic!("a simple order") };
    edit(content);
    let record = decode::<OrderRecord<'_>>(&bytes).unwrap().changed_to(&order);
    orders.insert(id, encode(&record).unwrap().as_slice()).unwrap();
}

#[test]
fn a_store_in_which_an_admin_has_placed_orders_for_others_under_a_key_is_sound() {
    assert_eq!(faults_after(|_| {}), Vec::<String>::new());
}

#[test]
fn an_index_row_that_is_missing_or_leads_elsewhere_is_told() {
    let hour = hour_of(AT);
    type Spoil = Box<dyn Fn(&WriteTransaction)>;
    macro_rules! spoil {
        ($table:ident.$call:ident($($argument:expr),*)) => {
            Box::new(move |it: &WriteTransaction| {
                drop(it.open_table(schema::$table).unwrap().$call($($argument),*).unwrap());
            }) as Spoil
        };
    }
    for (spoil, expected) in [
        (spoil!(USERS.remove(ANN.0)), "order 1 is of user 1, who is not there"),
        (spoil!(ORDERS_BY_USER.remove((1, PENDING))), "order 2 is not among those of user 1"),
        (spoil!(ORDERS_BY_USER.insert((2, PENDING), ())), "4 rows in orders_by_user, 3 expected"),
        (spoil!(ORDERS_BY_HOUR.remove(hour)), "order 2 is not found by its time"),
        (spoil!(ORDERS_BY_HOUR.insert(hour, (3, OPEN_END))), "order 2 is not found by its time"),
        (spoil!(ORDERS_BY_HOUR.insert(hour + 7, (9, 9))), "hour 7 is of orders 9 to 9"),
        (spoil!(ORDERS_BY_HOUR.insert(hour + 7, (1, 9))), "hour 7 is of orders 1 to 9"),
        (spoil!(ORDERS_BY_HOUR.insert(hour, (2, 1))), "hour 0 is of orders 2 to 1"),
        (spoil!(ORDERS_BY_HOUR.insert(hour + 7, (1, 3))), "hour 7 is of orders 1 to 3"),
        (spoil!(ORDERS_BY_HOUR.insert(hour + 7, (1, OPEN_END))), "2 hours are open"),
        (spoil!(ORDERS_OPEN.remove((0, PENDING))), "order 2 is not among the open ones"),
        (spoil!(ORDERS_OPEN.insert((1, PENDING), ())), "2 rows in orders_open, 1 expected"),
        (spoil!(ORDERS_OPEN.insert((0, CLOSED), ())), "2 rows in orders_open, 1 expected"),
        (spoil!(ORDERS_BY_REFERENCE.remove(("A-17", 1))), "order 2 is not found by its reference"),
        (
            spoil!(ORDERS_BY_REFERENCE.insert(("A-17", 1), CLOSED)),
            "order 2 is not found by its reference",
        ),
        (
            spoil!(ORDERS_BY_REFERENCE.insert(("A-17", 2), PENDING)),
            "3 rows in orders_by_reference, 2 expected",
        ),
        (spoil!(ORDER_WORDS.remove(("ada", PENDING))), "order 2 is not found by \"ada\""),
        (spoil!(ORDER_WORDS.insert(("bea", PENDING), ())), "7 rows in order_words, 6 expected"),
        (spoil!(IDEMPOTENCY.remove((1, "k"))), "1 keys for 2 orders with one"),
        (spoil!(IDEMPOTENCY.insert((2, "k"), SIMPLE)), "a key of user 2 leads to order 1"),
        (spoil!(IDEMPOTENCY.insert((2, "k"), 9)), "a key of user 2 leads to order 9"),
        (spoil!(IDEMPOTENT_ORDERS.remove(PENDING)), "order 2 doesn't lead to its key"),
        (spoil!(IDEMPOTENT_ORDERS.insert(PENDING, "l")), "order 2 doesn't lead to its key"),
        (spoil!(IDEMPOTENT_ORDERS.insert(CLOSED, "l")), "2 keys for 3 orders with one"),
    ] {
        assert_told(&faults_after(spoil), expected);
    }
}

#[test]
fn a_mail_that_is_nowhere_in_two_places_or_of_another_order_is_told() {
    // 1 is sent; 2 and 4 are in their orders' rows; 3 and 5 tell the shop, 6 of the cancellation.
    let take = |it: &WriteTransaction, id: u64| {
        let mut pending = it.open_table(schema::MAILS_PENDING).unwrap();
        pending.remove(id).unwrap().unwrap().value().to_vec()
    };
    let put = |it: &WriteTransaction, id: u64, row: &[u8]| {
        drop(it.open_table(schema::MAILS_PENDING).unwrap().insert(id, row).unwrap());
        let due = (AT.as_micros(), id);
        drop(it.open_table(schema::MAILS_DUE).unwrap().insert(due, ()).unwrap());
    };
    let sent = faults_after(|it| {
        drop(it.open_table(schema::MAILS_SENT).unwrap().remove(1).unwrap());
    });
    assert_told(&sent, "mail 1 of order 1 is in 0 places");
    let gone = faults_after(|it| drop(take(it, 3)));
    assert_told(&gone, "mail 3 of order 2 is in 0 places");
    assert_told(&gone, "mail 3 is due and not pending");
    let twice = faults_after(|it| {
        let row = take(it, 3);
        put(it, 3, &row);
        put(it, 2, &row);
    });
    assert_told(&twice, "mail 2 of order 2 is in 2 places");
    let unknown = faults_after(|it| {
        let row = take(it, 3);
        put(it, 3, &row);
        put(it, 7, &row);
    });
    assert_told(&unknown, "order 2 doesn't know its mail 7");
    let never = faults_after(|it| {
        drop(it.open_table(schema::MAILS_DUE).unwrap().remove((AT.as_micros(), 3)).unwrap());
    });
    assert_told(&never, "mail 3 is pending and never due");
    let nobodys = faults_after(|it| {
        drop(it.open_table(schema::ORDERS).unwrap().remove(PENDING).unwrap());
    });
    assert_told(&nobodys, "mail 3 has no order");
    let overtaken = faults_after(|it| {
        let mut orders = it.open_table(schema::ORDERS).unwrap();
        let bytes = orders.get(CLOSED).unwrap().unwrap().value().to_vec();
        let order = decode_order(CLOSED, &bytes).unwrap();
        let record = OrderRecord::of(&order, MailId(1), None, EventMark::default());
        orders.insert(CLOSED, encode(&record).unwrap().as_slice()).unwrap();
    });
    assert_told(&overtaken, "order 3 has an older mail than the one before");
}

#[test]
fn content_that_does_not_add_up_is_told() {
    type Edit = fn(&mut Content);
    let edits: [(Edit, &str); 13] = [
        (|it| it.basket.currency = None, "order 2 has no currency"),
        (|it| it.basket.lines[0].discount = amount(1001), "the sums of order 2 are wrong"),
        (
            |it| {
                let line = &mut it.basket.lines[0];
                (line.unit_price, line.quantity) =
                    (amount(MAX_AMOUNT), Milli::of_thousandths(2000));
            },
            "the sums of order 2 are wrong",
        ),
        (|it| it.history.push(entry(EntryKind::Payment(payment(591)))), "the sums of order 2"),
        (|it| it.history.push(entry(EntryKind::Refund(refund(301)))), "the sums of order 2"),
        (
            |it| {
                let all = entry(EntryKind::Payment(payment(MAX_AMOUNT)));
                it.history = vec![all.clone(), all];
            },
            "the sums of order 2 are wrong",
        ),
        (|it| it.status = Status::Ready, "order 2 can't have become ready"),
        (|it| it.history.push(step(Status::Pending, Status::Failed)), "can't have become pending"),
        (
            |it| it.history.push(step(Status::Processing, Status::Ready)),
            "order 2 can't have become pending",
        ),
        (|it| it.closed_at = Some(AT), "order 2 is pending and was closed at Some"),
        (
            |it| {
                it.status = Status::Completed;
                it.history.push(step(Status::Pending, Status::Completed));
            },
            "order 2 is completed and was closed at None",
        ),
        (|it| it.details.customer = None, "rows in order_words"),
        (|it| it.reference = Reference::parse("B"), "order 2 is not found by its reference"),
    ];
    for (edit, expected) in edits {
        let faults = faults_after(|it| rewrite(it, PENDING, edit));
        assert_told(&faults, expected);
    }
}

fn step(from: Status, to: Status) -> Entry {
    entry(EntryKind::Status { from, to, reason: None, note: None })
}

#[test]
fn a_row_that_can_not_be_read_is_told() {
    let rewritten = |edit: fn(Vec<u8>) -> Vec<u8>| {
        faults_after(|it| {
            let mut orders = it.open_table(schema::ORDERS).unwrap();
            let bytes = orders.get(PENDING).unwrap().unwrap().value().to_vec();
            orders.insert(PENDING, edit(bytes).as_slice()).unwrap();
        })
    };
    assert_told(&rewritten(|_| b"spoilt".to_vec()), "order 2: ");
    let no_currency = rewritten(|mut bytes| {
        let at = bytes.windows(3).position(|it| it == b"EUR").unwrap();
        bytes[at..at + 3].copy_from_slice(b"eur");
        bytes
    });
    assert_told(&no_currency, "order 2 can't be read");
}
