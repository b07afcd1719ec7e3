//! What somebody does who has never seen it: in production, from the example file, without
//! stopping the service but for the restore.

use std::fs;

use serde_json::Value;

use support::folder::Folder;
use support::process::{Call, Ended};
use support::smtp::{Script, SmtpServer};

const EXAMPLE: &str = include_str!("../../.env.prod.example");

/// A host with the example file as its `.env.prod`, edited as everybody has to: the mail server
/// is the test's.
struct Host {
    folder: Folder,
    mail: SmtpServer,
}

impl Host {
    fn new() -> Host {
        let host = Host { folder: Folder::new(), mail: SmtpServer::start(Script::default()) };
        let file = EXAMPLE
            .replace("SMTP_SERVER=smtp.shop.example", "SMTP_SERVER=localhost")
            .replace("SMTP_PORT=587", &format!("SMTP_PORT={}", host.mail.port()))
            .replace("SMTP_TLS=starttls", "SMTP_TLS=none");
        host.folder.write(".env.prod", file);
        host
    }

    fn call(&self) -> Call {
        Call::within(&self.folder).env("ENVIRONMENT", "production")
    }

    #[track_caller]
    fn done(&self, args: &[&str], input: &str) -> Ended {
        let ended = self.call().args(args).input(input).run();
        assert_eq!(ended.code, Some(0), "{args:?}: {ended:?}");
        ended
    }
}

#[test]
fn the_first_hour_goes_well_from_the_example_file_on() {
    let host = Host::new();
    // A setting that is mistyped is named, with the one that is meant.
    let file = host.folder.read_text(".env.prod");
    host.folder.write(".env.prod", format!("{file}EMAIL_FORM=orders@shop.example\n"));
    let config = host.done(&["config"], "");
    assert!(config.stderr.contains("EMAIL_FORM is no setting; is EMAIL_FROM meant?"), "{config:?}");
    host.folder.write(".env.prod", file);

    let running = host.call().start();
    let status = host.done(&["status"], "");
    assert!(status.stdout.starts_with("state        ready"), "{status:?}");
    assert!(status.stdout.contains("(production)"), "{status:?}");
    let password = host.folder.read_text("data/initial-admin-password");
    running.login("admin", password.trim()).good();

    // Another password for the admin, and a cashier who takes an order.
    host.done(&["user", "passwd", "admin"], "Ch4nged-it");
    fs::remove_file(host.folder.join("data/initial-admin-password")).unwrap();
    running.login("admin", password.trim()).assert_status(401);
    host.done(&["user", "add", "cashier", "till@shop.example"], "Secure1!");
    host.done(&["user", "update", "cashier", "--name", "till 1"], "");
    let token = running.token("Till 1", "Secure1!");
    running.ask("POST", "/orders/create", Some(&token), r#"{"success":true}"#).good();

    let sent = host.done(&["mail-test", "boss@shop.example"], "");
    assert!(sent.stdout.contains("> RCPT TO:<boss@shop.example>"), "{sent:?}");
    // The order's own mail, and the test's.
    let mut to: Vec<_> = host.mail.wait_for(2).into_iter().flat_map(|mail| mail.to).collect();
    to.sort();
    assert_eq!(to, ["boss@shop.example", "till@shop.example"]);

    host.done(&["log-level", "debug"], "");
    host.done(&["check"], "");
    host.done(&["backup", "monday.redb"], "");
    running.ask("POST", "/orders/create", Some(&token), r#"{"success":false}"#).good();
    let orders =
        || -> Value { serde_json::from_str(&host.done(&["orders", "--json"], "").stdout).unwrap() };
    assert_eq!(orders().as_array().unwrap().len(), 2);
    let busy = host.call().args(&["restore", "--force", "monday.redb"]).run();
    assert!(busy.refusal(1).contains("stop it first"), "{busy:?}");

    running.stop();
    assert_eq!(host.call().arg("status").run().code, Some(1));
    host.done(&["restore", "--force", "monday.redb"], "");
    let running = host.call().start();
    assert_eq!(orders().as_array().unwrap().len(), 1);
    running.ask("GET", "/auth/me", Some(&token), "").assert_status(401);
    running.token("till 1", "Secure1!");
    // Nothing is left to be warned of.
    let ended = running.stop();
    assert!(!ended.stderr.contains("password is in"), "{ended:?}");
}
