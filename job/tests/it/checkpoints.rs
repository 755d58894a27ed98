//! Checkpoints that were written by earlier versions: they must be read for ever, or be
//! refused by name. Whoever changes the format adds one of the new and keeps the old.

use super::simulation::{alerts, checkpoint_of_a_case};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use streamgauge::checkpoint::{
    DirectoryStorage, MemoryStorage, Restored, Storage, newest_usable, rows,
};
use streamgauge::day::Days;
use streamgauge::session::Rules;
use streamgauge::time::Extent;
use streamgauge::user::{Carried, State};
use streamgauge::window::Windows;
use xxhash_rust::xxh3::xxh3_64;

fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/checkpoints/format-4")
}

fn newest(storage: &dyn Storage, workers: usize) -> Restored {
    newest_usable(storage, workers, |_| Ok(())).unwrap().checkpoint.unwrap()
}

/// What a checkpoint holds, and what a state makes of it and saves again, in numbers.
fn described(storage: &dyn Storage, workers: usize) -> String {
    let restored = newest(storage, workers);
    let (mut lists, mut tallies) = (restored.lists, restored.tallies);
    lists.sort();
    tallies.sort();
    let hash = |text: String| xxh3_64(text.as_bytes());
    let mut out = String::new();
    let manifest = &restored.manifest;
    let _ = writeln!(out, "epoch {}, watermark {}", manifest.epoch, manifest.watermark_ms);
    let _ = writeln!(out, "{} rows of lists {:016x}", lists.len(), hash(format!("{lists:?}")));
    let _ = writeln!(out, "{} counts {:016x}", tallies.len(), hash(format!("{tallies:?}")));
    let _ = writeln!(
        out,
        "{} ids seen {:016x}",
        restored.seen.len(),
        hash(format!("{:?}", restored.seen))
    );
    let runs = &restored.runs;
    let _ = writeln!(out, "{} results of rules {:016x}", runs.len(), hash(format!("{runs:?}")));
    let alerts: Rc<[_]> = Rc::from(alerts());
    let (mut saved, mut held) = (Vec::new(), [0; 4]);
    for users in &restored.users {
        let windows = Windows {
            lateness_ms: 60_000,
            session_gap_ms: 20_000,
            allowed_disorder_ms: 5_000,
            days: Days::of("UTC"),
        };
        let mut state = State::new(Rules { funnels: Rc::from([]) }, alerts.clone(), windows);
        state
            .load(
                (manifest.epoch, manifest.watermark_ms),
                &Carried::all(alerts.len()),
                rows(users).unwrap(),
            )
            .unwrap();
        let now = state.held();
        let now = [now.users, now.visits, now.timers, now.values];
        held.iter_mut().zip(now).take(3).for_each(|(all, n)| *all += n);
        for shard in state.save(Extent::Whole) {
            let rows = rows(&shard).unwrap();
            saved.extend(rows.iter().map(|r| (r.key.to_vec(), r.expires_ms, r.body.to_vec())));
        }
    }
    saved.sort();
    let _ = writeln!(out, "users, visits, timers {:?}", &held[..3]);
    let _ = writeln!(out, "{} users saved again {:016x}", saved.len(), hash(format!("{saved:?}")));
    out
}

#[test]
fn a_checkpoint_of_format_4_is_read() {
    let storage = DirectoryStorage::existing(&fixture());
    let expected = std::fs::read_to_string(fixture().join("described.txt")).unwrap();
    for workers in 1..=3 {
        assert_eq!(described(&storage, workers), expected, "{workers} workers");
    }
}

#[test]
fn those_of_older_formats_are_refused_by_name() {
    for format in 1..4 {
        let folder = format!("tests/it/checkpoints/format-{format}");
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        let storage = DirectoryStorage::existing(&folder);
        let usable = newest_usable(&storage, 1, |_| Ok(())).unwrap();
        assert!(usable.checkpoint.is_none() && !usable.refused.is_empty());
        for (epoch, reason) in usable.refused {
            let says = format!("has format {format}, this version of streamgauge knows format 4");
            assert!(reason.contains(&says), "{epoch}: {reason}");
        }
    }
}

/// Writes the fixture anew: for a new format only, into a folder of its own.
#[test]
#[ignore = "writes a fixture"]
fn write_the_fixture() {
    let storage: MemoryStorage = checkpoint_of_a_case(7);
    std::fs::create_dir_all(fixture()).unwrap();
    for (name, bytes) in storage.files().iter() {
        std::fs::write(fixture().join(name), bytes).unwrap();
    }
    std::fs::write(fixture().join("described.txt"), described(&storage, 1)).unwrap();
}

#[test]
fn what_is_damaged_is_refused_and_named() {
    let storage = checkpoint_of_a_case(7);
    let names: Vec<_> = storage.files().keys().cloned().collect();
    let newest_manifest = names.iter().rfind(|n| n.ends_with(".manifest")).unwrap();
    let data = newest_manifest.replace(".manifest", ".data");
    for (name, damage) in
        [(newest_manifest, "cut"), (&data, "cut"), (newest_manifest, "flip"), (&data, "flip")]
    {
        let whole = storage.files()[name].clone();
        for at in (0..whole.len()).step_by(whole.len() / 300 + 1) {
            let mut bytes = whole.clone();
            if damage == "cut" {
                bytes.truncate(at)
            } else {
                bytes[at] ^= 0x20
            }
            storage.files().insert(name.clone(), bytes);
            let usable = newest_usable(&storage, 1, |_| Ok(())).unwrap();
            let is_refused = usable.refused.iter().any(|(_, why)| why.contains(name.as_str()));
            assert!(is_refused, "{name} {damage} at {at}");
            assert!(usable.checkpoint.is_some(), "the one before it is used");
        }
        storage.files().insert(name.clone(), whole);
    }
}
