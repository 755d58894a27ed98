//! A second gateway over a data directory waits, and writes the history when the first has
//! ended.

use super::super::{Folder, signal};
use super::{Running, Shows, Site, embedded_history, store};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

#[test]
fn a_second_gateway_writes_the_history_when_the_first_has_ended() {
    let folder = Folder::new();
    let site = Site::open(&folder);
    let first = Shows::over(&folder);
    let (lock, deadline) = (folder.path("d/store.lock"), Instant::now() + Duration::from_secs(60));
    let holder = || std::fs::read_to_string(&lock).unwrap_or_default();
    while holder().trim() != first.id().to_string() {
        assert!(Instant::now() < deadline, "nobody writes the history: {:?}", holder());
        thread::sleep(Duration::from_millis(10));
    }
    let mut second = Shows::over(&folder);
    let expected = format!(
        "process {} writes the history of this directory; this one begins when that has ended",
        first.id()
    );
    assert_eq!(second.said().until("writes the history"), expected);
    drop(first);
    // All that the history gets comes from the second one.
    let start = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() - 1_200_000;
    folder
        .done(&format!("simulate --to log --data-dir d --rate max --events 5000 --start {start}"));
    let job = Running::start(&folder, "job --data-dir d --workers 1");
    site.wait_until_read();
    signal(job.id(), "TERM");
    assert_eq!(job.ended("job").code, Some(0));
    store::check(embedded_history(&folder).as_ref(), &site);
}
