//! Signs of life between the first process and each of the others.
//!
//! They have a connection and threads of their own: a worker that is busy for long, with
//! a checkpoint of everything or a huge epoch, is no fault, while a process that was
//! stopped, or is cut off, gives none. Each end notices by itself.
//!
//! They deliberately do not tell whether workers make progress: one that panics ends its
//! process.

use super::lost;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// The process is there.
const ALIVE: u8 = 1;
/// It has done its part, and goes.
const DONE: u8 = 2;
/// It was asked to end, and asks the first process for it.
const STOP: u8 = 3;
/// How long the first process waits for the first sign: all are connected with it, so each
/// will be with the others soon. It may be waiting itself, so the others wait for it.
const FIRST_SIGN: Duration = Duration::from_secs(30);
/// Signs in the time after which silence is a fault.
const SIGNS: u32 = 10;

/// The connections of a process.
pub(super) struct Pulses(Arc<Vec<Mutex<TcpStream>>>);

impl Pulses {
    /// Gives and awaits signs of life on these connections; each with its process.
    pub(super) fn begin(
        connections: Vec<(usize, TcpStream)>,
        is_first: bool,
        silence: Duration,
        stop: &Arc<AtomicBool>,
    ) -> std::io::Result<Self> {
        let mut own = Vec::new();
        for (process, connection) in connections {
            let theirs = connection.try_clone()?;
            let stop = Arc::clone(stop);
            let thread = thread::Builder::new().name(format!("pulse of {process}"));
            let first_sign = is_first.then(|| silence.max(FIRST_SIGN));
            thread.spawn(move || listen(process, theirs, (first_sign, silence), &stop))?;
            own.push(Mutex::new(connection));
        }
        let own = Arc::new(own);
        let (to, stop) = (Arc::clone(&own), Arc::clone(stop));
        let thread = thread::Builder::new().name("pulse".to_owned());
        thread.spawn(move || beat(&to, is_first, silence / SIGNS, &stop))?;
        Ok(Self(own))
    }

    /// Says that this process has done its part.
    pub(super) fn done(self) {
        say(&self.0, DONE);
    }
}

/// Says something to all. Who does not hear it is gone, which the listener notices.
fn say(to: &[Mutex<TcpStream>], what: u8) {
    for connection in to {
        let mut connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = connection.write_all(&[what]);
    }
}

fn beat(to: &[Mutex<TcpStream>], is_first: bool, every: Duration, stop: &AtomicBool) {
    let mut has_asked = is_first;
    loop {
        if !has_asked && stop.load(Ordering::SeqCst) {
            say(to, STOP);
            has_asked = true;
        }
        say(to, ALIVE);
        thread::sleep(every);
    }
}

fn listen(
    process: usize,
    mut from: TcpStream,
    (mut timeout, silence): (Option<Duration>, Duration),
    stop: &AtomicBool,
) {
    let mut sign = [0];
    loop {
        if let Err(error) = from.set_read_timeout(timeout) {
            lost::end(process, &format!("cannot be watched ({error})"));
        }
        match from.read(&mut sign) {
            Ok(0) => lost::end(process, "has gone (its connection is closed)"),
            Ok(_) => timeout = Some(silence),
            Err(e) if e.kind() == ErrorKind::Interrupted => continue,
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                let passed = timeout.unwrap_or(silence);
                let what = format!("has given no sign of life for {passed:?} (job.silence)");
                lost::end(process, &what);
            }
            Err(error) => lost::end(process, &format!("has gone ({error})")),
        }
        match sign[0] {
            DONE => return,
            STOP => stop.store(true, Ordering::SeqCst),
            _ => {}
        }
    }
}
