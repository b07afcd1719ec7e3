//! The console in a real Chromium, against the real service. Skipped where there is no browser;
//! `REQUIRE_BROWSER` makes that a failure.
#![forbid(unsafe_code)]

mod browser;
mod page;
mod shop;

mod access;
mod clicks;
mod live;
mod looks;
mod machines;
mod mails;
mod orders;
mod pictures;
mod races;
