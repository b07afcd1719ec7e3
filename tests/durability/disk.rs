//! A disk in memory that loses power, fails, fills up and forgets.
//!
//! It keeps two images: what a reader sees, and what was there at the last sync, with
//! the changes since. When the power goes, any part of those changes survives.

use std::fmt;
use std::io::{self, ErrorKind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock};

use orderd::store::Storage;
use redb::{Builder, Database, DatabaseError, StorageBackend};

/// What a disk writes whole or not at all.
const SECTOR: usize = 512;

/// Clones are the same disk.
#[derive(Clone)]
pub struct Disk(Arc<Inner>);

struct Inner {
    state: Mutex<State>,
    released: Condvar,
}

struct State {
    rng: fastrand::Rng,
    seen: Vec<u8>,
    durable: Vec<u8>,
    unsynced: Vec<Change>,
    /// Handles of earlier processes get nothing but errors.
    process: u32,
    powered: bool,
    faults: Vec<Fault>,
    counts: Counts,
    full: bool,
    free_bytes: Option<u64>,
    held: bool,
    waiting: u32,
    has_failed: bool,
    cached: bool,
}

enum Change {
    Write { offset: usize, data: Vec<u8> },
    Length(usize),
}

/// Lets the syncs go on when it is dropped.
pub struct Held(Disk);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.release();
    }
}

/// What goes wrong, at the `nth` operation from now on of that kind, or of any.
#[derive(Clone, Copy, Debug)]
pub struct Fault {
    pub kind: Option<Kind>,
    pub nth: u64,
    pub effect: Effect,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Read,
    Write,
    Sync,
    Length,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// That operation fails; a write or a sync may have done a part of its work.
    Error,
    /// The power goes, in the middle of it.
    PowerCut,
    /// The process dies before it; the system keeps what was written.
    Kill,
    /// There is no more room, until [`Disk::make_room`].
    Full,
    /// What should do it panics instead.
    Panic,
}

#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    pub reads: u64,
    pub writes: u64,
    pub syncs: u64,
    pub lengths: u64,
}

impl Disk {
    /// It holds a file as the file storage makes one: under another name, so that what is
    /// found under its own is whole. Its tables are made when it is opened.
    pub fn new(seed: u64) -> Disk {
        static FILE: OnceLock<Vec<u8>> = OnceLock::new();
        let image = FILE.get_or_init(|| {
            let blank = Disk::with_image(0, Vec::new());
            drop(blank.storage().open(&Builder::new()).unwrap());
            blank.image()
        });
        Disk::with_image(seed, image.clone())
    }

    fn with_image(seed: u64, image: Vec<u8>) -> Disk {
        let state = State {
            rng: fastrand::Rng::with_seed(seed),
            seen: image.clone(),
            durable: image,
            unsynced: Vec::new(),
            process: 0,
            powered: true,
            faults: Vec::new(),
            counts: Counts::default(),
            full: false,
            free_bytes: None,
            held: false,
            waiting: 0,
            has_failed: false,
            cached: true,
        };
        Disk(Arc::new(Inner { state: Mutex::new(state), released: Condvar::new() }))
    }

    /// The storage that a store is opened on.
    pub fn storage(&self) -> Box<dyn Storage> {
        Box::new(DiskStorage(self.clone()))
    }

    pub fn schedule(&self, fault: Fault) {
        self.lock().faults.push(fault);
    }

    /// Drops the faults that have not come yet.
    pub fn unschedule(&self) {
        self.lock().faults.clear();
    }

    /// Whether any fault has come, since the last restart.
    pub fn has_failed(&self) -> bool {
        self.lock().has_failed
    }

    /// Whether a fault has ended the process that uses it.
    pub fn is_gone(&self) -> bool {
        let state = self.lock();
        !state.powered || state.process % 2 == 1
    }

    pub fn fill_up(&self) {
        self.lock().full = true;
    }

    pub fn make_room(&self) {
        self.lock().full = false;
    }

