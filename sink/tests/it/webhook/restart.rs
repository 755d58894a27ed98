//! Senders that end, and others that go on.

use super::bed::{Bed, NOW_MS, endpoint, within};
use super::receiver::{Receiver, Reply};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use streamgauge_ingest::clock::ManualClock;
use streamgauge_ingest::sqlite::Sync;
use streamgauge_sink::results::{EmbeddedResults, ResultLog};
use streamgauge_sink::webhook::Note;

#[test]
fn whoever_goes_on_loses_nothing_and_keeps_the_order() {
    // One of three requests fails, so each end finds some done, some to be tried again.
    let receiver = Receiver::start(0, |n, _| Reply::status(if n % 3 == 0 { 500 } else { 200 }));
    let mut bed = Bed::new();
    let endpoint = endpoint(&receiver.url());
    let mut expected = BTreeSet::new();
    for round in 0..8 {
        bed.run(&endpoint, |bed| {
            for n in 0..20 {
                let (id, state) = (format!("{}", n % 7), ["firing", "retracted"][n % 2]);
                expected.insert(bed.body(&id, state, bed.epoch));
                bed.alert(&id, state);
            }
            let before = receiver.count();
            within(|| receiver.count() > before + 7 + round);
        });
        // What comes while no sender is at work.
        expected.insert(bed.body("x", "firing", bed.epoch));
        bed.alert("x", "firing");
    }
    let done = || -> Vec<_> { receiver.seen().into_iter().filter(|r| r.status == 200).collect() };
    let bodies = || done().into_iter().map(|r| r.body).collect::<BTreeSet<_>>();
    bed.run(&endpoint, |_| within(|| bodies().len() == expected.len()));
    assert_eq!(bodies(), expected);
    for alert in ["0", "3", "6", "x"] {
        let own: Vec<_> = done().into_iter().filter(|r| r.alert() == alert).collect();
        let epoch =
            |body: &str| serde_json::from_str::<serde_json::Value>(body).unwrap()["epoch"].as_u64();
        let epochs: Vec<_> = own.iter().map(|r| epoch(&r.body)).collect();
        assert!(epochs.is_sorted(), "{alert}: {epochs:?}");
    }
}

#[test]
fn what_was_under_way_at_the_end_is_sent_again_under_its_id() {
    let receiver = Receiver::start(0, |n, _| Reply {
        after: Duration::from_secs(if n == 0 { 60 } else { 0 }),
        ..Reply::ok()
    });
    let mut bed = Bed::new();
    let endpoint = endpoint(&receiver.url());
    bed.run(&endpoint, |bed| {
        bed.alert("a", "firing");
        within(|| receiver.count() == 1);
    });
    bed.run(&endpoint, |_| within(|| receiver.count() == 2));
    let seen = receiver.seen();
    assert_eq!(seen[0].body, seen[1].body);
    let keys = [&seen[0], &seen[1]].map(|r| r.header("streamgauge-delivery"));
    assert_eq!(keys[0], keys[1]);
}

#[test]
fn what_retention_has_cut_is_told_once_and_the_rest_is_sent() {
    let receiver = Receiver::start(0, |_, _| Reply::ok());
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::new(NOW_MS));
    let results = EmbeddedResults::open(folder.path(), Sync::Normal, clock.clone()).unwrap();
    let results: Arc<dyn ResultLog> = Arc::new(results);
    let mut bed = Bed::over(results, clock);
    let endpoint = endpoint(&receiver.url());
    bed.run(&endpoint, |bed| {
        bed.alert("a", "firing");
        within(|| receiver.count() == 1);
    });
    bed.alert("lost", "firing");
    bed.clock.advance(4 * 86_400_000);
    bed.writer.retain(0, 0).unwrap();
    bed.alert("b", "firing");
    let notes = bed.run(&endpoint, |_| within(|| receiver.count() == 2));
    let alerts: Vec<_> = receiver.seen().iter().map(|r| r.alert()).collect();
    assert_eq!((alerts.as_slice(), notes), (["a".into(), "b".into()].as_slice(), vec![Note::Gap]));
    // It goes on from there.
    let notes = bed.run(&endpoint, |bed| {
        bed.alert("c", "firing");
        within(|| receiver.count() == 3);
    });
    assert_eq!(notes, []);
}
