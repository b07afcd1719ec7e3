//! Backups of a store in use, their schedule, and pruning.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use redb::{Database, TableDefinition};

use orderd::clock::{Clock, Timestamp};
use orderd::domain::event::EventId;
use orderd::domain::{ApiKeyHash, ApiKeyId, MailId, MessageId, OrderId, Outcome, UserId};
use orderd::error::Error;
use orderd::metrics::Metrics;
use orderd::store::{
    Attempt, BackupPlan, Check, CreateApiKey, Idempotency, MailMark, MarkMails, PlaceOrder,
    RevokeApiKey, Store, Upkeep, UpkeepPlan, check_file,
};

use crate::session::new_user;

const START: Timestamp = Timestamp::EPOCH;
const DAY: Duration = Duration::from_secs(86_400);

struct Shop {
    store: Store,
    clock: Clock,
    metrics: Metrics,
    folder: tempfile::TempDir,
}

impl Shop {
    fn open() -> Shop {
        let folder = tempfile::tempdir().unwrap();
        let (clock, metrics) = (Clock::fixed(START + 1000 * DAY), Metrics::new());
        let store = Store::open(&folder.path().join("a.redb"), clock.clone(), &metrics).unwrap();
        store.write(new_user("ann", clock.now())).unwrap();
        Shop { store, clock, metrics, folder }
    }

    fn order(&self) -> u64 {
        let message_id = MessageId("m@example.com".into());
        let (user, at) = (UserId(1), self.clock.now());
        let place = PlaceOrder::simple(user, Outcome::Successful, message_id, at);
        self.store.write(place).unwrap().order.id.0
    }

    /// Each has the moment's, which the clock that stands gives to all: one key for each number of
    /// orders.
    fn order_under_a_key(&self) -> u64 {
        let message_id = MessageId("m@example.com".into());
        let (user, at) = (UserId(1), self.clock.now());
        let key = (self.store.read().unwrap().order_count().unwrap() % 3).to_string();
        let idempotency = Some(Idempotency { key, keep: DAY });
        let place = PlaceOrder::simple(user, Outcome::Successful, message_id, at);
        self.store.write(PlaceOrder { idempotency, ..place }).unwrap().order.id.0
    }

    /// Makes a row one that can't be read.
    fn spoil(&mut self, table: &str, id: u64) {
        self.store.close();
        let path = self.folder.path().join("a.redb");
        let table = TableDefinition::<u64, &[u8]>::new(table);
        let database = Database::open(&path).unwrap();
        let write = database.begin_write().unwrap();
        write.open_table(table).unwrap().insert(id, [0xff; 3].as_slice()).unwrap();
        write.commit().unwrap();
        drop(database);
        self.store = Store::open(&path, self.clock.clone(), &self.metrics).unwrap();
    }

    fn mark_sent(&self, id: u64) {
        let marks = vec![MailMark { id: MailId(id), order: OrderId(id), attempt: Attempt::Sent }];
        self.store.write(MarkMails { marks, at: self.clock.now() }).unwrap();
    }

    fn upkeep(&self, backups: Option<BackupPlan>) -> Upkeep {
        let download = self.folder.path().join("orders.download");
        let plan = UpkeepPlan {
            backups,
            download,
            keep_sent_mails: 30 * DAY,
            keep_keys: DAY,
            keep_events: 30 * DAY,
        };
        let gauge = self.metrics.sampled.last_backup_seconds.clone();
        Upkeep::new(self.store.clone(), self.clock.clone(), plan, gauge)
    }
}

