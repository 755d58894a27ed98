//! Waiting: for a Kafka that is away, for what has failed, for another process. And
//! remembering where a data directory's logs are.

use super::interrupt::go_on_waiting;
use anyhow::{Context, Result};
use std::error::Error;
use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

/// How often a Kafka that is away is tried.
const AGAIN: Duration = Duration::from_secs(1);
/// How long a part of the program waits that has failed, or for another process to end.
const PAUSE: Duration = Duration::from_secs(5);
/// How often it looks meanwhile whether it is to stop.
const LOOK: Duration = Duration::from_millis(50);

/// What is done while a Kafka is away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Patience {
    /// It is waited for, which is said.
    Waits,
    /// That is an error.
    None,
    /// That is an error, and nothing is made or written down: somebody just looks.
    Looks,
}

/// Connects; while the Kafka is away, as patient as that.
pub(super) fn connect<T, E: Error + Send + Sync + 'static>(
    patience: Patience,
    is_away: impl Fn(&E) -> bool,
    mut connect: impl FnMut() -> Result<T, E>,
) -> Result<T> {
    let mut is_told = false;
    loop {
        match connect() {
            Err(error) if patience == Patience::Waits && is_away(&error) => {
                if !is_told {
                    // Without a stderr there is nobody to tell.
                    let _ = writeln!(io::stderr(), "{error}; waiting for it, Ctrl-C ends that");
                    is_told = true;
                }
                go_on_waiting()?;
                thread::sleep(AGAIN);
            }
            connected => return Ok(connected?),
        }
    }
}

/// Waits a while, but for when it is to stop.
pub(super) fn pause(stop: &AtomicBool) {
    let mut left = PAUSE;
    while !left.is_zero() && !stop.load(Ordering::SeqCst) {
        thread::sleep(LOOK);
        left = left.saturating_sub(LOOK);
    }
}

/// What a file of a directory says, if there is one.
pub(super) fn remembered(path: &Path) -> Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(known) => Ok(Some(known)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

/// Writes such a file.
pub(super) fn remember(path: &Path, known: &str) -> Result<()> {
    fs::write(path, known).with_context(|| format!("cannot write {}", path.display()))
}
