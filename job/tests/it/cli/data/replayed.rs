//! Logs that are replayed: as a file, as they were bound, held against what was committed, and
//! into another log.

use super::super::{Folder, ended, signal};
use super::{EVENTS, work_through};
use std::collections::BTreeSet;
use std::sync::Arc;
use streamgauge_ingest::clock::ManualClock;
use streamgauge_ingest::sqlite::Sync;
use streamgauge_sink::results::{EmbeddedResults, Position, ResultLog as _, Stored, Topic};

#[test]
fn a_log_replayed_anew_gives_what_a_file_gives() {
    let folder = Folder::new();
    folder.done(&format!("simulate --to f.jsonl {EVENTS}"));
    folder.done(&format!("simulate --to log --data-dir d {EVENTS}"));
    let outputs =
        |name: &str| format!("--to {name} --alerts {name}.a --dead-letters {name}.d --final-only");
    folder.done(&format!("replay --from f.jsonl {}", outputs("file")));
    folder.done(&format!("replay --from log --data-dir d --rebind {}", outputs("again")));
    for part in ["", ".a"] {
        let (file, log) =
            (folder.text(&format!("file{part}")), folder.text(&format!("again{part}")));
        assert!(!file.is_empty() && file == log, "{part}");
    }
    // What cannot be read has a partition by its producer, and none of a file.
    let letters = |name: &str| folder.text(name).lines().count();
    assert!(letters("file.d") > 0 && letters("file.d") == letters("again.d"));
    // A part of it, by offsets: only what is asked for is read.
    let ran = folder.done(
        "replay --from log --data-dir d --from-offsets 0:5 --until-offsets 0:9,1:2 --summary json \
         --to none",
    );
    let summary: serde_json::Value =
        serde_json::from_str(ran.stderr.lines().last().expect("a line")).expect("JSON");
    let all = folder.done("replay --from log --data-dir d --rebind --summary json --to none");
    let all: serde_json::Value =
        serde_json::from_str(all.stderr.lines().last().expect("a line")).expect("JSON");
    assert!(summary["read"].as_u64() < all["read"].as_u64(), "{summary}");
    for (offsets, said) in [
        (
            "--from-offsets 0:1000000",
            "--from-offsets 0:1000000: partition 0 begins at 0 and ends before ",
        ),
        ("--until-offsets 1:2,0:1000000", "--until-offsets 0:1000000: partition 0 begins at"),
        ("--from-offsets 77:1", "there is no partition 77; there are 12"),
    ] {
        folder.refused(&format!("replay --from log --data-dir d {offsets} --to none"), 1, &[said]);
    }
}

