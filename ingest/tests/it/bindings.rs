//! Live epochs, and the same again from their bindings.

use std::sync::Arc;
use streamgauge_ingest::binding::{Binding, PartitionBinding};
use streamgauge_ingest::clock::{Clock, ManualClock};
use streamgauge_ingest::decode::Reason;
use streamgauge_ingest::judge::Released;
use streamgauge_ingest::log::{EventLog, MemoryLog, NewRecord};
use streamgauge_ingest::settings::InputSettings;
use streamgauge_ingest::source::{Pacing, Source, SourceError};
use streamgauge_ingest::summary::SourceCounts;

const START_MS: i64 = 1_700_000_000_000;
const EPOCH_MS: i64 = 50;
const PACING: Pacing = Pacing { epoch_ms: EPOCH_MS, settings_hash: 7 };

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
}

/// What was released live, with the bindings and the counts.
struct Run {
    released: Vec<String>,
    bound: Vec<Binding>,
    counts: SourceCounts,
}

impl Site {
    fn new() -> Self {
        let clock = Arc::new(ManualClock::new(START_MS));
        let log = MemoryLog::new(2, usize::MAX, Arc::clone(&clock) as Arc<dyn Clock>);
        Self { clock, log }
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
    fn live(&self) -> Run {
        let settings = settings();
        let mut live = Source::new(&self.log, &*self.clock, &settings, PACING, None).unwrap();
        let (mut released, mut bound) = (Vec::new(), Vec::new());
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
            if let Some(epoch) = live.next_epoch().unwrap() {
                bound.push(epoch.binding.clone());
                epoch.release(&mut note(&mut released));
            }
            self.clock.advance(EPOCH_MS);
        }
        Run { released, bound, counts: live.counts().clone() }
    }

    /// The same again by bindings, from behind one of them on.
    fn again(
        &self,
        settings: &InputSettings,
        pacing: Pacing,
        after: Option<&Binding>,
        bound: &[Binding],
    ) -> Result<(Vec<String>, SourceCounts), SourceError> {
        let mut released = Vec::new();
        let mut source = Source::new(&self.log, &*self.clock, settings, pacing, after)?;
        for binding in bound {
            source.again(binding)?.release(&mut note(&mut released));
        }
        Ok((released, source.counts().clone()))
    }
}

#[test]
fn a_replay_of_the_bindings_releases_the_same() {
    let site = Site::new();
    let Run { released, bound, counts } = site.live();
    let (replayed, again) = site.again(&settings(), PACING, None, &bound).unwrap();
    assert_eq!(replayed, released);
    assert_eq!(again, counts);
    assert!(counts.balances() && bound.iter().all(|b| b.counts.balances()));
    assert_eq!(bound.iter().map(|b| b.counts.read).sum::<u64>(), counts.read);
    assert_eq!(counts.dead_letters[Reason::Future as usize], 1);
    assert_eq!(counts.dead_letters[Reason::MissingField as usize], 1);
    assert_eq!(counts.duplicates, 1, "an id repeats only within a partition: {counts:?}");
    assert!(counts.late[0] >= 1);
}

#[test]
fn it_can_begin_behind_any_binding() {
    let site = Site::new();
    // Without ids to be remembered, all that a partition knows is its watermark.
    let plain = InputSettings { dedup: false, ..settings() };
    let Run { bound, .. } = site.live();
    let mut rebound = Vec::new();
    let mut source = Source::new(&site.log, &*site.clock, &plain, PACING, None).unwrap();
    for binding in &bound {
        let mut counts = binding.counts;
        counts.accepted += std::mem::take(&mut counts.duplicates);
        rebound.push(Binding { counts, ..binding.clone() });
        source.again(&rebound[rebound.len() - 1]).unwrap();
    }
    let (all, _) = site.again(&plain, PACING, None, &rebound).unwrap();
    for i in [0, 1, rebound.len() / 2, rebound.len() - 1] {
        let (rest, _) = site.again(&plain, PACING, Some(&rebound[i]), &rebound[i + 1..]).unwrap();
        assert!(all.ends_with(&rest), "behind epoch {}", rebound[i].epoch);
        assert!(rest.len() >= rebound.len() - 1 - i);
    }
}