#[test]
fn a_key_that_ended_30_days_ago_is_removed_and_its_number_is_not_given_again() {
    let shop = Shop::open();
    let made = |hash: u8, expires_at: Option<Timestamp>| {
        let (user, at) = (UserId(1), shop.clock.now());
        let (name, hash) = ("till".to_owned(), ApiKeyHash([hash; 32]));
        shop.store.write(CreateApiKey { user, name, hash, expires_at, at }).unwrap().id
    };
    let active = made(1, None);
    made(2, Some(shop.clock.now() + DAY));
    let revoked = made(3, None);
    let revoke = RevokeApiKey { id: revoked, owner: Some(UserId(1)), at: shop.clock.now() };
    shop.store.write(revoke).unwrap();
    let mut upkeep = shop.upkeep(None);
    let left = |upkeep: &mut Upkeep, advance: Duration| {
        shop.clock.advance(advance);
        upkeep.step();
        assert!(shop.store.check().unwrap().is_sound());
        let keys = shop.store.read().unwrap().api_keys_of(UserId(1)).unwrap();
        keys.iter().map(|key| key.id.0).collect::<Vec<_>>()
    };
    assert_eq!(left(&mut upkeep, 30 * DAY - Duration::from_secs(1)), [1, 2, 3]);
    assert_eq!(left(&mut upkeep, Duration::from_secs(3600)), [1, 2]);
    assert_eq!(left(&mut upkeep, DAY), [1]);
    assert_eq!(made(4, None), ApiKeyId(4));
    assert_eq!(shop.store.read().unwrap().api_key_of_hash(ApiKeyHash([3; 32])).unwrap(), None);
    assert!(shop.store.read().unwrap().api_key(active).unwrap().is_some());
}

/// A sent mail, a key, an order with an idempotency key, and an event of each kind.
#[test]
fn rows_that_cannot_be_read_stop_the_pruning_of_no_others() {
    let mut shop = Shop::open();
    for hash in 1..=3 {
        let (user, at) = (UserId(1), shop.clock.now());
        let (name, hash) = ("till".to_owned(), ApiKeyHash([hash; 32]));
        let expires_at = Some(at + DAY);
        shop.store.write(CreateApiKey { user, name, hash, expires_at, at }).unwrap();
    }
    for id in 1..=3 {
        shop.order_under_a_key();
        shop.mark_sent(id);
    }
    for table in ["api_keys", "mails_sent", "orders"] {
        shop.spoil(table, 2);
    }
    shop.clock.advance(32 * DAY);
    shop.upkeep(None).step();
    let read = shop.store.read().unwrap();
    let left = |id| read.api_key(ApiKeyId(id)).map(|key| key.is_some()).ok();
    assert_eq!([1, 2, 3].map(left), [Some(false), None, Some(false)]);
    let counts = read.counts().unwrap();
    assert_eq!((counts.orders, counts.mails_sent), (3, 1));
    assert_eq!(read.feed_extent().unwrap().unwrap().oldest, EventId(4));
    drop(read);
    // A key that was forgotten can be used again.
    assert_eq!(shop.order_under_a_key(), 4);
}

/// Its mail is as old as the others of its days, whatever the order says.
#[test]
fn a_sent_mail_of_an_order_dated_in_the_future_may_be_removed() {
    let shop = Shop::open();
    let now = shop.clock.now();
    let message_id = MessageId("m@example.com".into());
    let at = now + 3650 * DAY;
    let place = PlaceOrder::simple(UserId(1), Outcome::Successful, message_id, at);
    shop.store.write(place).unwrap();
    shop.order();
    [1, 2].into_iter().for_each(|id| shop.mark_sent(id));
    shop.clock.advance(31 * DAY);
    shop.upkeep(None).step();
    assert_eq!(shop.store.read().unwrap().counts().unwrap().mails_sent, 0);
    let check = shop.store.check().unwrap();
    assert!(check.is_sound(), "{:?}", check.faults);
}

fn rows(check: &Check, table: &str) -> u64 {
    check.rows.iter().find(|(name, _)| *name == table).unwrap().1
}

