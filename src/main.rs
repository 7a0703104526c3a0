//! The binary: everything is in the library but for the allocator (docs/adr/0011-the-allocator.md).

use std::process::ExitCode;

#[cfg(not(target_env = "msvc"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    airlock::cli::run()
}
