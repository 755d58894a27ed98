//! What the process asks of the system before it begins.

use std::io;
use tracing_subscriber::filter::LevelFilter;

/// Sets up logging, and asks for what many connections and short-lived memory need.
/// What the system does not grant is gone without.
pub(crate) fn prepare() {
    log_to_stderr();
    #[cfg(unix)]
    raise_file_limit();
    #[cfg(target_os = "linux")]
    refuse_huge_pages();
}

/// What is unexpected goes to stderr, a line each.
fn log_to_stderr() {
    let subscriber = tracing_subscriber::fmt()
        .with_writer(io::stderr)
        .with_max_level(LevelFilter::INFO)
        .with_target(false)
        .with_ansi(false);
    // There is no other subscriber in this process.
    let _ = subscriber.try_init();
}

/// Each client of the gateway takes a file, and the usual limit is 1,024; the hard
/// limit, up to which a process may raise it, is what the administrator means.
#[cfg(unix)]
fn raise_file_limit() {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    if let Ok((_, hard)) = getrlimit(Resource::RLIMIT_NOFILE) {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, hard, hard);
    }
}

/// An epoch takes a little memory and gives it back. In pages of 2 MiB each of these
/// times costs clearing a whole page: a quarter of a worker's time at 10,000 events a
/// second, and nothing was gained by them in a replay of a million users.
#[cfg(target_os = "linux")]
fn refuse_huge_pages() {
    let _ = nix::sys::prctl::set_thp_disable(true);
}
