use serde_json::Value;

use support::folder::Folder;
use support::process::{Call, Ended};

const PASSWORD: &str = "Secure1!";
const NEW: &str = "Fresh-pa55";
const POLICY: &str = "Password must be at least 8 characters with uppercase, lowercase, digit, \
                      and special character";

/// A folder with a database that holds the first admin.
fn shop() -> Folder {
    let folder = Folder::new();
    let ended = Call::within(&folder).arg("init").run();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    folder
}

fn user(folder: &Folder, args: &[&str], input: &str) -> Ended {
    Call::within(folder).arg("user").args(args).input(input).run()
}

#[track_caller]
fn done(folder: &Folder, args: &[&str], input: &str) -> String {
    let ended = user(folder, args, input);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(ended.stderr, "");
    ended.stdout
}

/// Panics unless the command is refused with one line that has `why` in it, and the first user is
/// still the only one.
#[track_caller]
fn refused(folder: &Folder, args: &[&str], input: &str, why: &str) {
    let ended = user(folder, args, input);
    let line = ended.refusal(1);
    assert!(line.contains(why), "{line}");
    assert_eq!(users(folder, &[]).len(), 1);
}

fn users(folder: &Folder, args: &[&str]) -> Vec<Value> {
    let list = done(folder, &[&["list", "--json"], args].concat(), "");
    serde_json::from_str(&list).unwrap()
}

#[track_caller]
fn add_ann(folder: &Folder) {
    done(folder, &["add", "ann", "ann@example.com"], PASSWORD);
}

#[test]
fn a_user_who_was_added_logs_in() {
    let folder = shop();
    let told = done(&folder, &["add", "ann", "ann@example.com"], "Secure1!\n");
    assert!(told.contains("ann") && !told.contains(PASSWORD), "{told}");
    let zoe = ["add", "zoe", "zoe@example.com", "--role", "admin"];
    done(&folder, &zoe, "Secure1!\r\nmore lines\n");
    let running = Call::within(&folder).start();
    for (name, id, role) in [("ann", 2, "user"), ("zoe", 3, "admin")] {
        let info = running.login(name, PASSWORD).good()["user_info"].clone();
        assert_eq!((&info["id"], &info["role"]), (&id.into(), &role.into()));
    }
}

#[test]
fn a_weak_password_makes_no_user() {
    let folder = shop();
    for weak in ["", "\n", "Short1!\n", "nouppercase1!", "NoSpecial11\n", &"Aa1!".repeat(2000)] {
        refused(&folder, &["add", "ann", "ann@example.com"], weak, POLICY);
    }
}

#[test]
fn a_name_or_an_address_that_can_not_be_makes_no_user() {
    let folder = shop();
    refused(&folder, &["add", "", "ann@example.com"], PASSWORD, "name");
    refused(&folder, &["add", "a\nb", "ann@example.com"], PASSWORD, "name");
    refused(&folder, &["add", "ann", "nowhere"], PASSWORD, "email");
    refused(&folder, &["add", "ADMIN", "ann@example.com"], PASSWORD, "Username already");
    refused(&folder, &["add", "ann", "Admin@example.com"], PASSWORD, "Email already");
}

#[test]
fn a_password_is_never_an_argument() {
    let folder = shop();
    for args in [
        &["add", "ann", "ann@example.com", PASSWORD][..],
        &["add", "ann", "ann@example.com", "--password", PASSWORD],
        &["passwd", "admin", NEW],
        &["add", "ann", "ann@example.com", "--role", "root"],
        &["add", "ann"],
        &["remove", "ann"],
        &[],
    ] {
        let ended = user(&folder, args, PASSWORD);
        assert_eq!(ended.code, Some(2), "{args:?}: {ended:?}");
        assert_eq!(ended.stdout, "");
    }
    assert_eq!(users(&folder, &[]).len(), 1);
}

#[test]
fn the_list_has_a_line_for_each_user_below_its_header() {
    let folder = shop();
    add_ann(&folder);
    done(&folder, &["disable", "ann"], "");
    let list = done(&folder, &["list"], "");
    let lines: Vec<Vec<&str>> = list.lines().map(|it| it.split_whitespace().collect()).collect();
    let [header, admin, ann] = &lines[..] else { panic!("{list}") };
    assert_eq!(header[..], ["ID", "NAME", "EMAIL", "ROLE", "DISABLED", "SINCE"]);
    assert_eq!(admin[..5], ["1", "admin", "admin@example.com", "admin", "no"]);
    assert_eq!(ann[..5], ["2", "ann", "ann@example.com", "user", "yes"]);
    let disabled: Vec<_> = users(&folder, &[]).iter().map(|it| it["disabled"].clone()).collect();
    assert_eq!(disabled, [false, true]);
}

#[test]
fn another_password_ends_the_tokens() {
    let folder = shop();
    add_ann(&folder);
    let running = Call::within(&folder).start();
    let token = running.token("ann", PASSWORD);
    running.stop();
    let told = done(&folder, &["passwd", "Ann"], NEW);
    assert!(!told.contains(NEW), "{told}");
    let running = Call::within(&folder).start();
    running.ask("GET", "/auth/me", Some(&token), "").assert_status(401);
    running.login("ann", PASSWORD).assert_status(401);
    running.login("ann", NEW).good();
}

