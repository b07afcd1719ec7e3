//! `orderd mail-test`: one mail, and what was said about it.

use support::folder::Folder;
use support::process::{Call, Ended};
use support::smtp::{Fault, Script, SmtpServer, Step, Tls};

const TO: &str = "ann@shop.example";

fn run(folder: &Folder, server: &SmtpServer, settings: &[(&str, &str)], args: &[&str]) -> Ended {
    let (port, ca) = (server.port().to_string(), server.ca_file());
    Call::within(folder)
        .envs(&[("SMTP_SERVER", "localhost"), ("SMTP_PORT", &port)])
        .envs(&[("SMTP_CA_FILE", ca.to_str().unwrap()), ("EMAIL_FROM", "shop@shop.example")])
        .envs(settings)
        .arg("mail-test")
        .args(args)
        .run()
}

#[test]
fn the_conversation_is_shown_without_the_password_in_any_form() {
    for mechanisms in ["PLAIN", "LOGIN"] {
        let login = Some(("shop", "mail-secret"));
        let server =
            SmtpServer::start(Script { tls: Tls::Upgrade, login, mechanisms, ..Script::default() });
        let folder = Folder::new();
        let settings = [("EMAIL_USER", "shop"), ("EMAIL_PASS", "mail-secret")];
        let ended = run(&folder, &server, &settings, &[TO]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        for line in [
            "(connected to 127.0.0.1:",
            "< 220 test.local ready\n",
            "> STARTTLS\n",
            "(encrypted from here on)\n",
            "> MAIL FROM:<shop@shop.example>\n",
            "> RCPT TO:<ann@shop.example>\n",
            "bytes of mail)\n",
            "> QUIT\n",
        ] {
            assert!(ended.stdout.contains(line), "{line:?} in {}", ended.stdout);
        }
        assert!(ended.stdout.contains(&format!("> AUTH {mechanisms}")), "{}", ended.stdout);
        assert!(ended.stdout.ends_with("the mail was taken\n"), "{}", ended.stdout);
        // `\0shop\0mail-secret` and `mail-secret` in base64.
        for secret in ["mail-secret", "c2hvcABtYWlsLXNlY3JldA", "bWFpbC1zZWNyZXQ"] {
            assert!(!ended.stdout.contains(secret) && !ended.stderr.contains(secret), "{ended:?}");
        }
        let mail = server.wait_for(1).remove(0);
        assert_eq!((mail.to, mail.was_encrypted), (vec![TO.to_owned()], true));
        assert!(!folder.join("data").exists(), "no database is needed, and none made");
    }
}

#[test]
fn any_template_can_be_tried_with_sample_data() {
    let server = SmtpServer::start(Script::default());
    let folder = Folder::new();
    folder.write("mine/order_failed.subject.txt", "Oh no, {{username}}, number {{order_id}}\n");
    let settings = [("SMTP_TLS", "none"), ("TEMPLATES_DIR", "mine")];
    let ended = run(&folder, &server, &settings, &[TO, "--template", "order_failed"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let mail = server.wait_for(1).remove(0);
    assert_eq!(mail.header("Subject").as_deref(), Some("Oh no, ada, number 17"));
    folder.write("mine/order_failed.txt", "{{misspelt}}");
    let broken = run(&folder, &server, &settings, &[TO]);
    assert!(broken.refusal(2).contains("TEMPLATES_DIR=mine (variable): "), "{broken:?}");
    assert_eq!(run(&folder, &server, &settings, &[TO, "--template", "other"]).code, Some(2));
    assert_eq!(run(&folder, &server, &settings, &["nobody"]).code, Some(2));
}

#[test]
fn a_mail_that_is_not_taken_is_a_failure_with_the_server_s_words() {
    let server = SmtpServer::start(Script::default());
    server.fail(Step::Rcpt, Fault::Reply("550 5.7.1 Relay access denied"));
    let folder = Folder::new();
    let ended = run(&folder, &server, &[("SMTP_TLS", "none")], &[TO]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stdout.contains("< 550 5.7.1 Relay access denied\n"), "{}", ended.stdout);
    let told = "orderd: the mail was not taken: RCPT TO: 550 5.7.1 Relay access denied\n";
    assert_eq!(ended.stderr, told);
    let refused = run(&folder, &server, &[], &[TO]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.starts_with("orderd: STARTTLS: "), "{refused:?}");
}

#[test]
fn without_a_server_the_mail_is_a_file_and_that_is_told() {
    let folder = Folder::new();
    let ended = Call::within(&folder).args(&["mail-test", TO]).run();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.contains("SMTP_SERVER is not set"), "{ended:?}");
    let files: Vec<_> = std::fs::read_dir(folder.join("data/mail")).unwrap().collect();
    assert_eq!(files.len(), 1);
}