#[test]
fn what_is_no_longer_bound_is_judged_anew_and_the_rest_can_be_verified() {
    let folder = Folder::new();
    folder.put(
        "streamgauge.toml",
        b"[checkpoint]\nevery = \"1s\"\nkeep = 5\nkeep_hours = 0\nkeep_bindings = \"1s\"\n",
    );
    // What users have: history, and then what comes live, without a seam.
    let history = "simulate --to log --data-dir d --events 3000 --rate max --late-share 0.02";
    folder.done(&format!("{history} --start 2026-01-01T00:00:00Z"));
    let line = "job --data-dir d --workers 2";
    let mut job = folder.command(line).spawn().expect(line);
    folder.done("simulate --to log --data-dir d --events 6000 --rate 500 --seed 2");
    signal(job.id(), "TERM");
    drop(job.stdout.take());
    let ran = ended(job, line);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let whole =
        folder.done("replay --from log --data-dir d --to bound.jsonl --final-only --summary json");
    let summary: serde_json::Value =
        serde_json::from_str(whole.stderr.lines().last().expect("a line")).expect("JSON");
    let all = folder.done("replay --from log --data-dir d --to anew.jsonl --final-only --rebind");
    assert!(all.stderr.contains(&format!("read {} records", summary["read"])), "{}", all.stderr);
    // Idle partitions could make records late otherwise; here none is so late.
    assert!(folder.text("bound.jsonl") == folder.text("anew.jsonl"));
    let said = folder.done("replay --from log --data-dir d --to none --verify").stderr;
    let (before, rest) = said.split_once(" committed records from epoch ").expect(&said);
    let equal = before.rsplit(' ').next().and_then(|number| number.parse::<u64>().ok());
    assert!(equal > Some(20) && rest.contains("are equal"), "{said}");
    // Without a checkpoint nothing that came before is known.
    std::fs::rename(folder.path("d/checkpoints"), folder.path("kept")).expect("renamed");
    let verify = "replay --from log --data-dir d --to none --verify";
    folder.refused(verify, 1, &["no checkpoint can be used", "keep_hours"]);
    // Of what was bound before it was dropped, a part can still be asked for by time.
    let until = "--until-time 2026-06-01T00:00:00Z";
    let part =
        folder.done(&format!("replay --from log --data-dir d --to none {until} --summary json"));
    assert!(part.stderr.contains(r#""read":0"#), "nothing was appended by then: {}", part.stderr);
}

#[test]
fn a_replay_goes_into_another_log_of_results() {
    let folder = Folder::new();
    folder.done(&format!("simulate --to log --data-dir d {EVENTS}"));
    work_through(&folder, "read 3");
    folder.done("replay --from log --data-dir d --to log --into again");
    // What was committed is what is there: results, sessions, alerts and dead letters.
    let rows = |directory: &str| {
        let clock = Arc::new(ManualClock::new(0));
        let log =
            EmbeddedResults::open(&folder.path(directory), Sync::Normal, clock).expect("some");
        let topics = [Topic::ProcessedMetrics, Topic::Sessions, Topic::Alerts, Topic::DeadLetters];
        let mut rows = Vec::new();
        let mut note = |s: Stored<'_>| {
            rows.push((s.epoch, s.topic, s.key.to_vec(), s.value.map(<[u8]>::to_vec)));
        };
        let mut reader = log.reader(&topics, Position::default()).expect("a reader");
        while reader.poll(1_000, &mut note).expect("rows") > 0 {}
        rows.sort();
        rows
    };
    // Up to a time is all that was asked for: nobody has interrupted it.
    let until = "--until-time 2026-01-01T00:00:00Z --summary json";
    let part = folder.done(&format!("replay --from log --data-dir d --to none {until}")).stderr;
    assert!(part.contains(r#""read":0"#) && !part.contains("interrupted"), "{part}");
    let (live, again) = (rows("d"), rows("again"));
    assert!(live.len() > 100, "{}", live.len());
    // After what was bound comes the end of time.
    let differs = live.iter().zip(&again).position(|(live, again)| live != again);
    let shown = differs.map(|i| format!("{i}: {:?} and {:?}", live[i], again[i]));
    assert_eq!(shown, None);
    assert!(again.len() > live.len());
    let topics: BTreeSet<_> = live.iter().map(|row| row.1.name()).collect();
    assert_eq!(topics.len(), 3, "{topics:?}");
    let check = |line: &str, code, said: &[&str]| folder.refused(line, code, said);
    let from = "replay --from log --data-dir d --to log";
    check(&format!("{from} --into again"), 1, &["there are results already"]);
    check(&format!("{from} --into d"), 1, &["it is what is read"]);
    check(from, 2, &["--into"]);
    check("replay --from log --data-dir d --to none --into x", 2, &["--to log"]);
    check(&format!("{from} --into x --final-only"), 2, &["--final-only is for files"]);
}

#[test]
fn what_was_bound_since_the_settings_changed_can_be_verified() {
    let folder = Folder::new();
    let settings = |corrections: &str| {
        let text =
            format!("[time]\ncorrections = \"{corrections}\"\n[checkpoint]\nevery = \"1h\"\n");
        folder.put("streamgauge.toml", text.as_bytes());
    };
    let verify = "replay --from log --data-dir d --to none --verify";
    let verified = || {
        let said = folder.done(verify).stderr;
        let (before, rest) = said.split_once(" committed records").expect(&said);
        let equal = before.rsplit(' ').next().and_then(|number| number.parse::<u64>().ok());
        assert!(equal > Some(0) && rest.contains("are equal"), "{said}");
        said
    };
    // A job makes one checkpoint, at its end.
    let work = |day: u64| {
        let line = "job --data-dir d --workers 2";
        let mut job = folder.command(line).spawn().expect(line);
        // What comes later closes what came before.
        for hour in ["00", "12"] {
            let events = format!("--events 500 --rate 1000 --start 2026-01-0{day}T{hour}:00:00Z");
            folder.done(&format!("simulate --to log --data-dir d {events}"));
        }
        signal(job.id(), "TERM");
        drop(job.stdout.take());
        let ran = ended(job, line);
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    };
    settings("1s");
    work(1);
    assert!(!verified().contains("going on"), "from the first epoch");
    settings("2s");
    folder.refused(verify, 1, &["other settings", "give those"]);
    for (corrections, day) in [("2s", 2), ("1s", 4)] {
        settings(corrections);
        work(day);
        work(day + 1);
        let said = verified();
        let since = said.split("epochs before ").nth(1).and_then(|rest| rest.split(' ').next());
        let from =
            said.split("the checkpoint of epoch ").nth(1).and_then(|rest| rest.lines().next());
        let number = |text: Option<&str>| text.and_then(|text| text.parse::<u64>().ok());
        assert!(number(from) >= number(since) && number(since) > Some(0), "{said}");
    }
}
