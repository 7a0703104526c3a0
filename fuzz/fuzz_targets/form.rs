//! Form bodies of REST.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| airlock::rest::fuzz_form(bytes));
