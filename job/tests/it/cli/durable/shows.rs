//! A gateway, and what it says.

use super::super::Folder;
use super::started;
use std::io::{BufRead as _, BufReader};
use std::process::Child;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// A gateway, killed when it is let go.
pub(super) struct Shows(Child);

impl Shows {
    /// One over the directory `d`.
    pub(super) fn over(folder: &Folder) -> Self {
        Self(started(folder, "gateway --data-dir d --listen 127.0.0.1:0"))
    }

    /// The number of its process.
    pub(super) fn id(&self) -> u32 {
        self.0.id()
    }

    /// What it says from now on, line by line.
    pub(super) fn said(&mut self) -> Said {
        let stderr = BufReader::new(self.0.stderr.take().expect("a pipe"));
        let (say, said) = mpsc::channel();
        let mut lines = stderr.lines().map_while(Result::ok);
        // To the end, also where nobody listens: it would wait for room.
        thread::spawn(move || lines.by_ref().for_each(|line| drop(say.send(line))));
        Said(said)
    }
}

impl Drop for Shows {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
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
