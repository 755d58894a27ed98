//! The same bytes for every number of workers and every cutting into epochs.

use super::{Folder, digest::digest, log::log};
use serde_json::Value;

#[test]
fn workers_and_epochs_do_not_show() {
    let folder = Folder::new();
    folder.put("events", &log(1_500));
    let run = |workers: u32, epoch_records: u32| {
        let line = format!(
            "replay --from events --to r --alerts a --dead-letters d --final-only --summary json \
             --workers {workers} --epoch-records {epoch_records}"
        );
        let ran = folder.done(&line);
        let last = ran.stderr.lines().last().expect("a summary");
        let mut summary: Value = serde_json::from_str(last).expect("JSON");
        let fields = summary.as_object_mut().expect("an object");
        fields.remove("wallSeconds").expect("a time");
        fields.remove("cpuSeconds").expect("a time");
        (["r", "a", "d"].map(|name| folder.get(name)), summary)
    };
    let (expected, expected_summary) = run(1, 10_000);
    assert!(expected.iter().all(|file| file.len() > 1_000));
    assert_eq!(expected_summary["digest"], digest(&[&expected[0], &expected[1]]));
    for workers in 1..=4 {
        for epoch_records in [1, 7, 10_000] {
            let (found, summary) = run(workers, epoch_records);
            for (index, name) in ["results", "alerts", "dead letters"].iter().enumerate() {
                assert!(
                    found[index] == expected[index],
                    "{name} differ with {workers} workers and epochs of {epoch_records}"
                );
            }
            assert_eq!(summary, expected_summary, "{workers} workers, epochs of {epoch_records}");
        }
    }
}
