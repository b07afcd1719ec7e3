//! `orderd backup`, `restore` and `check`: the file, with the server stopped.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::clock::Clock;
use crate::config::Config;
use crate::metrics::Metrics;
use crate::store::{self, EndTokens, OpenError, Store};
use crate::sys::files::{create_private, named_beside, sync_folder_of};

use super::error::{CommandError, failed};
use super::output::say;
use super::place::Place;

const HELD: &str = "the server has the database open: stop it first";
const TAKEN: &str = "another process is making or restoring the database";
const HELD_FOR_BACKUP: &str = "the server has the database open: stop it first, or have it make \
                               the backup (GET /admin/backup, or BACKUP_DIR)";

#[derive(Debug, Args)]
pub struct BackupArgs {
    /// Where the backup goes; must not be there yet
    file: PathBuf,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Args)]
pub struct RestoreArgs {
    /// A backup
    file: PathBuf,
    /// Put it in the place of the database that is there, which is kept under another name
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Args)]
pub struct CheckArgs {
    #[command(flatten)]
    place: Place,
}

pub fn back_up(args: BackupArgs) -> Result<(), CommandError> {
    let config = args.place.config()?;
    let path = existing(&config)?;
    if args.file.exists() {
        return Err(failed(format!("{} is there already", args.file.display())));
    }
    let store = open(path, HELD_FOR_BACKUP)?;
    let made = store.back_up_to(&args.file);
    store.close();
    let report = made.map_err(failed)?;
    say(&format!("{} rows, checked, in {}", report.rows, report.path.display()))
}

pub fn check(args: CheckArgs) -> Result<(), CommandError> {
    let config = args.place.config()?;
    let path = existing(&config)?;
    let check = store::check_file(path).map_err(|why| open_error(path, &why, HELD))?;
    for (table, rows) in &check.rows {
        say(&format!("{table}\t{rows}"))?;
    }
    check.faults.iter().try_for_each(|fault| say(fault))?;
    match check.is_sound() {
        true => say("all is well"),
        false => Err(failed(format!("{} faults in {}", check.fault_count, path.display()))),
    }
}

/// Copies the backup beside the database, migrates it, ends all its tokens, checks the copy, and
/// only then puts it in the database's place, in one step. A lock keeps servers from creating a database there
/// meanwhile, and other restores out.
pub fn restore(args: RestoreArgs) -> Result<(), CommandError> {
    let config = args.place.config()?;
    let path = config.database_path();
    let backup = File::open(&args.file).map_err(|why| backup_error(&args.file, why))?;
    let lock = store::lock_creation(path).map_err(|why| open_error(path, &why, TAKEN))?;
    let is_there = lock.is_made().map_err(failed)?;
    if is_there && !args.force {
        let why = "is there already; --force replaces it and keeps it under another name";
        return Err(failed(format!("{} {why}", path.display())));
    }
    let incoming = named_beside(path, ".incoming");
    let restored = copy_and_check(backup, &args.file, &incoming)
        .and_then(|()| if is_there { replace(&incoming, path) } else { place(&incoming, path) });
    if restored.is_err() {
        // An unfinished copy is of no use. It may not exist, so that an error says nothing.
        let _ = fs::remove_file(&incoming);
    }
    restored
}

fn copy_and_check(mut from: File, backup: &Path, incoming: &Path) -> Result<(), CommandError> {
    let mut to = create_private(incoming).map_err(failed)?;
    let bytes = io::copy(&mut from, &mut to).map_err(|why| backup_error(backup, why))?;
    to.sync_all().map_err(failed)?;
    drop(to);
    // An older backup is migrated here. An empty file would be taken for a new database.
    if bytes == 0 {
        return Err(failed(format!("{} is empty", backup.display())));
    }
    end_tokens(&open(incoming, HELD)?).map_err(failed)?;
    let check = store::check_file(incoming).map_err(|why| open_error(backup, &why, HELD))?;
    if let Some(fault) = check.faults.first() {
        let (count, backup) = (check.fault_count, backup.display());
        return Err(failed(format!("{backup} has {count} faults, the first: {fault}")));
    }
    File::open(incoming).and_then(|file| file.sync_all()).map_err(failed)?;
    for (table, rows) in &check.rows {
        say(&format!("{table}\t{rows}"))?;
    }
    Ok(())
}

/// Ids that were given since the backup are given again, and users are as they were then. So no
/// token from before counts, also none of before the backup.
fn end_tokens(store: &Store) -> crate::error::Result<()> {
    let ended = store.write(EndTokens);
    store.close();
    ended.map(drop)
}

/// Replaces the database while holding its lock. A database that can't be read any more has
/// no lock to take, and is replaced too.
fn replace(incoming: &Path, path: &Path) -> Result<(), CommandError> {
    let _lock = match store::lock_file(path) {
        Err(OpenError::Locked) => return Err(failed(format!("{}: {HELD}", path.display()))),
        held => held.ok(),
    };
    let aside = named_beside(path, format!(".{}", Clock::system().now().to_compact()));
    fs::hard_link(path, &aside).map_err(failed)?;
    place(incoming, path)?;
    say(&format!("the old database is {}", aside.display()))
}

fn place(incoming: &Path, path: &Path) -> Result<(), CommandError> {
    fs::rename(incoming, path).map_err(failed)?;
    sync_folder_of(path).map_err(failed)?;
    say(&format!("restored {}", path.display()))?;
    say("all tokens have ended; users that were disabled since the backup are active again")
}

fn existing(config: &Config) -> Result<&Path, CommandError> {
    let path = config.database_path();
    match path.exists() {
        true => Ok(path),
        false => Err(failed(format!("there is no database at {}", path.display()))),
    }
}

fn open(path: &Path, held: &str) -> Result<Store, CommandError> {
    Store::open(path, Clock::system(), &Metrics::new()).map_err(|why| open_error(path, &why, held))
}

fn backup_error(backup: &Path, why: io::Error) -> CommandError {
    failed(format!("{}: {why}", backup.display()))
}

fn open_error(path: &Path, why: &OpenError, held: &str) -> CommandError {
    match why {
        OpenError::Locked => failed(format!("{}: {held}", path.display())),
        other => failed(format!("{}: {other}", path.display())),
    }
}
