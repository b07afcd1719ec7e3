//! A check finds what is wrong with the rows that users are found by.

use redb::backends::InMemoryBackend;
use redb::{Database, ReadableDatabase, WriteTransaction};

use super::*;
use crate::clock::Timestamp;
use crate::store::schema;
use crate::store::write_txn::{Write, WriteTxn};
use crate::store::writes::CreateUser;

/// The faults of a store with Ann and Ben after something in it was spoilt.
fn faults_after(spoil: fn(&WriteTransaction)) -> Vec<String> {
    let database = Database::builder().create_with_backend(InMemoryBackend::new()).unwrap();
    let transaction = database.begin_write().unwrap();
    schema::create_missing(&transaction).unwrap();
    let mut txn = WriteTxn::begin(&transaction, None);
    for name in ["ann", "ben"] {
        CreateUser::for_test(name, Timestamp::EPOCH).apply(&mut txn).unwrap();
    }
    drop(txn);
    spoil(&transaction);
    transaction.commit().unwrap();
    Check::of(&database.begin_read().unwrap()).unwrap().faults
}

#[test]
fn a_user_who_is_not_found_and_a_row_that_leads_to_nobody_are_told() {
    assert_eq!(faults_after(|_| {}), Vec::<String>::new());
    type Spoil = fn(&WriteTransaction);
    let spoils: [(Spoil, &str); 8] = [
        (
            |it| drop(it.open_table(schema::USERNAMES).unwrap().remove("ann").unwrap()),
            "user 1 is not found by name",
        ),
        (
            |it| drop(it.open_table(schema::USERNAMES).unwrap().insert("zoe", 1).unwrap()),
            "the name \"zoe\" leads to user 1",
        ),
        (
            |it| drop(it.open_table(schema::USERNAMES).unwrap().insert("zoe", 9).unwrap()),
            "the name \"zoe\" leads to user 9",
        ),
        (
            |it| drop(it.open_table(schema::EMAILS).unwrap().remove("ann@example.com").unwrap()),
            "user 1 is not found by address",
        ),
        (
            |it| drop(it.open_table(schema::EMAILS).unwrap().insert("zoe@example.com", 1).unwrap()),
            "3 rows in emails for 2 users",
        ),
        (
            |it| drop(it.open_table(schema::KNOWN_NETWORKS).unwrap().insert((1, 5), 0).unwrap()),
            "user 1 has a network that is not listed",
        ),
        (
            |it| drop(it.open_table(schema::NETWORK_USERS).unwrap().insert((5, 1), ()).unwrap()),
            "0 known networks, 1 listed",
        ),
        (
            |it| {
                let spoilt = b"spoilt".as_slice();
                drop(it.open_table(schema::USERS).unwrap().insert(1, spoilt).unwrap());
            },
            "user 1: internal: unreadable record",
        ),
    ];
    for (spoil, expected) in spoils {
        let faults = faults_after(spoil);
        assert!(faults.iter().any(|it| it.contains(expected)), "no {expected:?} in {faults:?}");
    }
}
