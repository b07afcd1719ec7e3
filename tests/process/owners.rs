//! Whose files are, and what is left of a start that fails.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};

use support::folder::Folder;
use support::process::{Call, Ended};

/// Some user who is not root.
const SERVICE_USER: u32 = 65_534;

fn run(folder: &Folder, args: &[&str]) -> Ended {
    Call::within(folder).args(args).run()
}

#[track_caller]
fn done(folder: &Folder, args: &[&str]) {
    let ended = run(folder, args);
    assert_eq!(ended.code, Some(0), "{args:?}: {ended:?}");
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// What is in a folder and in the folders below.
fn all_within(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| {
            let below = if path.is_dir() { all_within(&path) } else { Vec::new() };
            [vec![path], below].concat()
        })
        .collect()
}

#[test]
fn what_commands_of_root_make_in_the_services_folder_is_the_services() {
    if !is_root() {
        return;
    }
    let folder = Folder::new();
    chown(folder.path(), Some(SERVICE_USER), Some(SERVICE_USER)).unwrap();
    done(&folder, &["init"]);
    fs::remove_file(folder.join("data/orders.key")).unwrap();
    done(&folder, &["user", "list"]);
    done(&folder, &["backup", "b.redb"]);
    done(&folder, &["restore", "b.redb", "--force"]);
    Call::within(&folder).env("BACKUP_DIR", "backups").start().stop();
    let found = all_within(folder.path());
    for name in ["data/orders.redb", "data/orders.key", "b.redb", "logs/app.log", "backups"] {
        assert!(found.contains(&folder.join(name)), "{name} of {found:?}");
    }
    let owner = |path: &PathBuf| fs::metadata(path).unwrap().uid();
    let roots: Vec<_> = found.iter().filter(|path| owner(path) != SERVICE_USER).collect();
    // The mails' folder is the mailer's.
    assert!(roots.iter().all(|path| path.ends_with("mail")), "{roots:?}");
}

#[test]
fn a_restore_keeps_link_owner_and_mode() {
    let folder = Folder::new();
    folder.write("disk/empty", "");
    folder.write("data/empty", "");
    symlink("../disk/real.redb", folder.join("data/orders.redb")).unwrap();
    done(&folder, &["init"]);
    let real = folder.join("disk/real.redb");
    assert!(real.is_file() && folder.join("data/orders.redb").is_symlink());
    done(&folder, &["backup", "b.redb"]);
    fs::set_permissions(&real, fs::Permissions::from_mode(0o640)).unwrap();
    if is_root() {
        chown(&real, Some(SERVICE_USER), Some(SERVICE_USER)).unwrap();
    }
    let before = fs::metadata(&real).unwrap();
    done(&folder, &["restore", "b.redb", "--force"]);
    let after = fs::metadata(&real).unwrap();
    assert!(folder.join("data/orders.redb").is_symlink());
    assert_ne!(before.ino(), after.ino());
    let kept = |found: &fs::Metadata| (found.uid(), found.gid(), found.mode());
    assert_eq!(kept(&before), kept(&after));
    done(&folder, &["check"]);
}

#[test]
fn a_restore_that_fails_says_on_which_file() {
    let folder = Folder::new();
    done(&folder, &["init"]);
    done(&folder, &["backup", "b.redb"]);
    let missing = run(&folder, &["restore", "nowhere.redb", "--force"]);
    assert!(missing.refusal(1).contains("nowhere.redb"), "{missing:?}");
    folder.write("data/orders.redb.incoming/occupied", "");
    let occupied = run(&folder, &["restore", "b.redb", "--force"]);
    assert!(occupied.refusal(1).contains("orders.redb.incoming"), "{occupied:?}");
    folder.write("file", "");
    let into = ["restore", "b.redb", "--database-url", "redb://file/orders.redb"];
    let unmade = run(&folder, &into);
    assert!(unmade.refusal(1).contains("file: "), "{unmade:?}");
}

#[test]
fn a_start_that_fails_leaves_no_database_and_says_which_path_can_not_be_used() {
    let long_name = "x".repeat(300);
    for (setting, value, code, named) in [
        ("MAIL_DIR", "file/mail", 2, "MAIL_DIR=file/mail"),
        ("BACKUP_DIR", "file", 2, "BACKUP_DIR=file"),
        ("BACKUP_DIR", &long_name, 2, "BACKUP_DIR=xxx"),
        ("TMPDIR", "nowhere", 2, "TMPDIR=nowhere"),
        ("TEMPLATES_DIR", "templates", 2, "order_successful.html"),
        ("SMTP_CA_FILE", "file", 2, "file"),
        ("WEBHOOK_CA_FILE", "file", 2, "WEBHOOK_CA_FILE=file"),
        ("HOST", "192.0.2.1", 1, "192.0.2.1"),
    ] {
        let folder = Folder::new();
        folder.write("file", "");
        folder.write("templates/order_successful.html", "{{#if}");
        let mut call = Call::within(&folder).env("LOG_FILE", "").env(setting, value);
        if setting == "SMTP_CA_FILE" {
            call = call.env("SMTP_SERVER", "mail.example");
        }
        let ended = call.run();
        assert_eq!(ended.code, Some(code), "{setting}={value}: {ended:?}");
        let line = ended.stderr.lines().last().unwrap_or_default();
        assert!(line.contains(named), "{setting}={value}: {line}");
        for name in ["orders.redb", "orders.redb.lock", "orders.key"] {
            assert!(!folder.join("data").join(name).exists(), "{setting}={value} left {name}");
        }
    }
}

#[test]
fn a_key_that_can_not_be_used_is_found_before_a_database_is_made() {
    let folder = Folder::new();
    folder.write("data/orders.key", "short");
    for command in ["serve", "init"] {
        let ended = run(&folder, &[command]);
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(ended.stderr.contains("orders.key: is too short"), "{ended:?}");
        assert!(!folder.join("data/orders.redb").exists());
    }
}
