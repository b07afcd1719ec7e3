use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::json;

use support::folder::Folder;
use support::process::{Call, Ended, Running};
use support::token;

const KEY: &str = "0123456789abcdef0123456789abcdef";

fn mode(folder: &Folder, name: &str) -> u32 {
    fs::metadata(folder.join(name)).unwrap().permissions().mode() & 0o777
}

fn me(running: &Running, token: &str) -> u16 {
    running.ask("GET", "/auth/me", Some(token), "").status
}

#[test]
fn a_key_is_made_for_its_owner_only_and_outlives_a_restart() {
    let folder = Folder::new();
    let running = Call::within(&folder).start();
    assert_eq!(mode(&folder, "data/orders.key"), 0o600);
    let key = folder.read_text("data/orders.key");
    let key = key.trim();
    assert!(key.len() == 64 && key.bytes().all(|byte| byte.is_ascii_hexdigit()), "{}", key.len());
    let issued = running.token("admin", "Admin123");
    token::verify(key, &issued);
    let ended = running.stop();
    assert!(!ended.stdout.contains(key) && !ended.stderr.contains(key));
    let running = Call::within(&folder).start();
    assert_eq!(me(&running, &issued), 200);
}

#[test]
fn two_services_never_make_the_same_key() {
    let (one, other) = (Folder::new(), Folder::new());
    for folder in [&one, &other] {
        assert_eq!(Call::within(folder).arg("init").run().code, Some(0));
    }
    // A command that signs nothing may leave the key to the first start.
    for folder in [&one, &other] {
        Call::within(folder).start().stop();
    }
    assert_ne!(one.read("data/orders.key"), other.read("data/orders.key"));
}

#[test]
fn a_key_that_is_given_is_used_and_none_is_made() {
    let folder = Folder::new();
    let running = Call::within(&folder).env("SECRET_KEY", KEY).start();
    token::verify(KEY, &running.token("admin", "Admin123"));
    assert!(!folder.join("data/orders.key").exists());
}

#[test]
fn a_key_file_that_is_too_short_is_not_used() {
    let folder = Folder::new();
    folder.write("data/orders.key", "short");
    let ended = Call::within(&folder).run();
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("orders.key"), "{ended:?}");
    assert_eq!(folder.read_text("data/orders.key"), "short");
}

#[test]
fn production_takes_a_key_of_32_bytes() {
    let folder = Folder::new();
    let production = [("ENVIRONMENT", "production"), ("SECRET_KEY", KEY)];
    Call::within(&folder).envs(&production).start().stop();
}

#[test]
fn production_makes_a_password_and_tells_only_where() {
    let folder = Folder::new();
    let running = Call::within(&folder).env("ENVIRONMENT", "production").start();
    let path = "data/initial-admin-password";
    assert_eq!(mode(&folder, path), 0o600);
    let password = folder.read_text(path);
    let password = password.trim();
    assert!(password.len() >= 12, "too short: {} characters", password.len());
    running.login("admin", "Admin123").assert_status(401);
    running.token("admin", password);
    let Ended { stdout, stderr, .. } = running.stop();
    let log = folder.read_text("logs/app.log");
    assert!(stderr.contains("initial-admin-password"), "{stderr}");
    for told in [stdout, stderr, log] {
        assert!(!told.contains(password), "the password was told");
    }
}

#[test]
fn production_keeps_the_password_over_a_restart() {
    let folder = Folder::new();
    let call = || Call::within(&folder).env("ENVIRONMENT", "production");
    call().start().stop();
    let password = folder.read_text("data/initial-admin-password");
    let running = call().start();
    assert_eq!(folder.read_text("data/initial-admin-password"), password);
    running.token("admin", password.trim());
}

