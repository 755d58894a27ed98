//! A second gateway over a data directory waits, and writes the history when the first has
//! ended.

use super::super::{Folder, ended, signal};
use super::{Shows, Site, embedded_history, started, store};
use std::io::{BufRead as _, BufReader};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const GATEWAY: &str = "gateway --data-dir d --listen 127.0.0.1:0";
const LONG: Duration = Duration::from_secs(60);

/// What a process says, line by line.
fn said(shows: &mut Shows) -> mpsc::Receiver<String> {
    let stderr = BufReader::new(shows.0.stderr.take().expect("a pipe"));
    let (say, said) = mpsc::channel();
    thread::spawn(move || stderr.lines().map_while(Result::ok).try_for_each(|line| say.send(line)));
    said
}

fn until(said: &mpsc::Receiver<String>, part: &str) -> String {
    loop {
        let line = said.recv_timeout(LONG).unwrap_or_else(|_| panic!("nobody says {part:?}"));
        if line.contains(part) {
            return line;
        }
    }
}

#[test]
fn a_second_gateway_writes_the_history_when_the_first_has_ended() {
    let folder = Folder::new();
    let site = Site::open(&folder);
    let mut first = Shows(started(&folder, GATEWAY));
    until(&said(&mut first), "Ctrl-C ends it");
    let (lock, deadline) = (folder.path("d/store.lock"), Instant::now() + LONG);
    let holder = || std::fs::read_to_string(&lock).unwrap_or_default();
    while holder().trim() != first.0.id().to_string() {
        assert!(Instant::now() < deadline, "nobody writes the history: {:?}", holder());
        thread::sleep(Duration::from_millis(10));
    }
    let mut second = Shows(started(&folder, GATEWAY));
    let line = until(&said(&mut second), "writes the history");
    let expected = format!(
        "process {} writes the history of this directory; this one begins when that has ended",
        first.0.id()
    );
    assert_eq!(line, expected);
    drop(first);
    // All that the history gets comes from the second one.
    let start = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() - 1_200_000;
    folder
        .done(&format!("simulate --to log --data-dir d --rate max --events 5000 --start {start}"));
    let job = started(&folder, "job --data-dir d --workers 1");
    site.wait_until_read();
    signal(job.id(), "TERM");
    assert_eq!(ended(job, "job").code, Some(0));
    store::check(embedded_history(&folder).as_ref(), &site);
}
