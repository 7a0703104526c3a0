//! The binary, driven through its outer doors only. Its commands say what they should; while it is
//! killed, its files are damaged and its disk fails, whatever was acknowledged must stand, whole, or the
//! start must be refused; and whoever may not must be refused, too.
//!
//! `AIRLOCK_BIN` names the binary (built with debug assertions), `AIRLOCK_SEED` repeats the choices
//! of a run, though not how its threads met, and `AIRLOCK_LONG=1` makes it longer. One module, `mutants`, is about the
//! sample policies instead, and needs no server.

#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail loudly")]

mod support;
mod ledger;
mod thing;
mod sight;
mod crew;
mod crash;
mod damage;
mod clock;
mod store_files;
mod tools;
mod strangers;
mod mutants;
mod hostile_policies;
mod doors;