#[test]
fn a_password_that_is_given_is_used_and_none_is_made() {
    let folder = Folder::new();
    let given = [("ENVIRONMENT", "production"), ("ADMIN_PASSWORD", "Gr33n-lamp")];
    let more = [("ADMIN_USERNAME", "boss"), ("ADMIN_EMAIL", "boss@shop.example")];
    let running = Call::within(&folder).envs(&given).envs(&more).start();
    let login = running.login("boss", "Gr33n-lamp").good();
    assert_eq!(login["user_info"]["email"], "boss@shop.example");
    assert_eq!(login["user_info"]["role"], "admin");
    assert!(!folder.join("data/initial-admin-password").exists());
    let ended = running.stop();
    assert!(!ended.stderr.contains("Gr33n-lamp"), "{}", ended.stderr);
}

#[test]
fn every_start_warns_while_the_published_password_works() {
    let folder = Folder::new();
    for _ in 0..2 {
        let ended = Call::within(&folder).start().stop();
        assert!(warning(&ended).is_some(), "{}", ended.stderr);
    }
    let ended = Call::within(&folder).env("HOST", "0.0.0.0").start().stop();
    let louder = warning(&ended).expect("a warning");
    assert!(louder.to_uppercase().contains("ERROR"), "{louder}");
}

#[test]
fn the_warning_ends_with_the_published_password() {
    let folder = Folder::new();
    let running = Call::within(&folder).start();
    let token = running.token("admin", "Admin123");
    let body = json!({"old_password": "Admin123", "new_password": "Gr33n-lamp"}).to_string();
    running.ask("POST", "/auth/password", Some(&token), &body).assert_status(204);
    running.stop();
    let ended = Call::within(&folder).start().stop();
    assert_eq!(warning(&ended), None, "{}", ended.stderr);
}

#[test]
fn another_first_password_is_no_reason_to_warn() {
    let folder = Folder::new();
    let ended = Call::within(&folder).env("ADMIN_PASSWORD", "Gr33n-lamp").start().stop();
    assert_eq!(warning(&ended), None, "{}", ended.stderr);
}

#[test]
fn the_warning_says_that_web_pages_can_log_in_unless_none_may_ask() {
    let folder = Folder::new();
    let open = Call::within(&folder).start().stop();
    let told = warning(&open).expect("a warning");
    assert!(told.contains("any web page") && told.contains("CORS_ALLOW_ORIGINS"), "{told}");
    let closed = Call::within(&folder).env("CORS_ALLOW_ORIGINS", "").start().stop();
    let told = warning(&closed).expect("a warning");
    assert!(!told.contains("web page"), "{told}");
}

#[test]
fn production_does_not_start_while_the_published_password_works_and_says_how_to_set_another() {
    let folder = Folder::new();
    assert_eq!(Call::within(&folder).arg("init").run().code, Some(0));
    let call = || Call::within(&folder).env("ENVIRONMENT", "production");
    for _ in 0..2 {
        let ended = call().run();
        assert_eq!(ended.code, Some(2), "{ended:?}");
        let line = ended.stderr.lines().last().unwrap();
        assert!(line.contains("orderd user passwd admin"), "{line}");
        assert_eq!(ended.stdout, "");
    }
    let changed = call().arg("user").arg("passwd").arg("admin").input("Gr33n-lamp\n").run();
    assert_eq!(changed.code, Some(0), "{changed:?}");
    let running = call().start();
    running.login("admin", "Admin123").assert_status(401);
    running.login("admin", "Gr33n-lamp").good();
}

#[test]
fn a_key_of_one_letter_is_warned_of() {
    let folder = Folder::new();
    let start = |key: &str| Call::within(&folder).env("SECRET_KEY", key).start().stop().stderr;
    let told = start(&"k".repeat(40));
    let line = told.lines().find(|line| line.contains("SECRET_KEY")).expect(&told);
    assert!(line.contains("guesses") && !line.contains("kkk"), "{line}");
    assert!(!start("27182818284590452353602874713526").contains("SECRET_KEY"));
}

fn warning(ended: &Ended) -> Option<&str> {
    ended.stderr.lines().find(|line| line.contains("published default password"))
}
