//! The sender between a real store and a real conversation, driven step by step.

use std::path::Path;
use std::time::Duration;

use orderd::clock::{Clock, Timestamp};
use orderd::domain::UserId;
use orderd::mail::{self, Folder, Sender, Templates, Transport};
use orderd::metrics::Metrics;
use orderd::service::Warning;
use orderd::store::Store;
use orderd::sys::poll::Waker;
use redb::{Database, TableDefinition};

use crate::shop::{HOUR, Shop, add_order, add_user, mailer, sent, to_server};
use support::disk::Disk;
use support::smtp::{Fault, Script, SmtpServer, Step};

#[test]
fn what_is_due_goes_out_in_one_session_and_only_once() {
    let shop = Shop::open();
    let server = SmtpServer::start(Script::default());
    let mut sender = shop.sender(to_server(&server));
    assert_eq!(sender.step().unwrap(), sent(0));
    assert_eq!(server.sessions(), 0);

    shop.orders(3);
    assert_eq!(sender.step().unwrap(), sent(3));
    assert_eq!(sender.step().unwrap(), sent(0));

    let got = server.wait_for(3);
    assert_eq!(server.sessions(), 1);
    assert_eq!(got.len(), 3);
    assert_eq!(got[0].to, ["ada@example.com"]);
    assert_eq!(got[0].header("Subject").as_deref(), Some("Order Successful"));
    assert_eq!(got[0].header("Message-ID").as_deref(), Some("<m1@shop.test>"));
    assert_eq!(shop.counts(), (0, 3, 0));
    assert!(shop.metrics.render().text.contains(r#"orderd_mails_total{outcome="sent"} 3"#));
}

#[test]
fn a_round_is_bounded_and_the_next_one_goes_on() {
    let shop = Shop::open();
    shop.orders(120);
    let mut sender = shop.sender(Transport::Folder(Folder::new(shop.path("mail"))));
    let first = sender.step().unwrap();
    assert_eq!((first.sent, first.next_due), (100, Some(shop.clock.now())));
    assert_eq!(sender.step().unwrap(), sent(20));
    assert_eq!(std::fs::read_dir(shop.path("mail")).unwrap().count(), 120);
}

#[test]
fn a_refused_recipient_dies_and_the_others_arrive() {
    let shop = Shop::open();
    let server = SmtpServer::start(Script::default());
    server.fail(Step::RcptOf("gone@example.com".into()), Fault::Reply("550 5.1.1 No such user"));
    server.fail(Step::RcptOf("full@example.com".into()), Fault::Reply("452 4.2.2 Full"));
    for name in ["ada", "gone", "full", "bob"] {
        shop.order(shop.user(name), &format!("{name}@shop.test"));
    }
    let mut sender = shop.sender(to_server(&server));
    let round = sender.step().unwrap();
    assert_eq!((round.sent, round.deferred, round.dead), (2, 1, 1));
    assert_eq!(shop.counts(), (1, 2, 1));

    server.heal();
    assert_eq!(sender.step().unwrap().sent, 0, "before its time");
    shop.clock.advance(Duration::from_secs(30));
    assert_eq!(sender.step().unwrap(), sent(1));
    assert_eq!(shop.counts(), (0, 3, 1));
}

#[test]
fn a_server_that_is_down_costs_one_attempt_for_all_and_they_go_out_when_it_is_back() {
    let mut shop = Shop::open();
    let server = SmtpServer::start(Script::default());
    server.fail(Step::Greeting, Fault::Reply("554 5.0.0 Closed"));
    shop.orders(5);
    let mut sender = shop.sender(to_server(&server));
    let round = sender.step().unwrap();
    assert_eq!((round.sent, round.deferred), (0, 5));
    assert_eq!(round.failure.as_deref(), Some("greeting: 554 5.0.0 Closed"));
    assert_eq!(server.sessions(), 1);
    assert_eq!(shop.counts(), (5, 0, 0));

    drop(sender);
    shop.restart();
    server.heal();
    shop.clock.advance(Duration::from_secs(30));
    let mut sender = shop.sender(to_server(&server));
    assert_eq!(sender.step().unwrap(), sent(5));
    assert_eq!(shop.counts(), (0, 5, 0));
}

#[test]
fn a_wrong_password_or_sender_kills_no_mail_for_a_whole_day() {
    let shop = Shop::open();
    let server = SmtpServer::start(Script::default());
    server.fail(Step::Mail, Fault::Reply("530 5.7.0 Authentication required"));
    shop.orders(3);
    let mut sender = shop.sender(to_server(&server));
    for _ in 0..23 {
        sender.step().unwrap();
        shop.clock.advance(HOUR);
        assert_eq!(shop.counts(), (3, 0, 0));
    }
    server.heal();
    assert_eq!(sender.step().unwrap(), sent(3));
}

#[test]
fn after_a_day_of_failures_a_mail_is_dead() {
    let shop = Shop::open();
    let server = SmtpServer::start(Script::default());
    server.fail(Step::Rcpt, Fault::Reply("451 4.7.1 Greylisted"));
    shop.orders(1);
    let mut sender = shop.sender(to_server(&server));
    for _ in 0..24 {
        assert_eq!(sender.step().unwrap().deferred, 1);
        shop.clock.advance(HOUR);
    }
    assert_eq!(sender.step().unwrap().dead, 1);
    assert_eq!(shop.counts(), (0, 0, 1));
}

#[test]
fn a_hang_up_after_the_content_repeats_the_mail_with_its_message_id() {
    let shop = Shop::open();
    let server = SmtpServer::start(Script::default());
    server.fail(Step::Content, Fault::HangUp);
    shop.orders(2);
    let mut sender = shop.sender(to_server(&server));
    assert_eq!(sender.step().unwrap().deferred, 2, "the session never worked");
    server.heal();
    shop.clock.advance(Duration::from_secs(30));
    assert_eq!(sender.step().unwrap(), sent(2));

    let ids: Vec<_> = server.received().iter().map(|it| it.header("Message-ID").unwrap()).collect();
    assert_eq!(ids.iter().filter(|id| *id == &ids[0]).count(), 2, "{ids:?}");
    assert_eq!(ids.len(), 3);
}

#[test]
fn a_session_that_breaks_after_working_leaves_the_rest_to_a_new_one_at_once() {
    let shop = Shop::open();
    let server = SmtpServer::start(Script::default());
    server.fail(Step::Content, Fault::HangUpAfter);
    shop.orders(3);
    let mut sender = shop.sender(to_server(&server));
    let round = sender.step().unwrap();
    assert_eq!((round.sent, round.deferred), (1, 1));
    server.heal();
    assert_eq!(sender.step().unwrap().sent, 1);
    shop.clock.advance(Duration::from_secs(30));
    assert_eq!(sender.step().unwrap(), sent(1));
    assert_eq!(server.received().len(), 3);
}

#[test]
fn a_template_that_fails_for_one_mail_stops_none_of_the_others() {
    let shop = Shop::open();
    let own = shop.path("templates");
    std::fs::create_dir(&own).unwrap();
    let text = r#"Hi{{#if (eq username "poison")}}{{misspelt}}{{/if}}, order {{order_id}}"#;
    std::fs::write(own.join("order_successful.txt"), text).unwrap();
    let templates = Templates::load(Some(&own), mail::Shop::default()).unwrap();
    for name in ["ada", "poison", "bob"] {
        shop.order(shop.user(name), &format!("{name}@shop.test"));
    }
    let transport = Transport::Folder(Folder::new(shop.path("mail")));
    let round = shop.sender_with(transport, templates).step().unwrap();
    assert_eq!((round.sent, round.deferred), (2, 1));
    assert!(shop.path("mail/order-1-ada.eml").exists());
    assert!(shop.path("mail/order-3-bob.eml").exists());
}

#[test]
fn rows_that_cannot_be_read_are_put_aside_and_stop_none_of_the_others() {
    let mut shop = Shop::open();
    shop.orders(3);
    shop.store.close();
    spoil(&shop.path("shop.redb"), shop.clock.now());
    shop.restart();

    let mut sender = shop.sender(Transport::Folder(Folder::new(shop.path("mail"))));
    let round = sender.step().unwrap();
    assert_eq!((round.sent, round.dead, round.failure), (2, 2, None));
    assert_eq!(sender.step().unwrap(), sent(0));
    assert_eq!(shop.counts(), (0, 2, 1));
}

/// Makes mail 1 one that was tried and can't be read, and has a mail due that isn't there.
fn spoil(path: &Path, now: Timestamp) {
    let meta = TableDefinition::<&str, u64>::new("meta");
    let pending = TableDefinition::<u64, &[u8]>::new("mails_pending");
    let due = TableDefinition::<(u64, u64), ()>::new("mails_due");
    let write = Database::open(path).unwrap().begin_write().unwrap();
    write.open_table(meta).unwrap().insert("mails_taken_up_to", 1).unwrap();
    write.open_table(pending).unwrap().insert(1, [0xff; 3].as_slice()).unwrap();
    for id in [1, 99] {
        write.open_table(due).unwrap().insert((now.as_micros(), id), ()).unwrap();
    }
    write.commit().unwrap();
}

#[test]
fn an_order_that_cannot_be_read_stops_no_mail_of_another() {
    let mut shop = Shop::open();
    shop.orders(3);
    shop.store.close();
    let orders = TableDefinition::<u64, &[u8]>::new("orders");
    let write = Database::open(shop.path("shop.redb")).unwrap().begin_write().unwrap();
    write.open_table(orders).unwrap().insert(2, [0xff; 3].as_slice()).unwrap();
    write.commit().unwrap();
    shop.restart();

    let mut sender = shop.sender(Transport::Folder(Folder::new(shop.path("mail"))));
    let round = sender.step().unwrap();
    assert_eq!((round.sent, round.dead, round.failure), (2, 1, None));
    shop.order(UserId(1), "later@shop.test");
    assert_eq!(sender.step().unwrap(), sent(1));
    assert_eq!(shop.counts(), (0, 3, 1));
}

#[test]
fn the_thread_sends_when_an_order_comes_and_ends_when_told() {
    let mut shop = Shop::open();
    let server = SmtpServer::start(Script::default());
    let running = shop.sender(to_server(&server)).start().unwrap();
    shop.orders(1);
    server.wait_for(1);
    shop.order(UserId(1), "later@shop.test");
    server.wait_for(2);
    running.stop();
    shop.restart();
    assert_eq!(shop.counts(), (0, 2, 0));
}

#[test]
fn a_stop_in_the_middle_loses_no_mark() {
    let shop = Shop::open();
    let server = SmtpServer::start(Script::default());
    shop.orders(300);
    let running = shop.sender(to_server(&server)).start().unwrap();
    server.wait_for(20);
    running.stop();
    let (pending, sent, dead) = shop.counts();
    assert_eq!((sent, dead), (server.received().len() as u64, 0));
    assert_eq!(pending, 300 - sent);
}

#[test]
fn a_stop_does_not_wait_for_a_silent_server_and_counts_no_attempt() {
    let shop = Shop::open();
    let server = SmtpServer::start(Script::default());
    server.fail(Step::Greeting, Fault::Silence);
    shop.orders(1);
    let running = shop.sender(to_server(&server)).start().unwrap();
    server.wait_for_sessions(1);
    running.stop();
    let due = shop.store.read().unwrap().due_mails(shop.clock.now(), 10).unwrap();
    assert_eq!(due.mails[0].attempts, 0);
}

#[test]
fn while_results_cannot_be_stored_nothing_is_sent_again() {
    let disk = Disk::default();
    let clock = Clock::fixed(Timestamp::from_secs(1_759_816_691));
    let metrics = Metrics::new();
    let store =
        Store::open_on(Box::new(disk.clone()), clock.clone(), Waker::new().unwrap(), &metrics)
            .unwrap();
    add_order(&store, add_user(&store, "ada", clock.now()), "m1@shop.test", clock.now());

    let server = SmtpServer::start(Script::default());
    let templates = Templates::load(None, mail::Shop::default()).unwrap();
    let mailer = mailer(to_server(&server), templates);
    let warning = Warning::default();
    let mut sender = Sender::new(mailer, store.clone(), clock, metrics.mail.clone(), warning);
    disk.refuse_syncs(true);
    for _ in 0..3 {
        assert!(sender.step().is_err());
    }
    disk.refuse_syncs(false);
    // The store may take a write to find its way back.
    assert!((0..100).any(|_| sender.step().is_ok()));
    assert_eq!(sender.step().unwrap(), sent(0));
    assert_eq!(server.received().len(), 1);
    assert_eq!(store.read().unwrap().counts().unwrap().mails_sent, 1);
}
