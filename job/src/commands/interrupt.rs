//! Ctrl-C and SIGTERM: the first asks to finish, the second ends the process.

use anyhow::{Context, Result};
use std::sync::atomic::{AtomicBool, Ordering};
use thiserror::Error;

/// Exit code of a process that was interrupted twice.
const INTERRUPTED: i32 = 130;

/// Whether there was a signal.
static ASKED: AtomicBool = AtomicBool::new(false);

/// That a signal came while something was waited for; nothing was begun.
#[derive(Debug, Error)]
#[error("ended while it waited")]
pub(crate) struct Interrupted;

/// Refuses to wait any longer after the first signal.
pub(super) fn go_on_waiting() -> Result<(), Interrupted> {
    if ASKED.load(Ordering::SeqCst) { Err(Interrupted) } else { Ok(()) }
}

/// Calls `stop` at the first signal.
pub(super) fn on_interrupt(stop: impl Fn() + Send + 'static) -> Result<()> {
    ctrlc::set_handler(move || {
        if ASKED.swap(true, Ordering::SeqCst) {
            std::process::exit(INTERRUPTED);
        }
        stop();
    })
    .context("cannot listen for signals")
}
