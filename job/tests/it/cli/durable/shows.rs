//! Processes that end with their test, a gateway, and what it says.

use super::super::{Folder, Ran, ended};
use super::started;
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::Child;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// A process, killed when it is let go.
pub(super) struct Running(Option<Child>);

impl Running {
    pub(super) fn start(folder: &Folder, line: &str) -> Self {
        Self(Some(started(folder, line)))
    }

    /// The number of the process.
    pub(super) fn id(&self) -> u32 {
        self.0.as_ref().map_or(0, Child::id)
    }

    /// Waits until it has ended.
    pub(super) fn ended(mut self, what: &str) -> Ran {
        ended(self.0.take().expect("it runs"), what)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
            // Of a test that fails it is to be seen what it said last.
            if let Some(mut stderr) = child.stderr.take().filter(|_| thread::panicking()) {
                let mut said = String::new();
                let _ = stderr.read_to_string(&mut said);
                println!("{} said: {said}", child.id());
            }
        }
    }
}

/// A gateway, killed when it is let go.
pub(super) struct Shows(Running);

impl Shows {
    /// One over the directory `d`.
    pub(super) fn over(folder: &Folder) -> Self {
        Self(Running::start(folder, "gateway --data-dir d --listen 127.0.0.1:0"))
    }

    /// The number of its process.
    pub(super) fn id(&self) -> u32 {
        self.0.id()
    }

    /// What it says from now on, line by line.
    pub(super) fn said(&mut self) -> Said {
        let stderr = self.0.0.as_mut().and_then(|child| child.stderr.take());
        let stderr = BufReader::new(stderr.expect("a pipe"));
        let (say, said) = mpsc::channel();
        let mut lines = stderr.lines().map_while(Result::ok);
        // To the end, also where nobody listens: it would wait for room.
        thread::spawn(move || lines.by_ref().for_each(|line| drop(say.send(line))));
        Said(said)
    }
}

/// The lines that somebody says.
pub(super) struct Said(mpsc::Receiver<String>);

impl Said {
    /// The next line that has this part.
    pub(super) fn until(&self, part: &str) -> String {
        loop {
            let line = self.0.recv_timeout(Duration::from_secs(60));
            let line = line.unwrap_or_else(|_| panic!("nobody says {part:?}"));
            if line.contains(part) {
                return line;
            }
        }
    }

    /// The address that it serves at.
    pub(super) fn address(&self) -> String {
        let line = self.until("Ctrl-C ends it");
        let address = line.split("http://").nth(1).and_then(|rest| rest.split(' ').next());
        address.unwrap_or_else(|| panic!("{line}")).to_owned()
    }
}
