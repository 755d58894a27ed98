//! Runs the engine over a case and keeps what a reader of its updates sees.

use super::log::{Apart, Case};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use streamgauge::collect::EpochChanges;
use streamgauge::dataflow::Durable;
use streamgauge::dataflow::Settings;
use streamgauge::publish::Output;
use streamgauge::run::{Away, Links, Workers, run_linked};
use streamgauge::time::{Pace, Ticks};
use streamgauge::user::Held;
use streamgauge::window::Windows;
use streamgauge_ingest::judge::{Chunk, ChunkDecoder, FileJudge, Line, Released};
use streamgauge_ingest::summary::SourceCounts;
use streamgauge_sink::change::{Change, State, Topic};
use streamgauge_sink::dead_letters;

/// What is seen after an epoch.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    /// Lines with their state, by key.
    pub(super) results: BTreeMap<String, String>,
    /// Lines of alerts that fire, by alert id.
    pub(super) alerts: BTreeMap<String, String>,
}

/// All that came out.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) seen: Vec<Seen>,
    pub(super) dead_letters: Vec<String>,
    pub(super) counts: SourceCounts,
    /// What each worker held at the end.
    pub(super) held: BTreeMap<usize, Held>,
}

impl Outcome {
    /// The lines at the end of time.
    pub(super) fn finals(&self) -> BTreeMap<String, String> {
        let last = self.seen.last().cloned().unwrap_or_default().results;
        let final_line =
            |line: String| line.replace(r#""state":"corrected"}"#, r#""state":"final"}"#);
        last.into_iter().map(|(key, line)| (key, final_line(line))).collect()
    }

    /// Alerts in the order of the file: rule, window, subject.
    pub(super) fn final_alerts(&self) -> Vec<String> {
        let last = self.seen.last().cloned().unwrap_or_default().alerts;
        let mut lines: Vec<_> = last.into_values().collect();
        lines.sort_by_key(|line| {
            let alert: serde_json::Value = serde_json::from_str(line).unwrap();
            let text = |name: &str| alert[name].as_str().unwrap_or_default().to_owned();
            // Only one rule of a case has results as subjects, and those without dimensions.
            (text("rule"), alert["windowStart"].as_i64(), text("userId"))
        });
        lines
    }

    /// Whether nothing is held.
    pub(super) fn is_empty(&self) -> bool {
        self.held.values().all(|h| h.users == 0 && h.visits == 0 && h.timers == 0)
    }
}

impl Seen {
    fn apply(&mut self, change: &Change) {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        if change.topic == Topic::Alert {
            let line = text(&change.body) + "}";
            let alert: serde_json::Value = serde_json::from_str(&line).unwrap();
            let id = alert["alertId"].as_str().unwrap().to_owned();
            match change.state {
                State::Retracted => assert!(self.alerts.remove(&id).is_some(), "{line}"),
                _ => {
                    let before = self.alerts.insert(id, line.clone());
                    assert_ne!(before.as_ref(), Some(&line), "a change that changes nothing");
                    assert_eq!(before.is_some(), change.replaces, "{line}");
                }
            }
            return;
        }
        let key = text(&change.key);
        if change.state == State::Retracted {
            assert!(self.results.remove(&key).is_some(), "retraction of nothing: {key}");
        } else {
            let line = format!(r#"{},"state":"{}"}}"#, text(&change.body), change.state.name());
            let before = self.results.insert(key, line.clone());
            assert_ne!(before.as_ref(), Some(&line), "a change that changes nothing");
        }
    }
}

pub(super) fn chunk(values: &[Vec<u8>]) -> Chunk {
    let mut chunk = Chunk::default();
    for value in values {
        let start = chunk.bytes.len();
        chunk.bytes.extend_from_slice(value);
        chunk.lines.push(Line::Value(start..chunk.bytes.len()));
    }
    chunk
}

/// Runs a case, cut into epochs at `cuts`.
pub(super) fn run(case: &Case, values: &[Vec<u8>], cuts: &[usize]) -> Outcome {
    let input = case.input_settings();
    let settings = Settings {
        windows: Windows {
            lateness_ms: case.lateness_ms,
            session_gap_ms: case.session_gap_ms,
            allowed_disorder_ms: case.allowed_disorder_ms,
            days: case.engine_days(),
        },
        funnels: case.funnels(),
        alerts: case.alerts(),
        output: Output { provisional: case.provisional, digests: true },
    };
    let pace = Pace {
        provisional: case.provisional,
        provisional_epochs: case.provisional_epochs,
        correction_epochs: case.correction_epochs,
    };
    let epochs: Arc<Mutex<Vec<EpochChanges>>> = Arc::default();
    let held: Arc<Mutex<BTreeMap<usize, Held>>> = Arc::default();
    let (collected, told) = (Arc::clone(&epochs), Arc::clone(&held));
    let mut outcome = Outcome::default();
    let mut letters = Vec::new();
    let workers = Workers {
        workers: case.workers,
        durable: |_| Durable::default(),
        each: move |changes| collected.lock().unwrap().push(changes),
        held: move |worker, now| {
            told.lock().unwrap().insert(worker, now);
        },
    };
    let links = match case.apart {
        Apart::Not => Links::threads(case.workers),
        Apart::Bytes => Links::bytes(case.workers, case.workers),
        Apart::Processes(fed) => Links::bytes(case.workers, fed),
    };
    // There are no checkpoints.
    let away = Away { share: Box::new(|_| None), part: Box::new(|_| {}) };
    let counts = run_linked(&settings, links, workers, Some(away), |mut feeder| {
        let mut decoder = ChunkDecoder::new(&input);
        let mut judge = FileJudge::new(&input, u64::MAX);
        let mut ticks = Ticks::new(pace);
        let mut release = |released| match released {
            Released::Rows(epoch, batch) => assert!(feeder.rows(epoch, batch)),
            Released::DeadLetters(_, more) => letters.extend(more),
            Released::Close(close) => assert!(feeder.close(close.epoch, ticks.next(close))),
        };
        let mut from = 0;
        for cut in cuts {
            judge.judge(decoder.decode(chunk(&values[from..*cut])), &mut release);
            judge.cut(&mut release);
            from = *cut;
        }
        judge.end(&mut release);
        judge.counts().clone()
    });
    letters.sort_by_key(|l| (l.partition, l.offset));
    for letter in &mut letters {
        letter.detail = "".into();
        let mut line = Vec::new();
        dead_letters::write_line(letter, &mut line);
        outcome.dead_letters.push(String::from_utf8(line).unwrap());
    }
    let mut seen = Seen::default();
    for epoch in epochs.lock().unwrap().iter() {
        epoch.changes.iter().for_each(|change| seen.apply(change));
        outcome.seen.push(seen.clone());
    }
    outcome.counts = counts;
    outcome.held = held.lock().unwrap().clone();
    outcome
}
