//! `launch`: it starts a job again, and ends it.

use super::super::{LIMIT, ended};
use super::{Bed, PATIENT, signal, spawned};
use std::fs;
use std::process::Child;
use std::thread;
use std::time::{Duration, Instant};
use streamgauge_sink::results::Position;

/// The processes that a process has started.
fn children(of: &Child) -> Vec<u32> {
    let id = of.id();
    let listed = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap_or_default();
    listed.split_whitespace().map(|id| id.parse().expect("a process")).collect()
}

#[test]
fn it_begins_again_after_a_death_and_ends_when_asked() {
    let mut bed = Bed::new(PATIENT);
    let mut launch = spawned(&bed.folder, "launch -n 2 -w 1 --data-dir d", "said");
    let until = Instant::now() + LIMIT;
    let live = |launch: &mut Child, writer: &mut u64| {
        let mut from = Position::default();
        while bed.site.live_after(*writer, &mut from).is_none_or(|number| {
            *writer = number;
            false
        }) {
            let said = bed.folder.text("said");
            assert!(launch.try_wait().expect("a child").is_none(), "{said}");
            assert!(Instant::now() < until, "{said}");
            thread::sleep(Duration::from_millis(10));
        }
    };
    let mut writer = 0;
    live(&mut launch, &mut writer);
    // The death of any of them is that of all, and all begin again.
    for victim in [1, 0] {
        let before = children(&launch);
        assert_eq!(before.len(), 2, "{}", bed.folder.text("said"));
        // For some windows, and a checkpoint.
        thread::sleep(Duration::from_secs(2));
        while !bed.has_checkpoint() {
            assert!(Instant::now() < until, "{}", bed.folder.text("said"));
            thread::sleep(Duration::from_millis(10));
        }
        signal(before[victim], "KILL");
        live(&mut launch, &mut writer);
        let after = children(&launch);
        assert!(after.len() == 2 && after.iter().all(|id| !before.contains(id)), "{after:?}");
    }
    bed.no_more_events();
    let appended = bed.site.wait_until_read();
    let last = children(&launch);
    signal(launch.id(), "TERM");
    let ran = ended(launch, "launch");
    let said = bed.folder.text("said");
    assert_eq!(ran.code, Some(0), "{said}");
    for process in [1, 0] {
        let part = format!("process {process} was ended by signal 9; all begin again at the last ");
        assert!(said.contains(&part), "{said}");
    }
    assert!(said.contains("[0] going on from the checkpoint of epoch "), "{said}");
    let is_there = |id: &u32| fs::exists(format!("/proc/{id}")).expect("a path");
    assert!(!last.iter().any(is_there), "{last:?}");
    bed.site.check(&bed.folder, appended);
}

#[test]
fn what_another_start_would_not_help_is_not_tried_again() {
    let bed = Bed::new(PATIENT);
    let mut writer = 0;
    let _other = bed.start(1, 1, &mut writer);
    let ran = bed.folder.refused(
        "launch --data-dir d",
        1,
        &["[0] error: a job (process ", "is at work in d", "another start would not help"],
    );
    assert_eq!(ran.stderr.matches("is at work in d").count(), 1, "{}", ran.stderr);
    // Nor is a wrong configuration, which is known before anything is started.
    bed.folder.put("wrong.toml", b"[time]\nlatenes = \"1s\"\n");
    let ran = bed.folder.refused("launch --data-dir d --config wrong.toml", 2, &["`time.latenes`"]);
    assert!(!ran.stderr.contains("[0]"), "{}", ran.stderr);
}
