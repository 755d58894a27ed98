//! What several processes commit, ended by signals, by death and by a halt.

use super::{Bed, PATIENT, is_long, signal};
use std::thread;
use std::time::Duration;

#[test]
fn two_processes_commit_what_one_commits() {
    let mut bed = Bed::new(PATIENT);
    let mut writer = 0;
    // Each ends all of it: the first, and any other.
    for (workers, asked) in [(1, 0), (2, 1)] {
        let mut cluster = bed.start(2, workers, &mut writer);
        // For the length of the job.
        thread::sleep(Duration::from_secs(4));
        if workers == 2 {
            bed.no_more_events();
            bed.site.wait_until_read();
        }
        signal(cluster.0[asked].id(), "TERM");
        let states = cluster.ended(&bed.folder);
        let said = cluster.said(&bed.folder);
        assert!(states.iter().all(std::process::ExitStatus::success), "{states:?} {said:?}");
    }
    let appended = bed.site.appended();
    bed.site.check(&bed.folder, appended);
}

#[test]
fn any_process_killed_again_and_again_takes_nothing_away() {
    let mut bed = Bed::new(PATIENT);
    let mut writer = 0;
    let kills: usize = if is_long() { 60 } else { 4 };
    for kill in 0..kills {
        let (processes, workers) = [(2, 1), (3, 1), (2, 2), (1, 3), (2, 3), (4, 1)][kill % 6];
        let mut cluster = bed.start(processes, workers, &mut writer);
        thread::sleep(Duration::from_millis(300 + kill as u64 * 7_919 % 2_500));
        let victim = (kill + kill / 6) % processes;
        signal(cluster.0[victim].id(), "KILL");
        let states = cluster.ended(&bed.folder);
        let said = cluster.said(&bed.folder);
        for process in (0..processes).filter(|process| *process != victim) {
            assert_eq!(states[process].code(), Some(1), "{said:?}");
            assert!(said[process].contains("has gone"), "{said:?}");
        }
    }
    let mut cluster = bed.start(2, 2, &mut writer);
    bed.no_more_events();
    let appended = bed.site.wait_until_read();
    signal(cluster.0[0].id(), "TERM");
    let states = cluster.ended(&bed.folder);
    let said = cluster.said(&bed.folder);
    assert!(states.iter().all(std::process::ExitStatus::success), "{states:?} {said:?}");
    bed.site.check(&bed.folder, appended);
}

#[test]
fn one_that_is_halted_ends_all() {
    let bed = Bed::new("[job]\nsilence = \"8s\"\n");
    let mut writer = 0;
    for halted in [1, 0] {
        let mut cluster = bed.start(2, 1, &mut writer);
        signal(cluster.0[halted].id(), "STOP");
        // It has ended by itself, as it was told nothing.
        let other = 1 - halted;
        let status = cluster.0[other].wait().expect("a child");
        let said = cluster.said(&bed.folder);
        assert_eq!(status.code(), Some(1), "{said:?}");
        let part = format!("process {halted} (127.0.0.1:");
        assert!(said[other].contains(&part), "{said:?}");
        assert!(said[other].contains("has given no sign of life for 8s (job.silence)"), "{said:?}");
        // Once it goes on it notices.
        signal(cluster.0[halted].id(), "CONT");
        let states = cluster.ended(&bed.folder);
        assert_eq!(states[halted].code(), Some(1), "{:?}", cluster.said(&bed.folder));
    }
}
