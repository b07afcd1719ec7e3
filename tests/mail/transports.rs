//! The transports against a real conversation: what arrives, and what each failure means.

use orderd::config::SmtpTls;
use orderd::mail::{Credentials, Delivery, Message, Server};
use orderd::sys::stop::Stop;

use support::smtp::{Fault, Script, SmtpServer, Step, Tls};

use crate::relay::{
    assert_deferred, message, open, plain, refused, settings, transport, with_short_timeouts,
};

#[test]
fn a_mail_arrives_as_it_was_written() {
    let server = SmtpServer::start(Script::default());
    let transport = plain(&server);
    let sent = message(17, "ada@example.com");
    let mut session = open(&transport);
    assert_eq!(session.send(&sent), Delivery::Delivered);
    session.close();

    let got = server.wait_for(1).remove(0);
    assert_eq!((got.from.as_str(), got.to), ("orders@orders.test", vec!["ada@example.com".into()]));
    assert_eq!(String::from_utf8(got.data), String::from_utf8(sent.bytes));
    server.wait_for_command("QUIT");
}

#[test]
fn dots_at_the_start_of_a_line_survive() {
    let server = SmtpServer::start(Script::default());
    let transport = plain(&server);
    let mut sent = message(1, "ada@example.com");
    sent.bytes = b"Subject: dots\r\n\r\n.\r\n..\r\n.end\r\n".to_vec();
    assert_eq!(open(&transport).send(&sent), Delivery::Delivered);
    assert_eq!(server.wait_for(1)[0].data, sent.bytes);
}

#[test]
fn one_session_carries_all_messages_whatever_happens_to_single_ones() {
    let server = SmtpServer::start(Script::default());
    server.fail(Step::RcptOf("gone@b.test".into()), Fault::Reply("550 5.1.1 No such user"));
    server.fail(Step::RcptOf("full@b.test".into()), Fault::Reply("452 4.2.2 Mailbox full"));
    let transport = plain(&server);
    let mut session = open(&transport);
    let mut send = |id: u64, to: &str| session.send(&message(id, to));

    assert_eq!(send(1, "first@b.test"), Delivery::Delivered);
    let Delivery::Rejected { code, text } = send(2, "gone@b.test") else { panic!() };
    assert_eq!((code, text.as_str()), (550, "RCPT TO: 550 5.1.1 No such user"));
    assert_deferred(&send(3, "full@b.test"), "RCPT TO: 452 4.2.2 Mailbox full");
    assert_eq!(send(4, "last@b.test"), Delivery::Delivered);

    let got = server.wait_for(2);
    assert_eq!(got[0].to, ["first@b.test"]);
    assert_eq!(got[1].to, ["last@b.test"]);
    assert_eq!(server.sessions(), 1);
}

#[test]
fn refused_content_fails_the_message_alone_and_kills_it_not() {
    for step in [Step::Data, Step::Content] {
        let server = SmtpServer::start(Script::default());
        let transport = plain(&server);
        let mut session = open(&transport);
        server.fail(step.clone(), Fault::Reply("554 5.7.1 Spam"));
        let refused = session.send(&message(1, "a@b.test"));
        assert!(matches!(refused, Delivery::Refused { .. }), "{step:?} {refused:?}");
        server.fail(step.clone(), Fault::Reply("550 5.1.1 No such user"));
        let rejected = session.send(&message(1, "a@b.test"));
        assert!(matches!(rejected, Delivery::Rejected { code: 550, .. }), "{step:?} {rejected:?}");
        server.fail(step.clone(), Fault::Reply("451 4.3.0 Later"));
        assert_deferred(&session.send(&message(2, "a@b.test")), "451 4.3.0 Later");
        server.heal();
        assert_eq!(session.send(&message(3, "a@b.test")), Delivery::Delivered, "{step:?}");
    }
}

#[test]
fn a_refusal_of_the_session_kills_no_message() {
    let script = || Script { tls: Tls::Upgrade, login: Some(("shop", "pw")), ..Script::default() };
    for (step, name) in [
        (Step::Greeting, "greeting: 5"),
        (Step::Ehlo, "EHLO: 5"),
        (Step::StartTls, "STARTTLS: 5"),
        (Step::Auth, "AUTH: 5"),
    ] {
        let server = SmtpServer::start(script());
        server.fail(step, Fault::Reply("554 5.0.0 Not you"));
        let credentials = Credentials { username: "shop".into(), password: "pw".into() };
        let settings =
            Server { credentials: Some(credentials), ..settings(&server, SmtpTls::Starttls) };
        let why = refused(&transport(settings));
        assert!(why.starts_with(name), "{why}");
    }
}