#[test]
fn a_backup_holds_what_was_there_when_it_began_while_orders_go_on_coming() {
    let shop = Shop::open();
    for _ in 0..2000 {
        shop.order();
    }
    let path = shop.folder.path().join("backup.redb");
    let done = AtomicBool::new(false);
    let (before, after) = thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::SeqCst) {
                shop.order();
            }
        });
        let before = shop.store.read().unwrap().counts().unwrap().orders;
        let made = shop.store.back_up_to(&path);
        done.store(true, Ordering::SeqCst);
        made.unwrap();
        (before, shop.store.read().unwrap().counts().unwrap().orders)
    });
    let check = check_file(&path).unwrap();
    assert!(check.is_sound(), "{:?}", check.faults);
    let copied = rows(&check, "orders");
    assert!((before..=after).contains(&copied), "{copied} of {before} to {after}");
    assert_eq!(rows(&check, "mails_pending"), copied);
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(files(shop.folder.path()), ["a.redb", "backup.redb"]);
}

#[test]
fn one_backup_at_a_time() {
    let shop = Shop::open();
    for _ in 0..2000 {
        shop.order();
    }
    let (first, unfinished) =
        (shop.folder.path().join("b"), shop.folder.path().join("b.unfinished"));
    // The first may be done before the second has asked; not every time.
    let refused = (0..20).any(|_| {
        thread::scope(|scope| {
            let making = scope.spawn(|| shop.store.back_up_to(&first).map(drop));
            while !unfinished.exists() && !making.is_finished() {
                thread::yield_now();
            }
            let second = shop.store.back_up_to(&shop.folder.path().join("c")).map(drop);
            making.join().unwrap().unwrap();
            matches!(second, Err(Error::Conflict(_)))
        })
    });
    assert!(refused);
    assert!(shop.store.back_up_to(&first).is_ok(), "the lock is free again");
}

#[test]
fn scheduled_backups_are_made_when_due_and_only_the_newest_of_them_are_kept() {
    let shop = Shop::open();
    let folder = shop.folder.path().join("backups");
    let plan = BackupPlan { folder: folder.clone(), interval: DAY, keep: 2 };
    let mut upkeep = shop.upkeep(Some(plan.clone()));
    upkeep.step();
    assert_eq!(shop.metrics.sampled.last_backup_seconds.get(), shop.clock.now().as_secs() as i64);
    upkeep.step();
    assert_eq!(files(&folder).len(), 1, "it was not due again");
    fs::write(folder.join("orders-notes.redb"), "not ours").unwrap();
    for _ in 0..3 {
        shop.clock.advance(DAY);
        upkeep.step();
    }
    let newest = ["orders-19720929T000000.redb", "orders-19720930T000000.redb"];
    assert_eq!(files(&folder), [newest[0], newest[1], "orders-notes.redb"]);
    shop.clock.advance(Duration::from_secs(60));
    shop.upkeep(Some(plan)).step();
    assert_eq!(files(&folder).len(), 3, "a restart makes none before its time");
}

#[test]
fn a_scheduled_backup_that_fails_is_counted() {
    let shop = Shop::open();
    let folder = shop.folder.path().join("backups");
    fs::write(&folder, "a file where the folder should be").unwrap();
    let mut upkeep =
        shop.upkeep(Some(BackupPlan { folder: folder.clone(), interval: DAY, keep: 2 }));
    upkeep.step();
    assert_eq!(shop.metrics.store.failed_backups.get(), 1);
    fs::remove_file(&folder).unwrap();
    shop.clock.advance(DAY);
    upkeep.step();
    assert_eq!((shop.metrics.store.failed_backups.get(), files(&folder).len()), (1, 1));
}