#[test]
fn after_a_restart_epochs_go_on() {
    let site = Site::new();
    let Run { bound, .. } = site.live();
    let last = bound.last().unwrap();
    let mut source = Source::new(&site.log, &*site.clock, &settings(), PACING, Some(last)).unwrap();
    site.append(1, 5_000, "u9", site.clock.now_ms());
    let next = source.next_epoch().unwrap().unwrap().binding;
    assert_eq!(next.epoch, last.epoch + 1);
    assert!(next.watermark_ms >= last.watermark_ms);
    let gaps = last.partitions.iter().zip(&next.partitions).find(|(a, b)| a.hi != b.lo);
    assert_eq!(gaps, None);
    assert_eq!(next.counts.read, 1);
    site.clock.advance(10 * EPOCH_MS);
    site.append(1, 5_001, "u9", site.clock.now_ms());
    assert_eq!(source.next_epoch().unwrap().unwrap().binding.epoch, last.epoch + 11);
}

#[test]
fn bindings_have_no_gap_and_only_grow() {
    let bound = Site::new().live().bound;
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
    let mut bound = site.live().bound;
    let i = bound.iter().position(|b| b.partitions[1].count > 0).unwrap();
    bound[i].partitions[1].digest ^= 1;
    let result = site.again(&settings(), PACING, None, &bound);
    let offsets = bound[i].partitions[1].lo..bound[i].partitions[1].hi;
    assert!(
        matches!(&result, Err(SourceError::Changed { epoch, partition: 1, offsets: o })
            if *epoch == bound[i].epoch && *o == offsets),
        "{result:?}"
    );
    bound[i].partitions[1].digest ^= 1;
    bound[i].counts.accepted += 1;
    let result = site.again(&settings(), PACING, None, &bound);
    assert!(
        matches!(result, Err(SourceError::JudgedOtherwise { epoch }) if epoch == bound[i].epoch)
    );
}

#[test]
fn whoever_begins_amid_a_log_does_not_know_what_is_seen_again() {
    let site = Site::new();
    let bound = site.live().bound;
    let i = bound.iter().position(|b| b.counts.duplicates > 0).unwrap();
    let settings = settings();
    let begin =
        || Source::new(&site.log, &*site.clock, &settings, PACING, Some(&bound[i - 1])).unwrap();
    let strict = begin().again(&bound[i]);
    assert!(matches!(strict, Err(SourceError::JudgedOtherwise { .. })), "{strict:?}");
    let mut amid = begin();
    amid.begins_amid();
    assert_eq!(amid.again(&bound[i]).unwrap().binding, bound[i]);
    assert_eq!(amid.counts().duplicates, 0);
}

#[test]
fn other_partitions_are_refused() {
    let site = Site::new();
    let mut bound = site.live().bound;
    let one = MemoryLog::new(1, usize::MAX, Arc::clone(&site.clock) as Arc<dyn Clock>);
    let fewer = Site { clock: Arc::clone(&site.clock), log: one };
    let result = fewer.again(&settings(), PACING, None, &bound);
    assert!(
        matches!(result, Err(SourceError::FewerPartitions { epoch: 0, bound: 2, log: 1 })),
        "{result:?}"
    );
    let result = fewer.again(&settings(), PACING, Some(&bound[0]), &bound[1..]);
    assert!(matches!(result, Err(SourceError::FewerPartitions { .. })), "{result:?}");
    let added = PartitionBinding { partition: 9, ..bound[2].partitions[0] };
    bound[2].partitions.push(added);
    let result = site.again(&settings(), PACING, None, &bound);
    let epoch = bound[2].epoch;
    assert!(
        matches!(result, Err(SourceError::PartitionsChanged { epoch: e }) if e == epoch),
        "{result:?}"
    );
}

#[test]
fn other_settings_are_refused() {
    let site = Site::new();
    let bound = site.live().bound;
    let other = Pacing { settings_hash: 8, ..PACING };
    let result = site.again(&settings(), other, None, &bound);
    assert!(matches!(result, Err(SourceError::OtherSettings { .. })), "{result:?}");
}
