//! Servers of all kinds: old ones, chatty ones, foreign ones, and those with a certificate of
//! their own making.

use std::time::Duration;

use orderd::config::SmtpTls;
use orderd::mail::{Credentials, Delivery, Server, Timeouts};
use orderd::sys::stop::Stop;

use support::smtp::{Certificate, Fault, Script, SmtpServer, Step, Tls};

use crate::relay::{assert_deferred, message, open, plain, refused, settings, transport};

const LOGIN: Option<(&str, &str)> = Some(("shop", "pw"));

fn with_login(server: &SmtpServer) -> Server {
    let credentials = Credentials { username: "shop".into(), password: "pw".into() };
    Server { credentials: Some(credentials), ..settings(server, SmtpTls::None) }
}

#[track_caller]
fn assert_takes_mail(server: &SmtpServer, settings: Server) {
    let transport = transport(settings);
    assert_eq!(open(&transport).send(&message(1, "a@b.test")), Delivery::Delivered);
    assert_eq!(server.wait_for(1).len(), 1);
}

#[test]
fn a_server_that_does_not_know_ehlo_is_greeted_with_helo() {
    let server = SmtpServer::start(Script { knows_ehlo: false, ..Script::default() });
    assert_takes_mail(&server, settings(&server, SmtpTls::None));
    let commands = server.commands();
    assert!(commands[0].starts_with("EHLO ") && commands[1].starts_with("HELO "), "{commands:?}");
}

#[test]
fn ehlo_says_the_name_that_it_was_given_or_else_the_address() {
    for (helo, said) in [(Some("orders.shop.test"), "EHLO orders.shop.test"), (None, "EHLO [127.")]
    {
        let server = SmtpServer::start(Script::default());
        let helo = helo.map(str::to_owned);
        assert_takes_mail(&server, Server { helo, ..settings(&server, SmtpTls::None) });
        assert!(server.commands()[0].starts_with(said), "{:?}", server.commands());
    }
}

#[test]
fn blank_lines_before_replies_are_skipped() {
    for before_replies in ["\r\n", "\n\n"] {
        let script = Script { before_replies, login: LOGIN, ..Script::default() };
        let server = SmtpServer::start(script);
        assert_takes_mail(&server, with_login(&server));
    }
}

#[test]
fn a_long_answer_to_ehlo_is_read_to_its_end() {
    for extensions in [130, 1000] {
        let script = Script { extensions, login: LOGIN, ..Script::default() };
        let server = SmtpServer::start(script);
        assert_takes_mail(&server, with_login(&server));
    }
}

#[test]
fn an_answer_without_an_end_is_not_read_for_ever() {
    let server = SmtpServer::start(Script { extensions: 3000, ..Script::default() });
    assert_eq!(refused(&plain(&server)), "EHLO: a reply without an end");
}

#[test]
fn the_prompts_of_auth_login_may_say_what_they_like() {
    for prompts in [
        ["334 QmVudXR6ZXI6", "334 S2VubndvcnQ6"],
        ["334", "334"],
        ["334 ", "334 "],
        ["334 user, please", "334 and now the secret"],
        ["334 UGFzc3dvcmQ6", "334 VXNlcm5hbWU6"],
    ] {
        let script = Script { login: LOGIN, mechanisms: "LOGIN", prompts, ..Script::default() };
        let server = SmtpServer::start(script);
        assert_takes_mail(&server, with_login(&server));
    }
}

#[test]
fn what_a_server_says_unasked_is_never_taken_for_an_answer() {
    let server = SmtpServer::start(Script::default());
    server
        .fail(Step::Mail, Fault::Reply("250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n354 Go on\r\n250 Queued"));
    let transport = plain(&server);
    let delivery = open(&transport).send(&message(1, "a@b.test"));
    assert!(matches!(delivery, Delivery::Deferred { .. }), "{delivery:?}");
}

#[test]
fn a_certificate_that_is_itself_in_the_file_is_accepted_for_its_name_and_time() {
    let certificate = Certificate::SelfSigned;
    for (tls, security) in [(Tls::Upgrade, SmtpTls::Starttls), (Tls::Implicit, SmtpTls::Implicit)] {
        let server = SmtpServer::start(Script { tls, certificate, ..Script::default() });
        assert_takes_mail(&server, settings(&server, security));
        assert!(server.received()[0].was_encrypted);

        for (host, certificate) in [
            ("mail.other.test", Certificate::SelfSigned),
            ("localhost", Certificate::Expired),
            ("localhost", Certificate::NotYetValid),
        ] {
            let server = SmtpServer::start(Script { tls, host, certificate, ..Script::default() });
            let why = refused(&transport(settings(&server, security)));
            assert!(why.contains("certificate"), "{host} {certificate:?}: {why}");
        }

        // One that is as good, and not the one in the file.
        let server = SmtpServer::start(Script { tls, certificate, ..Script::default() });
        let other = SmtpServer::start(Script { tls, certificate, ..Script::default() });
        let ca_file = Some(other.ca_file());
        let why = refused(&transport(Server { ca_file, ..settings(&server, security) }));
        assert!(why.contains("certificate"), "{why}");
    }
}

#[test]
fn steps_have_the_time_that_rfc_5321_gives_them() {
    let timeouts = Timeouts::default();
    assert_eq!(timeouts.step, Duration::from_secs(300));
    assert_eq!(timeouts.content, Duration::from_secs(600));
    let at_a_stop = [timeouts.stop, timeouts.quit];
    assert!(at_a_stop.iter().all(|time| *time <= Duration::from_secs(5)));
}

#[test]
fn a_stop_ends_a_message_whose_server_is_silent_though_it_had_minutes() {
    for step in [Step::Mail, Step::Rcpt, Step::Data, Step::Content] {
        let server = SmtpServer::start(Script::default());
        server.fail(step.clone(), Fault::Silence);
        let timeouts = Timeouts { stop: Duration::from_millis(1), ..Timeouts::default() };
        let settings = Server { timeouts, ..settings(&server, SmtpTls::None) };
        let transport = transport(settings);
        let stop = Stop::new();
        std::thread::scope(|scope| {
            let sending = scope.spawn(|| {
                let mut session = transport.open(&stop).unwrap();
                let delivery = session.send(&message(1, "a@b.test"));
                session.close();
                delivery
            });
            server.wait_for_silence();
            stop.set();
            let delivery = sending.join().unwrap();
            assert_deferred(&delivery, "stopped");
        });
    }
}
