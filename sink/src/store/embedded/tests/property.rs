//! The store against a map of what stands, with folding and crashes anywhere.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

/// What a step of a random run does.
#[derive(Clone, Debug)]
enum Step {
    /// A device list of so many places, or its end, at the place of a time.
    Devices(usize, Option<usize>),
    /// Countries, by bits.
    Countries(usize, u8),
    /// A value.
    Value(usize, i64),
    /// All until here is a batch.
    Commit,
    /// Whatever was not committed is lost.
    Crash,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0..8usize, prop::option::of(0..4usize)).prop_map(|(t, n)| Step::Devices(t, n)),
        3 => (0..8usize, any::<u8>()).prop_map(|(t, c)| Step::Countries(t, c & 15)),
        4 => (0..8usize, -3..50i64).prop_map(|(t, v)| Step::Value(t, v)),
        3 => Just(Step::Commit),
        1 => Just(Step::Crash),
    ];
    prop::collection::vec(step, 0..60)
}

/// Times in several chunks and days, some near their bounds.
const TIMES_MS: [i64; 8] = [
    NOW_MS - DAY_MS,
    NOW_MS - HOUR_MS - 1,
    NOW_MS - HOUR_MS,
    NOW_MS - 5000,
    NOW_MS - 1,
    NOW_MS,
    NOW_MS + 5000,
    NOW_MS + HOUR_MS,
];

fn record_of(step: &Step, turn: usize) -> Option<Record> {
    match *step {
        Step::Devices(time, places) => {
            let item =
                |i| format!(r#"{{"name":"d{}","views":{i},"users":{turn}}}"#, (i + turn) % 3);
            let items: Vec<_> = (0..places.unwrap_or_default()).map(item).collect();
            let fields = format!(r#""items":[{}],"other":0,"count":{turn}"#, items.join(","));
            let record = result("DEVICES", TIMES_MS[time], None, &fields);
            Some(if places.is_some() { record } else { ended(&record) })
        }
        Step::Countries(time, set) => {
            let item = |i| format!(r#"{{"country":"C{i}","views":{turn},"users":1}}"#);
            let items: Vec<_> = (0..4).filter(|i| set >> i & 1 == 1).map(item).collect();
            let fields =
                format!(r#""items":[{}],"other":{set},"cities":[],"count":1"#, items.join(","));
            Some(result("GEO_DISTRIBUTION", TIMES_MS[time], None, &fields))
        }
        Step::Value(time, value) if value < 0 => Some(ended(&views(TIMES_MS[time], 0))),
        Step::Value(time, value) => Some(views(TIMES_MS[time], value)),
        Step::Commit | Step::Crash => None,
    }
}

/// All fields of all points of all results that stand: what the store has to say.
type Naive = BTreeMap<(&'static str, Vec<(String, String)>, &'static str), Vec<(i64, FieldValue)>>;

fn naive(records: &[Record]) -> Naive {
    let mut standing = BTreeMap::new();
    for record in records {
        standing.insert(record.key.clone(), record.value.clone());
    }
    let mut all = Naive::new();
    for (key, value) in &standing {
        let Some(value) = value else { continue };
        let mut points = Vec::new();
        points::points(&ResultKey::parse(key).unwrap(), value, &mut points).unwrap();
        for point in points {
            let tags: Vec<_> =
                point.tags.iter().map(|(k, v)| ((*k).to_owned(), v.clone())).collect();
            for (field, value) in point.fields {
                let series = (point.measurement, tags.clone(), field);
                all.entry(series).or_default().push((point.time_ms, value));
            }
        }
    }
    all.values_mut().for_each(|points| points.sort_by_key(|(time_ms, _)| *time_ms));
    all
}

/// The files as they are, in a folder of their own: what a crash leaves.
fn crash_image(folder: &Path) -> tempfile::TempDir {
    let image = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        if !entry.file_name().to_string_lossy().ends_with("-shm") {
            std::fs::copy(entry.path(), image.path().join(entry.file_name())).unwrap();
        }
    }
    image
}

fn check_against(store: &EmbeddedStore, expected: &Naive, everything: &Naive) {
    let reader = store.history().unwrap();
    for (measurement, tags, field) in everything.keys() {
        let tags: Vec<_> = tags.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        let mut query = query(measurement, &tags, field);
        let series = (*measurement, query.tags.clone(), *field);
        let expected = expected.get(&series).cloned().unwrap_or_default();
        assert_eq!(reader.history(&query).unwrap().points, expected, "{series:?}");
        (query.from_ms, query.to_ms, query.most) = (NOW_MS - HOUR_MS, NOW_MS + 5000, 2);
        query.step_ms = Some(10_000);
        let mut steps = BTreeMap::new();
        for (time_ms, value) in expected {
            if (query.from_ms..query.to_ms).contains(&time_ms) {
                steps.insert(time_ms.div_euclid(10_000), (time_ms, value));
            }
        }
        let truncated = steps.len() > 2;
        let points = steps.into_values().take(2).collect();
        assert_eq!(reader.history(&query).unwrap(), History { points, truncated });
    }
}

proptest! {
    #[test]
    fn a_store_is_what_its_feed_says_up_to_its_position(steps in steps(), rows in 1..20u64) {
        let mut folder = tempfile::tempdir().unwrap();
        let mut store = open(folder.path());
        store.limits.rows = rows;
        // The feed is a log: what a crash loses comes again from the position on.
        let records: Vec<_> =
            steps.iter().enumerate().filter_map(|(i, step)| record_of(step, i)).collect();
        let mut read = 0;
        for step in steps.iter().chain([&Step::Commit]) {
            let kept = store.position().map_or(0, |p| usize::try_from(p.0[1]).unwrap());
            match step {
                Step::Commit => {
                    store.apply(&records[kept..read], &at(read as u64)).unwrap();
                    check_against(&store, &naive(&records[..read]), &naive(&records));
                }
                Step::Crash => {
                    let image = crash_image(folder.path());
                    store = open(image.path());
                    store.limits.rows = rows;
                    folder = image;
                    prop_assert_eq!(store.position().map_or(0, |p| p.0[1]), kept as u64);
                    check_against(&store, &naive(&records[..kept]), &naive(&records));
                    read = kept;
                }
                _ => read = (read + 1).min(records.len()),
            }
        }
    }
}
