//! Nothing that was acknowledged is ever lost: not by power cuts, failing disks or kills, nor
//! by migrations and backups.
//!
//! A run that fails prints its seed. `DURABILITY_SEED=17` runs that one alone,
//! `DURABILITY_SECS=600` runs fresh seeds for that long.

mod backups;
mod disk;
mod io_faults;
mod kill9;
mod migrations;
mod model;
mod order;
mod power_loss;
mod retries;
mod seeds;
mod session;
mod webhooks;
