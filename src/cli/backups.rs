//! `orderd backup`, `restore` and `check`: the database as a file.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::clock::Clock;
use crate::config::Config;
use crate::metrics::Metrics;
use crate::store::{
    self, Check, DisableWebhooks, EndTokens, FileLock, OpenError, RenewSource, RevokeApiKeys, Store,
};
use crate::sys::files::{create_private, named_beside, real_path, sync_folder_of, take_over};

use super::error::{CommandError, failed, failed_at};
use super::operator::Operator;
use super::output::say;
use super::place::Place;

const HELD: &str = "the server has the database open: stop it first";
const TAKEN: &str = "another process is making or restoring the database";
/// Names that are tried for a database that is replaced.
const MAX_KEPT: u32 = 1000;

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
    /// End all keys, too: those that were revoked since the backup would be active again
    #[arg(long)]
    revoke_keys: bool,
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
        return Err(failed_at(&args.file, "is there already"));
    }
    if let Some(operator) = Operator::connect_to_running(&config)? {
        return download(operator, &args.file);
    }
    let store = open(path, HELD)?;
    let made = store.back_up_to(&args.file);
    store.close();
    let report = made.map_err(failed)?;
    say(&format!("{} rows, checked, in {}", report.rows, report.path.display()))
}

/// Has the running service make a backup. It gets its name once it is whole and was checked
/// here, too.
fn download(mut operator: Operator, path: &Path) -> Result<(), CommandError> {
    let unfinished = named_beside(path, ".unfinished");
    let named = |why: io::Error| failed_at(&unfinished, why);
    let done = create_private(&unfinished).map_err(named).and_then(|mut file| {
        io::copy(&mut operator.download("/admin/backup")?, &mut file).map_err(named)?;
        file.sync_all().map_err(named)?;
        let check = checked(&unfinished, path)?;
        fs::hard_link(&unfinished, path).map_err(named)?;
        sync_folder_of(path).map_err(named)?;
        let rows: u64 = check.rows.iter().map(|(_, rows)| rows).sum();
        say(&format!("{rows} rows, checked, in {}", path.display()))
    });
    let _ = fs::remove_file(&unfinished);
    done
}

pub fn check(args: CheckArgs) -> Result<(), CommandError> {
    let config = args.place.config()?;
    let path = existing(&config)?;
    if let Some(mut operator) = Operator::connect_to_running(&config)? {
        let check = operator.get("/admin/check")?;
        for table in check["tables"].as_array().into_iter().flatten() {
            say(&format!("{}\t{}", table["name"].as_str().unwrap_or_default(), table["rows"]))?;
        }
        for fault in check["faults"].as_array().into_iter().flatten() {
            say(fault.as_str().unwrap_or_default())?;
        }
        let count = check["fault_count"].as_u64().unwrap_or_default();
        return conclude(check["sound"] == true, count, path);
    }
    let check = store::check_file(path).map_err(|why| open_error(path, &why, HELD))?;
    say_rows(&check)?;
    check.faults.iter().try_for_each(|fault| say(fault))?;
    conclude(check.is_sound(), check.fault_count, path)
}

fn conclude(is_sound: bool, faults: u64, path: &Path) -> Result<(), CommandError> {
    match is_sound {
        true => say("all is well"),
        false => Err(failed(format!("{faults} faults in {}", path.display()))),
    }
}

/// Copies the backup beside the database, migrates it, ends its credentials, checks the copy, and
/// only then puts it in the database's place, in one step. A lock keeps servers from creating a database there
/// meanwhile, and other restores out.
pub fn restore(args: RestoreArgs) -> Result<(), CommandError> {
    let config = args.place.config()?;
    // Where the database's path is a link, the file that it leads to is replaced.
    let path = &real_path(config.database_path());
    let backup = File::open(&args.file).map_err(|why| failed_at(&args.file, why))?;
    let lock = store::lock_creation(path).map_err(|why| open_error(path, &why, TAKEN))?;
    let is_there = lock.is_made().map_err(|why| failed_at(path, why))?;
    if is_there && !args.force {
        let why = "is there already; --force replaces it and keeps it under another name";
        return Err(failed_at(path, why));
    }
    // Held until the end: what would be in vain is not even begun.
    let _held = if is_there { hold(path)? } else { None };
    let incoming = named_beside(path, ".incoming");
    let restored = copy_and_check(backup, &args, &incoming).and_then(|webhooks| {
        if is_there {
            replace(&incoming, path)?
        } else {
            place(&incoming, path)?
        }
        tell_of_webhooks(webhooks)
    });
    if restored.is_err() {
        // An unfinished copy is of no use. It may not exist, so that an error says nothing.
        let _ = fs::remove_file(&incoming);
    }
    restored.and_then(|()| {
        say(match args.revoke_keys {
            true => {
                "all tokens and keys have ended; users that were disabled since the backup are \
                 active again"
            }
            false => {
                "all tokens have ended; keys that were revoked and users that were disabled since \
                 the backup are active again"
            }
        })
    })
}

