//! `orderd backup`, `restore` and `check`, and the download.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use orderd::clock::Clock;
use orderd::metrics::Metrics;
use orderd::store::{Store, check_file};
use rustix::process::Signal;

use support::backup::{Download, enlarge, fill, leftovers};
use support::client::TIMEOUT;
use support::folder::Folder;
use support::process::{Call, Ended, Running};

fn run(folder: &Folder, args: &[&str]) -> Ended {
    Call::within(folder).args(args).run()
}

fn shop_with_orders(folder: &Folder, orders: usize) {
    let running = Call::within(folder).env("RATE_LIMIT_REQUESTS", "0").start();
    let token = running.token("admin", "Admin123");
    for _ in 0..orders {
        running.ask("POST", "/orders/create", Some(&token), "{\"success\":true}").good();
    }
    running.stop();
}

fn orders_in(ended: &Ended) -> &str {
    let line = ended.stdout.lines().find(|line| line.starts_with("orders\t"));
    line.unwrap_or_else(|| panic!("{ended:?}")).split_once('\t').unwrap().1
}

#[test]
fn a_backup_is_restored_and_the_old_database_kept() {
    let folder = Folder::new();
    shop_with_orders(&folder, 3);
    assert_eq!(run(&folder, &["backup", "b.redb"]).code, Some(0));
    run(&folder, &["backup", "b.redb"]).refusal(1);
    shop_with_orders(&folder, 2);
    assert_eq!(orders_in(&run(&folder, &["check"])), "5");
    assert!(run(&folder, &["restore", "b.redb"]).refusal(1).contains("--force"));
    assert_eq!(orders_in(&run(&folder, &["check"])), "5");
    let restored = run(&folder, &["restore", "b.redb", "--force"]);
    assert_eq!(restored.code, Some(0), "{restored:?}");
    assert_eq!(orders_in(&run(&folder, &["check"])), "3");
    let names = fs::read_dir(folder.join("data")).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let aside = names.filter(|name| name.starts_with("orders.redb.")).collect::<Vec<_>>();
    assert_eq!(aside.len(), 1, "{aside:?}");
    let url = format!("redb://./data/{}", aside[0]);
    assert_eq!(orders_in(&run(&folder, &["check", "--database-url", &url])), "5");
}

/// As it does when two come within one second.
#[test]
fn a_restore_keeps_the_old_database_where_its_name_is_taken() {
    let folder = Folder::new();
    assert_eq!(run(&folder, &["init"]).code, Some(0));
    assert_eq!(run(&folder, &["backup", "b.redb"]).code, Some(0));
    let (now, minutes) = (Clock::system().now(), 10);
    for second in 0..minutes * 60 {
        let time = (now + Duration::from_secs(second)).to_compact();
        folder.write(&format!("data/orders.redb.{time}"), "taken");
    }
    for number in [2, 3] {
        let restored = run(&folder, &["restore", "b.redb", "--force"]);
        assert_eq!(restored.code, Some(0), "{restored:?}");
        let told = restored.stdout.lines().find_map(|it| it.strip_prefix("the old database is "));
        let aside = folder.path().join(told.unwrap());
        assert!(check_file(&aside).unwrap().is_sound());
        // The first of its second has the 2, and another second may begin.
        let is_numbered = (2..=number).any(|it| told.unwrap().ends_with(&format!("-{it}")));
        assert!(is_numbered, "{restored:?}");
    }
    assert_eq!(run(&folder, &["check"]).code, Some(0));
}

#[test]
fn a_restore_ends_all_tokens_so_that_none_becomes_another_users() {
    let folder = Folder::new();
    let running = Call::within(&folder).start();
    let register = |running: &Running, name: &str, role: &str| {
        let body = serde_json::json!({
            "username": name, "email": format!("{name}@example.com"), "password": "Secure1!",
            "role": role,
        });
        let token = running.token("admin", "Admin123");
        running.ask("POST", "/auth/register", Some(&token), &body.to_string()).good();
        running.token(name, "Secure1!")
    };
    let before = running.token("admin", "Admin123");
    running.stop();
    assert_eq!(run(&folder, &["backup", "b.redb"]).code, Some(0));
    let running = Call::within(&folder).start();
    running.ask("GET", "/auth/me", Some(&before), "").good();
    let eve = register(&running, "eve", "user");
    running.stop();
    let restored = run(&folder, &["restore", "b.redb", "--force"]);
    assert_eq!(restored.code, Some(0), "{restored:?}");
    assert!(restored.stdout.contains("all tokens have ended"), "{restored:?}");
    let running = Call::within(&folder).start();
    // The same id as eve had.
    register(&running, "boss", "admin");
    for ended in [&before, &eve] {
        running.ask("GET", "/auth/me", Some(ended), "").assert_status(401);
    }
}

