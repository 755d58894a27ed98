//! What wakes the readers of a log when something new was committed.
//!
//! A commit of this process rings. One of another process cannot, so where no writer is
//! at work in this process, a reader looks for itself now and then.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How often is looked for what another process has written.
const LOOK: Duration = Duration::from_millis(10);

/// A bell that writers ring.
#[derive(Default)]
pub(super) struct Bell {
    state: Mutex<State>,
    rings: Condvar,
}

#[derive(Default)]
struct State {
    /// How often it has rung.
    rung: u64,
    /// Writers of this process.
    writers: usize,
}

impl Bell {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How often it has rung.
    pub(super) fn rung(&self) -> u64 {
        self.lock().rung
    }

    /// Waits until it has rung more often than `rung`, or it is time to look.
    pub(super) fn wait(&self, rung: u64, at_most: Duration) {
        let state = self.lock();
        if state.rung == rung {
            let at_most = if state.writers > 0 { at_most } else { at_most.min(LOOK) };
            // Whether it was woken or has waited long enough is all the same.
            drop(self.rings.wait_timeout(state, at_most));
        }
    }

    /// Something was appended by who is no writer.
    pub(super) fn ring(&self) {
        self.lock().rung += 1;
        self.rings.notify_all();
    }

    /// A writer's hand on it.
    pub(super) fn ringer(self: &Arc<Self>) -> Ringer {
        self.lock().writers += 1;
        Ringer(Arc::clone(self))
    }
}

/// Rings as long as there is the writer that has it.
pub(super) struct Ringer(Arc<Bell>);

impl Ringer {
    /// Something was committed.
    pub(super) fn ring(&self) {
        self.0.ring();
    }
}

impl Drop for Ringer {
    fn drop(&mut self) {
        self.0.lock().writers -= 1;
        self.0.rings.notify_all();
    }
}
