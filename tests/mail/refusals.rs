//! Servers that refuse: whom they mean, what becomes of the mails, and who hears of it.

use std::time::Duration;

use orderd::domain::{MailId, OrderId};
use orderd::mail::{Round, Sender};
use orderd::store::{Attempt, MailMark, MarkMails, RetryMails};
use support::smtp::{Fault, Script, SmtpServer, Step};

use crate::shop::{HOUR, Shop, sent, to_server};

const DENIED: Fault = Fault::Reply("554 5.7.1 Relay access denied");
const NO_SUCH_USER: Fault = Fault::Reply("550 No such user here");

/// A mail for each of these users.
fn mails(shop: &Shop, names: &[&str]) {
    for name in names {
        shop.order(shop.user(name), &format!("{name}@shop.test"));
    }
}

fn refuse(server: &SmtpServer, name: &str, fault: Fault) {
    server.fail(Step::RcptOf(format!("{name}@example.com")), fault);
}

#[track_caller]
fn assert_paused(sender: &mut Sender) -> Duration {
    let round = sender.step().unwrap();
    let pause = round.pause.expect("a pause");
    assert_eq!(round, Round { pause: Some(pause), ..Round::default() });
    pause
}

#[test]
fn a_relay_that_denies_us_kills_no_mail_and_is_left_alone_for_a_while() {
    let shop = Shop::open();
    let server = SmtpServer::start(Script::default());
    server.fail(Step::Rcpt, DENIED);
    mails(&shop, &["ada", "bob", "cyd", "dan", "eve"]);
    let mut sender = shop.sender(to_server(&server));
    let round = sender.step().unwrap();
    assert_eq!((round.deferred, round.dead), (3, 0), "the others were not even tried");
    assert!(shop.warning.get().is_some());
    let metrics = shop.metrics.render().open_metrics;
    assert!(metrics.contains("mail_refusing 1"), "{metrics}");
    assert!(metrics.contains(r#"mails_total{outcome="refused"} 3"#), "{metrics}");

    let pause = assert_paused(&mut sender);
    assert_eq!(server.sessions(), 1);
    shop.clock.advance(pause);
    assert_eq!(sender.step().unwrap().deferred, 1, "one asks whether it is over");
    assert_eq!(server.sessions(), 2);
    let longer = assert_paused(&mut sender);
    assert!(longer > pause);

    server.heal();
    shop.clock.advance(longer.max(HOUR));
    assert_eq!(sender.step().unwrap(), sent(5));
    assert_eq!((shop.counts(), shop.warning.get()), ((0, 5, 0), None));
    assert!(shop.metrics.render().open_metrics.contains("mail_refusing 0"));
}

#[test]
fn a_session_that_is_refused_is_told_at_once() {
    for (step, reply) in [
        (Step::Greeting, "554 5.7.1 Blocklisted"),
        (Step::Ehlo, "550 5.7.1 Who are you"),
        (Step::Mail, "553 5.1.8 Sender not verified"),
        (Step::Mail, "530 5.7.0 Authentication required"),
    ] {
        let shop = Shop::open();
        let server = SmtpServer::start(Script::default());
        server.fail(step, Fault::Reply(reply));
        mails(&shop, &["ada"]);
        let mut sender = shop.sender(to_server(&server));
        assert_eq!(sender.step().unwrap().deferred, 1);
        assert!(shop.warning.get().is_some(), "{reply}");
        assert_paused(&mut sender);
    }
}

#[test]
fn a_server_that_is_merely_away_is_no_refusal() {
    let shop = Shop::open();
    let server = SmtpServer::start(Script::default());
    server.fail(Step::Greeting, Fault::Reply("421 4.3.2 Going down"));
    mails(&shop, &["ada", "bob", "cyd"]);
    let mut sender = shop.sender(to_server(&server));
    assert_eq!(sender.step().unwrap().deferred, 3);
    server.fail(Step::Greeting, Fault::HangUp);
    shop.clock.advance(HOUR);
    assert_eq!(sender.step().unwrap().deferred, 3);
    assert_eq!(shop.warning.get(), None);
}

#[test]
fn one_customer_who_is_refused_again_and_again_holds_up_nobody() {
    let shop = Shop::open();
    let server = SmtpServer::start(Script::default());
    refuse(&server, "ada", DENIED);
    let ada = shop.user("ada");
    for number in 0..5 {
        shop.order(ada, &format!("{number}@shop.test"));
    }
    mails(&shop, &["bob"]);
    let mut sender = shop.sender(to_server(&server));
    let round = sender.step().unwrap();
    assert_eq!((round.sent, round.deferred, round.pause), (1, 5, None));
    assert_eq!(shop.warning.get(), None);
}

#[test]
fn a_bare_550_is_the_recipients_where_others_fare_otherwise_and_where_there_is_no_other() {
    let shop = Shop::open();
    let server = SmtpServer::start(Script::default());
    refuse(&server, "gone", NO_SUCH_USER);
    refuse(&server, "lost", Fault::Reply("553 Unknown"));
    mails(&shop, &["gone", "ada", "lost"]);
    let mut sender = shop.sender(to_server(&server));
    let round = sender.step().unwrap();
    assert_eq!((round.sent, round.dead, round.deferred), (1, 2, 0));

    let shop = Shop::open();
    mails(&shop, &["gone"]);
    assert_eq!(shop.sender(to_server(&server)).step().unwrap().dead, 1);
}

#[test]
fn a_bare_550_for_everybody_is_about_us() {
    let shop = Shop::open();
    let server = SmtpServer::start(Script::default());
    server.fail(Step::Rcpt, Fault::Reply("550 No relaying for you"));
    mails(&shop, &["ada", "bob", "cyd", "dan"]);
    let mut sender = shop.sender(to_server(&server));
    let round = sender.step().unwrap();
    assert_eq!((round.deferred, round.dead), (3, 0));
    assert!(shop.warning.get().is_some());
    let pause = assert_paused(&mut sender);
    server.heal();
    shop.clock.advance(pause);
    assert_eq!(sender.step().unwrap(), sent(4));
}

#[test]
fn of_lone_mails_that_get_a_bare_550_one_after_the_other_only_the_first_dies() {
    let shop = Shop::open();
    let server = SmtpServer::start(Script::default());
    server.fail(Step::Rcpt, Fault::Reply("550 No relaying for you"));
    let mut sender = shop.sender(to_server(&server));
    for (name, dead) in [("ada", 1), ("bob", 0), ("cyd", 0)] {
        mails(&shop, &[name]);
        let round = sender.step().unwrap();
        assert_eq!((round.dead, round.deferred), (dead, 1 - dead), "{name}");
    }
    assert!(shop.warning.get().is_some());
}

#[test]
fn a_mail_that_was_put_off_by_a_clock_that_was_ahead_is_pulled_back() {
    let shop = Shop::open();
    let server = SmtpServer::start(Script::default());
    mails(&shop, &["ada", "bob", "cyd"]);
    let now = shop.clock.now();
    let put_off = |id: u64, by: Duration| MailMark {
        id: MailId(id),
        order: OrderId(id),
        attempt: Attempt::Deferred { due: now + by, error: "no".into() },
    };
    let marks = vec![put_off(1, 8760 * HOUR), put_off(2, HOUR), put_off(3, 2 * HOUR)];
    shop.store.write(MarkMails { marks, at: now + 8760 * HOUR }).unwrap();

    let mut sender = shop.sender(to_server(&server));
    let round = sender.step().unwrap();
    assert_eq!((round.sent, round.next_due), (2, Some(now + HOUR)));
    assert_eq!(shop.counts(), (1, 2, 0));

    // What it is given next is right again.
    server.fail(Step::Rcpt, Fault::Reply("451 4.7.1 Greylisted"));
    mails(&shop, &["dan"]);
    let marks = vec![put_off(4, 8760 * HOUR)];
    shop.store.write(MarkMails { marks, at: now }).unwrap();
    assert_eq!(sender.step().unwrap().deferred, 1);
    let round = sender.step().unwrap();
    assert_eq!((round.deferred, round.sent), (0, 0));
    assert!(round.next_due.unwrap() <= now + HOUR);
}

#[test]
fn a_mail_whose_host_was_off_for_days_is_tried_again_and_again() {
    let mut shop = Shop::open();
    let server = SmtpServer::start(Script::default());
    server.fail(Step::Rcpt, Fault::Reply("451 4.7.1 Greylisted"));
    mails(&shop, &["ada"]);
    assert_eq!(shop.sender(to_server(&server)).step().unwrap().deferred, 1);
    shop.clock.advance(60 * HOUR);
    shop.restart();
    let mut sender = shop.sender(to_server(&server));
    for attempt in 2..24 {
        assert_eq!(sender.step().unwrap().deferred, 1, "attempt {attempt}");
        shop.clock.advance(HOUR);
    }
    assert_eq!(sender.step().unwrap().dead, 1);
}

#[test]
fn dead_mails_that_are_retried_together_go_out_under_their_message_ids() {
    let shop = Shop::open();
    let server = SmtpServer::start(Script::default());
    server.fail(Step::Rcpt, Fault::Reply("550 5.1.1 No such user"));
    mails(&shop, &["ada", "bob"]);
    let mut sender = shop.sender(to_server(&server));
    assert_eq!(sender.step().unwrap().dead, 2);
    let ids = (1..=99).map(MailId).collect();
    assert_eq!(shop.store.write(RetryMails { ids, at: shop.clock.now() }).unwrap(), 2);
    server.heal();
    assert_eq!(sender.step().unwrap(), sent(2));
    let got = server.wait_for(2);
    assert_eq!(got[0].header("Message-ID").as_deref(), Some("<ada@shop.test>"));
}
