//! A group of the log, recovered: opened, applied, and written down as a checkpoint.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| airlock::relay::recover_group(bytes));
