//! The end of a process whose peers are gone.
//!
//! Workers would wait for ever for those of a process that is gone, in the midst of
//! anything, so the process ends where it is. What it writes is in transactions.

use std::any::Any;
use std::io::{self, Write};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// Where the processes are, for whoever must name one.
static HOSTS: OnceLock<Vec<String>> = OnceLock::new();
/// How timely begins to say that a connection is broken.
const BROKEN: &str = "timely communication error: ";

pub(super) fn remember(hosts: &[String]) {
    // There is one cluster in the life of a process.
    let _ = HOSTS.set(hosts.to_vec());
}

/// A process, with where it is.
fn named(process: usize) -> String {
    let host = HOSTS.get().and_then(|hosts| hosts.get(process));
    host.map_or(format!("process {process}"), |host| format!("process {process} ({host})"))
}

/// Ends this process because another one is gone or hangs.
pub(super) fn end(process: usize, what: &str) -> ! {
    static IS_ENDING: AtomicBool = AtomicBool::new(false);
    if IS_ENDING.swap(true, Ordering::SeqCst) {
        // Each connection tells of it; once is enough.
        loop {
            thread::park();
        }
    }
    let process = named(process);
    // Without a stderr there is nobody to tell.
    let _ = writeln!(
        io::stderr(),
        "error: {process} {what}: this one ends, too; the next start goes on from the last checkpoint"
    );
    std::process::exit(i32::from(crate::cli::FAILED));
}

/// Ends the process, and says why, if this is a panic of what sends to another process or
/// receives from it.
pub fn of_panic(payload: &dyn Any) {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| payload.downcast_ref::<&str>().copied());
    let Some(reason) = text.and_then(|text| text.strip_prefix(BROKEN)) else { return };
    let thread = thread::current();
    let name = thread.name().unwrap_or_default();
    let process = name.strip_prefix("timely:recv-").or(name.strip_prefix("timely:send-"));
    if let Some(process) = process.and_then(|process| process.parse().ok()) {
        end(process, &format!("has gone ({reason})"));
    }
}
