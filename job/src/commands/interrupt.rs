//! Ctrl-C and SIGTERM: the first asks to finish, the second ends the process.

use anyhow::{Context, Result};
use std::sync::atomic::{AtomicBool, Ordering};

/// Exit code of a process that was interrupted twice.
const INTERRUPTED: i32 = 130;

/// Calls `stop` at the first signal.
pub(super) fn on_interrupt(stop: impl Fn() + Send + 'static) -> Result<()> {
    let asked = AtomicBool::new(false);
    ctrlc::set_handler(move || {
        if asked.swap(true, Ordering::SeqCst) {
            std::process::exit(INTERRUPTED);
        }
        stop();
    })
    .context("cannot listen for signals")
}