#[test]
fn a_damaged_backup_is_not_restored() {
    let folder = Folder::new();
    shop_with_orders(&folder, 50);
    assert_eq!(run(&folder, &["backup", "b.redb"]).code, Some(0));
    let mut bytes = folder.read("b.redb");
    let name = bytes.windows(5).rposition(|it| it == b"admin").expect("the admin's row");
    bytes[name] = b'x';
    folder.write("b.redb", &bytes);
    let ended = run(&folder, &["restore", "b.redb", "--force"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    folder.write("c.redb", "no database");
    assert_eq!(run(&folder, &["restore", "c.redb", "--force"]).code, Some(1));
    folder.write("d.redb", "");
    assert_eq!(run(&folder, &["restore", "d.redb", "--force"]).code, Some(1));
    let check = run(&folder, &["check"]);
    assert_eq!((check.code, orders_in(&check)), (Some(0), "50"));
}

#[test]
fn a_file_of_an_earlier_version_is_named_and_not_judged() {
    let folder = Folder::new();
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    for version in [1, 2] {
        let fixture = fixtures.join(format!("version-{version}.redb"));
        folder.write("data/orders.redb", fs::read(fixture).unwrap());
        let check = run(&folder, &["check"]);
        assert_eq!(check.code, Some(1), "{check:?}");
        assert!(check.stderr.contains(&format!("schema version {version}")), "{check:?}");
        assert_eq!(check.stdout, "");
    }
}

#[test]
fn while_the_server_runs_a_backup_and_a_check_are_its_own_and_a_restore_waits() {
    let folder = Folder::new();
    shop_with_orders(&folder, 3);
    let running = Call::within(&folder).start();
    let made = run(&folder, &["backup", "b.redb"]);
    assert_eq!(made.code, Some(0), "{made:?}");
    assert!(made.stdout.contains("checked, in b.redb"), "{made:?}");
    assert_eq!(run(&folder, &["backup", "b.redb"]).refusal(1).matches("is there").count(), 1);
    let check = run(&folder, &["check"]);
    assert_eq!(check.code, Some(0), "{check:?}");
    assert!(check.stdout.contains("orders\t3\n"), "{check:?}");
    assert!(check.stdout.ends_with("all is well\n"), "{check:?}");
    let restore = run(&folder, &["restore", "b.redb", "--force"]);
    assert_eq!(restore.code, Some(1), "{restore:?}");
    assert!(restore.stderr.contains("stop it first"), "{restore:?}");
    running.ask("GET", "/health", None, "").good();
    running.stop();
    assert_eq!(run(&folder, &["restore", "b.redb", "--force"]).code, Some(0));
    // Not the whole text: a mail may have left between the backup and the check before.
    let restored = run(&folder, &["check"]);
    assert_eq!((restored.code, orders_in(&restored)), (Some(0), "3"));
    assert!(!folder.join("b.redb.unfinished").exists());
}

#[test]
fn an_admin_downloads_a_backup_that_can_be_restored() {
    let folder = Folder::new();
    shop_with_orders(&folder, 4);
    let running = Call::within(&folder).start();
    running.ask("GET", "/admin/backup", None, "").assert_status(401);
    let token = running.token("admin", "Admin123");
    let mut client = running.connect();
    let head = format!("Host: shop\r\nAuthorization: Bearer {token}\r\nConnection: close");
    client.send(format!("GET /admin/backup HTTP/1.0\r\n{head}\r\n\r\n"));
    let head = client.read_head().head;
    assert!(head.contains("200 OK") && head.contains("application/octet-stream"), "{head}");
    assert!(head.contains("attachment; filename=\"orders-"), "{head}");
    folder.write("b.redb", client.read_to_close());
    running.stop();
    assert!(!folder.join("data/orders.download").exists());
    let restored = run(&folder, &["restore", "b.redb", "--force"]);
    assert_eq!((restored.code, orders_in(&restored)), (Some(0), "4"));
}

#[test]
fn a_first_start_amid_a_restore_makes_no_database_that_the_restore_would_replace() {
    let (shop, folder) = (Folder::new(), Folder::new());
    shop_with_orders(&shop, 3);
    assert_eq!(run(&shop, &["backup", "b.redb"]).code, Some(0));
    let pipe = folder.join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    // The restore's own opening would wait for a writer, and a writer's for the restore.
    let both_ends = File::options().read(true).write(true).open(&pipe).unwrap();
    let (restored, started, again) = thread::scope(|scope| {
        let restore = scope.spawn(|| run(&folder, &["restore", "pipe"]));
        wait_for_file(&folder.join("data/orders.redb.incoming"));
        let mut writer = File::options().write(true).open(&pipe).unwrap();
        drop(both_ends);
        let started = run(&folder, &["init"]);
        let again = run(&folder, &["restore", shop.join("b.redb").to_str().unwrap()]);
        writer.write_all(&shop.read("b.redb")).unwrap();
        drop(writer);
        (restore.join().unwrap(), started, again)
    });
    assert_eq!(restored.code, Some(0), "{restored:?}");
    assert!(started.refusal(1).contains("in use by another process"));
    assert!(again.refusal(1).contains("restoring the database"));
    assert_eq!(orders_in(&run(&folder, &["check"])), "3");
    assert!(!folder.join("data/orders.redb.lock").exists());
}

/// Starts the server on a database that was filled before, with long timeouts for slow clients.
fn serve_grown(folder: &Folder, settings: &[(&str, &str)], grow: impl Fn(&Store)) -> Running {
    assert_eq!(run(folder, &["init"]).code, Some(0));
    let path = folder.join("data/orders.redb");
    let store = Store::open(&path, Clock::system(), &Metrics::new()).unwrap();
    grow(&store);
    store.close();
    Call::within(folder).env("HTTP_REQUEST_TIMEOUT", "600").envs(settings).start()
}

#[track_caller]
fn wait_for_file(path: &Path) {
    let started = Instant::now();
    while !path.exists() {
        assert!(started.elapsed() < TIMEOUT, "{} never came", path.display());
        thread::yield_now();
    }
}

/// Waits until a backup is in the folder, or has begun.
#[track_caller]
fn wait_for_backup(folder: &Path) {
    wait_for_file(folder);
    let started = Instant::now();
    while files(folder).is_empty() {
        assert!(started.elapsed() < TIMEOUT, "no backup begins");
        thread::yield_now();
    }
}

#[test]
fn a_stop_amid_a_download_ends_well_and_the_client_knows_that_it_has_not_all() {
    let folder = Folder::new();
    let running = serve_grown(&folder, &[], |store| {
        enlarge(store);
    });
    let mut download = Download::ask(running.address, &running.token("admin", "Admin123"));
    assert_eq!(download.status(), 200);
    running.stop();
    assert_eq!(leftovers(&folder.join("data")), [""; 0]);
    assert!(download.rest().is_err(), "it looks whole");
    assert_eq!(run(&folder, &["check"]).code, Some(0));
}

#[test]
fn a_stop_while_a_download_is_made_ends_well_and_leaves_no_file() {
    let folder = Folder::new();
    let running = serve_grown(&folder, &[], fill);
    let mut download = Download::ask(running.address, &running.token("admin", "Admin123"));
    wait_for_file(&folder.join("data/orders.download.unfinished"));
    running.stop();
    assert_eq!(leftovers(&folder.join("data")), [""; 0]);
    assert_eq!(download.status(), 503);
    assert_eq!(run(&folder, &["check"]).code, Some(0));
}

#[test]
fn a_stop_while_a_scheduled_backup_is_made_ends_well_and_leaves_no_file() {
    let folder = Folder::new();
    let running = serve_grown(&folder, &[("BACKUP_DIR", "backups")], fill);
    let backups = folder.join("backups");
    wait_for_backup(&backups);
    running.stop();
    // It may have been done just before.
    for left in files(&backups) {
        assert!(left.extension().is_some_and(|it| it == "redb"), "{left:?}");
        assert!(check_file(&left).unwrap().is_sound(), "{left:?}");
    }
    assert_eq!(run(&folder, &["check"]).code, Some(0));
}

#[test]
fn a_start_removes_what_backups_that_were_cut_off_have_left_and_no_file_of_anybody_elses() {
    let folder = Folder::new();
    assert_eq!(run(&folder, &["init"]).code, Some(0));
    let ours = [
        "backups/orders-20251122T100000.redb.unfinished",
        "data/orders.download.unfinished",
        "data/orders.download",
    ];
    let others = [
        "backups/mine.redb.unfinished",
        "backups/orders-yesterday.redb.unfinished",
        "backups/orders-20251122T100000.redb.unfinished.old",
        "data/other.download.unfinished",
    ];
    ours.iter().chain(&others).for_each(|name| folder.write(name, "left"));
    let running = Call::within(&folder).env("BACKUP_DIR", "backups").start();
    assert_eq!(ours.map(|name| folder.join(name).exists()), [false; 3]);
    running.stop();
    assert_eq!(others.map(|name| folder.read_text(name)), ["left"; 4]);
}

#[test]
fn a_backup_that_is_killed_leaves_nothing_after_the_next_start() {
    let folder = Folder::new();
    let settings = [("BACKUP_DIR", "backups")];
    let running = serve_grown(&folder, &settings, fill);
    let backups = folder.join("backups");
    wait_for_backup(&backups);
    running.signal(Signal::KILL);
    running.wait();
    let left = files(&backups);
    assert!(left[0].extension().is_some_and(|it| it == "unfinished"), "{left:?}");
    // The next would take the same name in the same second.
    let other = left[0].with_file_name("orders-20251122T100000.redb.unfinished");
    fs::rename(&left[0], &other).unwrap();
    let running = Call::within(&folder).envs(&settings).start();
    assert!(!other.exists());
    running.stop();
}

fn files(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}