#[test]
fn a_backup_dated_in_the_future_is_neither_the_newest_nor_the_oldest_and_stays() {
    let shop = Shop::open();
    let folder = shop.folder.path().join("backups");
    fs::create_dir(&folder).unwrap();
    let odd = "orders-20370101T000000.redb";
    fs::write(folder.join(odd), "made while the clock was ahead").unwrap();
    let plan = BackupPlan { folder: folder.clone(), interval: DAY, keep: 2 };
    let mut upkeep = shop.upkeep(Some(plan.clone()));
    let shown = || shop.metrics.sampled.last_backup_seconds.get();
    assert_eq!(shown(), 0);
    for _ in 0..3 {
        assert!(upkeep.step() <= DAY);
        assert_eq!(shown(), shop.clock.now().as_secs() as i64);
        shop.clock.advance(DAY);
    }
    let kept = ["orders-19720928T000000.redb", "orders-19720929T000000.redb"];
    assert_eq!(files(&folder), [kept[0], kept[1], odd]);
    shop.clock.advance(Duration::from_secs(60));
    let mut again = shop.upkeep(Some(plan));
    again.step();
    assert_eq!(files(&folder).len(), 3, "the last one is a day old, so one more was due");
    assert_eq!(shown(), shop.clock.now().as_secs() as i64);
    assert!(folder.join(odd).exists());
}

#[test]
fn an_order_from_the_future_holds_up_no_pruning() {
    let shop = Shop::open();
    let place = |at| {
        let message_id = MessageId("m@example.com".into());
        let place = PlaceOrder::simple(UserId(1), Outcome::Successful, message_id, at);
        let id = shop.store.write(place).unwrap().order.id.0;
        let marks = vec![MailMark { id: MailId(id), order: OrderId(id), attempt: Attempt::Sent }];
        shop.store.write(MarkMails { marks, at }).unwrap();
        id
    };
    let now = shop.clock.now();
    let (odd, old, young) = (place(now + 9000 * DAY), place(now), place(now + 20 * DAY));
    shop.clock.advance(31 * DAY);
    shop.upkeep(None).step();
    let read = shop.store.read().unwrap();
    assert!(read.mail(MailId(old)).unwrap().is_none());
    assert!([odd, young].iter().all(|id| read.mail(MailId(*id)).unwrap().is_some()));
    let check = shop.store.check().unwrap();
    assert!(check.is_sound(), "{:?}", check.faults);
}

#[test]
fn a_backup_begins_by_removing_what_an_earlier_one_has_left_and_nothing_else() {
    let shop = Shop::open();
    let folder = shop.folder.path().join("backups");
    fs::create_dir(&folder).unwrap();
    let put = |name: &str| fs::write(folder.join(name), "left").unwrap();
    put("orders-19720926T000000.redb.unfinished");
    let others = ["mine.redb.unfinished", "orders-20260101T000000.redb.unfinished.bak"];
    others.iter().for_each(|name| put(name));
    let written = "orders-19720925T000000.redb.unfinished";
    put(written);
    let somebody = fs::File::open(folder.join(written)).unwrap();
    somebody.lock().unwrap();
    fs::create_dir(folder.join("orders-19720924T000000.redb.unfinished")).unwrap();
    let plan = BackupPlan { folder: folder.clone(), interval: DAY, keep: 2 };
    shop.upkeep(Some(plan)).step();
    let stay = [
        others[0],
        "orders-19720924T000000.redb.unfinished",
        written,
        "orders-19720927T000000.redb",
        others[1],
    ];
    assert_eq!(files(&folder), stay);
}

#[test]
fn sent_mails_go_when_their_time_is_over_and_others_stay() {
    let shop = Shop::open();
    let (old, waiting, late) = (shop.order(), shop.order(), shop.order());
    shop.mark_sent(old);
    shop.clock.advance(20 * DAY);
    shop.mark_sent(late);
    let young = shop.order();
    shop.mark_sent(young);
    let mut upkeep = shop.upkeep(None);
    upkeep.step();
    assert_eq!(shop.store.read().unwrap().counts().unwrap().mails_sent, 3);
    shop.clock.advance(11 * DAY);
    upkeep.step();
    let read = shop.store.read().unwrap();
    assert!(read.mail(MailId(old)).unwrap().is_none());
    for id in [waiting, late, young] {
        assert!(read.mail(MailId(id)).unwrap().is_some(), "mail {id}");
    }
    let check = shop.store.check().unwrap();
    assert!(check.is_sound(), "{:?}", check.faults);
}

fn files(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}