/// Gives how many webhooks are disabled now.
fn copy_and_check(
    mut from: File,
    args: &RestoreArgs,
    incoming: &Path,
) -> Result<usize, CommandError> {
    let backup = args.file.as_path();
    let mut to = create_private(incoming).map_err(|why| failed_at(incoming, why))?;
    let copied = io::copy(&mut from, &mut to).and_then(|bytes| to.sync_all().map(|()| bytes));
    let bytes = copied
        .map_err(|why| failed(format!("{} to {}: {why}", backup.display(), incoming.display())))?;
    drop(to);
    // An older backup is migrated here. An empty file would be taken for a new database.
    if bytes == 0 {
        return Err(failed_at(backup, "is empty"));
    }
    let disabled = begin_anew(&open(incoming, HELD)?, args.revoke_keys).map_err(failed)?;
    say_rows(&checked(incoming, backup)?)?;
    Ok(disabled)
}

fn say_rows(check: &Check) -> Result<(), CommandError> {
    check.rows.iter().try_for_each(|(table, rows)| say(&format!("{table}\t{rows}")))
}

fn tell_of_webhooks(disabled: usize) -> Result<(), CommandError> {
    match disabled {
        0 => Ok(()),
        1 => say("the webhook is disabled: enable it once its receiver knows of the restore"),
        _ => say(&format!(
            "{disabled} webhooks are disabled: enable each once its receiver knows of the restore"
        )),
    }
}

/// Checks a file that is told of as `backup`.
fn checked(file: &Path, backup: &Path) -> Result<Check, CommandError> {
    let check = store::check_file(file).map_err(|why| open_error(backup, &why, HELD))?;
    match check.faults.first() {
        None => Ok(check),
        Some(fault) => {
            let count = check.fault_count;
            Err(failed_at(backup, format!("has {count} faults, the first: {fault}")))
        }
    }
}

/// Ids that were given since the backup are given again, and users are as they were then. So no
/// token from before counts, also none of before the backup. A key is known by its hash, and leads
/// to nobody else. Events are another history from now on: whoever was told of events may be told of
/// other ones under the same ids, so that webhooks wait until somebody enables them. Gives how many
/// do.
fn begin_anew(store: &Store, keys_too: bool) -> crate::error::Result<usize> {
    let at = Clock::system().now();
    let begun = store.write(EndTokens).and_then(|_| store.write(RenewSource));
    let begun = begun.and_then(|()| match keys_too {
        true => store.write(RevokeApiKeys { at }),
        false => Ok(()),
    });
    let begun = begun.and_then(|()| store.write(DisableWebhooks));
    store.close();
    begun
}

/// Takes the database's lock. One that can't be read any more has no lock to take, and may be
/// replaced too.
fn hold(path: &Path) -> Result<Option<FileLock>, CommandError> {
    match store::lock_file(path) {
        Err(OpenError::Locked) => Err(failed_at(path, HELD)),
        held => Ok(held.ok()),
    }
}

fn replace(incoming: &Path, path: &Path) -> Result<(), CommandError> {
    let aside = keep_aside(path, &Clock::system().now().to_compact())?;
    place(incoming, path)?;
    say(&format!("the old database is {}", aside.display()))
}

/// Gives the database a second name, which tells the time. Where others have that name, a number
/// is added: `orders.redb.20251122T100000-2`.
fn keep_aside(path: &Path, time: &str) -> Result<PathBuf, CommandError> {
    for number in 1..=MAX_KEPT {
        let mark = if number == 1 { String::new() } else { format!("-{number}") };
        let aside = named_beside(path, format!(".{time}{mark}"));
        match fs::hard_link(path, &aside) {
            Ok(()) => return Ok(aside),
            Err(why) if why.kind() == io::ErrorKind::AlreadyExists => {}
            Err(why) => return Err(failed_at(&aside, why)),
        }
    }
    Err(failed_at(path, "no name is free for the old database"))
}

fn place(incoming: &Path, path: &Path) -> Result<(), CommandError> {
    keep_owner_and_mode(incoming, path).map_err(|why| failed_at(incoming, why))?;
    fs::rename(incoming, path).map_err(|why| failed_at(path, why))?;
    sync_folder_of(path).map_err(|why| failed_at(path, why))?;
    say(&format!("restored {}", path.display()))
}

/// Whoever could use the database before can use it afterwards, and nobody else.
fn keep_owner_and_mode(incoming: &Path, path: &Path) -> io::Result<()> {
    let file = File::open(incoming)?;
    match fs::metadata(path) {
        Ok(old) => take_over(&file, &old)?,
        Err(why) if why.kind() == io::ErrorKind::NotFound => {}
        Err(why) => return Err(why),
    }
    file.sync_all()
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

fn open_error(path: &Path, why: &OpenError, held: &str) -> CommandError {
    match why {
        OpenError::Locked => failed_at(path, held),
        other => failed_at(path, other),
    }
}
