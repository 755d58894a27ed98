//! How the job does: what gateways, readiness and people read about once a second,
//! also on a quiet site.

use super::checkpoints::Made;
use super::skew::Ahead;
use serde::Serialize;
use serde_json::{Map, Value, json};
use streamgauge_ingest::BEFORE_TIME_MS;
use streamgauge_ingest::binding::Binding;
use streamgauge_ingest::decode::Reason;
use streamgauge_ingest::summary::SourceCounts;

/// What the job is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// It reads a checkpoint.
    Starting,
    /// It computes once more what was bound since.
    Restoring,
    /// It takes events as they come.
    Live,
    /// Events wait to be read.
    Behind,
    /// It has been asked to end.
    Stopping,
}

/// How the job does.
#[derive(Clone, Debug)]
pub struct Status<'a> {
    /// What it is about.
    pub phase: Phase,
    /// The clock, ms.
    pub at_ms: i64,
    /// The number of its writer.
    pub writer: u64,
    /// The last epoch that it read.
    pub binding: Option<&'a Binding>,
    /// Records that wait to be read.
    pub lag_records: u64,
    /// How long ago the last record that was read was appended, if others wait behind
    /// it, ms.
    pub lag_ms: i64,
    /// Worker threads.
    pub workers: usize,
    /// Records read a second.
    pub events_per_second: f64,
    /// What it has read since it began.
    pub counts: &'a SourceCounts,
    /// Records of the last minute that are too far ahead, if a clock must be wrong.
    pub ahead: Option<Ahead>,
    /// Results that were larger than their topic takes, since it began.
    pub too_large: u64,
    /// The last checkpoint.
    pub checkpoint: Option<Made>,
}

impl Status<'_> {
    /// It as JSON.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let counts = self.counts;
        let dead = Reason::ALL.iter().zip(counts.dead_letters);
        let dead: Map<String, Value> =
            dead.map(|(reason, n)| (reason.as_str().to_owned(), n.into())).collect();
        let mut status = json!({
            "state": self.phase,
            "atMs": self.at_ms,
            "writer": self.writer,
            "workers": self.workers,
            "lagRecords": self.lag_records,
            "lagMs": self.lag_ms,
            "eventsPerSecond": (self.events_per_second * 10.0).round() / 10.0,
            "read": counts.read,
            "accepted": counts.accepted,
            "deadLetters": dead,
            "duplicates": counts.duplicates,
            "tooLarge": self.too_large,
        });
        if let Some(binding) = self.binding {
            status["epoch"] = binding.epoch.into();
            status["idle"] = json!(binding.idle);
            if binding.watermark_ms != BEFORE_TIME_MS {
                status["watermark"] = binding.watermark_ms.into();
            }
            status["heldBy"] = json!(held_by(binding));
        }
        if let Some(Ahead { records, of, by_ms }) = self.ahead {
            status["ahead"] = json!({ "records": records, "of": of, "byMs": by_ms });
        }
        if let Some(made) = &self.checkpoint {
            status["checkpoint"] = json!({
                "epoch": made.epoch, "atMs": made.at_ms, "bytes": made.bytes, "failed": made.failed,
            });
        }
        status.to_string().into_bytes()
    }
}

/// The partitions that the global watermark waits for.
fn held_by(binding: &Binding) -> Vec<u32> {
    let awake = binding.partitions.iter().filter(|p| !binding.idle.contains(&p.partition));
    let holding = awake.filter(|p| p.watermark_ms <= binding.watermark_ms);
    holding.map(|p| p.partition).collect()
}
