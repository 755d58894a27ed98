//! Live epochs, and the same again from their bindings.

use std::sync::Arc;
use streamgauge_ingest::binding::{Binding, BindingLog, MemoryBindings, PartitionBinding};
use streamgauge_ingest::clock::{Clock, ManualClock};
use streamgauge_ingest::decode::Reason;
use streamgauge_ingest::judge::Released;
use streamgauge_ingest::log::{EventLog, MemoryLog, NewRecord};
use streamgauge_ingest::settings::InputSettings;
use streamgauge_ingest::source::{Live, SourceError, replay_bound};
use streamgauge_ingest::summary::SourceCounts;

const START_MS: i64 = 1_700_000_000_000;
const EPOCH_MS: i64 = 50;

fn settings() -> InputSettings {
    InputSettings {
        partitions: 2,
        lateness_ms: 10_000,
        session_gap_ms: 5_000,
        dedup: true,
        ..InputSettings::default()
    }
}

/// What was released, as text: rows by place, lateness and user, dead letters,
/// closes.
fn note(released: &mut Vec<String>) -> impl FnMut(Released) {
    |r| match r {
        Released::Rows(epoch, batch) => released.extend(batch.rows.iter().map(|row| {
            let (user, late) = (batch.texts.get(row.user), row.late);
            format!(
                "{epoch} row {}/{} {user} at {} late {late:?}",
                row.partition, row.offset, row.at_ms
            )
        })),
        Released::DeadLetters(epoch, letters) => released.extend(letters.iter().map(|l| {
            format!(
                "{epoch} dead {}/{} {} {:?}",
                l.partition,
                l.offset,
                l.reason.as_str(),
                l.families
            )
        })),
        Released::Close(close) => released.push(format!("{close:?}")),
    }
}

struct Site {
    clock: Arc<ManualClock>,
    log: MemoryLog,
    bindings: MemoryBindings,
}

impl Site {
    fn new() -> Self {
        let clock = Arc::new(ManualClock::new(START_MS));
        let log = MemoryLog::new(2, usize::MAX, Arc::clone(&clock) as Arc<dyn Clock>);
        Self { clock, log, bindings: MemoryBindings::new(usize::MAX) }
    }

    fn append(&self, partition: u32, id: u32, user: &str, at_ms: i64) {
        let value = format!(
            r#"{{"eventId":"e{id}","timestamp":{at_ms},"eventType":"PAGE_VIEW","userId":"{user}"}}"#
        );
        let value = value.as_bytes();
        self.log.append(&[NewRecord { partition, key: user.as_bytes(), value }]).unwrap();
    }

    /// A few busy seconds, with a late, a repeated, a future and a broken record,
    /// then silence until all partitions are idle, then one more event.
    fn live(&self) -> (Vec<String>, SourceCounts) {
        let settings = settings();
        let mut live =
            Live::new(&self.log, &self.bindings, &*self.clock, &settings, EPOCH_MS).unwrap();
        let mut released = Vec::new();
        for step in 0..400i64 {
            let now_ms = self.clock.now_ms();
            match step {
                0..100 => {
                    let id = u32::try_from(step).unwrap();
                    self.append(id % 2, id, &format!("u{}", step % 7), now_ms - step % 3 * 400);
                }
                100 => self.append(0, 99, "u1", now_ms),
                101 => self.append(1, 99, "u1", now_ms),
                102 => self.append(0, 1000, "u2", now_ms - 17_000),
                103 => self.append(0, 1001, "u3", now_ms + 300_001),
                104 => self.append(1, 1002, "", now_ms),
                350 => self.append(0, 1003, "u4", now_ms),
                _ => {}
            }
            live.epoch(&mut note(&mut released)).unwrap();
            self.clock.advance(EPOCH_MS);
        }
        (released, live.counts().clone())
    }

    fn bound(&self) -> Vec<Binding> {
        self.bindings.starting_at(0).unwrap()
    }
}

#[test]
fn a_replay_of_the_bindings_releases_the_same() {
    let site = Site::new();
    let (live, counts) = site.live();
    let mut replayed = Vec::new();
    let again =
        replay_bound(&site.log, &settings(), &site.bound(), &mut note(&mut replayed)).unwrap();
    assert_eq!(replayed, live);
    assert_eq!(again, counts);
    assert!(counts.balances());
    assert_eq!(counts.dead_letters[Reason::Future as usize], 1);
    assert_eq!(counts.dead_letters[Reason::MissingField as usize], 1);
    assert_eq!(counts.duplicates, 1, "an id repeats only within a partition: {counts:?}");
    assert!(counts.late[0] >= 1);
}

#[test]
fn bindings_have_no_gap_and_only_grow() {
    let site = Site::new();
    site.live();
    let bound = site.bound();
    assert!(bound.windows(2).all(|w| w[0].epoch < w[1].epoch));
    assert!(bound.windows(2).all(|w| w[0].watermark_ms <= w[1].watermark_ms));
    for pair in bound.windows(2) {
        let gaps = pair[0].partitions.iter().zip(&pair[1].partitions).find(|(a, b)| a.hi != b.lo);
        assert_eq!(gaps, None);
    }
    let last = bound.last().unwrap();
    assert!(bound.iter().any(|b| b.idle == [0, 1]), "silence made all idle");
    assert!(last.watermark_ms > START_MS + 10_000, "and the clock moved the watermark on");
    let quiet = bound.windows(2).filter(|w| w[1].partitions.iter().all(|p| p.count == 0));
    assert!(quiet.clone().count() > 3);
    for pair in quiet {
        let between = pair[1].epoch - pair[0].epoch;
        assert!(between <= 20, "an epoch without records is bound once a second: {between}");
    }
}

#[test]
fn a_changed_log_is_noticed_where_it_changed() {
    let site = Site::new();
    site.live();
    let mut bound = site.bound();
    let i = bound.iter().position(|b| b.partitions[1].count > 0).unwrap();
    bound[i].partitions[1].digest ^= 1;
    let result = replay_bound(&site.log, &settings(), &bound, &mut |_| {});
    let offsets = bound[i].partitions[1].lo..bound[i].partitions[1].hi;
    assert!(
        matches!(&result, Err(SourceError::Changed { epoch, partition: 1, offsets: o })
            if *epoch == bound[i].epoch && *o == offsets),
        "{result:?}"
    );
}

#[test]
fn other_partitions_are_refused() {
    let site = Site::new();
    site.live();
    let mut bound = site.bound();
    let more = InputSettings { partitions: settings().partitions + 1, ..settings() };
    let result = replay_bound(&site.log, &more, &bound, &mut |_| {});
    assert!(matches!(result, Err(SourceError::OtherPartitions { .. })), "{result:?}");
    let added = PartitionBinding { partition: 9, ..bound[2].partitions[0] };
    bound[2].partitions.push(added);
    let result = replay_bound(&site.log, &settings(), &bound, &mut |_| {});
    let epoch = bound[2].epoch;
    assert!(
        matches!(result, Err(SourceError::PartitionsChanged { epoch: e }) if e == epoch),
        "{result:?}"
    );
}

#[test]
fn other_settings_are_refused() {
    let site = Site::new();
    site.live();
    let other = InputSettings { lateness_ms: 1, ..settings() };
    let result = replay_bound(&site.log, &other, &site.bound(), &mut |_| {});
    assert!(matches!(result, Err(SourceError::OtherSettings { .. })), "{result:?}");
}