    pub fn set_free_bytes(&self, free: Option<u64>) {
        self.lock().free_bytes = free;
    }

    pub fn counts(&self) -> Counts {
        self.lock().counts
    }

    /// Syncs wait until the guard is dropped, so that writes gather into one batch.
    pub fn hold_syncs(&self) -> Held {
        self.lock().held = true;
        Held(self.clone())
    }

    /// Whether one waits now.
    pub fn is_syncing(&self) -> bool {
        self.lock().waiting > 0
    }

    fn release(&self) {
        self.lock().held = false;
        self.0.released.notify_all();
    }

    /// The process dies now.
    pub fn kill(&self) {
        self.lock().process |= 1;
        self.release();
    }

    pub fn cut_power(&self) {
        self.lock().powered = false;
        self.release();
    }

    /// What the next process finds: after a power cut a disk on which any part of the
    /// unsynced changes has survived, else this one.
    pub fn after_restart(&self) -> Disk {
        let mut state = self.lock();
        if !state.powered {
            let image = state.survivors();
            return Disk::with_image(state.rng.u64(..), image);
        }
        state.process = (state.process | 1) + 1;
        state.faults.clear();
        state.has_failed = false;
        drop(state);
        self.clone()
    }

    /// From the next opening on every page is read when it is asked for.
    pub fn forgo_cache(&self) {
        self.lock().cached = false;
    }

    /// A copy of what a reader sees, for another library handle.
    pub fn image(&self) -> Vec<u8> {
        self.lock().seen.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap()
    }
}

impl State {
    /// Counts the operation and meets the fault that is due, if any.
    fn begin(&mut self, process: u32, kind: Kind) -> io::Result<Option<Effect>> {
        if !self.powered || process != self.process {
            return Err(io::Error::other("this process is dead"));
        }
        let count = match kind {
            Kind::Read => &mut self.counts.reads,
            Kind::Write => &mut self.counts.writes,
            Kind::Sync => &mut self.counts.syncs,
            Kind::Length => &mut self.counts.lengths,
        };
        *count += 1;
        let mut met = None;
        self.faults.retain_mut(|fault| {
            if fault.kind.is_some_and(|wanted| wanted != kind) {
                return true;
            }
            fault.nth = fault.nth.saturating_sub(1);
            if fault.nth == 0 {
                met = Some(fault.effect);
                self.has_failed = true;
            }
            fault.nth > 0
        });
        self.take_effect(met)
    }

    fn take_effect(&mut self, met: Option<Effect>) -> io::Result<Option<Effect>> {
        match met {
            Some(Effect::Kill) => {
                self.process |= 1;
                return Err(io::Error::other("killed"));
            }
            Some(Effect::Full) => self.full = true,
            Some(Effect::PowerCut) => self.powered = false,
            Some(Effect::Error | Effect::Panic) | None => {}
        }
        Ok(met.filter(|effect| *effect != Effect::Full))
    }

    /// On a full disk only the file's head can still be written over: it has its room.
    fn change(&mut self, change: Change) -> io::Result<()> {
        let has_room = matches!(&change, Change::Write { offset, .. } if *offset < SECTOR);
        if self.full && !has_room {
            return Err(io::Error::new(ErrorKind::StorageFull, "no space left"));
        }
        change.apply(&mut self.seen, |_| true);
        self.unsynced.push(change);
        Ok(())
    }

    fn sync(&mut self) {
        for change in self.unsynced.drain(..) {
            change.apply(&mut self.durable, |_| true);
        }
    }

    /// A sync that fails may have written anything, and what it has not written counts
    /// as written all the same: later syncs leave it out, and only the cache has it.
    fn fail_sync(&mut self) {
        self.durable = self.survivors();
        self.unsynced.clear();
    }

    fn survivors(&mut self) -> Vec<u8> {
        let mut image = self.durable.clone();
        for change in &self.unsynced {
            match self.rng.u8(0..4) {
                0 => {}
                1 => change.apply(&mut image, |_| true),
                2 => {
                    let rng = &mut self.rng;
                    change.apply(&mut image, |_| rng.bool());
                }
                _ => {
                    let cut = self.rng.usize(..64);
                    change.apply(&mut image, |sector| sector < cut);
                }
            }
        }
        image
    }
}