#[test]
fn a_weak_password_changes_nothing() {
    let folder = shop();
    for weak in ["", "Admin123\n", "weak"] {
        refused(&folder, &["passwd", "admin"], weak, POLICY);
    }
    let running = Call::within(&folder).start();
    running.login("admin", "Admin123").good();
}

#[test]
fn the_warning_ends_with_the_published_password_at_the_command_line_too() {
    let folder = shop();
    done(&folder, &["passwd", "admin"], NEW);
    let ended = Call::within(&folder).start().stop();
    assert!(!ended.stderr.contains("published default password"), "{}", ended.stderr);
}

#[test]
fn a_disabled_user_stays_out_until_enabled() {
    let folder = shop();
    add_ann(&folder);
    let running = Call::within(&folder).start();
    let token = running.token("ann", PASSWORD);
    running.stop();
    done(&folder, &["disable", "ann"], "");
    let running = Call::within(&folder).start();
    running.ask("GET", "/auth/me", Some(&token), "").assert_status(401);
    running.login("ann", PASSWORD).assert_status(401);
    running.stop();
    done(&folder, &["enable", "ann"], "");
    let running = Call::within(&folder).start();
    running.ask("GET", "/auth/me", Some(&token), "").assert_status(401);
    running.login("ann", PASSWORD).good();
}

#[test]
fn the_last_enabled_admin_is_not_disabled_at_the_command_line_either() {
    let folder = shop();
    refused(&folder, &["disable", "admin"], "", "admin");
    assert_eq!(users(&folder, &[])[0]["disabled"], false);
}

#[test]
fn a_name_of_nobody_is_a_failure_that_says_so() {
    let folder = shop();
    for command in ["passwd", "disable", "enable"] {
        // The last is how a name begins that somebody has.
        for name in ["nobody", "", "adm"] {
            refused(&folder, &[command, name], PASSWORD, "no user of that name");
        }
    }
    refused(&folder, &["update", "nobody", "--role", "admin"], "", "no user of that name");
}

#[test]
fn a_user_gets_another_name_address_and_role() {
    let folder = shop();
    add_ann(&folder);
    let args = ["update", "ANN", "--name", "Anna", "--email", "anna@shop.example"];
    let told = done(&folder, &[&args[..], &["--role", "admin"]].concat(), "");
    let last: Vec<_> = told.lines().last().unwrap().split_whitespace().take(4).collect();
    assert_eq!(last, ["2", "Anna", "anna@shop.example", "admin"]);
    let running = Call::within(&folder).start();
    assert_eq!(running.login("anna", PASSWORD).good()["user_info"]["role"], "admin");
    running.login("ann", PASSWORD).assert_status(401);
    running.stop();
    assert_eq!(user(&folder, &["update", "anna"], "").code, Some(2));
    assert_eq!(user(&folder, &["update", "anna", "--role", "root"], "").code, Some(2));
    done(&folder, &["disable", "anna"], "");
    let last = user(&folder, &["update", "admin", "--role", "user"], "");
    assert!(last.refusal(1).contains("The last enabled admin keeps its role"), "{last:?}");
}

#[test]
fn a_database_that_another_process_uses_and_no_socket_leads_to_is_left_alone() {
    let folder = shop();
    let running = Call::within(&folder).start();
    std::fs::remove_file(folder.join("data/orders.sock")).unwrap();
    for args in [&["add", "ann", "ann@example.com"][..], &["list"], &["disable", "admin"]] {
        let ended = user(&folder, args, PASSWORD);
        let line = ended.refusal(1);
        assert!(line.contains("in use by another process"), "{line}");
    }
    running.ask("GET", "/health", None, "").good();
    running.stop();
    assert_eq!(users(&folder, &[]).len(), 1);
}

#[test]
fn without_a_database_none_is_made() {
    let folder = Folder::new();
    let ended = user(&folder, &["list"], "");
    let line = ended.refusal(1);
    assert!(line.contains("orders.redb"), "{line}");
    assert!(!folder.join("data").exists());
}

#[test]
fn a_flag_names_another_database() {
    let folder = shop();
    let flag = "--database-url=redb://./data/orders.redb";
    assert_eq!(users(&folder, &[flag]).len(), 1);
    let ended = user(&folder, &["list", "--database-url=redb://./other/orders.redb"], "");
    let line = ended.refusal(1);
    assert!(line.contains("other/orders.redb"), "{line}");
    assert!(!folder.join("other").exists());
}

#[test]
fn a_password_that_is_no_text_makes_no_user() {
    let folder = shop();
    let call = Call::within(&folder).arg("user").arg("add").arg("ann").arg("ann@example.com");
    let ended = call.input(b"Secure1!\xff\n").run();
    ended.refusal(1);
    assert_eq!(users(&folder, &[]).len(), 1);
}
