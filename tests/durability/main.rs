//! Nothing that was acknowledged is ever lost: power cuts, failing disks, kills.
//!
//! A run that fails prints its seed. `DURABILITY_SEED=17` runs that one alone,
//! `DURABILITY_SECS=600` runs fresh seeds for that long.

mod backups;
mod client;
mod disk;
mod io_faults;
mod kill9;
mod migrations;
mod model;
mod power_loss;
mod retries;
mod seeds;
mod session;