impl Change {
    /// Applies the sectors of it that `keep` names, by their number in this change.
    fn apply(&self, image: &mut Vec<u8>, mut keep: impl FnMut(usize) -> bool) {
        match self {
            Change::Length(length) => {
                if keep(0) {
                    image.resize(*length, 0);
                }
            }
            Change::Write { offset, data } => {
                for (sector, part) in data.chunks(SECTOR).enumerate() {
                    if keep(sector) {
                        let start = offset + sector * SECTOR;
                        let end = start + part.len();
                        if image.len() < end {
                            image.resize(end, 0);
                        }
                        image[start..end].copy_from_slice(part);
                    }
                }
            }
        }
    }
}

/// One process's way to the disk.
struct Handle {
    disk: Disk,
    process: u32,
}

impl Handle {
    fn begin(&self, kind: Kind) -> io::Result<(MutexGuard<'_, State>, Option<Effect>)> {
        let mut state = self.disk.lock();
        let met = state.begin(self.process, kind)?;
        if met == Some(Effect::Panic) {
            // The disk itself is well.
            drop(state);
            panic!("a {kind:?} that panics");
        }
        Ok((state, met))
    }

    fn sync(&self) -> io::Result<()> {
        let held = |state: &mut State| state.held;
        let mut state = self.disk.lock();
        state.waiting += 1;
        state = self.disk.0.released.wait_while(state, held).unwrap();
        state.waiting -= 1;
        drop(state);
        let (mut state, met) = self.begin(Kind::Sync)?;
        match met {
            Some(Effect::Error) => state.fail_sync(),
            Some(_) => {}
            None => state.sync(),
        }
        outcome(met)
    }
}

fn outcome(met: Option<Effect>) -> io::Result<()> {
    match met {
        Some(effect) => Err(io::Error::other(format!("{effect:?}"))),
        None => Ok(()),
    }
}

impl StorageBackend for Handle {
    fn len(&self) -> io::Result<u64> {
        Ok(self.disk.lock().seen.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let (state, met) = self.begin(Kind::Read)?;
        outcome(met)?;
        let start = offset as usize;
        let found = state.seen.get(start..start + out.len());
        out.copy_from_slice(found.ok_or_else(|| io::Error::from(ErrorKind::UnexpectedEof))?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let (mut state, met) = self.begin(Kind::Length)?;
        if met != Some(Effect::Error) {
            state.change(Change::Length(len as usize))?;
        }
        outcome(met)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.sync()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let (mut state, met) = self.begin(Kind::Write)?;
        let taken = match met {
            Some(Effect::Error) => state.rng.usize(..=data.len()),
            _ => data.len(),
        };
        state.change(Change::Write { offset: offset as usize, data: data[..taken].to_vec() })?;
        outcome(met)
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the disk of process {}", self.process)
    }
}

/// Keeps the contract that the file's storage keeps: what it opens is synced.
struct DiskStorage(Disk);

impl DiskStorage {
    fn handle(&self) -> Handle {
        Handle { disk: self.0.clone(), process: self.0.lock().process & !1 }
    }
}

impl Storage for DiskStorage {
    fn open(&self, builder: &Builder) -> Result<Database, DatabaseError> {
        let handle = self.handle();
        handle.sync()?;
        let cached = self.0.lock().cached;
        match cached {
            true => builder.create_with_backend(handle),
            false => Builder::new().set_cache_size(0).create_with_backend(handle),
        }
    }

    fn forget_cached(&self) -> io::Result<()> {
        self.handle().sync()?;
        let mut state = self.0.lock();
        state.seen = state.durable.clone();
        Ok(())
    }

    fn free_bytes(&self) -> Option<u64> {
        self.0.lock().free_bytes
    }
}
