//! `orderd key …`, beside a running server and without one.

use serde_json::Value;

use support::folder::Folder;
use support::process::{Call, Ended};

const ORDER: &str = r#"{"success":true}"#;

/// A folder with a database that holds the first admin and ann.
fn shop() -> Folder {
    let folder = Folder::new();
    assert_eq!(run(&folder, &["init"]).code, Some(0));
    let ann = ["user", "add", "ann", "ann@example.com"];
    let added = ann.iter().fold(Call::within(&folder), |call, arg| call.arg(arg));
    assert_eq!(added.input("Secure1!").run().code, Some(0));
    folder
}

fn run(folder: &Folder, args: &[&str]) -> Ended {
    args.iter().fold(Call::within(folder), |call, arg| call.arg(arg)).run()
}

#[track_caller]
fn key(folder: &Folder, args: &[&str]) -> String {
    let ended = run(folder, &[&["key"], args].concat());
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{ended:?}");
    ended.stdout
}

/// The key that was printed.
#[track_caller]
fn create(folder: &Folder, args: &[&str]) -> String {
    let told = key(folder, &[&["create"], args].concat());
    let lines: Vec<&str> = told.lines().collect();
    let [about, text] = lines[..] else { panic!("{told}") };
    assert!(about.starts_with("made key "), "{told}");
    text.to_owned()
}

fn list(folder: &Folder, args: &[&str]) -> Vec<Value> {
    serde_json::from_str(&key(folder, &[&["list", "--json"], args].concat())).unwrap()
}

#[test]
fn a_key_is_made_listed_and_revoked_with_or_without_a_server() {
    let folder = shop();
    let before = create(&folder, &["ann", "till"]);
    let running = Call::within(&folder).start();
    running.ask("POST", "/orders/create", Some(&before), ORDER).good();
    let beside = create(&folder, &["ANN", "kiosk", "--expires-at", "2099-01-01T00:00:00Z"]);
    let order = running.ask("POST", "/orders/create", Some(&beside), ORDER).good();
    assert_eq!(order["user_id"], 2);
    let keys = list(&folder, &[]);
    assert_eq!(keys.len(), 2);
    assert_eq!((&keys[1]["username"], &keys[1]["name"]), (&"ann".into(), &"kiosk".into()));
    assert!(keys[0]["last_used_at"].is_string(), "{keys:?}");
    assert_eq!(key(&folder, &["revoke", "1"]), "key 1 is revoked\n");
    running.ask("GET", "/auth/me", Some(&before), "").assert_status(401);
    running.ask("GET", "/auth/me", Some(&beside), "").good();
    let told = running.stop();
    for text in [&before, &beside] {
        assert!(!told.stderr.contains(text.as_str()), "{}", told.stderr);
    }
    assert_eq!(key(&folder, &["revoke", "2"]), "key 2 is revoked\n");
    assert!(list(&folder, &["ann"]).iter().all(|key| key["revoked_at"].is_string()));
    assert!(list(&folder, &["admin"]).is_empty());
    let running = Call::within(&folder).start();
    running.ask("GET", "/auth/me", Some(&beside), "").assert_status(401);
}

#[test]
fn a_program_reads_json_and_a_person_a_table() {
    let folder = shop();
    let made = key(&folder, &["create", "ann", "till", "--json"]);
    let made: Value = serde_json::from_str(&made).unwrap();
    assert_eq!((&made["id"], &made["expires_at"]), (&1.into(), &Value::Null));
    let table = key(&folder, &["list"]);
    let lines: Vec<Vec<&str>> = table.lines().map(|it| it.split_whitespace().collect()).collect();
    let [header, row] = &lines[..] else { panic!("{table}") };
    let columns = ["ID", "USER", "NAME", "SINCE", "EXPIRES", "LAST", "USED", "REVOKED"];
    assert_eq!(header[..], columns);
    assert_eq!((&row[..3], &row[4..]), (&["1", "ann", "till"][..], &["-", "-", "-"][..]));
    assert!(!table.contains(made["key"].as_str().unwrap()));
}

#[test]
fn what_can_not_be_is_told_in_a_line_and_makes_no_key() {
    let folder = shop();
    for (args, why) in [
        (&["create", "nobody", "till"][..], "no user of that name"),
        (&["create", "ann", ""], "name"),
        (&["create", "ann", "till", "--expires-at", "2020-01-01T00:00:00Z"], "future"),
        (&["create", "ann", "till", "--expires-at", "tomorrow"], "expires_at"),
        (&["list", "nobody"], "no user of that name"),
        (&["revoke", "1"], "Not Found"),
    ] {
        let ended = run(&folder, &[&["key"], args].concat());
        assert!(ended.refusal(1).contains(why), "{args:?}: {ended:?}");
    }
    assert_eq!(run(&folder, &["key", "create", "ann"]).code, Some(2));
    assert_eq!(run(&folder, &["user", "disable", "ann"]).code, Some(0));
    let ended = run(&folder, &["key", "create", "ann", "till"]);
    assert!(ended.refusal(1).contains("The user is disabled"), "{ended:?}");
    assert!(list(&folder, &[]).is_empty());
}

#[test]
fn a_restore_makes_revoked_keys_active_again_and_says_so_unless_it_revokes_all() {
    let folder = shop();
    let revoked = create(&folder, &["ann", "till"]);
    assert_eq!(run(&folder, &["backup", "b.redb"]).code, Some(0));
    key(&folder, &["revoke", "1"]);
    let later = create(&folder, &["admin", "head office"]);
    for (flags, told, status) in [
        (
            &["--force"][..],
            "all tokens have ended; keys that were revoked and users that were disabled since the \
             backup are active again",
            200,
        ),
        (
            &["--revoke-keys"],
            "all tokens and keys have ended; users that were disabled since the backup are active \
             again",
            401,
        ),
    ] {
        let restored = run(&folder, &[&["restore", "b.redb"], flags].concat());
        assert_eq!(restored.code, Some(0), "{restored:?}");
        assert_eq!(restored.stdout.lines().last(), Some(told));
        let running = Call::within(&folder).start();
        running.ask("GET", "/auth/me", Some(&revoked), "").assert_status(status);
        running.ask("GET", "/auth/me", Some(&later), "").assert_status(401);
        running.stop();
        std::fs::rename(folder.join("data/orders.redb"), folder.join("last.redb")).unwrap();
    }
    std::fs::rename(folder.join("last.redb"), folder.join("data/orders.redb")).unwrap();
    // Its number is given again, and it is another.
    create(&folder, &["admin", "head office"]);
    assert_eq!(list(&folder, &["admin"])[0]["id"], 2);
    let running = Call::within(&folder).start();
    running.ask("GET", "/auth/me", Some(&later), "").assert_status(401);
}
