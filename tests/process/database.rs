use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::thread;

use redb::{Database, ReadableDatabase, TableDefinition};

use support::folder::Folder;
use support::process::Call;

const META: TableDefinition<&str, u64> = TableDefinition::new("meta");
const MAILS_PENDING: TableDefinition<u64, &[u8]> = TableDefinition::new("mails_pending");

#[test]
fn a_start_makes_the_database_with_its_folder_for_its_owner_only() {
    let folder = Folder::new();
    Call::within(&folder).start().stop();
    let mode = fs::metadata(folder.join("data/orders.redb")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

/// Whoever makes it, and whether the mails lie in it, which alone would be open to the group.
#[test]
fn a_folder_that_is_made_for_the_database_is_its_owners_alone_and_one_that_is_there_stays() {
    let mode =
        |folder: &Folder| fs::metadata(folder.join("data")).unwrap().permissions().mode() & 0o777;
    let start = |call: Call| call.start().stop();
    let run = |call: Call| assert_eq!(call.run().code, Some(0));
    let elsewhere = |folder: &Folder| Call::within(folder).env("MAIL_DIR", "mail");
    let folders: [Folder; 3] = Default::default();
    start(Call::within(&folders[0]));
    start(elsewhere(&folders[1]));
    run(Call::within(&folders[2]).arg("init"));
    assert_eq!(folders.each_ref().map(mode), [0o700; 3]);
    let [folder, ..] = folders;
    fs::set_permissions(folder.join("data"), fs::Permissions::from_mode(0o755)).unwrap();
    start(Call::within(&folder));
    run(Call::within(&folder).arg("init"));
    assert_eq!(mode(&folder), 0o755);
}

#[test]
fn init_does_nothing_that_is_done_already() {
    let folder = Folder::new();
    let first = Call::within(&folder).arg("init").run();
    assert_eq!(first.code, Some(0), "{first:?}");
    let key = folder.read("data/orders.key");
    let again = Call::within(&folder)
        .env("ADMIN_USERNAME", "other")
        .env("ADMIN_PASSWORD", "Other-pa55")
        .arg("init")
        .run();
    assert_eq!(again.code, Some(0), "{again:?}");
    assert_eq!(folder.read("data/orders.key"), key);
    let running = Call::within(&folder).start();
    running.login("other", "Other-pa55").assert_status(401);
    assert_eq!(running.login("admin", "Admin123").good()["user_info"]["id"], 1);
}

#[test]
fn of_many_first_starts_at_once_none_spoils_what_another_has_made() {
    let folder = Folder::new();
    let endings: Vec<_> = thread::scope(|scope| {
        let init = || Call::within(&folder).arg("init").run();
        let inits: Vec<_> = (0..4).map(|_| scope.spawn(init)).collect();
        inits.into_iter().map(|init| init.join().unwrap()).collect()
    });
    assert!(endings.iter().any(|ended| ended.code == Some(0)), "{endings:?}");
    for ended in endings.iter().filter(|ended| ended.code != Some(0)) {
        assert!(ended.stderr.contains("in use by another process"), "{ended:?}");
    }
    assert!(!folder.join("data/orders.redb.lock").exists());
    Call::within(&folder).start().login("admin", "Admin123").good();
}

#[test]
fn a_damaged_outbox_stops_no_start() {
    let folder = Folder::new();
    Call::within(&folder).arg("init").run();
    let database = Database::open(folder.join("data/orders.redb")).unwrap();
    let transaction = database.begin_write().unwrap();
    transaction.open_table(MAILS_PENDING).unwrap().insert(7, b"damaged".as_slice()).unwrap();
    transaction.commit().unwrap();
    drop(database);
    Call::within(&folder).start().login("admin", "Admin123").good();
}

#[test]
fn a_port_in_use_is_a_failure_that_names_it() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let ended = Call::within(&Folder::new()).env("PORT", &port).run();
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let line = ended.stderr.lines().last().unwrap_or_default();
    assert!(line.contains(&port) && line.contains("in use"), "{ended:?}");
    assert_eq!(ended.stdout, "");
}

#[test]
fn a_database_in_use_is_a_failure_that_says_so() {
    let folder = Folder::new();
    let running = Call::within(&folder).start();
    for command in ["serve", "init"] {
        let ended = Call::within(&folder).arg(command).run();
        assert_eq!(ended.code, Some(1), "{ended:?}");
        let line = ended.stderr.lines().last().unwrap_or_default();
        let clear = line.contains("orders.redb") && line.contains("in use by another process");
        assert!(clear, "{ended:?}");
    }
    running.ask("GET", "/health", None, "").good();
    running.stop();
}

#[test]
fn a_file_that_is_no_database_is_left_as_it_is() {
    let text = b"Notes: buy milk.\n".repeat(1000);
    for content in [&b"x"[..], b"redb", &text] {
        let folder = Folder::new();
        folder.write("data/orders.redb", content);
        let ended = Call::within(&folder).run();
        assert_eq!(ended.code, Some(1), "{ended:?}");
        let line = ended.stderr.lines().last().unwrap_or_default();
        assert!(line.contains("orders.redb") && line.contains("not a database"), "{ended:?}");
        assert_eq!(folder.read("data/orders.redb"), content, "the file was changed");
    }
}

#[test]
fn a_database_of_another_program_is_left_as_it_is() {
    let folder = Folder::new();
    folder.write("data/x", "");
    let path = folder.join("data/orders.redb");
    let database = Database::create(&path).unwrap();
    let transaction = database.begin_write().unwrap();
    let table = TableDefinition::<u64, u64>::new("theirs");
    transaction.open_table(table).unwrap().insert(1, 2).unwrap();
    transaction.commit().unwrap();
    drop(database);
    let ended = Call::within(&folder).run();
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let database = Database::open(&path).unwrap();
    let tables = database.begin_read().unwrap().list_tables().unwrap().count();
    assert_eq!(tables, 1, "something was added");
}

#[test]
fn a_database_of_a_later_version_is_refused_and_told() {
    let folder = Folder::new();
    Call::within(&folder).arg("init").run();
    let path = folder.join("data/orders.redb");
    let database = Database::open(&path).unwrap();
    let transaction = database.begin_write().unwrap();
    transaction.open_table(META).unwrap().insert("schema_version", 4321).unwrap();
    transaction.commit().unwrap();
    drop(database);
    let ended = Call::within(&folder).run();
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let line = ended.stderr.lines().last().unwrap_or_default();
    let known = orderd::store::SCHEMA_VERSION.to_string();
    assert!(line.contains("4321") && line.contains(&known), "{ended:?}");
    let database = Database::open(&path).unwrap();
    let table = database.begin_read().unwrap().open_table(META).unwrap();
    assert_eq!(table.get("schema_version").unwrap().unwrap().value(), 4321);
}

#[test]
fn a_folder_that_can_not_be_made_is_a_failure_that_names_it() {
    let folder = Folder::new();
    folder.write("data", "a file where the folder should be");
    let ended = Call::within(&folder).env("MAIL_DIR", "mail").run();
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("data"), "{ended:?}");
    assert_eq!(folder.read_text("data"), "a file where the folder should be");
}