#[test]
fn a_refused_sender_or_a_421_defers_all_that_is_left() {
    for (step, reply) in [
        (Step::Mail, "553 5.1.8 Sender refused"),
        (Step::Mail, "451 4.7.1 Slow down"),
        (Step::Rcpt, "421 4.3.2 Going down"),
        (Step::Rcpt, "530 5.7.0 Authentication required"),
        (Step::Content, "421 4.3.2 Going down"),
    ] {
        let server = SmtpServer::start(Script::default());
        let transport = plain(&server);
        let mut session = open(&transport);
        server.fail(step, Fault::Reply(reply));
        assert_deferred(&session.send(&message(1, "a@b.test")), reply);
        server.heal();
        assert_deferred(&session.send(&message(2, "a@b.test")), reply);
        assert_eq!(server.received(), []);
    }
}

#[test]
fn a_message_after_a_hang_up_is_deferred_and_its_twin_can_be_known() {
    let server = SmtpServer::start(Script::default());
    server.fail(Step::Content, Fault::HangUp);
    let transport = plain(&server);
    let sent = message(1, "a@b.test");
    assert_deferred(&open(&transport).send(&sent), "DATA: hung up");
    server.heal();
    assert_eq!(open(&transport).send(&sent), Delivery::Delivered);

    let got = server.wait_for(2);
    assert_eq!(got[0].header("Message-ID").as_deref(), Some("<id1@orders.test>"));
    assert_eq!(got[0].data, got[1].data);
}

#[test]
fn a_hang_up_after_the_yes_costs_only_the_next_message_a_delay() {
    let server = SmtpServer::start(Script::default());
    server.fail(Step::Content, Fault::HangUpAfter);
    let transport = plain(&server);
    let mut session = open(&transport);
    assert_eq!(session.send(&message(1, "a@b.test")), Delivery::Delivered);
    assert!(matches!(session.send(&message(2, "a@b.test")), Delivery::Deferred { .. }));
    assert_eq!(server.received().len(), 1);
}

#[test]
fn silence_at_any_step_ends_in_time() {
    std::thread::scope(|scope| {
        for (step, name) in [(Step::Greeting, "greeting"), (Step::Ehlo, "EHLO")] {
            scope.spawn(move || {
                let server = SmtpServer::start(Script::default());
                server.fail(step, Fault::Silence);
                assert_eq!(
                    refused(&with_short_timeouts(&server)),
                    format!("{name}: no answer in time")
                );
            });
        }
        for step in [Step::Mail, Step::Rcpt, Step::Data, Step::Content] {
            scope.spawn(|| {
                let server = SmtpServer::start(Script::default());
                server.fail(step, Fault::Silence);
                let delivery = open(&with_short_timeouts(&server)).send(&message(1, "a@b.test"));
                assert_deferred(&delivery, "no answer in time");
            });
        }
    });
}

#[test]
fn a_silent_reset_does_not_change_what_became_of_the_message() {
    let server = SmtpServer::start(Script::default());
    server.fail(Step::Rcpt, Fault::Reply("550 5.1.1 No such user"));
    server.fail(Step::Rset, Fault::Silence);
    let transport = with_short_timeouts(&server);
    let mut session = open(&transport);
    let rejected = session.send(&message(1, "a@b.test"));
    assert!(matches!(rejected, Delivery::Rejected { code: 550, .. }), "{rejected:?}");
    assert_deferred(&session.send(&message(2, "a@b.test")), "RSET");
}

#[test]
fn both_kinds_of_tls_carry_the_password_and_the_mail() {
    for (tls, security) in [(Tls::Upgrade, SmtpTls::Starttls), (Tls::Implicit, SmtpTls::Implicit)] {
        for mechanisms in ["PLAIN", "LOGIN", "CRAM-MD5 DIGEST-MD5 LOGIN PLAIN"] {
            let login = Some(("shop", "p\u{e4}ss word"));
            let server = SmtpServer::start(Script { tls, login, mechanisms, ..Script::default() });
            let credentials =
                Some(Credentials { username: "shop".into(), password: "p\u{e4}ss word".into() });
            let transport = transport(Server { credentials, ..settings(&server, security) });
            assert_eq!(open(&transport).send(&message(1, "a@b.test")), Delivery::Delivered);
            assert!(server.wait_for(1)[0].was_encrypted);
        }
    }
}

#[test]
fn no_login_is_begun_that_cannot_be_finished() {
    let login = Some(("shop", "pw"));
    let mechanisms = "CRAM-MD5 DIGEST-MD5";
    let server = SmtpServer::start(Script { login, mechanisms, ..Script::default() });
    let credentials = Some(Credentials { username: "shop".into(), password: "pw".into() });
    let why = refused(&transport(Server { credentials, ..settings(&server, SmtpTls::None) }));
    assert!(why.starts_with("AUTH: "), "{why}");
    assert!(!server.commands().iter().any(|it| it.starts_with("AUTH")));
}

#[test]
fn a_wrong_password_fails_the_session() {
    let login = Some(("shop", "right"));
    let server = SmtpServer::start(Script { login, ..Script::default() });
    let credentials = Some(Credentials { username: "shop".into(), password: "wrong".into() });
    let why = refused(&transport(Server { credentials, ..settings(&server, SmtpTls::None) }));
    assert!(why.starts_with("AUTH: 535"), "{why}");
    assert!(!why.contains("wrong"), "{why}");
}

#[test]
fn without_starttls_nothing_is_sent() {
    let server = SmtpServer::start(Script::default());
    let why = refused(&transport(settings(&server, SmtpTls::Starttls)));
    assert!(why.starts_with("STARTTLS: 502"), "{why}");
}

#[test]
fn a_certificate_of_a_stranger_or_for_another_host_is_refused() {
    for (tls, security) in [(Tls::Upgrade, SmtpTls::Starttls), (Tls::Implicit, SmtpTls::Implicit)] {
        let server =
            SmtpServer::start(Script { tls, host: "mail.other.test", ..Script::default() });
        let why = refused(&transport(settings(&server, security)));
        assert!(why.contains("certificate"), "{why}");

        let server = SmtpServer::start(Script { tls, ..Script::default() });
        let stranger = stranger_root();
        let ca_file = Some(stranger.path().join("ca.pem"));
        let why = refused(&transport(Server { ca_file, ..settings(&server, security) }));
        assert!(why.contains("certificate"), "{why}");
    }
}

fn stranger_root() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let root = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
    std::fs::write(dir.path().join("ca.pem"), root.cert.pem()).unwrap();
    dir
}

#[test]
fn an_address_that_could_carry_a_command_never_reaches_the_server() {
    let server = SmtpServer::start(Script::default());
    let transport = plain(&server);
    let mut session = open(&transport);
    for to in ["a@b>\r\nRCPT TO:<c@d", "a@b\r\nDATA", "a b@c", "<a@b", "a@b\u{0}", "\u{fc}@b"] {
        let rejected = session.send(&Message { to: to.into(), ..message(1, "x@y.test") });
        assert!(matches!(rejected, Delivery::Rejected { code: 553, .. }), "{to:?}");
    }
    assert_eq!(session.send(&message(2, "a@b.test")), Delivery::Delivered);
    assert_eq!(server.commands().iter().filter(|it| it.starts_with("RCPT")).count(), 1);
}

#[test]
fn a_server_that_is_not_there_is_said_so() {
    let server = SmtpServer::start(Script::default());
    let settings = settings(&server, SmtpTls::None);
    let unbound = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = unbound.local_addr().unwrap().port();
    drop(unbound);
    let why = refused(&transport(Server { port, ..settings }));
    assert!(why.starts_with("connect: "), "{why}");
}

#[test]
fn a_stop_ends_a_hanging_session() {
    let server = SmtpServer::start(Script::default());
    server.fail(Step::Greeting, Fault::Silence);
    let transport = plain(&server);
    let stop = Stop::new();
    std::thread::scope(|scope| {
        let opening = scope.spawn(|| transport.open(&stop).err());
        server.wait_for_sessions(1);
        stop.set();
        assert_eq!(opening.join().unwrap().unwrap().text, "greeting: stopped");
    });
}

#[test]
fn a_stop_lets_the_message_under_way_arrive() {
    let server = SmtpServer::start(Script::default());
    let transport = plain(&server);
    let stop = Stop::new();
    let mut session = transport.open(&stop).unwrap();
    stop.set();
    assert_eq!(session.send(&message(1, "a@b.test")), Delivery::Delivered);
    session.close();
    assert_eq!(server.wait_for(1).len(), 1);
}
